"""Sets on the Hugging Face hub, served by a loopback server in its place."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import unquote, urlsplit

import pytest

from fgmix.data.importing.hub import open_hub
from fgmix.data.importing.source import Columns
from fgmix.errors import FgmixError
from tests.data.importing.shards import write_shard

pytest.importorskip("huggingface_hub", reason="pip install 'fgmix[hub]'")

COMMIT, OTHER = "a" * 40, "b" * 40


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does for the files below `root/REPO/COMMIT`."""

    root = None
    cards: ClassVar[dict] = {}
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        if path.startswith("/api/datasets/"):
            repo, _, revision = path.removeprefix("/api/datasets/").partition("/revision/")
            commit = {"": COMMIT, "main": COMMIT, "refs/convert/parquet": OTHER}.get(revision)
            if not (self.root / repo).is_dir():
                return self.answer(401 if "secret" in repo else 404, b"{}", "RepoNotFound")
            if "gated" in repo:
                return self.answer(403, b"{}", "GatedRepo")
            if commit is None or not (self.root / repo / commit).is_dir():
                return self.answer(404, b"{}", "RevisionNotFound")
            base = self.root / repo / commit
            files = [p.relative_to(base).as_posix() for p in base.rglob("*") if p.is_file()]
            found = {
                "id": repo,
                "sha": commit,
                "tags": [],
                "cardData": self.cards.get(repo),
                "siblings": [{"rfilename": name} for name in files],
            }
            return self.answer(200, json.dumps(found).encode())
        repo, _, rest = path.removeprefix("/datasets/").partition("/resolve/")
        content = (self.root / repo / rest).read_bytes()
        return self.answer(200, content)

    def answer(self, status, content, error=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hash(content):x}"')
        self.send_header("X-Repo-Commit", COMMIT)
        if error:
            self.send_header("X-Error-Code", error)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The folder that a loopback hub serves."""
    Hub.root, Hub.cards = tmp_path / "hub", {}
    Hub.root.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    yield Hub.root
    server.shutdown()
    server.server_close()


def read(address):
    source = open_hub(address, Columns())
    return source, [(p.split, p.label) for p in source.photos(lambda key: False)]


def test_a_set_is_read_with_its_splits_classes_and_licence(hub):
    for split, labels in (("train", [0, 1]), ("test", [2])):
        write_shard(hub / f"me/cars/{COMMIT}/data/{split}-00000-of-00001.parquet", labels)
    Hub.cards["me/cars"] = {"license": "cc-by-4.0"}
    source, photos = read("hf://datasets/me/cars")
    assert photos == [("test", "C/V"), ("train", "audi"), ("train", "bmw")]
    assert source.licence == "cc-by-4.0"
    assert source.location == "hf://datasets/me/cars"
    assert source.identity == {"revision": COMMIT, "config": "default"}


def test_a_set_that_is_not_in_parquet_is_read_from_the_hubs_copy(hub):
    (hub / f"me/zips/{COMMIT}").mkdir(parents=True)
    (hub / f"me/zips/{COMMIT}/photos.zip").write_bytes(b"x")
    for split in ("partial-train", "test"):
        write_shard(hub / f"me/zips/{OTHER}/default/{split}/0000.parquet", [0])
    source, photos = read("hf://datasets/me/zips")
    assert photos == [("train", "audi"), ("test", "audi")]
    assert source.identity["revision"] == OTHER
    assert source.licence is None
    assert source.notes[:2] == (
        "its Parquet copy was read, which the hub made of it",
        "the hub's copy holds only the first 5 GB of it",
    )


def test_the_card_says_which_shards_are_which(hub):
    for name in ("big/part-0", "big/part-1", "small/a", "small/b"):
        write_shard(hub / f"me/two/{COMMIT}/{name}.parquet", [0 if "0" in name else 1])
    Hub.cards["me/two"] = {
        "license": ["mit"],
        "configs": [
            {"config_name": "small", "data_files": "small/*"},
            {
                "config_name": "big",
                "default": True,
                "data_files": [
                    {"split": "train", "path": ["big/part-0.parquet"]},
                    {"split": "validation", "path": "big/part-1*"},
                ],
            },
        ],
    }
    source, photos = read("hf://datasets/me/two")
    assert (source.identity["config"], source.licence) == ("big", "mit")
    assert photos == [("train", "audi"), ("val", "bmw")]
    source, photos = read("hf://datasets/me/two:small")
    assert photos == [("", "bmw"), ("", "bmw")]
    source, _ = read("hf://datasets/me/two@main:small")
    assert source.identity == {"revision": COMMIT, "config": "small"}


def test_a_config_has_to_be_chosen_where_none_is_the_default(hub):
    for name in ("a", "b"):
        write_shard(hub / f"me/two/{COMMIT}/{name}/train-0.parquet", [0])
    with pytest.raises(FgmixError, match=r"several configs: give .*NAME:CONFIG, one of a, b"):
        read("hf://datasets/me/two")
    with pytest.raises(FgmixError, match=r"no config 'aa' \(did you mean a\?\): it has a, b"):
        read("hf://datasets/me/two:aa")
    assert read("hf://datasets/me/two:b")[1] == [("", "audi")]


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("hf://models/me/cars", "is no address of a data set: give hf://datasets/OWNER/NAME"),
        ("hf://datasets/me/nothing", "there is no data set me/nothing on the hub, or it is priv"),
        ("hf://datasets/me/secret", "there is no data set me/secret on the hub, or it is private"),
        ("hf://datasets/me/gated", "asks to accept its terms: do so on https://huggingface.co/"),
        ("hf://datasets/me/empty", "has no Parquet files on the hub: download its files"),
        ("hf://datasets/me/empty@v9", "has no revision 'v9'"),
    ],
)
def test_what_cant_be_read_is_one_line(hub, address, message):
    for name in ("gated", "empty"):
        (hub / f"me/{name}/{COMMIT}").mkdir(parents=True)
    with pytest.raises(FgmixError, match=message) as caught:
        read(address)
    assert "\n" not in str(caught.value)


def test_without_network_it_says_what_to_do(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(FgmixError, match=r"can't read me/cars from the hub \(.*Parquet files from"):
        read("hf://datasets/me/cars")


def test_without_its_group_it_names_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(FgmixError, match=r"pip install 'fgmix\[hub\]'"):
        read("hf://datasets/me/cars")
