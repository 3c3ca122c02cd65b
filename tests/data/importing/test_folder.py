"""A local folder: what is read, and what tells it from a changed one."""

import os

import pytest

from fgmix.data.importing.folder import open_folder
from fgmix.errors import FgmixError
from tests.pictures import write_plain


def test_photos_in_all_formats_are_read_with_splits_and_classes(tmp_path):
    for name in ("train/a/1.png", "train/b/2.tiff", "test/a/3.jp2"):
        write_plain(tmp_path / name)
    (tmp_path / "train" / "a" / "4.cr2").write_bytes(b"raw")
    source = open_folder(tmp_path)
    found = [(p.key, p.name, p.split, p.label) for p in source.photos(lambda key: False)]
    assert found == [
        ("test/a/3.jp2", "3.jp2", "test", "a"),
        ("train/a/1.png", "1.png", "train", "a"),
        ("train/b/2.tiff", "2.tiff", "train", "b"),
    ]
    assert source.left_out == ("1 photo in formats that are not read (1 .cr2)",)
    [last] = source.photos(lambda key: "b/2" not in key)
    assert last.content == (tmp_path / "train/b/2.tiff").read_bytes()


def test_a_change_is_noticed(tmp_path):
    file = write_plain(tmp_path / "a" / "1.png")
    before = open_folder(tmp_path).identity
    assert open_folder(tmp_path).identity == before
    os.utime(file, (1, 1))
    assert open_folder(tmp_path).identity != before


def test_a_folder_without_photos_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(FgmixError, match=r"holds no photo to import \(1 file that is no photo"):
        open_folder(tmp_path)
