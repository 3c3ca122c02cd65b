"""Where ImageNet weights come from: Keras's cache, and a hub that this test serves."""

import hashlib
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fgmix.errors import FgmixError
from fgmix.models import BACKBONES
from fgmix.models.backbones.weight_sources import HubFile, KerasFile

ROOT = Path(__file__).parents[3]
KERAS = [name for name, entry in BACKBONES.items() if isinstance(entry.source, KerasFile)]
HUB = [name for name, entry in BACKBONES.items() if isinstance(entry.source, HubFile)]
CONTENT = b"what the hub holds"


# Keras's files


@pytest.mark.parametrize("name", KERAS)
def test_a_keras_file_is_the_one_that_keras_downloads(monkeypatch, tmp_path, name):
    from keras.src.utils import file_utils

    asked = []

    def get_file(fname, origin, **kwargs):
        asked.append((fname, origin, kwargs["cache_subdir"]))
        raise OSError("no network")

    monkeypatch.setattr(file_utils, "get_file", get_file)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(OSError, match="no network"):
        BACKBONES[name].build(224, "imagenet")
    (file, url, folder), source = asked[0], BACKBONES[name].source
    assert source.by_hand == url
    assert source.local() is None
    (tmp_path / folder).mkdir()
    (tmp_path / folder / file).touch()
    assert source.local() == tmp_path / folder / file


def test_without_keras_home_the_cache_is_in_the_users_home(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".keras/models").mkdir(parents=True)
    (tmp_path / ".keras/models/f.h5").touch()
    assert KerasFile("folder/f.h5", "MIT").local() == tmp_path / ".keras/models/f.h5"


# The hub's


class Hub(BaseHTTPRequestHandler):
    """Serves one file of one repository as the hub does, and records the requests."""

    def do_HEAD(self):
        self.server.asked.append(f"{self.command} {self.path}")
        known = self.path == "/timm/resnet50.tv_in1k/resolve/main/model.safetensors"
        self.send_response(200 if known else 404)
        if known:
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("ETag", f'"{hashlib.sha256(CONTENT).hexdigest()}"')
        else:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", str(len(CONTENT) if known else 0))
        self.end_headers()
        return known

    def do_GET(self):
        if self.do_HEAD():
            self.wfile.write(CONTENT)

    def log_message(self, *args):
        pass


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def address(server):
    return f"http://127.0.0.1:{server.server_address[1]}"


@pytest.fixture
def fetch(tmp_path):
    """Fetches a file in a process of its own: the package reads its settings when imported."""
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")

    def fetch(endpoint, repo="timm/resnet50.tv_in1k", call="fetch", **environment):
        script = (
            "import sys\nfrom fgmix.models.backbones.weight_sources import HubFile\n"
            f"print(HubFile(sys.argv[1], 'MIT').{call}())"
        )
        settings = {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "hf"), **environment}
        return subprocess.run(
            [sys.executable, "-c", script, repo],
            env={**os.environ, "PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1", **settings},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return fetch


@pytest.mark.slow
def test_a_file_is_fetched_once(fetch, hub):
    assert fetch(address(hub), call="local").stdout.strip() == "None"
    assert hub.asked == []
    done = fetch(address(hub))
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).read_bytes() == CONTENT
    assert "Retrying" not in done.stderr
    assert "GET /timm/resnet50.tv_in1k/resolve/main/model.safetensors" in hub.asked

    hub.asked.clear()
    for call in ("fetch", "local"):
        assert fetch(address(hub), call=call).stdout == done.stdout
    assert hub.asked == []


@pytest.mark.slow
def test_a_file_at_hand_needs_no_hub(fetch, hub):
    first = fetch(address(hub))
    again = fetch("http://127.0.0.1:9", HF_HUB_OFFLINE="1")
    assert again.returncode == 0, again.stderr
    assert again.stdout == first.stdout


def test_an_unreachable_hub_is_asked_once_and_quietly(fetch, hub):
    hub.shutdown()
    hub.server_close()  # so nobody listens at its port
    done = fetch(address(hub))
    assert done.returncode == 1
    assert "Connection refused" in done.stderr.splitlines()[-1]
    assert "Retrying" not in done.stderr


def test_an_unknown_repository_is_refused(fetch, hub):
    done = fetch(address(hub), repo="timm/nothing")
    assert done.returncode == 1
    assert "404" in done.stderr
    assert len([line for line in hub.asked if "/timm/nothing/" in line]) == 1


def test_without_the_package_its_group_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    source = HubFile("timm/resnet50.tv_in1k", "MIT")
    assert source.local() is None
    with pytest.raises(FgmixError, match=r"pip install 'fgmix\[hub\]'"):
        source.fetch()


@pytest.mark.parametrize("name", HUB)
def test_how_the_hubs_files_are_described(name):
    source = BACKBONES[name].source
    assert source.by_hand == f"model.safetensors of https://huggingface.co/{source.repo}"
    assert re.fullmatch(r"timm/\w+\.tv_in1k", source.repo)
    assert source.licence == "BSD-3-Clause"
