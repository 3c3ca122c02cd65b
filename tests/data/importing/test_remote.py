"""Sources elsewhere: buckets, the web and Kaggle, by fsspec's memory and a loopback server."""

import sys

import fsspec
import pytest

from fgmix.data.importing.remote import KAGGLE_VARIABLE
from fgmix.data.importing.run import import_photos
from fgmix.errors import FgmixError
from tests.data.importing.pictures import encode, smooth
from tests.data.importing.test_archive import write_archive
from tests.server import Server, running

FILES = {f"set/{label}/{n}.png": encode(smooth(seed=n), "PNG") for label in "ab" for n in range(2)}
MADE = ["a/0.png", "a/1.png", "b/0.png", "b/1.png", "labels.csv", "source.json"]


def made(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.fixture
def bucket():
    """A bucket in memory with the photos as files and as an archive."""
    files = fsspec.filesystem("memory")
    for name, content in FILES.items():
        files.pipe_file(f"/bucket/{name}", content)
    yield files
    files.rm("/bucket", recursive=True)


def test_a_folder_of_a_bucket_is_read(bucket, tmp_path):
    note = import_photos("memory://bucket/set", tmp_path / "out").note
    assert made(tmp_path / "out") == MADE
    assert note["source"] == "memory://bucket/set"
    assert (tmp_path / "out/a/1.png").read_bytes() == FILES["set/a/1.png"]


def test_an_archive_in_a_bucket_is_read_and_not_kept(bucket, tmp_path):
    archive = write_archive(tmp_path / "photos.tar.gz", FILES)
    bucket.pipe_file("/bucket/photos.tar.gz", archive.read_bytes())
    import_photos("memory://bucket/photos.tar.gz", tmp_path / "out")
    assert made(tmp_path / "out") == MADE
    bucket.rm("/bucket/photos.tar.gz")
    assert import_photos("memory://bucket/photos.tar.gz", tmp_path / "out").was_there


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("memory://bucket/no.zip", "there is no memory://bucket/no.zip"),
        ("memory://bucket/notes", "is no folder, and no archive or Parquet file by its name"),
        ("https://example.com/page", "is no archive or Parquet file by its name"),
        ("kaggle://owner", "is no data set of Kaggle: give kaggle://OWNER/NAME"),
        ("gss://bucket/a.zip", r"unknown kind of source gss:// \(did you mean gs://\?\)"),
    ],
)
def test_what_is_not_there_is_one_line(bucket, tmp_path, source, message):
    with pytest.raises(FgmixError, match=message):
        import_photos(source, tmp_path / "out")


@pytest.mark.parametrize(("scheme", "package"), [("gs", "gcsfs"), ("s3", "s3fs")])
def test_a_missing_driver_is_named(tmp_path, monkeypatch, scheme, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(FgmixError, match=f"{scheme}:// needs the package {package}: pip install"):
        import_photos(f"{scheme}://bucket/photos.zip", tmp_path / "out")


def test_an_archive_on_the_web_is_downloaded(tmp_path):
    with running(Server()) as server:
        server.files["photos.zip"] = write_archive(tmp_path / "photos.zip", FILES).read_bytes()
        import_photos(f"{server.url}/photos.zip", tmp_path / "out")
        assert made(tmp_path / "out") == MADE
        server.files["photos.tar"] = b"damaged"
        with pytest.raises(FgmixError, match=r"can't read the archive .*photos\.tar"):
            import_photos(f"{server.url}/photos.tar", tmp_path / "again")
        server.files["photos.tar"] = write_archive(tmp_path / "photos.tar", FILES).read_bytes()
        import_photos(f"{server.url}/photos.tar", tmp_path / "again")
        assert made(tmp_path / "again") == MADE
        with pytest.raises(FgmixError, match=r"can't download .*nothing\.zip"):
            import_photos(f"{server.url}/nothing.zip", tmp_path / "other")


def test_a_set_of_kaggle_is_downloaded_as_a_zip(tmp_path, monkeypatch):
    with running(Server()) as server:
        server.files["me/birds"] = write_archive(tmp_path / "birds.zip", FILES).read_bytes()
        monkeypatch.setenv(KAGGLE_VARIABLE, server.url)
        note = import_photos("kaggle://me/birds", tmp_path / "out").note
        assert note["source"] == "kaggle://me/birds"
        assert made(tmp_path / "out") == MADE
        with pytest.raises(
            FgmixError, match=r"download it from https://www\.kaggle\.com/datasets/"
        ):
            import_photos("kaggle://me/fish", tmp_path / "other")
