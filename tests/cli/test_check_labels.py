"""`fgmix check --model`: output, files and errors."""

import base64
import io
import re
import shutil

import pytest
from PIL import Image

from fgmix.cli.check import main
from fgmix.cli.main import run
from fgmix.files import read_csv
from tests.folds import write_folds, write_named_photos

SWAPPED = {"crow 2": "heron", "heron 7": "crow"}


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """A data set with two wrong labels, and the runs of three folds on it."""
    root = tmp_path_factory.mktemp("checked")
    photos = write_named_photos(root / "birds", {"crow": 9, "dove": 9, "heron": 9}, SWAPPED)
    return photos, write_folds(photos, root / "runs")


@pytest.fixture
def check(capsys, tmp_path):
    """Runs the command; returns exit code, standard output, standard error."""

    def call(*argv):
        code = run(main, [*map(str, argv), "--output", str(tmp_path / "out")])
        return code, *capsys.readouterr()

    return call


@pytest.mark.slow
def test_wrong_labels_are_listed_with_what_they_look_like(checked, check, tmp_path):
    _, folds = checked
    code, out, _ = check("--model", folds[0])
    assert code == 0
    assert "birds: 27 training photos of 3 classes, 92.6% recognised" in out
    assert "label issues: 2" in out
    assert "train/heron/crow 2.png: labelled heron, looks like crow (90%)" in out
    rows = read_csv(tmp_path / "out" / "suspects.csv")
    assert {row["path"]: (row["label"], row["suggested"]) for row in rows} == {
        "train/heron/crow 2.png": ("heron", "crow"),
        "train/crow/heron 7.png": ("crow", "heron"),
    }
    assert [float(rows[0][name]) for name in ("probability", "probability_suggested", "score")] == (
        pytest.approx([0.05, 0.9, -0.85])
    )
    classes = {row["class"]: row for row in read_csv(tmp_path / "out" / "classes.csv")}
    assert classes["dove"]["accuracy"] == "1.0000"
    assert (classes["heron"]["photos"], classes["heron"]["taken_for"]) == ("9", "crow")
    assert (classes["heron"]["suspects"], classes["heron"]["needs_photos"]) == ("1", "yes")


@pytest.mark.slow
def test_the_page_holds_its_pictures_and_needs_no_other_file(checked, check, tmp_path):
    _, folds = checked
    check("--model", *folds)
    page = (tmp_path / "out" / "suspects.html").read_text(encoding="utf-8")
    urls = re.findall(r'<img src="([^"]*)"', page)
    assert len(urls) == 2 * 3  # each with one of its label and one of the class it resembles
    for url in urls:
        kind, data = url.split(",")
        assert kind == "data:image/jpeg;base64"
        Image.open(io.BytesIO(base64.b64decode(data))).verify()
    assert not re.search(r"<(script|link)|https?:|url\(", page)
    assert "labelled <b>heron</b> (5%),<br>looks like <b>crow</b> (90%)" in page
    assert "color-scheme: light dark" in page
    assert 'name="viewport"' in page


@pytest.mark.slow
def test_top_limits_the_list(checked, check, tmp_path):
    _, folds = checked
    check("--model", folds[0], "--top", 1)
    assert len(read_csv(tmp_path / "out" / "suspects.csv")) == 1
    page = (tmp_path / "out" / "suspects.html").read_text(encoding="utf-8")
    assert page.count("<figure>") == 1
    assert "label issues: 2, the first 1 shown." in page


@pytest.mark.slow
def test_names_are_not_taken_for_html(tmp_path, check):
    names = {"a&b": 4, "<i>x": 4}
    photos = write_named_photos(tmp_path / "data", names, {"a&b 1": "<i>x"})
    folds = write_folds(photos, tmp_path / "runs", folds=2)
    assert check("--model", folds[0])[0] == 0
    page = (tmp_path / "out" / "suspects.html").read_text(encoding="utf-8")
    assert "<i>" not in page
    assert "labelled <b>&lt;i&gt;x</b>" in page
    assert "looks like <b>a&amp;b</b>" in page


