"""The section "Where does it look?"."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fgmix.comparison.study import Group, Study
from fgmix.data.dataset import evenly_spaced
from fgmix.errors import FgmixError
from fgmix.explanation.names import MAP_MEANINGS, MAP_NAMES
from fgmix.files import inside
from fgmix.report.pictures import HEAT, Picture, encode
from fgmix.runs.record import MODEL

if TYPE_CHECKING:
    from fgmix.explanation.side_by_side import Viewer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class View:
    """An image, or a heat map over it.

    Attributes:
        title: The group, or the map.
        picture: The picture.
        answer: The model's prediction, `""` if another view shows it.
        correct: Whether that is right; None where there is no answer.
    """

    title: str
    picture: Picture
    answer: str = ""
    correct: bool | None = None


@dataclass(frozen=True)
class Seen:
    """An image and its heat maps.

    Attributes:
        label: Its class.
        path: Its path.
        image: The image alone, with the prediction if there is a single model.
        views: The image under heat maps.
    """

    label: str
    path: str
    image: View
    views: tuple[View, ...]


@dataclass(frozen=True)
class Looks:
    """The section's content.

    Attributes:
        images: The images with their heat maps.
        notes: How to read them; which groups are left out, and why.
        why_not: Why there are no heat maps, or `""`.
    """

    images: tuple[Seen, ...] = ()
    notes: tuple[str, ...] = ()
    why_not: str = ""


def obstacle(study: Study, root: Path, count: int) -> str:
    """Returns why no heat maps can be drawn, or `""`; it does not import TensorFlow."""
    if count == 0:
        return "Heat maps are left out of this page."
    if not any(_has_model(group) for group in study.groups):
        return f"Heat maps need the models, but the {MODEL} of every run is missing."
    if not _there(root, _chosen(study, count)):
        return (
            f"Heat maps need the photos, which are no longer in {root}. If they have moved, give "
            f"their folder with --dataset."
        )
    return ""


def _there(root: Path, paths: Sequence[str]) -> list[str]:
    """Returns the paths of files that are below a folder."""
    files = {path: inside(root, path) for path in paths}
    return [path for path, file in files.items() if file is not None and file.is_file()]


def _unseen(study: Study) -> Sequence[str]:
    """Returns the images that the first run was measured on; with folds, it trained on others."""
    return study.groups[0].runs[0][0].paths


def _chosen(study: Study, count: int) -> list[str]:
    """Returns the images for heat maps: evenly spaced, not selected by what the maps show."""
    paths = _unseen(study)
    return [paths[i] for i in evenly_spaced(len(paths), count)]


def look(study: Study, root: Path, count: int) -> Looks:
    """Draws heat maps of test images by the first run of every group. Imports TensorFlow.

    Args:
        study: The runs.
        root: The folder of the images.
        count: The number of images.
    """
    from fgmix.data.codec.diagnose import decodable
    from fgmix.explanation.side_by_side import open_viewer
    from fgmix.runs.run import Run

    viewers, notes, crops = [], [], set()
    for group in study.groups:
        directory = group.runs[0][0].directory
        try:
            run = Run.open(directory)
            log.info("heat maps: %s", directory)
            viewers.append(open_viewer(run, group.name))
        except FgmixError as error:
            notes.append(f"{group.name} is left out: {error}.")
            continue
        crops.add(run.crop_bottom)
    if not viewers:
        return Looks(why_not=f"No heat maps: {' '.join(notes)}")
    if len(crops) > 1:
        return Looks(why_not="No heat maps: the groups crop the photos differently.")
    chosen = _chosen(study, count)
    labels = {path: study.class_names[i] for path, i in zip(study.paths, study.labels, strict=True)}
    there = _there(root, chosen)
    files = [str(root / path) for path in there]
    images = []
    for i, image in decodable(files, lambda _, image: (image,), crops.pop()):
        path = there[int(i)]
        images.append(_see(viewers, image.numpy(), path, labels[path]))
    if not images:
        return Looks(why_not=f"No heat maps: none of the photos in {root} can be read.")
    if len(images) < len(chosen):
        notes.append(f"{len(chosen) - len(images)} of {len(chosen)} photos can't be read.")
    return Looks(tuple(images), (*_explain(study, viewers), *notes))


def _explain(study: Study, viewers: Sequence["Viewer"]) -> tuple[str, ...]:
    what = "Bright: where the last feature map, after any attention, is strongest."
    meanings = []
    if len(viewers) == 1:
        what = "Bright: where each map is largest."
        has = viewers[0].maker.has_spatial_map
        shown = [name for name in MAP_NAMES if has or name != "spatial"]
        each = (f"“{MAP_NAMES[name]}” shows {MAP_MEANINGS[name]}" for name in shown)
        meanings.append(f"{'; '.join(each)}.")
    told = [
        f"{what} Each map has its own scale, so brightness can't be compared between pictures.",
        *meanings,
        "The photos are evenly spaced in the evaluated split, not selected. A map that lies on the "
        "object does not prove that the model is correct, or that it uses the features that a "
        "person would.",
    ]
    if any(len(group.seeds) > 1 for group in study.groups):
        told.append("The first seed of every group is shown; other seeds may look elsewhere.")
    return tuple(told)


def _see(viewers: Sequence["Viewer"], image: np.ndarray, path: str, label: str) -> Seen:
    from PIL import Image

    from fgmix.explanation.overlay import overlay

    small = Image.fromarray(image)
    small.thumbnail((HEAT, HEAT))
    pixels = np.asarray(small)
    views = []
    for viewer in viewers:
        seen = viewer.maker.maps_of(image)
        guess = int(seen.probabilities[0].argmax())
        name = viewer.class_names[guess]
        told = (f"{name}, {seen.probabilities[0][guess]:.0%}", name == label)
        wanted = ("energy",) if len(viewers) > 1 else tuple(MAP_NAMES)
        for kind in (kind for kind in wanted if kind in seen.heat):
            over = overlay(pixels, seen.heat[kind][0])
            title = viewer.name if len(viewers) > 1 else MAP_NAMES[kind]
            where = "classified correctly" if name == label else f"classified as {name}"
            alt = f"Heat map ({title}) over the photo of {label}, {where}"
            picture = encode((over * 255).round().astype(np.uint8), HEAT, alt)
            views.append(View(title, picture, *(told if len(viewers) > 1 else ())))
    alone = encode(small, HEAT, f"Photo {path}: {label}")
    plain_view = View("the photo", alone, *(told if len(viewers) == 1 else ()))
    return Seen(label, path, plain_view, tuple(views))


def _has_model(group: Group) -> bool:
    return (group.runs[0][0].directory / MODEL).is_file()
