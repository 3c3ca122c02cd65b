"""The names of heat maps and of runs in figures, without importing TensorFlow."""

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
"""The title of each map in figures, in the order of the network."""

MAP_MEANINGS = {
    "before": "how strong the last feature map is at each position",
    "spatial": "how much weight the attention gives each position",
    "energy": "how strong the feature map is after attention",
    "gradcam": "which positions support the predicted class",
}
"""What each map shows, in words."""


def short_names(runs: "Sequence[Run]") -> list[str]:
    """Returns the shortest names that distinguish runs: attentions, folder names or paths.

    Names repeat only if a run is given twice.
    """
    kinds: list[list[str]] = [
        [run.config.attention for run in runs],
        [run.directory.name for run in runs],
        [str(run.directory) for run in runs],
    ]
    return next((names for names in kinds if len(set(names)) == len(runs)), kinds[-1])
