"""Where does it look?"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fgmix.comparison.study import Group, Study
from fgmix.data.dataset import evenly_spaced
from fgmix.errors import FgmixError
from fgmix.explain.names import MAP_MEANINGS, MAP_NAMES
from fgmix.report.pictures import HEAT, Picture, encode
from fgmix.runs.record import MODEL

if TYPE_CHECKING:
    from fgmix.explain.side_by_side import Viewer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class View:
    """A photo, or a heat map over it.

    Attributes:
        title: The group, or the map.
        picture: The picture.
        answer: What the model says of the photo, `""` where another view says it.
        correct: Whether that is right; None where there is no answer.
    """

    title: str
    picture: Picture
    answer: str = ""
    correct: bool | None = None


@dataclass(frozen=True)
class Seen:
    """A photo, and where the models look in it.

    Attributes:
        label: Its class.
        path: Its path.
        image: The photo alone; with what the model says where there is but one.
        views: The same photo under heat maps.
    """

    label: str
    path: str
    image: View
    views: tuple[View, ...]


@dataclass(frozen=True)
class Looks:
    """The section's content.

    Attributes:
        images: What was looked at.
        notes: How to read it; which groups are left out, and why.
        why_not: Why there is nothing, or `""`.
    """

    images: tuple[Seen, ...] = ()
    notes: tuple[str, ...] = ()
    why_not: str = ""


def obstacle(study: Study, root: Path, count: int) -> str:
    """Why no heat maps can be drawn, before TensorFlow is imported for it; `""` if they can."""
    if count == 0:
        return "Heat maps were left out of this page."
    if not any(_has_model(group) for group in study.groups):
        return f"Heat maps need the models: none of the runs has its {MODEL} any more."
    if not any((root / path).is_file() for path in _chosen(study, count)):
        return (
            f"Heat maps need the photos, which are no longer in {root}. If they have moved, name "
            f"the folder with --photos."
        )
    return ""


def _unseen(study: Study) -> Sequence[str]:
    """The photos that the first run was measured on: with folds, the others trained it."""
    return study.groups[0].runs[0][0].paths


def _chosen(study: Study, count: int) -> list[str]:
    """The photos that heat maps are drawn of: evenly spaced, not chosen by what they show."""
    paths = _unseen(study)
    return [paths[i] for i in evenly_spaced(len(paths), count)]


def look(study: Study, root: Path, count: int) -> Looks:
    """Draws heat maps of test photos by the first run of every group. Needs TensorFlow.

    Args:
        study: The runs.
        root: The folder of the photos.
        count: How many photos.
    """
    from fgmix.data.codec.diagnose import decodable
    from fgmix.explain.side_by_side import open_viewer
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
    there = [path for path in chosen if (root / path).is_file()]
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
    what = "Bright: where the last feature map is strongest, after attention where there is any."
    meanings = []
    if len(viewers) == 1:
        what = "Bright: where each map is largest."
        has = viewers[0].maker.has_spatial_map
        shown = [name for name in MAP_NAMES if has or name != "spatial"]
        each = (f"“{MAP_NAMES[name]}” shows {MAP_MEANINGS[name]}" for name in shown)
        meanings.append(f"{'; '.join(each)}.")
    told = [
        f"{what} Each map is scaled by itself, so brightness can't be compared between pictures.",
        *meanings,
        "The photos are spread evenly over those that were measured, and are not chosen by what "
        "they show. A map that lies on the object does not prove that the model is right, or that "
        "it uses what a person would.",
    ]
    if any(len(group.seeds) > 1 for group in study.groups):
        told.append("Of every group its first seed is shown; another may look elsewhere.")
    return tuple(told)


def _see(viewers: Sequence["Viewer"], image: np.ndarray, path: str, label: str) -> Seen:
    from PIL import Image

    from fgmix.explain.overlay import overlay

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
            where = "rightly named" if name == label else f"named {name}"
            alt = f"Heat map ({title}) over the photo of {label}, {where}"
            picture = encode((over * 255).round().astype(np.uint8), HEAT, alt)
            views.append(View(title, picture, *(told if len(viewers) > 1 else ())))
    alone = encode(small, HEAT, f"Photo {path}: {label}")
    plain_view = View("the photo", alone, *(told if len(viewers) == 1 else ()))
    return Seen(label, path, plain_view, tuple(views))


def _has_model(group: Group) -> bool:
    return (group.runs[0][0].directory / MODEL).is_file()
