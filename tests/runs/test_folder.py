"""A run's folder: when it may be written, and reading it back."""

import json
import shutil

import numpy as np
import pytest

import fgmix
from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset, Split
from fgmix.data.resized_cache.store import FORMAT
from fgmix.errors import FgmixError
from fgmix.runs.folder import Run, prepare_run, refuse_existing

BEGUN = ["config.json", "labels.txt", "splits.csv"]
"""What a run consists of before its first epoch."""


def config(directory, **settings):
    return TrainConfig(dataset="photos", run_dir=str(directory), **settings).resolve()


@pytest.fixture
def dataset(tmp_path):
    root = tmp_path / "photos"
    root.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (root / name).write_bytes(b"12345")
    split = Split(("a.jpg", "b.jpg"), np.array([0, 1], np.int32))
    return ImageDataset("photos", root, ("Škoda", "Alfa, 8C"), {"train": split, "test": split}, 20)


@pytest.fixture
def run_dir(tmp_path, dataset):
    """A run that has just begun."""
    directory = tmp_path / "run"
    prepare_run(config(directory), dataset, "float32")
    return directory


def finish(run_dir, model=b"x"):
    """Puts there what marks a run as finished."""
    (run_dir / "model.keras").write_bytes(model)
    (run_dir / "metrics.json").write_text("{}")


def one_line(caught):
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def test_a_new_run_records_what_it_is(run_dir, dataset):
    record = json.loads((run_dir / "config.json").read_text(encoding="utf-8"))
    assert TrainConfig(**record["config"]) == config(run_dir)
    assert record["recipe"]["optimizer"] == "sgd"
    assert not set(record["recipe"]) & set(record["config"])
    assert record["precision"] == "float32"
    assert record["data"] == {
        "name": "photos",
        "root": str(dataset.root),
        "num_classes": 2,
        "num_images": {"train": 2, "test": 2},
        "crop_bottom": 20,
        "skipped": [],
        "fingerprint": dataset.fingerprint(),
        "prepared": {"photos": 0, "format": FORMAT},
    }
    assert record["versions"]["fgmix"] == fgmix.__version__
    assert {"python", "keras", "tensorflow", "numpy"} <= set(record["versions"])
    assert (run_dir / "labels.txt").read_text(encoding="utf-8") == "Škoda\nAlfa, 8C\n"
    assert (run_dir / "splits.csv").read_text(encoding="utf-8") == (
        "path,label,split\n"
        "a.jpg,Škoda,train\n"
        'b.jpg,"Alfa, 8C",train\n'
        "a.jpg,Škoda,test\n"
        'b.jpg,"Alfa, 8C",test\n'
    )
    assert sorted(p.name for p in run_dir.iterdir()) == BEGUN


def test_a_finished_run_is_read_back(run_dir):
    finish(run_dir)
    run = Run.open(str(run_dir))
    assert run.config == config(run_dir)
    assert run.class_names == ("Škoda", "Alfa, 8C")
    assert run.crop_bottom == 20


def test_a_folder_that_is_no_run_is_told(tmp_path):
    for directory in (tmp_path, tmp_path / "missing"):
        with pytest.raises(FgmixError) as caught:
            Run.open(directory)
        assert one_line(caught) == f"{directory} is not a run: it has no config.json"


def test_an_unfinished_run_is_told(run_dir):
    with pytest.raises(FgmixError) as caught:
        Run.open(run_dir)
    assert "has not finished" in one_line(caught)
    assert str(run_dir) in one_line(caught)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b'{"config": {"dataset": "ca',
        b"[]",
        b"null",
        b"{}",
        b'{"config": {"dataset": "cars"}}',
        b'{"config": null, "data": {}, "versions": {}}',
        b"\xff\xfe\x00",
    ],
)
def test_a_damaged_config_is_told(run_dir, text):
    finish(run_dir)
    (run_dir / "config.json").write_bytes(text)
    with pytest.raises(FgmixError) as caught:
        Run.open(run_dir)
    assert one_line(caught).startswith(f"{run_dir / 'config.json'} can't be read: ")


@pytest.mark.parametrize("stored", [{"dataset": "cars", "of_a_later_version": 1}, {}])
def test_the_config_of_another_version_is_told(run_dir, stored):
    finish(run_dir)
    record = json.loads((run_dir / "config.json").read_text())
    (run_dir / "config.json").write_text(json.dumps(record | {"config": stored}))
    with pytest.raises(FgmixError, match="another version") as caught:
        Run.open(run_dir)
    assert one_line(caught).startswith(str(run_dir))


@pytest.mark.parametrize("labels", [None, b"\xff"], ids=["missing", "damaged"])
def test_labels_that_cannot_be_read_are_told(run_dir, labels):
    finish(run_dir)
    if labels is None:
        (run_dir / "labels.txt").unlink()
    else:
        (run_dir / "labels.txt").write_bytes(labels)
    with pytest.raises(FgmixError, match=r"labels\.txt") as caught:
        Run.open(run_dir)
    one_line(caught)


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_a_damaged_model_is_told(run_dir, content):
    finish(run_dir, content)
    with pytest.raises(FgmixError) as caught:
        Run.open(run_dir).load_model()
    assert one_line(caught).startswith(f"{run_dir / 'model.keras'} can't be loaded: ")


