"""Archives: the photos of every kind, and what is refused before anything is written."""

import io
import stat
import tarfile
import zipfile

import pytest

from fgmix.data.importing import archive as module
from fgmix.data.importing.archive import open_archive
from fgmix.errors import FgmixError

FILES = {"set/audi/1.jpg": b"one", "set/bmw/2.heic": b"two", "set/notes.txt": b"three"}
TARS = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.bz2": "w:bz2", ".tar.xz": "w:xz"}


def never(key):
    return False


def write_archive(path, files=FILES):
    """Writes an archive of the kind that its suffix says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    buffer = io.BytesIO()
    suffix = "".join(path.suffixes)
    with tarfile.open(fileobj=buffer, mode=TARS.get(suffix, "w")) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    content = buffer.getvalue()
    if path.suffix == ".zst":
        import pyarrow as pa

        content = pa.Codec("zstd").compress(content, asbytes=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("suffix", [".zip", *TARS, ".tar.zst"])
def test_the_photos_of_every_kind_are_read_with_their_classes(tmp_path, suffix):
    source = open_archive(write_archive(tmp_path / f"photos{suffix}"))
    assert [tuple(photo)[:5] for photo in source.photos(never)] == [
        ("set/audi/1.jpg", "1.jpg", b"one", "audi", ""),
        ("set/bmw/2.heic", "2.heic", b"two", "bmw", ""),
    ]
    assert (source.total, source.num_bytes) == (2, 6)
    assert source.left_out == ("1 file that is no photo (1 .txt)",)


def test_what_is_done_is_not_read_again(tmp_path):
    source = open_archive(write_archive(tmp_path / "a.tar"))
    [photo] = source.photos(lambda key: key == "set/audi/1.jpg")
    assert photo.key == "set/bmw/2.heic"


def test_the_content_tells_one_archive_from_another(tmp_path):
    one = open_archive(write_archive(tmp_path / "a.zip")).identity
    same = open_archive(write_archive(tmp_path / "b.zip")).identity
    other = open_archive(write_archive(tmp_path / "c.zip", FILES | {"set/a/3.png": b"x"})).identity
    assert one == same
    assert one != other


def test_files_of_the_same_path_are_all_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a/1.jpg", b"one")
        with pytest.warns(UserWarning):
            archive.writestr("a/1.jpg", b"two")
        archive.writestr("b/1.jpg", b"three")
    photos = list(open_archive(tmp_path / "a.zip").photos(never))
    assert [(photo.name, photo.content, photo.label) for photo in photos] == [
        ("1.jpg", b"one", "a"),
        ("1.jpg", b"two", "a"),
        ("1.jpg", b"three", "b"),
    ]


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
@pytest.mark.parametrize(
    "name", ["../1.jpg", "/etc/1.jpg", "a/../../1.jpg", "C:/1.jpg", "..\\1.jpg"]
)
def test_a_path_outside_is_refused(tmp_path, suffix, name):
    path = write_archive(tmp_path / f"photos{suffix}", {"a/1.jpg": b"x", name: b"y"})
    with pytest.raises(FgmixError, match="names a file outside of itself"):
        open_archive(path)


def test_links_and_devices_are_left_out(tmp_path):
    path = tmp_path / "photos.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("a/1.jpg")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))
        for number, kind in enumerate((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE)):
            link = tarfile.TarInfo(f"a/link{number}.jpg")
            link.type, link.linkname = kind, "/etc/passwd"
            archive.addfile(link)
    source = open_archive(path)
    assert [photo.key for photo in source.photos(never)] == ["a/1.jpg"]
    assert source.left_out == ("3 link(s) or device(s)",)


def test_links_in_a_zip_are_left_out(tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("a/1.jpg", b"x")
        link = zipfile.ZipInfo("a/2.jpg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert [p.key for p in open_archive(tmp_path / "photos.zip").photos(never)] == ["a/1.jpg"]


@pytest.mark.parametrize("suffix", [".zip", ".tar.xz"])
def test_a_bomb_is_refused_with_its_size(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(module, "HARMLESS_BYTES", 1_000_000)
    path = tmp_path / f"bomb{suffix}"
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a/1.jpg", bytes(5_000_000))
    else:
        write_archive(path, {"a/1.jpg": bytes(5_000_000)})
    with pytest.raises(FgmixError, match=r"announces at least 5\.000 MB in an archive of 0\.00"):
        open_archive(path)


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tar"])
def test_a_damaged_archive_is_named(tmp_path, suffix):
    path = write_archive(tmp_path / f"photos{suffix}", {"a/1.jpg": bytes(range(256)) * 40})
    path.write_bytes(path.read_bytes()[: 60 if suffix != ".tar" else 700])
    with pytest.raises(FgmixError, match=f"can't read the archive {path}"):
        list(open_archive(path).photos(never))


def test_damage_to_a_photo_in_a_zip_is_found(tmp_path):
    path = write_archive(tmp_path / "photos.zip")
    path.write_bytes(path.read_bytes().replace(b"one", b"ONE", 1))
    source = open_archive(path)
    with pytest.raises(FgmixError, match=r"can't read the archive .*Bad CRC-32"):
        list(source.photos(never))


def test_an_archive_without_photos_says_what_it_holds(tmp_path):
    path = write_archive(tmp_path / "a.zip", {"a/1.txt": b"x"})
    with pytest.raises(FgmixError, match=r"holds no photo to import \(1 file that is no photo"):
        open_archive(path)
