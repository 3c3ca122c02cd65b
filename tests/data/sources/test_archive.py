"""Unpacking: the result, what is refused, and that nothing incomplete is left."""

import io
import tarfile

import pytest

from fgmix.data.sources.archive import unpack_folder
from fgmix.errors import FgmixError
from tests.archives import pack, sha256


@pytest.fixture
def source(tmp_path):
    """A folder with a file at its top and one below."""
    folder = tmp_path / "photos"
    (folder / "images").mkdir(parents=True)
    (folder / "list.txt").write_text("one\n")
    (folder / "images" / "1.jpg").write_bytes(b"1")
    return folder


def refusal(archive, folder, checksum):
    with pytest.raises(FgmixError) as caught:
        unpack_folder(archive, folder, checksum)
    message = str(caught.value)
    assert "\n" not in message
    assert str(archive) in message
    assert [p.name for p in folder.parent.iterdir() if not p.name.endswith(".lock")] == []
    return message


@pytest.mark.parametrize("name", ["photos", "./photos", "other/"])
def test_the_folder_in_the_archive_gets_the_name_asked_for(source, tmp_path, name):
    checksum = pack(source, tmp_path / "photos.tgz", name)
    folder = unpack_folder(tmp_path / "photos.tgz", tmp_path / "data" / "birds", checksum)
    assert folder == tmp_path / "data" / "birds"
    assert (folder / "list.txt").read_text() == "one\n"
    assert (folder / "images" / "1.jpg").read_bytes() == b"1"


def test_a_folder_that_is_there_is_left_alone(source, tmp_path):
    before = source / "images" / "1.jpg"
    assert unpack_folder(tmp_path / "nowhere.tgz", source, "sha256:0") == source
    assert before.read_bytes() == b"1"


def test_another_archive_than_the_published_one_is_refused(source, tmp_path):
    pack(source, tmp_path / "photos.tgz")
    message = refusal(tmp_path / "photos.tgz", tmp_path / "data" / "photos", "sha256:" + "0" * 64)
    assert "not the published archive" in message


@pytest.mark.parametrize("keep", [0, 60, 200])
def test_a_damaged_archive_leaves_nothing(source, tmp_path, keep):
    archive = tmp_path / "photos.tgz"
    pack(source, archive)
    archive.write_bytes(archive.read_bytes()[:keep])
    assert "can't unpack" in refusal(archive, tmp_path / "data" / "photos", sha256(archive))


@pytest.mark.parametrize("name", ["photos/../../evil.txt", "photos/../../../evil.txt"])
def test_no_file_is_written_outside(tmp_path, name):
    archive = tmp_path / "photos.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = 4
        tar.addfile(member, io.BytesIO(b"evil"))
    refusal(archive, tmp_path / "data" / "photos", sha256(archive))
    assert not list(tmp_path.rglob("evil.txt"))


def test_what_a_killed_process_left_is_removed(source, tmp_path):
    checksum = pack(source, tmp_path / "photos.tgz")
    stale = tmp_path / "data" / ".birds.partial-999999"
    stale.mkdir(parents=True)
    (stale / "half.jpg").write_bytes(b"half")
    unpack_folder(tmp_path / "photos.tgz", tmp_path / "data" / "birds", checksum)
    assert not stale.exists()
