"""`python -m fgmix import`: what it prints, and its exit codes."""

import errno

import pytest

from fgmix.__main__ import main
from fgmix.cli.main import run
from fgmix.data.importing import run as module
from tests.data.importing.pictures import encode, exif_of, smooth


@pytest.fixture
def source(tmp_path):
    for label in "ab":
        (tmp_path / "source" / label).mkdir(parents=True)
        (tmp_path / "source" / label / "1.tif").write_bytes(encode(smooth(), "TIFF"))
    (tmp_path / "source/a/2.jpg").write_bytes(encode(smooth(), "JPEG", exif=exif_of(1)))
    return tmp_path / "source"


def test_it_says_what_was_done_to_the_photos(source, tmp_path, capsys):
    assert run(main, ["import", str(source), str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "3 photos of 2 classes",
        "  1 with the same pixels, without EXIF and other metadata",
        "  2 TIFF to PNG",
        "no photo tells any more where and when it was taken (--keep-exif keeps EXIF)",
        "licence: the source names none; find out before you pass photos or models on",
        f"written to {tmp_path / 'out'}: labels.csv, source.json and the photos",
    ]
    assert run(main, ["import", str(source), str(tmp_path / "out")]) == 0
    assert "is there already, from the same source" in capsys.readouterr().out
    assert run(main, ["import", str(source), str(tmp_path / "with"), "--keep-exif"]) == 0
    assert "EXIF was kept: it may tell where and when" in capsys.readouterr().out


def test_photos_that_cant_be_read_are_counted_and_the_first_named(source, tmp_path, capsys):
    for number in range(7):
        (source / "a" / f"bad{number}.jpg").write_bytes(b"x")
    assert run(main, ["import", str(source), str(tmp_path / "out")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "7 photos can't be imported:" in lines
    assert "  a/bad0.jpg: not an image, or damaged at its beginning" in lines
    assert "  and 2 more, in source.json" in lines


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KeyboardInterrupt(), 130, "stopped: give the same command again to go on"),
        (OSError(errno.ENOSPC, "No space"), 2, "is full: make space, and give the same command"),
        (OSError(errno.EACCES, "Permission denied", "f"), 2, "error: f: Permission denied"),
    ],
)
def test_an_interruption_is_one_line(source, tmp_path, capsys, monkeypatch, error, code, line):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(module, "_import_all", fail)
    assert run(main, ["import", str(source), str(tmp_path / "out")]) == code
    assert line in capsys.readouterr().err
