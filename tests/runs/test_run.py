"""Reading a run's folder, complete or damaged."""

import json
import shutil

import pytest

from fgmix.errors import FgmixError
from fgmix.runs.run import Run
from tests.old_records import as_written_by_0_1
from tests.runs.begun import config, one_line


def finish(run_dir, model=b"x"):
    """Puts there what marks a run as finished."""
    (run_dir / "model.keras").write_bytes(model)
    (run_dir / "metrics.json").write_text("{}")


def test_a_finished_run_is_read_back(run_dir):
    finish(run_dir)
    run = Run.open(str(run_dir))
    assert run.config == config(run_dir)
    assert run.class_names == ("Škoda", "Alfa, 8C")
    assert run.crop_bottom == 20


def test_a_folder_that_is_no_run_is_told(tmp_path):
    with pytest.raises(FgmixError) as caught:
        Run.open(tmp_path)
    assert one_line(caught) == f"{tmp_path} is not a run: it has no config.json"
    with pytest.raises(FgmixError) as caught:
        Run.open(tmp_path / "missing")
    assert one_line(caught).startswith(f"there is no run {tmp_path / 'missing'}: ")


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
        Run.open(run_dir).class_names  # noqa: B018
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


def test_a_class_name_may_hold_what_python_takes_for_a_line_end(finished, tmp_path):
    names = ("a\u2028b", "c\x85d", "e\x1cf")
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run" / "labels.txt").write_text("".join(f"{n}\n" for n in names), "utf-8")
    assert Run.open(tmp_path / "run").class_names == names


def test_labels_that_are_not_the_models_are_told(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run" / "labels.txt").write_text("one\n")
    with pytest.raises(FgmixError, match="another number of classes") as caught:
        Run.open(tmp_path / "run").class_names  # noqa: B018
    one_line(caught)


def test_each_part_is_read_when_it_is_asked_for(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    for name in ("labels.txt", "history.csv", "predictions.csv", "splits.csv", "model.keras"):
        (tmp_path / "run" / name).write_bytes(b"\xff")
    run = Run.open(tmp_path / "run")
    assert run.metrics["top1"] == Run.open(finished).metrics["top1"]
    assert run.config == Run.open(finished).config


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a,b\n1,2\n"])
def test_damaged_class_means_are_one_line_and_a_run_without_has_none(finished, tmp_path, content):
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run" / "distance.npz").write_bytes(content)
    with pytest.raises(FgmixError) as caught:
        _ = Run.open(tmp_path / "run").class_means
    assert "distance.npz" in one_line(caught)
    (tmp_path / "run" / "distance.npz").unlink()
    assert Run.open(tmp_path / "run").class_means == ()
    assert len(Run.open(finished).class_means[0].means) == 3


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("metrics", "metrics.json"),
        ("history", "history.csv"),
        ("predictions", "predictions.csv"),
        ("splits", "splits.csv"),
        ("probabilities", "probabilities.npy"),
    ],
)
@pytest.mark.parametrize(
    "content", [None, b"\xff\xfe", b"a,b\n1,2\n"], ids=["gone", "bytes", "other"]
)
def test_a_damaged_part_is_one_line_with_its_file(finished, tmp_path, part, name, content):
    shutil.copytree(finished, tmp_path / "run")
    run = Run.open(tmp_path / "run")
    (tmp_path / "run" / name).unlink(missing_ok=True)
    if content is not None:
        (tmp_path / "run" / name).write_bytes(content)
    with pytest.raises(FgmixError) as caught:
        getattr(run, part)
    assert name in one_line(caught)
    assert str(tmp_path / "run") in one_line(caught)


def test_a_run_tells_its_parts(finished, photos):
    run = Run.open(finished)
    assert [int(row["epoch"]) for row in run.history] == list(range(1, run.config.epochs + 1))
    assert len(run.predictions.paths) == run.metrics["num_examples"]
    assert {row["split"] for row in run.splits} >= {"train", "test"}
    assert run.model is run.model
    assert repr(run).startswith(f"<Run {finished}: mixed on tiny, 3 classes, top-1 ")


def test_a_run_of_0_1_is_read(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    record = json.loads((finished / "config.json").read_text())
    (tmp_path / "run" / "config.json").write_text(json.dumps(as_written_by_0_1(record)))
    assert Run.open(tmp_path / "run").config == Run.open(finished).config
