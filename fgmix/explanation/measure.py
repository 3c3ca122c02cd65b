"""Measures of several classifiers' maps on the same images, and tables of them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from tqdm import tqdm

from fgmix.console import printable
from fgmix.data.box import Box
from fgmix.data.codec.diagnose import decodable, refuse_unreadable
from fgmix.data.dataset import ImageDataset
from fgmix.data.sources.boxes import find_box_source
from fgmix.explanation.quality import MEASURES, measure_maps, summarise
from fgmix.explanation.side_by_side import Viewer
from fgmix.explanation.subjects import choose_measured
from fgmix.runs.run import Run
from fgmix.tables import aligned

HEADS = {
    "pointing": "pointing",
    "energy_in_box": "energy in box",
    "deletion": "deletion (low)",
    "insertion": "insertion (high)",
}


def measure_runs(
    viewers: list[Viewer], run: Run, dataset: ImageDataset, count: int, class_name: str | None
) -> dict[str, Any]:
    """Measures the maps of classifiers on the same images.

    Args:
        viewers: The classifiers.
        run: One of their runs, which determines the images.
        dataset: Their data set.
        count: The number of images, from the split that the run was measured on.
        class_name: The class of Grad-CAM and of the curves; None for each image's most likely.

    Returns:
        A description of the measurement, and for each viewer the result of `summarise`, as JSON
        values.

    Raises:
        FgmixError: If an image or the boxes can't be read.
    """
    chosen = choose_measured(dataset, run, count)
    source = find_box_source(run.config.dataset)
    boxes = source.read(dataset.root, chosen.paths) if source else {}
    files = [str(dataset.root / path) for path in chosen.paths]
    refuse_unreadable(files)

    def decoded() -> Iterator[tuple[np.ndarray, Box | None]]:
        for index, image in decodable(files, lambda _, image: (image,), dataset.crop_bottom):
            yield image.numpy(), boxes.get(chosen.paths[int(index)])

    found = {}
    for viewer in viewers:
        task = f"measuring {printable(viewer.name)}"
        bar = tqdm(decoded(), task, len(files), unit=" photos", disable=None)
        found[viewer.name] = summarise(*measure_maps(viewer.maker, bar, viewer.class_index))
    return {
        "dataset": dataset.name,
        "split": run.config.measured_split,
        "images": len(files),
        "class": class_name,
        "box": source.what if source else None,
        "runs": found,
    }


def describe_numbers(found: dict[str, Any]) -> str:
    """Returns the measures as text, one table per classifier.

    Args:
        found: From `measure_runs`.
    """
    probability = "the predicted class" if found["class"] is None else found["class"]
    lines = [
        f"{found['images']} {found['split']} photos of {found['dataset']}, probability of "
        f"{probability}; in brackets: difference from a random map ± its standard error"
    ]
    for name, one in found["runs"].items():
        shown = [m for m in MEASURES if m in one["maps"]["random"]]
        rows = [[name, *(HEADS[m] for m in shown)]]
        for title, measures in one["maps"].items():
            rows.append([title, *(_cell(m, measures[m]) for m in shown)])
        lines += ["", *aligned(rows, [True] * len(rows[0]))]
    lines += ["", _about_boxes(found)]
    return "\n".join(lines)


def _about_boxes(found: dict[str, Any]) -> str:
    about = next(iter(found["runs"].values()))["boxes"]
    if about:
        return (
            f"box: {found['box']}; it covers {about['share']:.0%} of a photo on average, and "
            f"{about['centre']:.0%} of the boxes contain the centre of the photo "
            f"({about['images']} photos)"
        )
    if found["box"]:
        return "pointing, energy in box: not informative, because the boxes span the whole photos"
    return f"pointing, energy in box: {found['dataset']} has no boxes"


def _cell(measure: str, values: dict[str, float]) -> str:
    form, unit = ("{:.1%}", "{:+.1%}") if measure == "pointing" else ("{:.3f}", "{:+.3f}")
    text = form.format(values["mean"])
    if values.get("minus_random_se") is not None:
        text += f" ({unit} ± {form})".format(values["minus_random"], values["minus_random_se"])
    return text
