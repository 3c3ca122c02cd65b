"""A local web server for tests of downloads, which can simulate failures."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

AnyServer = TypeVar("AnyServer", bound=ThreadingHTTPServer)


class Server(ThreadingHTTPServer):
    """Serves `files` (path -> content) and records the `Range` of every request.

    Attributes:
        files: What it serves.
        ranges: The `Range` header of every request so far, None where there was none.
        take_ranges: Whether it answers `Range` requests with a part of the file.
        stop_after: The number of bytes after which each of the next answers breaks off.
        content_type: Of every answer.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.ranges: list[str | None] = []
        self.take_ranges = True
        self.stop_after: list[int] = []
        self.content_type = "application/octet-stream"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        content = self.server.files.get(self.path.lstrip("/"))
        asked = self.headers["Range"]
        self.server.ranges.append(asked)
        if content is None:
            return self.send_error(404)
        start = 0
        if asked and self.server.take_ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", self.server.content_type)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        stop = self.server.stop_after.pop(0) if self.server.stop_after else None
        self.wfile.write(content[start:][:stop])
        return None

    def log_message(self, *args) -> None:
        pass


@contextmanager
def serving() -> Iterator[Server]:
    """Returns a running server."""
    with running(Server()) as server:
        yield server


@contextmanager
def running(server: AnyServer) -> Iterator[AnyServer]:
    """Runs a server in a thread."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
