"""HTML from templates, in which everything but markup of our own is escaped, and pictures in it."""

import base64
import io
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

if TYPE_CHECKING:
    from PIL.Image import Image


def render(template: Path, **values: Any) -> str:
    """A page or a part of one as HTML.

    Args:
        template: The template's file. Its filter `sentence` keeps a number and its `%` together.
        **values: What it shows. Text is escaped, `markupsafe.Markup` is taken as it is.
    """
    return _environment(template.parent).get_template(template.name).render(values)


@cache
def _environment(folder: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["sentence"] = lambda text: text.replace(" %", "\N{NO-BREAK SPACE}%")
    return environment


def picture_url(picture: "Image", kind: str, **options: Any) -> str:
    """A picture as a `data:` URL.

    Args:
        picture: The picture.
        kind: The kind of file, `"jpeg"` or `"webp"`.
        **options: Of Pillow's `save`.
    """
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
