"""Colour profiles: tells those that differ from sRGB, and converts to it."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

TOLERANCE = 3
"""The largest difference of a channel, of 255, by which a profile still counts as sRGB."""

_SPACES = {"RGB": "RGB ", "CMYK": "CMYK", "L": "GRAY", "LAB": "Lab "}
"""The colour space of a profile that fits an image of each mode."""


@lru_cache(maxsize=64)
def describe_profile(profile: bytes) -> str | None:
    """Returns the name of an RGB profile that differs visibly from sRGB; None for others.

    Unreadable profiles count as none, as in browsers.
    """
    found = _open(profile)
    if found is None or found.profile.xcolor_space != "RGB ":
        return None
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    try:
        shown = np.asarray(_convert(Image.fromarray(cube), found, "RGB"))
    except ImageCms.PyCMSError:
        return None
    if np.abs(shown.astype(int) - cube).max() <= TOLERANCE:
        return None
    name = " ".join(ImageCms.getProfileDescription(found).split())
    return name if name.isprintable() and name else "without a name"


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Returns an image in sRGB, `"RGB"` or `"L"`, by its profile if it has one that fits.

    CMYK without a profile is converted as Pillow does.

    Args:
        image: The image, in one of the modes RGB, L, CMYK and LAB.
        profile: Its colour profile.
    """
    found = _open(profile) if profile else None
    if image.mode == "LAB":
        found = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    space = _SPACES.get(image.mode)
    if found is not None and image.mode != "L" and found.profile.xcolor_space == space:
        try:
            return _convert(image, found, "RGB")
        except ImageCms.PyCMSError:
            pass
    return image if image.mode in ("RGB", "L") else image.convert("RGB")


def _open(profile: bytes) -> ImageCms.ImageCmsProfile | None:
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except (OSError, ImageCms.PyCMSError):
        return None


def _convert(image: Image.Image, profile: ImageCms.ImageCmsProfile, mode: str) -> Image.Image:
    target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    converted = ImageCms.profileToProfile(
        image,
        profile,
        target,
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode=mode,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert converted is not None  # only in place it returns nothing
    return converted
