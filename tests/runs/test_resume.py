"""The resume check: which settings and images may change, and which may not."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset, Split
from fgmix.data.resized_cache.store import FORMAT
from fgmix.errors import FgmixError
from fgmix.runs.folder import prepare_run
from fgmix.runs.resume import refuse_changed_images, refuse_changed_settings
from tests.old_records import as_written_by_0_1


@pytest.fixture
def config(tmp_path):
    return TrainConfig(
        dataset="cars", data_dir=str(tmp_path / "photos"), run_dir=str(tmp_path / "run")
    ).resolve()


@pytest.fixture
def dataset(tmp_path):
    for number in range(6):
        path = tmp_path / "photos" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"12345")
    splits = {
        "train": Split(("0.jpg", "1.jpg", "2.jpg", "3.jpg"), np.array([0, 1, 0, 1], np.int32)),
        "test": Split(("4.jpg", "5.jpg"), np.array([0, 1], np.int32)),
    }
    return ImageDataset("cars", tmp_path / "photos", ("Škoda", "Alfa, 8C"), splits)


@pytest.fixture
def begun(config, dataset):
    """Returns the config that resumes a run that has just started."""
    prepare_run(config, dataset, "float32")
    return replace(config, resume=True)


def edit(config, change):
    """Changes the record of a run."""
    path = Path(config.run_dir) / "config.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    change(record)
    path.write_text(json.dumps(record), encoding="utf-8")


def refused(check, *args):
    with pytest.raises(FgmixError) as caught:
        check(*args)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert "--overwrite" in message
    return message


def test_the_same_run_goes_on_without_a_word(begun, dataset, caplog):
    with caplog.at_level(logging.INFO, "fgmix"):
        refuse_changed_settings(begun, "float32")
        assert refuse_changed_images(begun, dataset) == dataset
    assert caplog.text == ""


def test_all_differences_are_listed(begun):
    changed = replace(begun, dataset="aircraft", attention="none", backbone="tiny", seed=1)
    message = refused(refuse_changed_settings, changed, "bfloat16")
    for difference in (
        "--dataset was cars",
        "--attention was mixed",
        "--backbone was vgg16",
        "--seed was 0",
        "the precision was float32, is bfloat16",
    ):
        assert difference in message
    assert begun.run_dir in message
    assert "--head-lr" not in message


def test_another_recipe_is_listed_setting_by_setting(begun):
    other = TrainConfig(
        dataset="cars", data_dir=begun.data_dir, run_dir=begun.run_dir, recipe="strong"
    )
    message = refused(refuse_changed_settings, replace(other.resolve(), resume=True), "float32")
    for difference in (
        "--recipe was paper",
        "--epochs was 300",
        "--optimizer was sgd",
        "--label-smoothing was 0.0",
    ):
        assert difference in message


def test_what_does_no_harm_is_told_apart(begun, tmp_path, caplog):
    (tmp_path / "run").rename(tmp_path / "elsewhere")
    moved = replace(
        begun,
        run_dir=str(tmp_path / "elsewhere"),
        data_dir="/other",
        checkpoint_every=50,
        monitor_test=True,
    )
    with caplog.at_level(logging.INFO, "fgmix"):
        refuse_changed_settings(moved, "float32")
    for change in (
        "--run-dir was",
        "--data-dir was",
        "--checkpoint-every was None",
        "without effect",
    ):
        assert change in caplog.text


def test_other_versions_of_libraries_are_a_warning(begun, caplog):
    edit(begun, lambda record: record["versions"].update(keras="3.0.0"))
    refuse_changed_settings(begun, "float32")
    assert "last bits: keras was 3.0.0" in caplog.text


def test_moved_photos_are_the_same_photos(begun, dataset, tmp_path):
    (tmp_path / "photos").rename(tmp_path / "moved")
    moved = replace(dataset, root=tmp_path / "moved")
    assert refuse_changed_images(begun, moved) == moved


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("/home/a/photos", "/home/b/photos", True),  # the fingerprint decides
        ("/home/a/photos", "oxford_flowers102", False),
        ("cars", "/home/a/cars", False),
    ],
)
def test_a_folder_may_move_and_a_name_may_not(config, dataset, before, after, same):
    prepare_run(replace(config, dataset=before), dataset, "float32")
    if same:
        refuse_changed_settings(replace(config, dataset=after), "float32")
    else:
        message = refused(refuse_changed_settings, replace(config, dataset=after), "float32")
        assert f"--dataset was {before}" in message


def test_photos_that_came_went_or_changed_are_named(begun, dataset, tmp_path):
    train = Split(("0.jpg", "1.jpg", "2.jpg", "9.jpg"), np.array([0, 1, 1, 1], np.int32))
    (tmp_path / "photos" / "9.jpg").write_bytes(b"12345")
    other = replace(dataset, splits={**dataset.splits, "train": train})
    message = refused(refuse_changed_images, begun, other)
    for difference in (
        "photos that are gone: 3.jpg",
        "photos that are new: 9.jpg",
        "of another class or split: 2.jpg",
    ):
        assert difference in message

    (tmp_path / "photos" / "0.jpg").write_bytes(b"54321")
    message = refused(refuse_changed_images, begun, dataset)
    assert "can't resume" in message
    assert "files have other contents" in message


def test_other_classes_are_named(begun, dataset):
    other = replace(dataset, class_names=("Škoda", "BMW"))
    message = refused(refuse_changed_images, begun, other)
    assert "classes that are gone: Alfa, 8C" in message
    assert "classes that are new: BMW" in message


def test_a_skipped_photo_that_was_mended_does_not_come_back(config, dataset):
    fewer = dataset.without(["3.jpg"])
    prepare_run(config, fewer, "float32")
    assert refuse_changed_images(config, dataset).skipped == ("3.jpg",)


def test_a_flag_that_an_older_version_did_not_have_is_as_its_default_was(begun):
    edit(begun, lambda record: record["config"].pop("skip_bad_images"))
    refuse_changed_settings(begun, "float32")
    changed = replace(begun, skip_bad_images=True)
    assert "--skip-bad-images was False" in refused(refuse_changed_settings, changed, "float32")


def test_a_run_on_prepared_photos_is_not_resumed_on_photos_prepared_otherwise(
    config, dataset, monkeypatch
):
    prepare_run(config, dataset, "float32", resized=2)
    refuse_changed_settings(config, "float32")
    monkeypatch.setattr("fgmix.runs.resume.FORMAT", FORMAT + 1)
    message = refused(refuse_changed_settings, config, "float32")
    assert "resized cache had another format" in message


def test_a_run_from_before_there_were_prepared_photos_goes_on_without(begun):
    def age(record):
        del record["config"]["prepare"], record["data"]["prepared"]

    edit(begun, age)
    refuse_changed_settings(replace(begun, prepare="never"), "float32")
    assert "--prepare was never" in refused(refuse_changed_settings, begun, "float32")


def test_a_run_begun_before_a_setting_was_known_goes_on(begun, caplog):
    def forget(record):
        as_written_by_0_1(record)
        del record["config"]["views"], record["config"]["accumulate"], record["config"]["cache"]
        for name in (
            "dropout",
            "bn",
            "frozen_stride",
            "mixing",
            "mixing_alpha",
            "ema",
            "small_share",
            "small_scale",
        ):
            del record["recipe"][name]
        record["recipe"]["summary"] = "as it was described then"

    edit(begun, forget)
    with caplog.at_level(logging.INFO, "fgmix"):
        refuse_changed_settings(begun, "float32")
    assert caplog.text == ""


def test_what_the_recipe_decided_when_a_run_was_begun_may_be_a_flag_now(begun, caplog):
    def move(record):
        as_written_by_0_1(record)
        record["recipe"]["augmentation"] = record["config"].pop("augmentation")

    edit(begun, move)
    with caplog.at_level(logging.INFO, "fgmix"):
        refuse_changed_settings(begun, "float32")
    assert caplog.text == ""
    other = replace(begun, augmentation="none")
    assert "--augmentation was pad_crop" in refused(refuse_changed_settings, other, "float32")


def test_a_run_of_0_1_goes_on_with_the_same_settings_alone(begun):
    edit(begun, as_written_by_0_1)
    refuse_changed_settings(begun, "float32")
    other = replace(begun, progressive_share=0.5)
    assert "--progressive-share was 0.0" in refused(refuse_changed_settings, other, "float32")


def test_a_run_of_0_1_goes_on_with_photos_of_the_same_sizes_alone(begun, dataset):
    edit(begun, as_written_by_0_1)
    assert refuse_changed_images(begun, dataset) == dataset
    (dataset.root / "0.jpg").write_bytes(b"a larger photo")
    assert "files have other contents" in refused(refuse_changed_images, begun, dataset)


def test_a_run_of_0_1_that_mixed_images_is_refused_in_a_line(begun):
    edit(begun, lambda record: as_written_by_0_1(record)["recipe"].update(mixing="cutmix"))
    with pytest.raises(
        FgmixError, match="trained with mixing cutmix, which is no longer"
    ) as caught:
        refuse_changed_settings(begun, "float32")
    assert "of another version of fgmix" in str(caught.value)


def test_photos_may_be_held_in_memory_from_where_a_run_is_resumed(begun, caplog):
    with caplog.at_level(logging.INFO, "fgmix"):
        refuse_changed_settings(replace(begun, cache="memory"), "float32")
    assert "without effect: --cache was none" in caplog.text


def test_a_record_of_another_version_is_one_line(begun):
    edit(begun, lambda record: record.pop("precision"))
    with pytest.raises(FgmixError, match="of another version of fgmix"):
        refuse_changed_settings(begun, "float32")


def test_weights_of_other_content_are_refused(config, dataset, tmp_path):
    file = tmp_path / "w.weights.h5"
    file.write_bytes(b"one")
    config = replace(config, weights=str(file))
    prepare_run(config, dataset, "float32")
    refuse_changed_settings(replace(config, resume=True), "float32")
    file.write_bytes(b"two")
    message = refused(refuse_changed_settings, replace(config, resume=True), "float32")
    assert f"the content of --weights {file}" in message
