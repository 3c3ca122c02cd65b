"""One-line errors before the page is served."""

import socket
import sys

import pytest

from fgmix.app.server import is_loopback, listen
from fgmix.cli.app import main
from fgmix.cli.main import run
from fgmix.errors import FgmixError


def refused(capsys, *argv):
    assert run(main, [str(arg) for arg in argv]) == 2
    [line] = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("flags", "part"),
    [
        (["--port", 70000], "--port 70000"),
        (["--max-mb", 0], "--max-mb 0"),
        (["--port", "x"], "--port"),
        ([], "not a run"),
    ],
)
def test_bad_flags_are_one_line(capsys, tmp_path, flags, part):
    assert part in refused(capsys, "--model", tmp_path, *flags)


def test_a_missing_gradio_names_the_group(capsys, finished, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    line = refused(capsys, "--model", finished, "--port", 0)
    assert "pip install 'fgmix[app]'" in line


def test_a_taken_port_is_one_line(capsys, finished):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert f"port {port}" in refused(capsys, "--model", finished, "--port", port)


def test_a_host_that_is_not_this_machine_is_refused():
    with pytest.raises(FgmixError, match=r"192\.0\.2\.1"):
        listen("192.0.2.1", 0)


@pytest.mark.parametrize(
    ("host", "answer"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("a.b", False)],
)
def test_loopback(host, answer):
    assert is_loopback(host) is answer


def test_an_address_with_colons_is_named_in_brackets():
    from fgmix.app.server import _hosts

    assert _hosts("::1")[-1] == "[::1]"
    assert _hosts("LocalHost")[-1] == "localhost"
