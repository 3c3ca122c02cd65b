"""An image is known by its content, whatever its name, size and times are."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from fgmix.data import identity
from fgmix.data.identity import Identity, identify, identify_all


def write(file: Path, content: bytes) -> Path:
    """Writes a file whose times say nothing of its content."""
    file.write_bytes(content)
    os.utime(file, (315532800, 315532800))
    return file


@pytest.fixture
def reads(monkeypatch):
    """Makes every file look settled, and counts the digests that are computed."""
    monkeypatch.setattr(identity, "SETTLED_NS", -(10**12))
    made = []
    blake2b = hashlib.blake2b

    def count(**options):
        made.append(options)
        return blake2b(**options)

    monkeypatch.setattr(identity.hashlib, "blake2b", count)
    return made


def test_the_identity_is_size_and_digest(tmp_path):
    content = os.urandom(3_000_000)
    expected = hashlib.blake2b(content, digest_size=16).hexdigest()
    assert identify(write(tmp_path / "a.jpg", content)) == Identity(3_000_000, expected)


def test_an_edit_that_keeps_size_and_time_is_noticed(tmp_path):
    before = identify(write(tmp_path / "a.jpg", b"one"))
    assert identify(write(tmp_path / "a.jpg", b"two")) != before


def test_files_that_swap_names_are_noticed(tmp_path, reads):
    for name in "ab":
        (tmp_path / name).mkdir()
        write(tmp_path / name / "0.bmp", name.encode())
    one, two = (identify(tmp_path / name / "0.bmp") for name in "ab")
    for old, new in (("a", "c"), ("b", "a"), ("c", "b")):
        (tmp_path / old).rename(tmp_path / new)
    assert [identify(tmp_path / name / "0.bmp") for name in "ab"] == [two, one]


@pytest.mark.skipif(os.name != "posix", reason="elsewhere, files are read each time")
def test_a_file_is_read_again_only_if_it_may_have_changed(tmp_path, reads):
    file = write(tmp_path / "a.jpg", b"one")
    first = identify(file)
    assert identify(file) == first
    assert len(reads) == 1
    time.sleep(0.05)  # times move in steps of the kernel's clock
    write(file, b"two")
    assert identify(file) != first
    assert len(reads) == 2


def test_a_file_that_has_just_changed_is_read_each_time(tmp_path, reads, monkeypatch):
    monkeypatch.setattr(identity, "SETTLED_NS", 10**12)
    file = write(tmp_path / "a.jpg", b"one")
    assert identify(file) == identify(file)
    assert len(reads) == 2


def test_missing_files_have_no_identity(tmp_path):
    write(tmp_path / "a.jpg", b"one")
    found = identify_all(tmp_path, ["b.jpg", "a.jpg"])
    assert found == {"b.jpg": None, "a.jpg": identify(tmp_path / "a.jpg")}
    assert list(found) == ["b.jpg", "a.jpg"]
    with pytest.raises(FileNotFoundError):
        identify(tmp_path / "b.jpg")
