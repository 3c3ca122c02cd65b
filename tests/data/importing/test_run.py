"""Imports: what is written, what is refused, and going on after an interruption."""

import csv
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fgmix import files
from fgmix.data.importing import run as module
from fgmix.data.importing.run import Options, import_photos
from fgmix.data.sources.folder import load_folder
from fgmix.errors import FgmixError
from fgmix.failpoints import FAIL_AT
from tests.data.importing.pictures import encode, exif_of, smooth

ROOT = Path(__file__).parents[3]


@pytest.fixture
def source(tmp_path):
    """A folder of two classes in two splits; a photo can't be read."""
    for split in ("train", "test"):
        for label in ("a", "C/V"):
            folder = tmp_path / "source" / split / label.replace("/", "-")
            folder.mkdir(parents=True)
            for number in range(3):
                (folder / f"{number}.tif").write_bytes(encode(smooth(seed=number), "TIFF"))
    (tmp_path / "source/train/a/0.jpg").write_bytes(encode(smooth(), "JPEG", exif=exif_of(6)))
    (tmp_path / "source/train/a/bad.jpg").write_bytes(b"\xff\xd8\xff")
    return tmp_path / "source"


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def photos_of(folder):
    return {name: data for name, data in content(folder).items() if name != "source.json"}


def test_the_folder_is_one_that_fgmix_reads(source, tmp_path):
    imported = import_photos(str(source), tmp_path / "out")
    found = load_folder(tmp_path / "out")
    assert {name: len(split) for name, split in found.splits.items()} == {"train": 7, "test": 6}
    assert found.class_names == ("C-V", "a")
    assert found.left_out == ()
    with (tmp_path / "out/labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 13
    assert rows[0] == {"path": "test/C-V/0.png", "label": "C-V", "split": "test"}
    assert {row["path"] for row in rows} == {
        path for split in found.splits.values() for path in split.paths
    }
    assert [one["path"] for one in imported.failed] == ["train/a/bad.jpg"]
    note = json.loads((tmp_path / "out/source.json").read_text())
    assert note == imported.note
    assert note["source"] == str(source)
    assert note["done_to_photos"] == {"TIFF to PNG": 12, "without its metadata": 1}
    assert (note["photos"], note["classes"], note["splits"]) == (13, 2, {"test": 6, "train": 7})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "source"]


def test_the_same_import_again_does_nothing(source, tmp_path):
    first = import_photos(str(source), tmp_path / "out")
    before = content(tmp_path / "out")
    again = import_photos(str(source), tmp_path / "out")
    assert again.was_there
    assert again.note == first.note
    assert content(tmp_path / "out") == before


def test_a_folder_of_something_else_is_refused(source, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    with pytest.raises(FgmixError, match="is not empty and was not made by an import"):
        import_photos(str(source), tmp_path / "full")
    import_photos(str(source / "train"), tmp_path / "out")
    with pytest.raises(FgmixError, match=r"was imported from .*source/train"):
        import_photos(str(source), tmp_path / "out")
    with pytest.raises(FgmixError, match="was imported from other flags"):
        import_photos(str(source / "train"), tmp_path / "out", Options(keep_exif=True))
    with pytest.raises(FgmixError, match="lies in the source"):
        import_photos(str(source), source / "out")
    with pytest.raises(FgmixError, match="is a file"):
        import_photos(str(source), tmp_path / "full" / "file")


def test_an_empty_folder_is_filled(source, tmp_path):
    (tmp_path / "out").mkdir()
    import_photos(str(source), tmp_path / "out")
    assert (tmp_path / "out/labels.csv").is_file()


class Killed(BaseException):
    """Ends an import as a kill does, but for what stands in `finally`."""


def killed(source, out, where):
    """Imports until a failpoint ends it."""
    name, _, number = where.partition("@")
    passed = []

    def fail(here):
        if here == name:
            passed.append(here)
            if len(passed) == int(number or 1):
                raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "failpoint", fail)
        patch.setattr(files, "failpoint", fail)
        with pytest.raises(Killed):
            import_photos(str(source), out)


