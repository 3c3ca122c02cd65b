"""`python -m fgmix predict`: a JSON object a line, whatever the files are."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from fgmix.__main__ import main
from fgmix.cli.main import run
from fgmix.errors import FgmixError
from fgmix.serving.inputs import find_images
from fgmix.serving.predict import BATCH, predict_files
from fgmix.training.run_folder import Run
from tests.runs import CLASSES


@pytest.fixture
def predict(finished, capsys):
    def call(*paths, model=finished):
        code = run(main, ["predict", "--model", str(model), *map(str, paths)])
        out, err = capsys.readouterr()
        return code, [json.loads(line) for line in out.splitlines()], err

    return call


def test_a_line_holds_path_label_probability_and_top(predict, photos):
    path = photos / "test" / "red" / "photo1.jpg"
    code, [answer], _ = predict(path)
    assert code == 0
    assert list(answer) == ["path", "label", "probability", "top"]
    assert answer["path"] == str(path)
    assert [answer["label"], answer["probability"]] == answer["top"][0]
    labels, probabilities = zip(*answer["top"], strict=True)
    assert set(labels) == set(CLASSES)
    assert list(probabilities) == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1, abs=1e-5)


def test_predictions_are_what_evaluation_wrote(predict, finished, photos):
    code, answers, _ = predict(photos / "test")
    with (finished / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert code == 0
    assert [a["path"] for a in answers] == [str(photos / row["path"]) for row in rows]
    assert [a["label"] for a in answers] == [row["predicted"] for row in rows]
    for answer, row in zip(answers, rows, strict=True):
        assert answer["probability"] == pytest.approx(float(row["probability"]), abs=1e-5)


def test_folders_are_searched_to_the_bottom_and_in_order(tmp_path):
    for name in ("b/2.PNG", "b/1.jpg", "a/deep/er/3.webp", "c.gif", "notes.txt", "b/x.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "a folder.jpg").mkdir()
    found = find_images([str(tmp_path)])
    expected = ["a/deep/er/3.webp", "b/1.jpg", "b/2.PNG", "c.gif"]
    assert [p.relative_to(tmp_path).as_posix() for p in found] == expected
    # What is named is taken as it is named: in that order, whatever its suffix.
    named = [str(tmp_path / "notes.txt"), str(tmp_path / "b")]
    assert [p.name for p in find_images(named)] == ["notes.txt", "1.jpg", "2.PNG"]


def test_it_goes_on_after_a_file_that_is_no_image(predict, photos, tmp_path):
    shutil.copy(photos / "test" / "blue" / "photo0.png", tmp_path / "a.png")
    (tmp_path / "b.jpg").write_text("no photo")
    (tmp_path / "c.jpg").write_bytes(b"")
    shutil.copy(photos / "test" / "blue" / "photo1.jpg", tmp_path / "d.jpg")
    code, answers, err = predict(tmp_path)
    assert code == 1
    assert [Path(a["path"]).name for a in answers] == ["a.png", "b.jpg", "c.jpg", "d.jpg"]
    assert ["error" in a for a in answers] == [False, True, True, False]
    for answer in answers[1:3]:
        assert set(answer) == {"path", "error"}
        assert "image" in answer["error"]
    assert err == ""


def test_a_bad_file_changes_no_other_answer(predict, photos, tmp_path):
    (tmp_path / "bad.jpg").write_text("no photo")
    good = photos / "test" / "green"
    assert predict(good)[1] == [a for a in predict(tmp_path, good)[1] if "error" not in a]


def test_more_files_than_a_batch_keep_their_order(predict, photos):
    files = [str(p) for p in sorted((photos / "train").rglob("photo*"))] * 2
    assert len(files) > BATCH
    code, answers, _ = predict(*files)
    assert code == 0
    assert [a["path"] for a in answers] == files
    half = len(files) // 2
    for one, other in zip(answers[:half], answers[half:], strict=True):
        assert one["label"] == other["label"]
        assert one["probability"] == pytest.approx(other["probability"], abs=2e-6)


def test_a_path_that_does_not_exist_is_told_before_anything_is_predicted(predict, photos, tmp_path):
    code, answers, err = predict(photos / "test", tmp_path / "missing.jpg")
    assert (code, answers) == (2, [])
    assert err == f"error: no such file or folder: {tmp_path / 'missing.jpg'}\n"


def test_a_folder_without_images_is_told(predict, tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    code, answers, err = predict(tmp_path)
    assert (code, answers) == (2, [])
    assert err.startswith(f"error: {tmp_path} holds no image")
    assert len(err.splitlines()) == 1


def test_a_file_that_has_gone_is_an_error_of_its_own(finished, photos, tmp_path):
    files = [tmp_path / "gone.jpg", photos / "test" / "red" / "photo0.png"]
    answers = list(predict_files(Run.open(finished), files))
    assert answers[0] == {"path": str(files[0]), "error": "No such file or directory"}
    assert answers[1]["label"] in CLASSES


def test_no_files_give_no_answers(finished):
    assert list(predict_files(Run.open(finished), [])) == []


def test_what_is_no_run_is_told(predict, photos, tmp_path):
    code, answers, err = predict(photos / "test", model=tmp_path)
    assert (code, answers) == (2, [])
    assert err == f"error: {tmp_path} is not a run: it has no config.json\n"
    with pytest.raises(FgmixError):
        Run.open(tmp_path)