@pytest.mark.slow
def test_a_photo_that_is_gone_is_said_to_be(tmp_path, check):
    photos = write_named_photos(tmp_path / "data", {"crow": 4, "dove": 4}, {"crow 1": "dove"})
    folds = write_folds(photos, tmp_path / "runs", folds=2)
    (photos / "train" / "dove" / "crow 1.png").unlink()
    assert check("--model", folds[0])[0] == 0
    assert "(this photo is gone)" in (tmp_path / "out" / "suspects.html").read_text()
    shutil.rmtree(photos)
    code, _, err = check("--model", folds[0])
    assert code == 2
    assert f"the photos are no longer in {photos}: give the folder where they are now" in err
    assert "--dataset" in err


@pytest.mark.slow
def test_photos_that_have_moved_are_found_by_dataset_or_data_dir(tmp_path, check):
    photos = write_named_photos(tmp_path / "data", {"crow": 4, "dove": 4}, {"crow 1": "dove"})
    folds = write_folds(photos, tmp_path / "runs", folds=2)
    moved = photos.rename(tmp_path / "moved")
    for flag in ("--dataset", "--data-dir"):
        assert check("--model", folds[0], flag, moved)[0] == 0
        page = (tmp_path / "out" / "suspects.html").read_text(encoding="utf-8")
        assert page.count("<img") == 3
        assert "(this photo is gone)" not in page
    (moved / "train" / "dove" / "new.png").write_bytes(b"")
    code, _, err = check("--model", folds[0], "--dataset", moved)
    assert code == 2
    assert f"the photos in {moved} have changed" in err


@pytest.mark.slow
def test_a_spreadsheet_runs_no_name(tmp_path, check):
    photos = write_named_photos(tmp_path / "data", {"=1+1": 4, "dove": 4}, {"=1+1 1": "dove"})
    folds = write_folds(photos, tmp_path / "runs", folds=2)
    assert check("--model", folds[0])[0] == 0
    [row] = read_csv(tmp_path / "out" / "suspects.csv")
    assert (row["label"], row["suggested"]) == ("dove", "'=1+1")
    assert float(row["score"]) < 0  # a number stays one
    assert {row["class"] for row in read_csv(tmp_path / "out" / "classes.csv")} == {"'=1+1", "dove"}
    exact = {row["label"] for fold in folds for row in read_csv(fold / "predictions.csv")}
    assert exact == {"=1+1", "dove"}


@pytest.mark.slow
def test_a_photo_that_is_a_link_is_shown(tmp_path, check):
    photos = write_named_photos(tmp_path / "data", {"crow": 4, "dove": 4}, {"crow 1": "dove"})
    folds = write_folds(photos, tmp_path / "runs", folds=2)
    shown = photos / "train" / "dove" / "crow 1.png"
    shown.rename(tmp_path / "elsewhere.png")
    shown.symlink_to(tmp_path / "elsewhere.png")
    assert check("--model", folds[0])[0] == 0
    assert "(this photo is gone)" not in (tmp_path / "out" / "suspects.html").read_text()


def test_sound_labels_give_a_page_that_says_so(tmp_path, check):
    photos = write_named_photos(tmp_path / "data", {"crow": 4, "dove": 4}, {})
    folds = write_folds(photos, tmp_path / "runs", folds=2)
    code, out, _ = check("--model", folds[0])
    assert code == 0
    assert "label issues: 0" in out
    assert "label issues: 0" in (tmp_path / "out" / "suspects.html").read_text()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "give --dataset or --model"),
        (["--model", "x", "--dataset", "y"], "there is no run x"),
        (["--model", "nowhere"], "there is no run nowhere"),
        (["--model", "x", "--data-dir", "y"], "there is no run x"),
        (["--model", "x", "--split-seed", "0"], "--split-seed can't be used with --model"),
        (["--model", "x", "--top", "0"], "--top 0: must be at least 1"),
        (["--dataset", "x", "--top", "5"], "--top can't be used with --dataset"),
    ],
)
def test_bad_usage_is_one_line_and_writes_nothing(check, argv, message, tmp_path):
    code, out, err = check(*argv)
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1
    assert not out
    assert not list(tmp_path.iterdir())
