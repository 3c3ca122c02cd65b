"""`fgmix predict`: one JSON object per line, whatever the files are."""

import csv
import itertools
import json
import shutil
from pathlib import Path

import pytest

from fgmix.__main__ import main
from fgmix.cli.main import run
from fgmix.errors import FgmixError
from fgmix.runs.run import Run
from fgmix.serving.predict import BATCH, BATCHES_AT_A_TIME, _groups, predict_files
from tests.data.codec.variants import bmp, samples
from tests.trained_runs import CLASSES


@pytest.fixture
def predict(finished, capsys):
    def call(*paths, model=finished):
        code = run(main, ["predict", "--model", str(model), *map(str, paths)])
        out, err = capsys.readouterr()
        return code, [json.loads(line) for line in out.splitlines()], err

    return call


@pytest.mark.slow
def test_a_line_holds_path_label_probability_top_and_distance(predict, photos):
    path = photos / "test" / "red" / "photo1.jpg"
    code, [answer], _ = predict(path)
    assert code == 0
    assert list(answer) == ["path", "label", "probability", "top", "distance"]
    assert 0 < answer["distance"] < 10
    assert answer["path"] == str(path)
    assert [answer["label"], answer["probability"]] == answer["top"][0]
    labels, probabilities = zip(*answer["top"], strict=True)
    assert set(labels) == set(CLASSES)
    assert list(probabilities) == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1, abs=1e-5)


@pytest.mark.slow
def test_predictions_are_what_evaluation_wrote(predict, finished, photos):
    code, answers, _ = predict(photos / "test")
    with (finished / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert code == 0
    assert [a["path"] for a in answers] == [str(photos / row["path"]) for row in rows]
    assert [a["label"] for a in answers] == [row["predicted"] for row in rows]
    for answer, row in zip(answers, rows, strict=True):
        assert answer["probability"] == pytest.approx(float(row["probability"]), abs=1e-5)


@pytest.mark.slow
def test_it_goes_on_after_a_file_that_is_no_image(predict, photos, tmp_path):
    shutil.copy(photos / "test" / "blue" / "photo0.png", tmp_path / "a.png")
    (tmp_path / "b.jpg").write_text("no photo")
    (tmp_path / "c.bmp").write_bytes(bmp(8, samples(8)[..., 0], compression=1))
    shutil.copy(photos / "test" / "blue" / "photo1.jpg", tmp_path / "d.jpg")
    code, answers, err = predict(tmp_path)
    assert code == 1
    assert [Path(a["path"]).name for a in answers] == ["a.png", "b.jpg", "c.bmp", "d.jpg"]
    assert ["error" in a for a in answers] == [False, True, True, False]
    for answer in answers[1:3]:
        assert set(answer) == {"path", "error"}
    assert [answer["error"] for answer in answers[1:3]] == [
        "not a readable image (not an image)",
        "not a readable image (format not supported: a BMP that is run-length encoded (RLE8): save "
        "it as PNG)",
    ]
    assert err == ""


@pytest.mark.slow
def test_a_bad_file_changes_no_other_answer(predict, photos, tmp_path):
    (tmp_path / "bad.jpg").write_text("no photo")
    good = photos / "test" / "green"
    assert predict(good)[1] == [a for a in predict(tmp_path, good)[1] if "error" not in a]


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_pause_brings_the_answers_to_all_before_it(finished, photos):
    files = sorted((photos / "test").rglob("photo*"))
    asked = []

    def come():
        for path in [*files[:3], None, *files[3:5], None, None, files[5]]:
            asked.append(path)
            yield path

    answers = predict_files(Run.open(finished), come())
    for number in range(3):
        assert next(answers)["path"] == str(files[number])
        assert len(asked) == 4
    assert [answer["path"] for answer in answers] == list(map(str, files[3:6]))


@pytest.mark.slow
def test_few_photos_are_in_memory_at_a_time(finished, photos, monkeypatch):
    file, read = photos / "test" / "red" / "photo0.png", []
    monkeypatch.setattr(
        "fgmix.serving.predict.read_image", lambda path, most: read.append(path) or b"no photo"
    )
    answers = predict_files(Run.open(finished), itertools.repeat(file))
    for number, _ in enumerate(itertools.islice(answers, 5 * BATCH)):
        assert len(read) <= number + (BATCHES_AT_A_TIME + 2) * BATCH
    answers.close()


@pytest.mark.slow
def test_large_files_make_small_batches(finished, photos, monkeypatch):
    file = photos / "test" / "red" / "photo0.png"
    monkeypatch.setattr("fgmix.serving.predict.BATCH_BYTES", 2 * file.stat().st_size - 1)
    groups = _groups(itertools.repeat(file, 5), 0)
    sizes = [len(group.paths) for group in groups]
    assert sizes == [2, 2, 1]
    monkeypatch.setattr("fgmix.serving.predict.LARGEST_FILE", 10)
    [answer] = predict_files(Run.open(finished), [file])
    assert answer["error"].startswith("too large")


@pytest.mark.slow
@pytest.mark.parametrize("first", [1, BATCH + 5])
def test_filled_batches_give_the_same_digits_wherever_one_begins(finished, photos, first):
    run = Run.open(finished)
    files = sorted((photos / "train").rglob("photo*"))
    whole = list(predict_files(run, files, fill=True))
    rest = [path for file in files[first:] for path in (file, None)]
    assert list(predict_files(run, rest, first=first, fill=True)) == whole[first:]


def test_what_is_no_run_is_told(predict, photos, tmp_path):
    code, answers, err = predict(photos / "test", model=tmp_path)
    assert (code, answers) == (2, [])
    assert err == f"error: {tmp_path} is not a run: it has no config.json\n"
    with pytest.raises(FgmixError):
        Run.open(tmp_path)
