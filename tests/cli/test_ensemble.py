"""`--tta` and several runs in `predict`, `evaluate` and `export`: the flags, and bad input."""

import json
import shutil
import sys

import pytest

from fgmix.__main__ import main
from fgmix.cli import export, predict
from fgmix.cli.main import run
from fgmix.data.sources.folder import load_folder
from fgmix.serving import predict as predictions
from fgmix.workflows import evaluate_run
from tests.trained_runs import CLASSES, TEST


@pytest.fixture
def other(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "other")


@pytest.fixture
def call(capsys):
    def call(*argv):
        code = run(main, list(map(str, argv)), notes=sys.stderr)
        out, err = capsys.readouterr()
        return code, out.splitlines(), err.splitlines()

    return call


@pytest.fixture
def refused(call, monkeypatch):
    """Calls a command that is refused in a line, before anything heavy is imported."""
    for command in (evaluate_run, export, predict):
        monkeypatch.setattr(command, "import_tensorflow", lambda: pytest.fail("too late"))

    def refused(*argv):
        code, out, err = call(*argv)
        assert (code, out) == (2, [])
        return err[-1]

    return refused


@pytest.fixture
def asked(call, monkeypatch):
    """Returns what `predict` was asked: the runs, the augmentation and the photos."""

    def asked(*argv):
        seen = []

        def note(source, files, **kwargs):
            seen.append(
                [[r.directory.name for r in source.runs], source.tta, [f.name for f in files]]
            )
            return iter(())

        monkeypatch.setattr(predictions, "predict_files", note)
        assert call("predict", *argv)[0] == 0
        return seen[0]

    return asked


def test_predict_tells_runs_from_photos(asked, finished, other, photos):
    red = photos / "test" / "red"
    photo, many = red / "photo1.jpg", sorted(p.name for p in red.iterdir())
    assert asked("--model", finished, photo) == [["finished"], "none", ["photo1.jpg"]]
    assert asked("--model", finished, other, red) == [["finished", "other"], "none", many]
    argv = ("--model", other, finished, "--tta", "flip", photo)
    assert asked(*argv) == [["other", "finished"], "flip", ["photo1.jpg"]]
    argv = (photo, "--tta", "flip", "--model", finished, other)
    assert asked(*argv) == [["finished", "other"], "flip", ["photo1.jpg"]]


def test_predict_needs_a_run_first_and_a_photo(refused, finished, other, photos, tmp_path):
    photo = photos / "test" / "red" / "photo1.jpg"
    assert refused("predict", "--model", photo, photo) == (
        f"error: {photo} is a file: give the folder of a run"
    )
    assert "arguments are required: INPUT" in refused("predict", "--model", finished, other)
    missing = refused("predict", "--model", finished, tmp_path / "RUN2", photo)
    assert missing == f"error: no such file or folder: {tmp_path / 'RUN2'}"


@pytest.mark.parametrize("command", ["predict", "evaluate", "export"])
def test_bad_models_are_one_line(refused, finished, other, tmp_path, command):
    twice = refused(command, "--model", finished, finished, *_photo(command, tmp_path))
    assert twice == f"error: {finished} is given twice: give each run once"
    (other / "labels.txt").write_text("blue\ngreen\nwhite\n")
    assert "'red' only in" in refused(
        command, "--model", finished, other, *_photo(command, tmp_path)
    )
    (other / "metrics.json").unlink()
    unfinished = refused(command, "--model", finished, other, *_photo(command, tmp_path))
    assert unfinished == f"error: {other} has not finished training: it has no metrics.json"
    assert "argument --tta: invalid choice: 'turn'" in refused(
        command, "--model", finished, "--tta", "turn", *_photo(command, tmp_path)
    )


def _photo(command, folder):
    return [folder / "photo.jpg"] if command == "predict" else []


def test_evaluate_refuses_what_it_can_not_show_or_may_not_overwrite(refused, finished, other):
    assert "--heatmaps shows where one run looks" in refused(
        "evaluate", "--model", finished, "--tta", "flip", "--heatmaps", 2
    )
    record = finished / "metrics.json"
    before = record.read_bytes()
    said = refused("evaluate", "--model", other, finished, "--json", record)
    assert said == f"error: --json {record} is the run's own record: give another file"
    assert record.read_bytes() == before


def test_export_of_several_runs_needs_a_folder(refused, finished, other):
    assert "give its folder as --output DIR" in refused("export", "--model", finished, other)


@pytest.mark.slow
def test_evaluate_records_what_was_averaged(call, finished, other, photos, tmp_path):
    target, record = tmp_path / "metrics.json", finished / "metrics.json"
    before = record.read_bytes()
    code, out, _ = call("evaluate", "--model", finished, other, "--tta", "flip", "--json", target)
    assert code == 0
    assert out[0] == "the mean over 2 runs, each on the photo and its mirror image:"
    metrics = json.loads(target.read_text())
    assert (metrics["tta"], metrics["runs"]) == ("flip", [str(finished), str(other)])
    assert metrics["num_examples"] == TEST * len(CLASSES)
    assert record.read_bytes() == before

    # The answers of `predict` are those that were measured.
    code, out, _ = call("predict", "--model", finished, other, "--tta", "flip", photos / "test")
    answers = [json.loads(line) for line in out]
    split = load_folder(photos).splits["test"]
    hits = [a["label"] == CLASSES[label] for a, label in zip(answers, split.labels, strict=True)]
    assert sum(hits) / len(hits) == metrics["top1"]


@pytest.mark.slow
def test_a_job_is_not_resumed_with_other_runs_or_views(call, finished, other, photos, tmp_path):
    red, out = photos / "test" / "red", tmp_path / "out.jsonl"
    argv = ("predict", "--model", finished, "--tta", "flip", red, "--output", out)
    assert call(*argv)[0] == 0
    whole = out.read_bytes()
    out.write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))
    for models, tta, said in (
        ((finished,), "none", "it was made with --tta flip"),
        ((finished, other), "flip", f"it was made with another model ({finished} as it was then)"),
    ):
        code, _, err = call(
            "predict", "--model", *models, "--tta", tta, red, "--output", out, "--resume"
        )
        assert code == 2
        assert said in err[-1]
    assert call(*argv, "--resume")[0] == 0
    assert out.read_bytes() == whole
