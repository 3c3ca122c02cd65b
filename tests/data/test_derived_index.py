"""The index of derived files: what it keeps, and when an entry no longer counts."""

import logging
import os

import pytest

from fgmix.data.derived_index import DerivedIndex, Entry
from fgmix.data.identity import identify


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
    assert index.file.read_text().splitlines()[0] == "path,bytes,digest,row,crc32"


def test_an_entry_counts_while_its_photo_has_the_content_it_had(index, photo):
    entries = {photo.name: Entry(identify(photo), (0, 0))}
    index.write(entries)
    assert index.current([photo.name, "other.jpg"]) == entries
    os.utime(photo, ns=(0, 1))
    assert index.current([photo.name]) == entries
    photo.write_bytes(b"phot0")
    os.utime(photo, ns=(0, 1))
    assert index.current([photo.name]) == {}
    photo.unlink()
    assert index.current([photo.name]) == {}


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


def test_an_index_that_knows_times_is_not_used(index, photo, caplog):
    index.file.write_text(f"path,bytes,mtime_ns,row,crc32\n{photo.name},5,1,0,0\n")
    with caplog.at_level(logging.INFO, "fgmix"):
        assert index.read() == {}
    assert "index.csv is of an older version: it is made again" in caplog.text
