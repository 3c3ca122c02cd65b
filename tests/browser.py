"""Headless Chromium for tests of pages, with a record of their errors and requests."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

PHONE, DESKTOP = (390, 844), (1280, 900)
NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Tab:
    """An open page in the browser.

    Attributes:
        page: Playwright's page.
        errors: Every error so far: of a script, in the console, of the network.
        requests: The address of every request so far, `data:` and `blob:` left out.
    """

    page: Any
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def requests_elsewhere(self, own: str) -> list[str]:
        """Returns the requests to other addresses than the page's own."""
        return [url for url in self.requests if not url.startswith(own)]

    def is_wider_than_its_window(self) -> bool:
        """Returns whether the page is wider than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth > innerWidth")


def find_chromium() -> str | None:
    """Returns the path of a working Chromium, if there is one."""
    for path in filter(None, map(shutil.which, NAMES)):
        # On some systems the command only says that the browser is not installed.
        try:
            done = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)
        except subprocess.TimeoutExpired:
            continue
        if done.returncode == 0:
            return path
    return None


@contextmanager
def browsing() -> Iterator[Any]:
    """Returns a Playwright browser; skips the test if there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = find_chromium()
    if path is None:
        pytest.skip(f"no {', '.join(NAMES)} on this machine (apt-get install chromium)")
    # As root, for example in containers, Chromium does not start with its sandbox.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


def open_page(browser: Any, url: str, size: tuple[int, int] = DESKTOP, dark: bool = False) -> Tab:
    """Opens an address in a new tab.

    Args:
        browser: From `browsing`.
        url: The address; `file:///...` of a file.
        size: Width and height of the window, in CSS pixels.
        dark: Whether the reader prefers dark pages.
    """
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light"
    )
    tab = Tab(page)

    def note_request(request: Any) -> None:
        if not request.url.startswith(("data:", "blob:")):
            tab.requests.append(request.url)

    def note_message(message: Any) -> None:
        if message.type == "error":
            tab.errors.append(f"{message.text} ({message.location.get('url')})")

    page.on("request", note_request)
    page.on("console", note_message)
    page.on("pageerror", lambda error: tab.errors.append(str(error)))
    page.goto(url)
    return tab
