"""The heat maps of several classifiers side by side, and each at its image's full size."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from fgmix.explanation.figures import Panel, shrink, verdict
from fgmix.explanation.maps import PREDICTED, MapMaker, Seen
from fgmix.explanation.names import MAP_NAMES
from fgmix.explanation.overlay import overlay
from fgmix.files import replacing
from fgmix.runs.run import Run


class Viewer(NamedTuple):
    """A classifier whose heat maps are drawn.

    Attributes:
        name: Its name in figures.
        maker: Computes its maps.
        class_names: Its classes, in index order.
        attention: The name of its attention.
        class_index: The class of Grad-CAM, or `PREDICTED`.
    """

    name: str
    maker: MapMaker
    class_names: tuple[str, ...]
    attention: str
    class_index: int = PREDICTED


def open_viewer(run: Run, name: str, class_index: int = PREDICTED) -> Viewer:
    """Loads the model of a run to draw its heat maps.

    Args:
        run: A finished run.
        name: Its name in figures.
        class_index: The class of Grad-CAM; by default the most likely class of each image.

    Raises:
        FgmixError: If the model is missing or can't be loaded.
    """
    maker = MapMaker(run.load_model())
    return Viewer(name, maker, run.class_names, run.config.attention, class_index)


class Subject(NamedTuple):
    """An image of which heat maps are drawn.

    Attributes:
        name: Its name in figures if its class is not known.
        image: uint8 `(h, w, 3)`, cropped as for the classifiers.
        label: The name of its class, if it is known.
    """

    name: str
    image: np.ndarray
    label: str | None = None


def arrange(
    viewers: Sequence[Viewer], subjects: Iterable[Subject], maps: Sequence[str]
) -> list[list[Panel]]:
    """Arranges the panels of a figure.

    With one classifier there is one row per image and one column per map. With several there is
    one column per classifier, and one row per image and map.

    Args:
        viewers: The classifiers.
        subjects: The images.
        maps: Names from `MAP_NAMES`.
    """
    rows: list[list[Panel]] = []
    for subject in subjects:
        small = shrink(subject.image)
        seen = [viewer.maker.maps_of(subject.image, viewer.class_index) for viewer in viewers]
        if len(viewers) == 1:
            title, colour = _say(viewers[0], seen[0], subject)
            row = [Panel(small, title, colour)]
            row += [_panel(viewers[0], seen[0], name, small) for name in maps]
            rows.append(_head(row, ["", *(MAP_NAMES[name] for name in maps)], not rows))
            continue
        for place, name in enumerate(maps):
            row = [Panel(small, subject.label or subject.name) if not place else Panel(None)]
            for viewer, one in zip(viewers, seen, strict=True):
                panel = _panel(viewer, one, name, small)
                if not place:
                    title, colour = _say(viewer, one, subject)
                    panel = panel._replace(title=title.partition("\n")[2] or title, colour=colour)
                row.append(panel)
            if len(maps) > 1:
                row[1] = row[1]._replace(side=MAP_NAMES[name])
            rows.append(_head(row, ["", *(viewer.name for viewer in viewers)], not rows))
    return rows


def save_full_size(
    folder: Path, viewers: Sequence[Viewer], subjects: Iterable[Subject], maps: Sequence[str]
) -> list[Path]:
    """Writes every map over its image, at full size, as `<number>-<image>-<viewer>-<map>.png`.

    Args:
        folder: The folder; it is created if needed.
        viewers: The classifiers. Maps that they do not have are skipped.
        subjects: The images.
        maps: Names from `MAP_NAMES`.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, subject in enumerate(subjects, 1):
        for viewer in viewers:
            heat = viewer.maker.maps_of(subject.image, viewer.class_index).heat
            for name in (name for name in maps if name in heat):
                over = overlay(subject.image, heat[name][0])
                of = viewer.name.replace("/", "_")
                file = folder / f"{number:02d}-{Path(subject.name).stem}-{of}-{name}.png"
                with replacing(file) as beside:
                    Image.fromarray((over * 255).round().astype(np.uint8)).save(beside, "PNG")
                written.append(file)
    return written


def _head(row: list[Panel], headings: Sequence[str], first: bool) -> list[Panel]:
    if not first:
        return row
    return [p._replace(heading=text) for p, text in zip(row, headings, strict=True)]


def _say(viewer: Viewer, seen: Seen, subject: Subject) -> tuple[str, str]:
    label = viewer.class_names.index(subject.label) if subject.label else None
    return verdict(viewer.class_names, seen.probabilities[0], label)


def _panel(viewer: Viewer, seen: Seen, name: str, image: np.ndarray) -> Panel:
    if name not in seen.heat:
        return Panel(None, note=f"attention {viewer.attention}:\nno spatial\nweights")
    title = ""
    if name == "gradcam" and viewer.class_index != PREDICTED:
        title = f"for {viewer.class_names[viewer.class_index]}"
    return Panel(overlay(image, seen.heat[name][0]), title)
