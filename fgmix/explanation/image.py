"""Where a run's model looks in one image, as arrays."""

from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
import tensorflow as tf
from PIL import Image

from fgmix.data.codec.decode import decode_image
from fgmix.data.codec.diagnose import refuse_unreadable
from fgmix.errors import FgmixError
from fgmix.explanation.figures import shrink
from fgmix.explanation.maps import PREDICTED, MapMaker
from fgmix.explanation.names import MAP_NAMES
from fgmix.explanation.overlay import overlay
from fgmix.html import picture_url, render
from fgmix.runs.run import Run

_TEMPLATE = Path(__file__).parent / "templates" / "explanation.html"
_MAKERS: WeakKeyDictionary[Run, MapMaker] = WeakKeyDictionary()
"""The map makers of the runs that are in use: to make one takes seconds."""


@dataclass(frozen=True, repr=False, eq=False)
class Explanation:
    """A model's prediction for an image and its heat maps.

    Attributes:
        path: The image file.
        label: The predicted class.
        probability: Its probability.
        probabilities: float32 `(K,)`, in the order of the run's `class_names`.
        image: uint8 `(h, w, 3)`, upright and cropped as for the model.
        maps: float32 `(rows, columns)` in [0, 1] by name: `before` and `energy`, the energy of the
            last feature map before and after attention; `spatial`, the weight of every position, if
            the attention has one; `gradcam`, Grad-CAM of the class.
    """

    path: Path
    label: str
    probability: float
    probabilities: np.ndarray
    image: np.ndarray
    maps: dict[str, np.ndarray]

    def over(self, name: str = "energy") -> np.ndarray:
        """Returns the image under one of its heat maps, uint8 `(h, w, 3)`.

        Args:
            name: The map.

        Raises:
            FgmixError: If there is no such map.
        """
        return self._over(self.image, name)

    def __repr__(self) -> str:
        return (
            f"<Explanation of {self.path}: {self.label}, {self.probability:.0%}; "
            f"maps {', '.join(self.maps)}>"
        )

    def _repr_html_(self) -> str:
        """The image and its maps side by side, for a notebook."""
        small = shrink(self.image)
        pictures = [("the image", small)]
        pictures += [(MAP_NAMES[name], self._over(small, name)) for name in self.maps]
        return render(
            _TEMPLATE,
            name=self.path.name,
            label=self.label,
            percent=f"{self.probability:.0%}",
            pictures=[
                (title, picture_url(Image.fromarray(pixels), "jpeg", quality=85))
                for title, pixels in pictures
            ],
        )

    def _over(self, image: np.ndarray, name: str) -> np.ndarray:
        if name not in self.maps:
            raise FgmixError(f"there is no map {name!r}: choose one of {', '.join(self.maps)}")
        return (overlay(image, self.maps[name]) * 255).round().astype(np.uint8)


def explain_image(run: Run, path: Path, class_name: str | None = None) -> Explanation:
    """Computes where the model of a run looks in an image.

    Args:
        run: A finished run. Its model is kept for the next image.
        path: The image file.
        class_name: The class of Grad-CAM; by default the predicted one.

    Raises:
        FgmixError: If the image can't be read or the model can't be loaded.
    """
    refuse_unreadable([str(path)])
    if run not in _MAKERS:
        _MAKERS[run] = MapMaker(run.model)
    chosen = PREDICTED if class_name is None else run.class_names.index(class_name)
    image = decode_image(tf.io.read_file(str(path)), run.crop_bottom).numpy()
    seen = _MAKERS[run].maps_of(image, chosen)
    probabilities = seen.probabilities[0]
    best = int(probabilities.argmax())
    return Explanation(
        path,
        run.class_names[best],
        float(probabilities[best]),
        probabilities,
        image,
        {name: seen.heat[name][0] for name in MAP_NAMES if name in seen.heat},
    )
