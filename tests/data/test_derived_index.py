"""The index of derived files: what it keeps, and when an entry no longer counts."""

import logging
import os

import pytest

from fgmix.data.derived_index import DerivedIndex, Entry, identify


@pytest.fixture
def index(tmp_path):
    return DerivedIndex(tmp_path / "index.csv", tmp_path, ("row", "crc32"), "it is made again")


@pytest.fixture
def photo(tmp_path):
    (tmp_path / "a, b.jpg").write_bytes(b"photo")
    return tmp_path / "a, b.jpg"


def test_what_is_written_is_read_again(index, photo):
    entries = {photo.name: Entry(identify(photo), (3, 2**32 - 1))}
    index.write(entries)
    assert index.read() == entries
    assert index.file.read_text().splitlines()[0] == "path,bytes,mtime_ns,row,crc32"


def test_an_entry_counts_while_its_photo_is_as_it_was(index, photo):
    entry = Entry(identify(photo), (0, 0))
    assert index.is_current(photo.name, entry)
    os.utime(photo, ns=(0, 1))
    assert not index.is_current(photo.name, entry)
    photo.unlink()
    assert not index.is_current(photo.name, entry)


def test_no_index_holds_nothing_and_is_no_news(index, caplog):
    with caplog.at_level(logging.INFO, "fgmix"):
        assert index.read() == {}
    assert caplog.text == ""


@pytest.mark.parametrize("content", [b"path,bytes\nx,1\n", b"\xff\xfe", b'path\n"', b"a\nb\n"])
def test_a_damaged_index_holds_nothing_and_is_reported(index, caplog, content):
    index.file.write_bytes(content)
    with caplog.at_level(logging.INFO, "fgmix"):
        assert index.read() == {}
    assert "index.csv is damaged" in caplog.text
    assert "it is made again" in caplog.text
