"""Findings on single images: blank, blurred, dark, bright, tiny or of an odd shape.

They are advice. A person who looks at the image knows whether it shows its class.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fgmix.audit.finding import Finding
from fgmix.audit.quality import SIDE
from fgmix.audit.scan import ScannedImage, place_of

MIN_SHARPNESS = 0.33
"""Images below it are blurred, or were enlarged from few pixels. Of 1,462 photos of cars and birds
4 are, and of 120 that were blurred or enlarged all (benchmarks/results/photo_quality.json)."""

MAX_DARK, MIN_BRIGHT = 0.32, 0.8
"""An image is dark if all but 1 % of its pixels are darker than the first, cleanvision's limit, and
bright if all but 5 % are brighter than the second: of 609 photos, none reaches 0.3."""

MIN_SIDE = 64
"""Images with a shorter side, in pixels, are tiny."""

SMALLER = 4
"""Images are tiny too if their shorter side is this many times shorter than the median's, and
training would have to enlarge them."""

ODD_SHAPE = 2.5
"""An image has an odd shape if its longer side is this many times the shorter one, and it is
stretched this many times more than the set's median: training makes all of them square."""


def find_poor(images: Sequence[ScannedImage]) -> list[Finding]:
    """Returns the findings on the readable images, some of them without items."""
    good = [image for image in images if image.problem is None]
    if not good:
        return []
    side = float(np.median([min(p.width, p.height) for p in good]))
    shapes = np.log([p.width / p.height for p in good])
    odd_shape = np.minimum(abs(shapes), abs(shapes - np.median(shapes))) >= np.log(ODD_SHAPE)
    smallest = max(MIN_SIDE, min(side / SMALLER, SIDE))
    tiny = [p for p in good if min(p.width, p.height) < smallest]
    odd = [p for p, odd in zip(good, odd_shape, strict=True) if odd]
    seen = [(p, p.quality) for p in good if p.looks is not None and p.quality is not None]
    large = [(p, q) for p, q in seen if min(p.width, p.height) >= smallest]
    unclear = "remove those whose class you can't tell"
    return [
        _finding(
            "blank",
            "show a single colour",
            "remove them if they show nothing",
            [(p, {}) for p in good if p.looks is None],
        ),
        _finding(
            "blurred",
            "are blurred, or were enlarged from few pixels",
            unclear,
            [
                (p, {"sharpness": round(q.sharpness, 3)})
                for p, q in sorted(large, key=lambda pair: pair[1].sharpness)
                if q.sharpness < MIN_SHARPNESS
            ],
        ),
        _finding(
            "dark",
            "are dark",
            f"brighten them from the original, or {unclear}",
            [(p, {"brightest": round(q.brightest, 3)}) for p, q in seen if q.brightest < MAX_DARK],
        ),
        _finding(
            "bright",
            "are overexposed",
            unclear,
            [(p, {"darkest": round(q.darkest, 3)}) for p, q in seen if q.darkest > MIN_BRIGHT],
        ),
        _finding(
            "tiny",
            f"are tiny: their shorter side has fewer than {smallest:.0f} pixels",
            f"fetch larger ones, or {unclear}",
            [(p, _size(p)) for p in tiny],
        ),
        _finding(
            "odd-shape",
            "are much longer or higher than the others, and distorted when they are made square",
            "crop them to the object",
            [(p, _size(p)) for p in odd],
        ),
    ]


def _size(image: ScannedImage) -> dict[str, Any]:
    return {"size": f"{image.width} x {image.height}"}


def _finding(
    kind: str, what: str, remedy: str, found: Sequence[tuple[ScannedImage, dict[str, Any]]]
) -> Finding:
    items = [{**place_of(image), **measured} for image, measured in found]
    return Finding(kind, False, f"{len(found)} photo(s) {what}", remedy, tuple(items))
