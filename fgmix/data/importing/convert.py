"""Turns the file of a photo into one that the exported model's graph decodes."""

import io
import struct
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from fgmix.data.box import Box
from fgmix.data.codec.limits import MAX_PIXELS
from fgmix.data.codec.unsupported import name_unsupported
from fgmix.data.importing.colour import describe_profile, to_srgb
from fgmix.data.importing.metadata import without_metadata
from fgmix.lazy import import_optional

JPEG_QUALITY = 95
"""With full colour resolution, such a JPEG can't be told from its original by eye."""

PNG_LEVEL = 3
"""Of photos, it takes two fifths of the time of the usual 6 and under 1 % more space."""

AS_IS, STRIPPED, CROPPED = "as it was", "without its metadata", "cropped"

_READ = {
    "JPEG": ".jpg",
    "MPO": ".jpg",
    "PNG": ".png",
    "BMP": ".bmp",
    "GIF": ".gif",
    "WEBP": ".webp",
}
"""Formats that the graph decodes, by Pillow's names, and their suffixes."""

_FORMATS = (
    *("JPEG", "PNG", "BMP", "GIF", "WEBP"),
    *("DIB", "TIFF", "HEIF", "AVIF", "JPEG2000", "PPM", "TGA"),
)
"""Formats that are opened at all, as far as Pillow has them; an MPO opens as JPEG."""

_NAMES = {"HEIF": "HEIC", "JPEG2000": "JPEG 2000", "DIB": "BMP"}
_LOSSY_TIFF = ("jpeg", "tiff_jpeg", "webp")
_ORIENTATION = 0x0112
_EXIF_TAGS = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)
"""Description, make, model, software, time, artist, copyright: a TIFF has its own tags beside."""
_EXIF_PARTS = (0x8769, 0x8825)
"""The camera's settings, and the position."""


class BadImageError(ValueError):
    """A photo that can't be imported, with the reason in a few words."""


class Converted(NamedTuple):
    """An image file that fgmix reads.

    Attributes:
        content: Its bytes.
        suffix: Its suffix.
        how: What was done: `AS_IS`, `STRIPPED`, or a conversion such as `HEIC to JPEG`.
    """

    content: bytes
    suffix: str
    how: str


