"""The page in a browser: `fgmix app` in one process, Chromium in another."""

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from fgmix.runs.run import Run
from fgmix.serving.predict import predict_files
from tests.browser import DESKTOP, PHONE, browsing, open_page
from tests.trained_runs import CLASSES

pytestmark = pytest.mark.peers

# The command, in a process that logs every address that it connects to or looks up.
RECORDED = """
import socket, sys
from fgmix.__main__ import main
from fgmix.cli.main import run
log = open(sys.argv.pop(1), "a", buffering=1)
def note(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        print(event, arguments[-1] if event == "socket.connect" else arguments[0], file=log)
sys.addaudithook(note)
socket.getaddrinfo("127.0.0.1", 0)  # shows that the hook works
sys.exit(run(main))
"""


@pytest.fixture(scope="module")
def app(finished, tmp_path_factory):
    """The address of a running page, its upload folder, and the addresses that it contacted."""
    pytest.importorskip("gradio", reason="gradio is not installed")
    folder = tmp_path_factory.mktemp("app")
    asked = folder / "asked.txt"
    command = [sys.executable, "-c", RECORDED, str(asked)]
    command += ["app", "--model", str(finished), "--port", "0", "--max-mb", "1"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(folder)},
    ) as process:
        line = process.stdout.readline()
        try:
            url = re.search(r"http://127\.0\.0\.1:\d+", line).group()
            yield url, folder, asked
        finally:
            process.terminate()
            process.wait(30)
        assert not list(folder.glob("fgmix-app-*"))


@pytest.fixture(scope="module")
def browser():
    with browsing() as running:
        yield running


def send(tab, files):
    tab.page.set_input_files("input[type=file]", files)


def own_errors(tab):
    """Returns the page's errors except one of Gradio's, whose script queries an upload that has
    ended."""
    return [e for e in tab.errors if "/upload_progress" not in e and not e.startswith("Response")]


@pytest.mark.parametrize(("size", "dark"), [(PHONE, False), (DESKTOP, True)])
def test_a_photo_gets_its_answer(app, browser, finished, photos, size, dark):
    url, folder, asked = app
    path = photos / "test" / "red" / "photo1.jpg"
    [expected] = predict_files(Run.open(finished), [path])
    tab = open_page(browser, url, size, dark)
    send(tab, path)
    tab.page.wait_for_selector(".answer h2")
    first = f"{expected['label']}, {expected['probability']:.1%}"
    assert tab.page.inner_text(".answer h2") == first
    rows = tab.page.locator(".classes tbody tr").all_inner_texts()
    assert [row.split()[0] for row in rows] == [label for label, _ in expected["top"]]
    pictures = tab.page.locator(".pictures img")
    assert pictures.count() == 2
    for picture in pictures.all():
        assert picture.get_attribute("alt")
        assert picture.evaluate("image => image.complete && image.naturalWidth") == 40
    assert not tab.is_wider_than_its_window()
    assert own_errors(tab) == []
    # Neither the page nor its process contacted another host, and nothing is kept.
    assert tab.requests_elsewhere(url) == []
    assert {"127.0.0.1" in line for line in asked.read_text().splitlines()} == {True}
    [uploads] = folder.glob("fgmix-app-*")
    deadline = time.monotonic() + 20  # a photo is removed after its answer was sent
    while kept := [p for p in uploads.rglob("*") if p.is_file() and p.stat().st_size]:
        assert time.monotonic() < deadline, kept
        time.sleep(0.1)
    # The next photo works without removing the first.
    send(tab, photos / "test" / "blue" / "photo0.png")
    # Not its name in the upload field: a page that is closed before its answer leaves the upload.
    tab.page.wait_for_selector(".answer .hint:has-text('photo0.png')")
    tab.page.close()


def test_what_is_no_photo_gets_a_sentence(app, browser, photos):
    tab = open_page(browser, app[0])
    send(tab, {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no photo"})
    tab.page.wait_for_selector("[role=alert]")
    assert "notes.txt can't be read: not an image." in tab.page.inner_text("[role=alert]")
    whole = (photos / "test" / "red" / "photo1.jpg").read_bytes()
    send(tab, {"name": "cut.jpg", "mimeType": "image/jpeg", "buffer": whole[:300]})
    tab.page.wait_for_selector("text=cut.jpg can't be read")
    large = {"name": "large.jpg", "mimeType": "image/jpeg", "buffer": bytes(3 << 19)}
    send(tab, large)
    tab.page.wait_for_selector("text=exceed the maximum allowed size of 1.0 Mb")
    assert own_errors(tab) == []
    tab.page.close()


def test_an_upload_that_passes_the_browser_by_is_limited_too(app):
    body = (
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
        + bytes(3 << 19)
        + b"\r\n--x--\r\n"
    )
    request = urllib.request.Request(
        f"{app[0]}/gradio_api/upload",
        body,
        {"Content-Type": "multipart/form-data; boundary=x"},
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=30)
    assert caught.value.code == 413


def test_another_sites_name_is_refused(app):
    request = urllib.request.Request(app[0], headers={"Host": "attacker.example"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=30)
    assert caught.value.code == 400


def test_the_classes_are_listed(app, browser):
    tab = open_page(browser, app[0], PHONE)
    tab.page.click("summary")
    for name in CLASSES:
        assert name in tab.page.inner_text("details")
    assert tab.page.title().startswith("finished")
    tab.page.close()
