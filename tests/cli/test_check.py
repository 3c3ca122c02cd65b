"""`fgmix check`: exit codes, output and files."""

import io
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fgmix.cli import check
from fgmix.cli.main import run
from fgmix.data.sources.demo.dataset import CLASS_NAMES, draw_image
from tests.forked import forked

CLASSES = CLASS_NAMES[:3]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Valid images: 3 classes, 3 to train and 2 to test on."""
    root = tmp_path_factory.mktemp("drawn") / "planes"
    for label, name in enumerate(CLASSES):
        for number in range(5):
            folder = root / ("train" if number < 3 else "test") / name
            folder.mkdir(parents=True, exist_ok=True)
            picture = draw_image(label, np.random.default_rng([label, number]))
            picture.save(folder / f"{number}.jpg", quality=90)
    return root


@pytest.fixture
def planes(drawn, tmp_path):
    """A copy of them that a test may damage."""
    shutil.copytree(drawn, tmp_path / "planes")
    return tmp_path / "planes"


@pytest.fixture
def audit(capsys, tmp_path):
    """Runs the command; returns exit code, output and report."""

    def call(*argv):
        code = run(check.main, [*map(str, argv), "--output", str(tmp_path / "out")])
        out, err = capsys.readouterr()
        report = tmp_path / "out" / "report.json"
        return code, out or err, json.loads(report.read_text()) if report.exists() else None

    return call


def kinds(report):
    return [finding["kind"] for finding in report["findings"]]


@pytest.mark.slow
def test_a_sound_set_exits_0_and_says_so(audit, drawn, tmp_path):
    code, out, report = audit("--dataset", drawn)
    assert code == 0
    assert "nothing here would hurt training" in out
    assert "planes: 3 classes, readable photos: 9 train, 6 test" in out
    assert report["findings"] == []
    assert not report["hurts"]
    assert report["photos"] == {
        "train": {"files": 9, "readable": 9},
        "test": {"files": 6, "readable": 6},
    }
    assert report["classes"][CLASSES[0]] == {"train": 3, "test": 2}
    assert report["formats"] == {"JPEG": 15}
    with Image.open(drawn / "train" / CLASSES[0] / "0.jpg") as photo:
        assert report["sizes"] == {n: [*photo.size] for n in ("smallest", "median", "largest")}
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "report.html",
        "report.json",
    ]


@pytest.mark.slow
def test_the_page_shows_every_class(audit, drawn, tmp_path):
    audit("--dataset", drawn)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Nothing here would hurt training." in page
    for name in CLASSES:
        assert page.count(f'alt="a photo of {name}"') == 5
        assert f"{name} <small>3 train, 2 test</small>" in page
    assert page.count("data:image/jpeg") == 15
    assert f"fgmix train --dataset {drawn}</code>" in page


@pytest.mark.slow
def test_copies_across_splits_and_classes_are_found_and_drawn(audit, planes, tmp_path):
    one, other, third = (planes / "train" / name / "0.jpg" for name in CLASSES)
    shutil.copy(one, planes / "test" / CLASSES[0] / "copy.jpg")
    with Image.open(other) as photo:
        photo.resize((photo.width * 4 // 5, photo.height * 4 // 5)).save(
            planes / "train" / CLASSES[0] / "small.png"
        )
    shutil.copy(third, planes / "train" / CLASSES[2] / "again.jpg")
    code, out, report = audit("--dataset", planes)
    assert code == 1
    assert kinds(report) == ["copies-across-splits", "two-labels", "copies"]
    paths = [[p["path"] for p in finding["items"][0]["photos"]] for finding in report["findings"]]
    assert paths == [
        [f"train/{CLASSES[0]}/0.jpg", f"test/{CLASSES[0]}/copy.jpg"],
        [f"train/{CLASSES[0]}/small.png", f"train/{CLASSES[1]}/0.jpg"],
        [f"train/{CLASSES[2]}/0.jpg", f"train/{CLASSES[2]}/again.jpg"],
    ]
    assert all(path in out for pair in paths for path in pair)
    assert "1 test photo(s) are duplicates of training photos" in out
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count('<article class="group">') == 3
    assert page.index(paths[0][0]) < page.index(paths[2][1])
    assert all(f'alt="{path}"' in page for pair in paths for path in pair)


@pytest.mark.slow
def test_bad_files_are_listed_the_first_in_print_all_in_the_report(audit, planes):
    for number in range(7):
        (planes / "train" / CLASSES[1] / f"bad{number}.jpg").write_text("<html>")
    code, out, report = audit("--dataset", planes)
    assert code == 1
    [finding] = report["findings"]
    assert finding["kind"] == "unreadable"
    assert len(finding["items"]) == 7
    assert "7 file(s) can't be read" in out
    assert "bad4.jpg" in out
    assert "bad5.jpg" not in out
    assert "and 2 more in report.html" in out
    assert report["photos"]["train"] == {"files": 16, "readable": 9}


@pytest.mark.slow
def test_a_folder_that_training_refuses_is_audited_all_the_same(audit, planes):
    (planes / "train" / "empty class").mkdir()
    (planes / "train" / "notes.txt").write_text("x")
    (planes / "test" / CLASSES[0] / "bad.png").write_bytes(b"")
    code, out, report = audit("--dataset", planes)
    assert code == 1
    assert kinds(report) == ["refused", "unreadable", "empty-classes", "too-small", "strays"]
    assert "train/empty class" in out
    assert "train/notes.txt" in out


@pytest.mark.slow
@pytest.mark.parametrize("name", ["train/lone.tif", ".old/0.jpg", "lone.jpg", "extra/0.jpg"])
def test_photos_that_are_left_out_hurt(audit, planes, name):
    (planes / name).parent.mkdir(exist_ok=True)
    shutil.copy(planes / "train" / CLASSES[0] / "0.jpg", planes / name)
    (planes / ".DS_Store").write_bytes(b"")
    code, out, report = audit("--dataset", planes)
    assert code == 1
    assert kinds(report) == ["left-out"]
    assert f"left out of {planes}: 1 photo in" in out
    assert [item["path"] for item in report["findings"][0]["items"]] == [name]


def test_a_name_that_can_not_be_stored_is_bad_usage(audit, planes):
    (planes / "train" / CLASSES[0] / "two\rlines.jpg").write_bytes(b"")
    code, out, report = audit("--dataset", planes)
    assert (code, report) == (2, None)
    assert "lines.jpg': its name has a line break" in out


@pytest.mark.slow
def test_classes_too_small_to_split_are_all_named(audit, planes):
    unsplit = planes / "train"
    for name in CLASSES[:2]:
        (unsplit / name / "0.jpg").unlink()
        (unsplit / name / "1.jpg").unlink()
    code, _, report = audit("--dataset", unsplit)
    assert code == 1
    [small] = [f for f in report["findings"] if f["kind"] == "too-small"]
    assert [item["class"] for item in small["items"]] == list(CLASSES[:2])
    assert "refused" in kinds(report)


@pytest.mark.slow
def test_a_class_whose_only_test_photo_is_unreadable_is_large_enough(audit, planes):
    folder = planes / "train"
    for name in CLASSES:
        (folder / name / "bad.jpg").write_text("<html>")
    _, _, report = audit("--dataset", folder)
    assert any(by_split["test"] == 0 for by_split in report["classes"].values())
    assert kinds(report) == ["unreadable"]


@pytest.mark.slow
def test_the_split_is_that_of_training(audit, drawn):
    from fgmix.data.sources.folder import load_folder

    folder = drawn / "train"
    _, _, report = audit("--dataset", folder, "--split-seed", 3)
    data = load_folder(folder, split_seed=3)
    assert report["photos"]["test"]["files"] == len(data.splits["test"])


@pytest.mark.parametrize(
    ("argv", "part"),
    [
        ([], "--dataset"),
        (["--dataset", "nowhere"], "no data set 'nowhere'"),
        (["--dataset", "cars", "--data-dir", "nowhere"], "nowhere"),
        (["--dataset", "demo", "--split-seed", "-1"], "--split-seed -1"),
        (["--dataset", "demo", "--frobnicate"], "--frobnicate"),
    ],
)
def test_bad_usage_is_one_line_and_exits_2(audit, argv, part):
    code, out, report = audit(*argv)
    assert (code, report) == (2, None)
    [line] = out.splitlines()
    assert line.startswith("error: ")
    assert part in line


def test_a_folder_without_a_photo_is_bad_usage(audit, tmp_path):
    (tmp_path / "none" / "a").mkdir(parents=True)
    code, out, _ = audit("--dataset", tmp_path / "none")
    assert code == 2
    assert str(tmp_path / "none") in out


def test_an_output_that_is_a_file_is_refused(capsys, drawn, tmp_path):
    (tmp_path / "file").write_text("x")
    assert run(check.main, ["--dataset", str(drawn), "--output", str(tmp_path / "file")]) == 2
    assert "--output" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_stops_it_at_once(tmp_path):
    content = io.BytesIO()
    draw_image(0, np.random.default_rng(0)).save(content, "PNG")
    for name in "ab":
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(1500):
            (tmp_path / "photos" / name / f"{number}.png").write_bytes(content.getvalue())
    code = "import sys; from fgmix.__main__ import main; from fgmix.cli.main import run\n"
    code += "import fgmix.audit.scan as audit; before = audit.measure\n"
    code += "def tell(image):\n    print('reading', flush=True)\n    return before(image)\n"
    code += "audit.measure = tell\nsys.exit(run(main, sys.argv[1:]))"
    argv = ["check", "--dataset", tmp_path / "photos", "--output", tmp_path / "out"]
    process = subprocess.Popen(
        [*forked(), "-c", code, *argv],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"reading\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_an_output_that_can_not_be_made_is_told_before_anything_is_read(tmp_path, capsys):
    (tmp_path / "file").touch()
    for output in (tmp_path / "file", tmp_path / "file/below/it"):
        code = run(check.main, ["--dataset", "demo", "--output", str(output)])
        assert code == 2
        assert f"{tmp_path / 'file'} is a file: give a folder" in capsys.readouterr().err
