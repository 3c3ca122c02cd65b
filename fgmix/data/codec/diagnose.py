"""Finds files that the decode path can't read, and says what is wrong with them."""

import io
import logging
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image

from fgmix.data.codec import headers
from fgmix.data.codec.decode import PNG_END, decode_image
from fgmix.data.codec.unsupported import name_unsupported
from fgmix.errors import FgmixError

log = logging.getLogger(__name__)

# Pillow's names of the formats that the decode path reads. MPO is a JPEG followed by more images.
_FORMATS = {"JPEG", "MPO", "PNG", "BMP", "GIF", "WEBP"}
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"BM", b"GIF8")


class Header(NamedTuple):
    """The header of an image file.

    Attributes:
        format: Pillow's name of the format; None if Pillow does not recognize it.
        too_large: Whether the header announces more than `headers.MAX_PIXELS` pixels.
    """

    format: str | None
    too_large: bool


def read_header(file: str | BinaryIO) -> Header:
    """Reads the header of an image file without decoding pixels; never fails."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MAX_PIXELS is lower
            with Image.open(file) as image:
                return Header(image.format, image.width * image.height > headers.MAX_PIXELS)
    except Image.DecompressionBombError:  # beyond Pillow's limit, which is higher
        return Header(None, True)
    except Exception:  # Pillow raises many exception types for damaged headers
        return Header(None, False)


def decodable(
    files: Sequence[str],
    keep: Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, ...]],
    crop_bottom: int = 0,
) -> tf.data.Dataset:
    """Decodes files on all cores, skipping those that can't be decoded or are too large.

    Args:
        files: Paths of files.
        keep: `(content, image) -> tensors`: what to return for a file, from its bytes (scalar
            string) and its image (uint8 `[height, width, 3]`).
        crop_bottom: Pixel rows to remove from the bottom of every image.

    Returns:
        A dataset of `(index, *keep(content, image))`, in order. `index` is the file's position in
        `files`, int64.
    """

    @tf.autograph.experimental.do_not_convert
    def load(index: tf.Tensor, file: tf.Tensor) -> tuple[tf.Tensor, ...]:
        content = tf.io.read_file(file)
        return index, *keep(content, decode_image(content, crop_bottom))

    return (
        tf.data.Dataset.from_tensor_slices(tf.constant(files, tf.string, [len(files)]))
        .enumerate()
        .map(load, num_parallel_calls=tf.data.AUTOTUNE)
        .ignore_errors()
    )


def unreadable_files(files: Sequence[str]) -> dict[str, str]:
    """Decodes every file and returns the ones that fail, in order, with the reason."""
    good = np.zeros(len(files), bool)
    for indices, _ in decodable(files, lambda _, image: (tf.shape(image),)).batch(64):
        good[indices.numpy()] = True
    return {file: diagnose(file) for file, ok in zip(files, good, strict=True) if not ok}


def refuse_unreadable(files: Sequence[str], remedy: str = "remove or replace it") -> None:
    """Checks that every file can be decoded.

    Args:
        files: Paths of files.
        remedy: What to do about an unreadable file, for the message.

    Raises:
        FgmixError: If files can't be decoded. The message names the first and counts the others.
    """
    log.info("checking that all %d photos can be read", len(files))
    bad = unreadable_files(files)
    if bad:
        first, reason = next(iter(bad.items()))
        others = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise FgmixError(f"not a readable image: {first} ({reason}){others}: {remedy}")


def diagnose(file: str) -> str:
    """Returns the reason why the decode path can't read a file, in a few words."""
    try:
        return diagnose_content(Path(file).read_bytes())
    except OSError as error:
        return error.strerror or "can't be opened"


def diagnose_content(content: bytes) -> str:
    """Returns the reason why the decode path can't read the content of a file, in a few words."""
    if not content:
        return "empty: zero bytes"
    header = read_header(io.BytesIO(content))
    if header.too_large:
        return f"too large: more than {headers.MAX_PIXELS // 1_000_000} megapixels"
    if feature := name_unsupported(content):
        return f"format not supported: {feature}"
    if header.format is None:
        return _diagnose_unknown(content)
    if header.format not in _FORMATS:
        return f"format not supported: {header.format}"
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
    except Exception as error:
        return "truncated" if "truncated" in str(error).lower() else "damaged"
    if header.format == "PNG" and PNG_END not in content:
        return "truncated"
    return f"format not supported: an unusual variant of {header.format}, or damaged"


def _diagnose_unknown(content: bytes) -> str:
    if content[4:8] == b"ftyp":
        return "format not supported: HEIC, AVIF or video"
    if content.lstrip()[:1] == b"<":
        return "not an image: a web page or other markup"
    if content.startswith(_SIGNATURES):
        return "damaged or truncated near its beginning"
    return "not an image"
