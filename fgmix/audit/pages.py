"""HTML pages of images that need no other file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup
from PIL import Image

from fgmix.data.codec.diagnose import decodable
from fgmix.files import write_text
from fgmix.html import picture_url, render

TEMPLATES = Path(__file__).parent / "templates"


def write_page(path: Path, template: str, **values: Any) -> None:
    """Writes a page in the style that the pages share.

    Args:
        path: The file.
        template: The name of a template.
        **values: What it shows.
    """
    style = Markup((TEMPLATES / "page.css").read_text(encoding="utf-8"))
    write_text(path, render(TEMPLATES / template, style=style, **values))


def thumbnails(files: Sequence[str], box: tuple[int, int], crop_bottom: int = 0) -> dict[int, str]:
    """Returns images as `data:` URLs of JPEGs, by their place in `files`.

    Args:
        files: The files. Those that can't be decoded have no thumbnail.
        box: Width and height that an image is made to fit into, in pixels.
        crop_bottom: Pixel rows to remove from the bottom of every image.
    """
    urls = {}
    for place, image in decodable(list(files), lambda _, image: (image,), crop_bottom):
        picture = Image.fromarray(image.numpy())
        picture.thumbnail(box)
        urls[int(place)] = picture_url(picture, "jpeg", quality=80)
    return urls
