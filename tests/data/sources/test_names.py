"""Names of classes and files: which are kept, and which are refused before anything is written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fgmix.data.sources.folder import load_folder
from tests.data.sources.test_folder import refusal
from tests.pictures import write_classes, write_plain

ROOT = Path(__file__).parents[3]
NAMES = [b"caf\xe9.jpg", b"two\nlines.jpg", b"two\rlines.jpg", b"end.jpg\r", b"\r"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["a", ".", "a/2023"])
def test_a_name_that_no_text_file_can_hold_is_refused(tmp_path, name, place):
    write_classes(tmp_path, {"a": 5, "b": 5})
    (tmp_path / "a" / "2023").mkdir()
    try:
        (tmp_path / place / os.fsdecode(name)).write_bytes(b"photo")
    except OSError:
        pytest.skip("this file system takes no such name")
    assert f"rename {str(tmp_path / place / os.fsdecode(name))!r}" in refusal(tmp_path)


def test_a_class_folder_with_a_line_break_in_its_name_is_refused(tmp_path):
    write_classes(tmp_path, {"Audi\r": 5, "BMW\r": 5})
    assert f"rename {str(tmp_path / 'Audi') + chr(13)!r}" in refusal(tmp_path)


@pytest.mark.parametrize("sign", "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
def test_signs_that_only_some_programs_break_lines_at_are_kept(tmp_path, sign):
    name = f"a{sign}b"
    write_classes(tmp_path, {name: 5, "c": 5})
    write_plain(tmp_path / name / f"x{sign}y.png")
    data = load_folder(tmp_path)
    assert data.class_names == (name, "c")
    paths = {path for split in data.splits.values() for path in split.paths}
    assert f"{name}/x{sign}y.png" in paths


def test_spaces_around_a_class_name_are_kept(tmp_path):
    write_classes(tmp_path, {" wren": 5, "finch ": 5})
    assert load_folder(tmp_path).class_names == (" wren", "finch ")


@pytest.mark.parametrize("name", [" ", "\u00a0", "\u200b"])
def test_a_blank_class_name_is_refused(tmp_path, name):
    write_classes(tmp_path, {name: 5, "b": 5})
    assert f"rename the class {name!r}" in refusal(tmp_path)
    assert "its name is blank" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("one", "other", "what"),
    [
        ("Zaunk\u00f6nig", "Zaunko\u0308nig", "Unicode normal form (NFC, NFD)"),
        ("Audi", "audi", "upper and lower case"),
        ("audi", "audi ", "spaces or invisible characters"),
        ("audi", "au\u200bdi", "spaces or invisible characters"),
        ("Zaunk\u00f6nig", "zaunko\u0308nig", "Unicode normal form (NFC, NFD) and in upper"),
    ],
)
def test_class_names_that_look_alike_are_refused(tmp_path, one, other, what):
    write_classes(tmp_path / "whole", {one: 5, other: 5, "c": 5})
    write_classes(tmp_path / "split/train", {one: 2, "c": 2})
    write_classes(tmp_path / "split/test", {other: 1, "c": 1})
    for folder in ("whole", "split"):
        message = refusal(tmp_path / folder)
        assert f"which differ only in {what}" in message
        # In the test split it is no class that train lacks.
        assert "lacks" not in message


def test_letters_may_differ_in_case_alone(tmp_path):
    write_classes(tmp_path, {"a": 5, "A": 5})
    assert load_folder(tmp_path).class_names == ("A", "a")


def test_a_locale_that_can_not_read_names_is_told(tmp_path):
    (tmp_path / "M\xfcller").mkdir()
    code = (
        "import os, pathlib, sys\n"
        "from fgmix.data.sources.names import require_storable\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "require_storable(folder, os.listdir(folder))\n"
    )
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

    def error(**variables):
        process = subprocess.run(
            [sys.executable, "-c", code, tmp_path],
            env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
            capture_output=True,
            text=True,
        )
        return process.stderr

    said = error(**plain)
    assert "takes the names of files to be ascii here" in said
    assert "set PYTHONUTF8=1" in said
    assert error(**{**plain, "PYTHONUTF8": "1"}) == ""
    (tmp_path / os.fsdecode(b"\xff")).mkdir()
    assert "is not UTF-8" in error(**{**plain, "PYTHONUTF8": "1"})