class Crop(NamedTuple):
    """The part of an upright image to keep.

    Attributes:
        box: A box around the object, in pixels of the upright image.
        margin: What to keep on each side of it, as a share of the box's width and height.
    """

    box: Box
    margin: float

    def rectangle(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Returns left, top, right and bottom in whole pixels, within an image.

        Args:
            size: Width and height of the image.

        Raises:
            BadImageError: If the box doesn't lie in the image.
        """
        box = self.box
        if not (box.left < box.right and box.top < box.bottom):
            raise BadImageError("its box is empty")
        inside = box.left < size[0] and box.top < size[1] and box.right > 0 and box.bottom > 0
        if not inside:
            raise BadImageError(f"its box lies outside of its {size[0]} x {size[1]} pixels")
        across, down = self.margin * (box.right - box.left), self.margin * (box.bottom - box.top)
        left, top = max(0, round(box.left - across)), max(0, round(box.top - down))
        right = min(size[0], max(left + 1, round(box.right + across)))
        bottom = min(size[1], max(top + 1, round(box.bottom + down)))
        return min(left, right - 1), min(top, bottom - 1), right, bottom


def convert(
    content: bytes,
    *,
    keep_exif: bool = False,
    crops: Sequence[Crop] = (),
    crop_bottom: int = 0,
) -> list[Converted]:
    """Converts a photo to what the graph decodes: JPEG if it was lossy, else PNG.

    A photo that the graph decodes to what a viewer shows keeps its pixels; its metadata goes
    without re-encoding. Others are decoded, turned upright, converted to sRGB and 8 bits, and saved
    without metadata. As in the graph, an alpha channel is dropped and a GIF's first frame counts.

    Args:
        content: The content of the photo's file.
        keep_exif: Whether EXIF stays, and with it the position of the camera.
        crops: The parts to keep, a file for each; all of the photo if there are none.
        crop_bottom: Pixel rows to remove from the bottom of the upright image, if it is cropped.

    Returns:
        A file for each crop; one if there are no crops.

    Raises:
        BadImageError: If it can't be decoded or converted.
        FgmixError: If it is HEIC and pillow-heif is not installed.
    """
    if content[4:8] == b"ftyp" and content[8:12] not in (b"avif", b"avis"):
        _register_heic()
    if not content:
        raise BadImageError("empty, or larger than 1 GB")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit on pixels is lower than Pillow's
            with Image.open(io.BytesIO(content), formats=_formats()) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise BadImageError(f"more than {MAX_PIXELS // 1_000_000} megapixels")
                image.load()
                return _convert(content, image, keep_exif, crops, crop_bottom)
    except (BadImageError, ImportError):
        raise
    except Image.DecompressionBombError as error:
        raise BadImageError(f"more than {MAX_PIXELS // 1_000_000} megapixels") from error
    except Image.UnidentifiedImageError as error:
        raise BadImageError("not an image, or damaged at its beginning") from error
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, RuntimeError) as error:
        words = "truncated" if "truncated" in str(error).lower() else "damaged"
        raise BadImageError(f"{words} ({' '.join(str(error).split())[:120]})") from error


def _convert(
    content: bytes,
    image: Image.Image,
    keep_exif: bool,
    crops: Sequence[Crop],
    crop_bottom: int,
) -> list[Converted]:
    kind = image.format or ""
    reason = _reason(content, image)
    if reason is None and not crops:
        suffix = _READ[kind]
        if keep_exif:
            return [Converted(content, suffix, AS_IS)]
        try:
            kept = without_metadata(content, _orientation(image))
            return [Converted(kept, suffix, AS_IS if kept == content else STRIPPED)]
        except ValueError:
            reason = f"{kind} of unusual structure"
    upright = ImageOps.exif_transpose(image)
    exif = _exif(image) if keep_exif else b""
    upright = to_srgb(_eight_bits(upright), image.info.get("icc_profile"))
    lossy = _is_lossy(content, image)
    target = "JPEG" if lossy else "PNG"
    how = f"{reason} to {target}" if reason else CROPPED
    if not crops:
        return [_save(upright, target, how, exif)]
    if crop_bottom and upright.height > crop_bottom:
        upright = upright.crop((0, 0, upright.width, upright.height - crop_bottom))
    how = f"{how}, {CROPPED}" if reason else CROPPED
    return [_save(upright.crop(crop.rectangle(upright.size)), target, how, exif) for crop in crops]


def _save(image: Image.Image, target: str, how: str, exif: bytes) -> Converted:
    jpeg = {"quality": JPEG_QUALITY, "subsampling": 0}
    options = jpeg if target == "JPEG" else {"compress_level": PNG_LEVEL}
    image.info = {}  # no profile, no comment
    buffer = io.BytesIO()
    image.save(buffer, target, **options, **({"exif": exif} if exif else {}))
    return Converted(buffer.getvalue(), ".jpg" if target == "JPEG" else ".png", how)


def _reason(content: bytes, image: Image.Image) -> str | None:
    """Returns why a photo can't stay as it is, or None."""
    kind = image.format or ""
    if kind not in _READ:
        deep = "16-bit " * (kind == "TIFF" and _is_16_bit_tiff(image))
        return deep + _NAMES.get(kind, kind)
    if feature := name_unsupported(content):
        return feature.split(":")[0].removeprefix("a ")
    if image.mode == "CMYK":
        return "CMYK JPEG"
    if kind == "PNG" and content[24:25] == b"\x10":
        return "16-bit PNG"
    profile = image.info.get("icc_profile")
    name = describe_profile(profile) if profile else None
    return f"colours of profile {name}" if name else None


def _is_lossy(content: bytes, image: Image.Image) -> bool:
    kind = image.format
    if kind == "TIFF":
        return image.info.get("compression") in _LOSSY_TIFF
    if kind == "JPEG2000":
        # Of the segment COD, the last byte tells whether the wavelet is reversible.
        start = content.find(b"\xff\x52", max(0, content.find(b"\xff\x4f\xff\x51")))
        return start < 0 or content[start + 13 : start + 14] != b"\x01"
    if kind == "WEBP":
        return b"VP8L" not in content[:4096]
    return kind in ("JPEG", "MPO", "HEIF", "AVIF")


def _is_16_bit_tiff(image: Image.Image) -> bool:
    bits = getattr(image, "tag_v2", {}).get(258, ())
    return 16 in (bits if isinstance(bits, tuple) else (bits,))


def _orientation(image: Image.Image) -> int:
    value = image.getexif().get(_ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _exif(image: Image.Image) -> bytes:
    """Returns the EXIF of an image for its upright copy."""
    before, after = image.getexif(), Image.Exif()
    for tag in _EXIF_TAGS:
        if tag in before:
            after[tag] = before[tag]
    for part in _EXIF_PARTS:
        if found := before.get_ifd(part):
            after.get_ifd(part).update(found)
    return after.tobytes() if after or any(map(after.get_ifd, _EXIF_PARTS)) else b""


def _eight_bits(image: Image.Image) -> Image.Image:
    """Returns an image as RGB, L, CMYK or LAB; 16-bit values by their high byte, as the graph."""
    if image.mode in ("RGB", "L", "CMYK", "LAB"):
        return image
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.int64)
        low, high = int(values.min()), int(values.max())
        if low < 0 or high > 65535:
            raise BadImageError(f"its values are from {low} to {high}, not of 16 bits")
        if 0 < high < 256:
            raise BadImageError(
                f"its 16-bit values are at most {high} of 65,535, which is black in 8 bits"
            )
        return Image.fromarray((values >> 8).astype(np.uint8))
    if image.mode == "F":
        raise BadImageError("its values are floating-point numbers of unknown range")
    if image.mode in ("1", "LA", "La"):
        return image.convert("L")
    if image.mode in ("P", "PA"):
        return image.convert("RGBA").convert("RGB")
    return image.convert("RGB")


def _formats() -> list[str]:
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _register_heic() -> None:
    heif = import_optional("pillow_heif", "heic", "reading HEIC photos")
    heif.register_heif_opener()
