"""Downloads from a local server: complete, interrupted, resumed, damaged, refused."""

import hashlib
import threading
from pathlib import Path

import pytest

from fgmix.data.sources.download import ATTEMPTS, download, matches
from fgmix.errors import FgmixError
from tests.server import serving

CONTENT = bytes(range(256)) * 4000
CHECKSUM = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server():
    with serving() as server:
        server.files["photos.tgz"] = CONTENT
        yield server


@pytest.fixture
def fetch(server, tmp_path):
    """Downloads the server's file; returns its content."""

    def fetch(checksum=CHECKSUM, name="photos.tgz"):
        target = tmp_path / "data" / name
        return download(f"{server.url}/{name}", target, checksum).read_bytes()

    return fetch


def refusal(fetch, *args):
    with pytest.raises(FgmixError) as caught:
        fetch(*args)
    message = str(caught.value)
    assert "\n" not in message
    assert "photos.tgz" in message
    return message


def visible(folder: Path):
    return [path.name for path in folder.iterdir() if not path.name.startswith(".")]


def test_a_file_comes_whole_and_is_checked(fetch, tmp_path):
    assert fetch() == CONTENT
    assert visible(tmp_path / "data") == ["photos.tgz"]
    assert not list((tmp_path / "data").glob("*.part"))


def test_a_file_that_is_there_is_not_downloaded_again(fetch, server):
    fetch()
    fetch()
    assert server.ranges == [None]


def test_md5_is_a_checksum_too(fetch):
    assert fetch("md5:" + hashlib.md5(CONTENT).hexdigest()) == CONTENT


def test_a_broken_connection_is_resumed_where_it_broke(fetch, server):
    server.stop_after = [100_000, 300_000]
    assert fetch() == CONTENT
    assert server.ranges == [None, "bytes=100000-", "bytes=400000-"]


def test_a_download_is_resumed_in_the_next_call(fetch, server, tmp_path):
    server.stop_after = [100_000] + [0] * ATTEMPTS
    message = refusal(fetch)
    assert "0.1 MB received" in message
    assert "run the command again to resume" in message
    assert visible(tmp_path / "data") == []

    server.stop_after = []
    server.ranges.clear()
    assert fetch() == CONTENT
    assert server.ranges == ["bytes=100000-"]


def test_a_connection_that_keeps_breaking_is_given_up(fetch, server):
    server.stop_after = [1000] * 100
    refusal(fetch)
    assert len(server.ranges) == ATTEMPTS


def test_a_server_without_range_sends_all_of_it_again(fetch, server):
    server.take_ranges = False
    server.stop_after = [100_000]
    assert fetch() == CONTENT
    assert server.ranges == [None, "bytes=100000-"]


def test_a_part_that_was_complete_is_only_checked(fetch, tmp_path):
    part = tmp_path / "data" / ".photos.tgz.part"
    part.parent.mkdir()
    part.write_bytes(CONTENT)
    assert fetch() == CONTENT


def test_another_file_than_the_published_one_is_removed(fetch, server, tmp_path):
    server.files["photos.tgz"] = CONTENT[:-1] + b"?"
    message = refusal(fetch)
    assert "not the published file" in message
    assert "sha256 differs" in message
    assert visible(tmp_path / "data") == []
    server.files["photos.tgz"] = CONTENT
    assert fetch() == CONTENT
    assert server.ranges == [None, None]


def test_a_part_of_another_file_is_replaced(fetch, tmp_path):
    part = tmp_path / "data" / ".photos.tgz.part"
    part.parent.mkdir()
    part.write_bytes(b"another")
    refusal(fetch)
    assert fetch() == CONTENT


def test_a_missing_file_is_reported_with_its_status(fetch, server):
    server.files.clear()
    message = refusal(fetch)
    assert "HTTP 404" in message
    assert server.url in message


def test_a_web_page_is_not_taken_for_the_file(fetch, server, tmp_path):
    server.content_type = "text/html; charset=utf-8"
    assert "web page" in refusal(fetch)
    assert visible(tmp_path / "data") == []


def test_no_connection_is_one_line(tmp_path):
    with serving() as gone:
        url = gone.url
    target = tmp_path / "photos.tgz"
    message = refusal(lambda: download(f"{url}/photos.tgz", target, CHECKSUM))
    assert url in message
    assert str(target) in message


def test_a_folder_that_cannot_be_written_to_is_one_line(server, tmp_path):
    (tmp_path / "file").write_text("no folder")
    target = tmp_path / "file" / "photos.tgz"
    with pytest.raises(FgmixError, match=r"can.t write to .*; choose"):
        download(f"{server.url}/photos.tgz", target, CHECKSUM)


def test_two_that_want_the_same_file_download_it_once(fetch, server):
    results = []
    threads = [threading.Thread(target=lambda: results.append(fetch())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [CONTENT, CONTENT]
    assert server.ranges == [None]


def test_matches_compares_checksums(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    assert matches(path, CHECKSUM)
    assert not matches(path, "sha256:" + "0" * 64)
