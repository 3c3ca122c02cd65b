"""The names of heat maps and of runs in figures. None of it needs TensorFlow."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fgmix.runs.run import Run

MAP_NAMES = {
    "before": "energy before attention",
    "spatial": "spatial map v",
    "energy": "energy after attention",
    "gradcam": "Grad-CAM",
}
"""name -> what a figure calls it, in the order of the network."""

MAP_MEANINGS = {
    "before": "how strong the last feature map is at each place",
    "spatial": "how much the attention weighs each place",
    "energy": "how strong the feature map is once attention has weighed it",
    "gradcam": "what speaks for the class that was named",
}
"""name -> what it shows, in plain words."""


def short_names(runs: "Sequence[Run]") -> list[str]:
    """The shortest names that tell runs apart: of their attentions, their folders, or the paths.

    A run that is given twice has one name twice.
    """
    kinds: list[list[str]] = [
        [run.config.attention for run in runs],
        [run.directory.name for run in runs],
        [str(run.directory) for run in runs],
    ]
    return next((names for names in kinds if len(set(names)) == len(runs)), kinds[-1])