def test_a_killed_process_goes_on(source, tmp_path):
    import_photos(str(source), tmp_path / "whole")
    code = "import sys; from fgmix.data.importing.run import import_photos\n"
    code += "from pathlib import Path; import_photos(sys.argv[1], Path(sys.argv[2]))"
    environment = {**os.environ, FAIL_AT: "import photo@7", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, source, tmp_path / "out"]
    assert subprocess.run(command, env=environment, timeout=60).returncode == -9
    import_photos(str(source), tmp_path / "out")
    assert photos_of(tmp_path / "out") == photos_of(tmp_path / "whole")


@pytest.mark.parametrize(
    "where",
    ["import photo@1", "import photo@7", "write labels.csv", "rename source.json", "rename import"],
)
def test_killed_at_any_moment_it_goes_on_to_the_same_folder(source, tmp_path, where):
    import_photos(str(source), tmp_path / "whole")
    killed(source, tmp_path / "out", where)
    assert not (tmp_path / "out").exists()
    import_photos(str(source), tmp_path / "out")
    assert photos_of(tmp_path / "out") == photos_of(tmp_path / "whole")
    assert not (tmp_path / ".out.importing").exists()


def test_what_is_done_is_not_done_again(source, tmp_path, monkeypatch):
    killed(source, tmp_path / "out", "import photo@7")
    count, real = [], module.convert
    monkeypatch.setattr(module, "convert", lambda *a, **k: count.append(1) or real(*a, **k))
    import_photos(str(source), tmp_path / "out")
    assert len(count) == 14 - 6


def test_a_photo_lost_with_the_machine_is_made_again(source, tmp_path):
    import_photos(str(source), tmp_path / "whole")
    killed(source, tmp_path / "out", "import photo@7")
    torn = tmp_path / ".out.importing/test/C-V/1.png"
    torn.write_bytes(torn.read_bytes()[:20])
    import_photos(str(source), tmp_path / "out")
    assert photos_of(tmp_path / "out") == photos_of(tmp_path / "whole")


def test_an_interrupted_import_of_something_else_is_refused(source, tmp_path):
    killed(source, tmp_path / "out", "import photo@3")
    with pytest.raises(FgmixError, match=r"was begun with --keep-exif False, not True"):
        import_photos(str(source), tmp_path / "out", Options(keep_exif=True))
    with pytest.raises(FgmixError, match=r"an import of .*source into .*out was interrupted"):
        import_photos(str(source / "train"), tmp_path / "out")
    (source / "train/a/new.tif").write_bytes(encode(smooth(), "TIFF"))
    with pytest.raises(FgmixError, match=r"has changed since .*: remove .*\.out\.importing"):
        import_photos(str(source), tmp_path / "out")


def test_nothing_is_left_if_no_photo_can_be_imported(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source/bad.jpg").write_bytes(b"x")
    with pytest.raises(FgmixError, match=r"none of the photos .*bad\.jpg is not an image"):
        import_photos(str(tmp_path / "source"), tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["source"]


def test_a_disk_that_is_too_small_is_told_before_the_work(source, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SPARE_BYTES", 1 << 60)
    with pytest.raises(FgmixError, match=r"the photos take about .* GB are free in"):
        import_photos(str(source), tmp_path / "out")


def test_a_full_disk_loses_nothing(source, tmp_path, monkeypatch):
    real = Path.write_bytes

    def full(path, data):
        if path.name == "2.png":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        import_photos(str(source), tmp_path / "out")
    monkeypatch.undo()
    import_photos(str(source), tmp_path / "out")
    import_photos(str(source), tmp_path / "whole")
    assert photos_of(tmp_path / "out") == photos_of(tmp_path / "whole")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("sorce", r"there is no .*sorce \(did you mean source\?\)"),
        ("photos.zp", r"is a file of unknown kind '.zp' \(did you mean .zip\?\)"),
        ("photos.rar", r"is a file of unknown kind '.rar': known are .zip"),
    ],
)
def test_an_unknown_source_is_named_with_the_nearest(source, tmp_path, given, message):
    for name in ("photos.zp", "photos.rar"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(FgmixError, match=message):
        import_photos(str(tmp_path / given), tmp_path / "out")
