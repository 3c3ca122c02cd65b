"""Changes of photos with a known answer: what `check` should find of them."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

Change = Callable[[Image.Image, np.random.Generator], Image.Image]


def read(path: str, side: int = 256) -> Image.Image:
    """Reads a photo, its shorter side at most `side` pixels."""
    with Image.open(path) as photo:
        picture = photo.convert("RGB")
    scale = side / min(picture.size)
    if scale >= 1:
        return picture
    size = round(picture.width * scale), round(picture.height * scale)
    return picture.resize(size, Image.Resampling.BICUBIC)


def recompress(picture: Image.Image, quality: int = 50) -> Image.Image:
    """Returns a picture as a JPEG file of low quality keeps it."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def crop(least: float, most: float) -> Change:
    """Returns a change that cuts shares between two limits from each side."""

    def change(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        left, top, right, bottom = rng.uniform(least, most, 4)
        width, height = picture.size
        box = left * width, top * height, (1 - right) * width, (1 - bottom) * height
        return picture.crop(tuple(map(round, box)))

    return change


def turn_hue(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    """Turns the colours by 60 degrees."""
    hue, saturation, value = picture.convert("HSV").split()
    turned = hue.point(lambda h: (h + 42) % 256)
    return Image.merge("HSV", (turned, saturation, value)).convert("RGB")


def gamma(power: float) -> Change:
    """Returns a change that brightens (below 1) or darkens the middle tones."""
    return lambda picture, _: picture.point(lambda v: round(255 * (v / 255) ** power))


def in_turn(*changes: Change) -> Change:
    """Returns a change that is several, one after the other."""

    def change(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        for one in changes:
            picture = one(picture, rng)
        return picture

    return change


def mirror(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    """Returns the mirror image."""
    return ImageOps.mirror(picture)


def move(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    """Blurs along the rows by 15 pixels, as a moving camera does."""
    from scipy.ndimage import uniform_filter1d

    return Image.fromarray(uniform_filter1d(np.asarray(picture, float), 15, 1).astype(np.uint8))


def enlarge(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    """Shrinks to a quarter, and enlarges again."""
    small = picture.resize((picture.width // 4, picture.height // 4))
    return small.resize(picture.size, Image.Resampling.BICUBIC)


def blur(radius: float) -> Change:
    """Returns a change that blurs with a standard deviation in pixels."""
    return lambda picture, _: picture.filter(ImageFilter.GaussianBlur(radius))


DUPLICATES: dict[str, Change] = {
    "half the size, JPEG 50": lambda p, _: recompress(p.resize((p.width // 2, p.height // 2))),
    "mirrored": mirror,
    "mirrored, half the size, JPEG 50": lambda p, _: recompress(
        ImageOps.mirror(p).resize((p.width // 2, p.height // 2))
    ),
    "hue turned by 60 degrees": turn_hue,
    "grey": lambda p, _: p.convert("L").convert("RGB"),
    "gamma 0.5": gamma(0.5),
    "gamma 2": gamma(2),
    "cropped by 2 % of each side": crop(0.02, 0.02),
    "cropped by 0 to 5 %": crop(0, 0.05),
    "cropped by 5 %": crop(0.05, 0.05),
    "cropped by 0 to 10 %": crop(0, 0.1),
    "cropped by 0 to 20 %": crop(0, 0.2),
    "mirrored, cropped by 0 to 10 %, gamma 2, JPEG 50": in_turn(
        mirror, crop(0, 0.1), gamma(2), lambda p, _: recompress(p)
    ),
}
"""Changes that leave a duplicate, by what was done."""

POOR: dict[str, tuple[str, Change]] = {
    "blurred, standard deviation 2 pixels": ("blurred", blur(2)),
    "blurred, standard deviation 4 pixels": ("blurred", blur(4)),
    "moved by 15 pixels": ("blurred", move),
    "enlarged 4 times": ("blurred", enlarge),
    "a fifth of the brightness": ("dark", lambda p, _: ImageEnhance.Brightness(p).enhance(0.2)),
    "6 times the brightness, and 60 levels": (
        "bright",
        lambda p, _: p.point(lambda v: min(255, 6 * v + 60)),
    ),
    "48 pixels": ("tiny", lambda p, _: p.resize((48, 48))),
    "a fifth of the height": (
        "odd-shape",
        lambda p, _: p.resize((p.width * 2, p.height * 2)).crop(
            (0, round(p.height * 0.8), p.width * 2, round(p.height * 1.2))
        ),
    ),
}
"""Changes that make a photo poor: by what was done, the finding that it should be in."""
