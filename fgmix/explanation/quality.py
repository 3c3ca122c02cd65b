"""Measures of heat maps: do they cover the object, and does the classifier need what they show?"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.integrate import trapezoid
from scipy.ndimage import gaussian_filter

from fgmix.data.box import Box
from fgmix.data.codec.resize import resize_image
from fgmix.explanation.maps import PREDICTED, MapMaker
from fgmix.explanation.names import MAP_NAMES
from fgmix.explanation.overlay import stretch

CONTROLS = ("random", "centre")
"""Maps that ignore the image: random values at the maps' resolution, and a blob in the centre,
where photographers place objects."""

BOX_MEASURES = ("pointing", "energy_in_box")
MEASURES = (*BOX_MEASURES, "deletion", "insertion")

STEPS = 10  # steps of a curve
BLUR = 1 / 16  # sigma as a fraction of the image's side: object parts become unrecognisable
WHOLE = 0.95  # boxes above this fraction of the image are not informative

Results = dict[str, dict[str, np.ndarray]]


def measure_maps(
    maker: MapMaker,
    images: Iterable[tuple[np.ndarray, Box | None]],
    class_index: int = PREDICTED,
    seed: int = 0,
) -> tuple[Results, dict[str, np.ndarray]]:
    """Measures every map of a classifier, and the controls, on images.

    Maps are enlarged to the size of the model's input. Ties are broken at random.

    `pointing` (Zhang et al., ECCV 2016, without its tolerance): 1 if the centre of the map's
    hottest cell lies in the box. `energy_in_box` (Wang et al., Score-CAM, 2020): the fraction of
    the heat inside the box; for a map without heat, the box's fraction of the image. `deletion` and
    `insertion` (Petsiuk et al., RISE, BMVC 2018): the area under the curve of the class's
    probability as pixels, the hottest first, are replaced by the image's mean colour, or are
    restored in a blurred image.

    Args:
        maker: The classifier's maps.
        images: Images, uint8 `(h, w, 3)`, each with its box if it has one.
        class_index: The class; by default the most likely class of each image.
        seed: The seed of the control `random` and of ties.

    Returns:
        The measures, float64 `(n,)`, by map or control and by measure, NaN without a box; and of
        the boxes `share`, the fraction of the image, and `centre`, whether they contain its centre.
    """
    rng = np.random.default_rng(seed)
    rows: dict[str, list[dict[str, float]]] = {}
    boxes: dict[str, list[float]] = {"share": [], "centre": []}
    for image, box in images:
        seen = maker.maps_of(image, class_index)
        target = class_index if class_index != PREDICTED else int(seen.probabilities[0].argmax())
        resized = resize_image(image, maker.image_size).numpy()
        inside = None if box is None else box.mask(image.shape, maker.image_size)
        boxes["share"].append(np.nan if inside is None else float(inside.mean()))
        middle = maker.image_size // 2
        boxes["centre"].append(np.nan if inside is None else float(inside[middle, middle]))
        heat = {name: seen.heat[name][0] for name in MAP_NAMES if name in seen.heat}
        shape = heat["energy"].shape
        heat |= {"random": rng.random(shape), "centre": _centre(shape)}
        for name, one in heat.items():
            fine = stretch(one, resized.shape[:2])
            order = np.lexsort((rng.random(fine.size), -fine.ravel()))
            curves = _areas(maker, resized, order, target)
            spot = _hottest(one, maker.image_size, rng)
            rows.setdefault(name, []).append(_in_box(fine, spot, inside) | curves)
    return {
        name: {m: np.array([row[m] for row in found]) for m in MEASURES}
        for name, found in rows.items()
    }, {name: np.array(values) for name, values in boxes.items()}


def summarise(results: Results, boxes: dict[str, np.ndarray]) -> dict[str, Any]:
    """Returns means with standard errors, and each map's paired difference from `random`.

    Args:
        results: From `measure_maps`.
        boxes: From `measure_maps`.

    Returns:
        `images`, their number; `boxes`, with the number of `images` that have one, their mean
        `share` and how often they contain the `centre`, or None if no image has a box or boxes span
        the whole images; and `maps`, with `mean` and `se` by name and measure, and for all but
        `random` also `minus_random` and `minus_random_se`. Without `boxes`, the measures that need
        them are left out.
    """
    known = ~np.isnan(boxes["share"])
    telling = bool(known.any()) and float(boxes["share"][known].mean()) <= WHOLE
    maps: dict[str, Any] = {}
    for name, measures in results.items():
        maps[name] = {}
        for measure, values in measures.items():
            if measure in BOX_MEASURES and not telling:
                continue
            mean, error = _mean(values)
            maps[name][measure] = {"mean": mean, "se": error}
            if name != "random":
                mean, error = _mean(values - results["random"][measure])
                maps[name][measure] |= {"minus_random": mean, "minus_random_se": error}
    about = None
    if telling:
        about = {k: float(v[known].mean()) for k, v in boxes.items()}
        about["images"] = int(known.sum())
    return {"images": len(known), "boxes": about, "maps": maps}


def _mean(values: np.ndarray) -> tuple[float, float | None]:
    known = values[~np.isnan(values)]
    error = float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else None
    return float(known.mean()), error


def _centre(shape: tuple[int, ...]) -> np.ndarray:
    y, x = (np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in shape)
    return np.exp(-2 * (y[:, None] ** 2 + x**2))


def _hottest(heat: np.ndarray, size: int, rng: np.random.Generator) -> tuple[int, int]:
    """Returns the pixel at the centre of a map's hottest cell; ties are broken at random.

    It uses the cells, because the enlarged map falls off around the centre of a cell but not
    towards the border, which would place the hottest pixel there too often.
    """
    row, column = rng.permutation(np.argwhere(heat == heat.max()))[0]
    return int((row + 0.5) * size / heat.shape[0]), int((column + 0.5) * size / heat.shape[1])


def _in_box(fine: np.ndarray, spot: tuple[int, int], inside: np.ndarray | None) -> dict[str, float]:
    if inside is None:
        return dict.fromkeys(BOX_MEASURES, np.nan)
    total = float(fine.sum())
    share = float(fine[inside].sum()) / total if total else float(inside.mean())
    return {"pointing": float(inside[spot]), "energy_in_box": share}


def _areas(maker: MapMaker, image: np.ndarray, order: np.ndarray, target: int) -> dict[str, float]:
    """Returns the areas under the curves of deletion and insertion, both in [0, 1]."""
    rank = np.empty(order.size, int)
    rank[order] = np.arange(order.size)
    shown = (
        rank.reshape(image.shape[:2])[None] < (np.linspace(0, order.size, STEPS + 1)[:, None, None])
    )
    shown = shown[..., None]
    painted = np.broadcast_to(image.mean(axis=(0, 1)), image.shape)
    sigma = BLUR * image.shape[0]
    blurred = gaussian_filter(image, (sigma, sigma, 0))
    steps = np.concatenate([np.where(shown, painted, image), np.where(shown, image, blurred)])
    chances = maker.classify(steps.astype(np.float32))[:, target].astype(float)
    deletion, insertion = chances.reshape(2, STEPS + 1)
    return {
        "deletion": float(trapezoid(deletion, dx=1 / STEPS)),
        "insertion": float(trapezoid(insertion, dx=1 / STEPS)),
    }
