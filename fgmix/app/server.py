"""The server of the page, which by default is reachable from this machine only."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgmix.app import page
from fgmix.errors import FgmixError
from fgmix.lazy import import_optional

if TYPE_CHECKING:
    from fgmix.app.explainer import Explainer

# Makes the browser refuse every request to another host. Gradio's scripts need inline code, and
# pictures are data URLs.
POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; form-action 'self'; "
    "frame-ancestors 'none'"
)


def import_gradio() -> Any:
    """Imports Gradio with its telemetry disabled.

    Raises:
        FgmixError: If it is not installed.
    """
    # Gradio reads these variables on import.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    return import_optional("gradio", "app", "fgmix app")


def listen(host: str, port: int) -> socket.socket:
    """Opens the socket that the page is served on.

    Args:
        host: An address or name of this machine.
        port: The port; 0 picks a free one.

    Raises:
        FgmixError: If the port is in use or the host is not this machine.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise FgmixError(
            f"can't listen on {host}, port {port} ({error.strerror or error}): give another "
            f"--host or --port"
        ) from error


def is_loopback(host: str) -> bool:
    """Returns whether an address is reachable from this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def build_page(explainer: "Explainer", name: str, class_names: tuple[str, ...]) -> Any:
    """Builds the page as Gradio blocks.

    Args:
        explainer: Predicts and explains.
        name: The run's name.
        class_names: The model's classes.
    """
    gradio = import_gradio()

    def answer(upload: str) -> tuple[None, str]:
        file = Path(upload)
        try:
            content = file.read_bytes()
        finally:
            file.unlink(missing_ok=True)
        try:
            shown = page.explained(file.name, explainer(content))
        except FgmixError as error:
            shown = page.refused(file.name, str(error))
        # The field is emptied for the next photo.
        return None, shown

    with gradio.Blocks(title=f"{name} - fgmix", analytics_enabled=False) as blocks:
        gradio.HTML(page.heading(name, class_names))
        photo = gradio.File(label="Photo", type="filepath", height=150, elem_id="photo")
        result = gradio.HTML(elem_id="result")
        photo.upload(answer, photo, [photo, result], api_visibility="private")
    return blocks


def _hosts(host: str) -> list[str]:
    """Returns the host names by which a browser on this machine may address the page."""
    return ["localhost", "127.0.0.1", f"[{host.lower()}]" if ":" in host else host.lower()]


def build_app(blocks: Any, host: str, most: int) -> Any:
    """Builds the page as an ASGI application.

    Args:
        blocks: From `build_page`.
        host: The address that it is served on.
        most: The largest upload, in bytes.
    """
    gradio = import_gradio()
    from fastapi import FastAPI
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    if is_loopback(host):
        # Prevents DNS rebinding: a web site whose name resolves to this address.
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=_hosts(host))

    @app.middleware("http")
    async def forbid_other_hosts(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    fonts = {"font": ["system-ui", "sans-serif"], "font_mono": ["ui-monospace", "monospace"]}
    return gradio.mount_gradio_app(
        app,
        blocks,
        path="/",
        max_file_size=most,
        show_error=True,
        footer_links=[],
        ssr_mode=False,
        mcp_server=False,
        theme=gradio.themes.Default(**fonts),
        css=page.STYLE,
    )


@contextmanager
def uploads_forgotten() -> Iterator[None]:
    """Makes Gradio keep uploads in a folder that is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="fgmix-app-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        yield


def serve(app: Any, listening: socket.socket) -> None:
    """Serves the page until it is interrupted."""
    import uvicorn

    # An open page keeps its connection, which would delay the shutdown.
    settings = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    uvicorn.Server(settings).run(sockets=[listening])