def test_half_a_model_is_told(finished, tmp_path):
    directory = tmp_path / "copy"
    shutil.copytree(finished, directory)
    whole = (directory / "model.keras").read_bytes()
    (directory / "model.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FgmixError, match="can't be loaded") as caught:
        Run.open(directory).load_model()
    one_line(caught)


def test_a_free_place_may_be_used(tmp_path):
    refuse_existing(config(tmp_path / "new"))
    refuse_existing(config(tmp_path / "new", overwrite=True))
    (tmp_path / "empty").mkdir()
    refuse_existing(config(tmp_path / "empty"))


def test_a_run_that_is_there_is_kept_unless_told(run_dir):
    with pytest.raises(FgmixError, match=r"--overwrite.*--resume.*--run-dir") as caught:
        refuse_existing(config(run_dir))
    assert str(run_dir) in one_line(caught)
    refuse_existing(config(run_dir, overwrite=True))
    refuse_existing(config(run_dir, resume=True))


def test_there_must_be_something_to_resume(tmp_path):
    (tmp_path / "empty").mkdir()
    for directory in (tmp_path / "missing", tmp_path / "empty"):
        with pytest.raises(FgmixError, match="nothing to resume") as caught:
            refuse_existing(config(directory, resume=True))
        assert str(directory) in one_line(caught)


def test_a_finished_run_has_nothing_to_resume(run_dir):
    (run_dir / "metrics.json").write_text("{}")
    with pytest.raises(FgmixError, match="finished"):
        refuse_existing(config(run_dir, resume=True))
    refuse_existing(config(run_dir, overwrite=True))


def test_overwrite_and_resume_exclude_each_other(run_dir):
    # Obeying both would delete the checkpoint that is to be resumed.
    with pytest.raises(FgmixError, match=r"--overwrite.*--resume|--resume.*--overwrite"):
        refuse_existing(config(run_dir, overwrite=True, resume=True))


@pytest.mark.parametrize("flags", [{}, {"overwrite": True}, {"resume": True}])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("thesis.txt", "years of work"),
        ("config.json", '{"model_type": "vit"}'),  # every other tool's name for its settings
        ("config.json", "[1, 2]"),
    ],
)
def test_what_is_not_a_run_is_never_overwritten(tmp_path, name, content, flags):
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / name).write_text(content)
    with pytest.raises(FgmixError, match="not a run"):
        refuse_existing(config(tmp_path / "foreign", **flags))


@pytest.mark.parametrize("flags", [{}, {"overwrite": True}, {"resume": True}])
def test_a_file_is_not_a_run(tmp_path, flags):
    (tmp_path / "file").write_text("x")
    with pytest.raises(FgmixError, match="not a run"):
        refuse_existing(config(tmp_path / "file", **flags))


def test_overwriting_leaves_nothing_of_the_old_run(run_dir, dataset):
    (run_dir / "1").mkdir()
    (run_dir / "1" / "saved_model.pb").write_text("old")
    (run_dir / "metrics.json").write_text("old")
    prepare_run(config(run_dir, overwrite=True, seed=5), dataset, "float32")
    assert sorted(p.name for p in run_dir.iterdir()) == BEGUN
    assert json.loads((run_dir / "config.json").read_text())["config"]["seed"] == 5


def test_resuming_keeps_what_is_there(run_dir, dataset):
    (run_dir / "checkpoint.npz").write_text("old")
    prepare_run(config(run_dir, resume=True), dataset, "float32")
    assert (run_dir / "checkpoint.npz").read_text() == "old"


def test_a_place_where_no_folder_can_be_is_told(tmp_path, dataset):
    (tmp_path / "file").write_text("x")
    with pytest.raises(FgmixError) as caught:
        prepare_run(config(tmp_path / "file" / "run"), dataset, "float32")
    assert str(tmp_path / "file" / "run") in one_line(caught)


def test_a_resumed_run_keeps_its_record(run_dir, dataset):
    before = (run_dir / "config.json").read_text()
    prepare_run(config(run_dir, resume=True), dataset, "float32")
    assert (run_dir / "config.json").read_text() == before


def test_leavings_of_a_killed_write_go_when_a_run_is_resumed(run_dir, dataset):
    (run_dir / ".model.partial-1.keras").write_text("half")
    prepare_run(config(run_dir, resume=True), dataset, "float32")
    assert sorted(p.name for p in run_dir.iterdir()) == BEGUN


def test_a_class_name_may_hold_what_python_takes_for_a_line_end(finished, tmp_path):
    names = ("a\u2028b", "c\x85d", "e\x1cf")
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run" / "labels.txt").write_text("".join(f"{n}\n" for n in names), "utf-8")
    assert Run.open(tmp_path / "run").class_names == names


def test_labels_that_are_not_the_models_are_told(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run" / "labels.txt").write_text("one\n")
    with pytest.raises(FgmixError, match="another number of classes") as caught:
        Run.open(tmp_path / "run")
    one_line(caught)
