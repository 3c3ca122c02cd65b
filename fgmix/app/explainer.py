"""What the page asks of a model: the bytes of a photo in, classes and a heat map out."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image

from fgmix.data.codec.decode import decode_image
from fgmix.data.codec.diagnose import diagnose_content
from fgmix.errors import FgmixError
from fgmix.explain.overlay import overlay
from fgmix.runs.run import Run
from fgmix.serving.choices import TOP
from fgmix.serving.signatures import Classifier, explain

SHOWN = 1024  # pixels of a picture's longer side: sharp on a phone's or half a desk's screen


class Explanation(NamedTuple):
    """What a model says of a photo.

    Attributes:
        top: The likeliest classes and their probabilities, the likeliest first.
        image: uint8 `(h, w, 3)`, upright, cropped as the model gets it, at most `SHOWN` pixels wide
            and high.
        looked: uint8 `(h, w, 3)`, the photo under its heat map.
        heatmap: float32 `(rows, columns)` in [0, 1].
    """

    top: list[tuple[str, float]]
    image: np.ndarray
    looked: np.ndarray
    heatmap: np.ndarray


class Explainer:
    """A run's model behind the `explain` signature's own code.

    Args:
        run: A finished run.
    """

    def __init__(self, run: Run):
        self._class_names = run.class_names
        self._crop_bottom = run.crop_bottom
        classifier = Classifier(run.load_model(), run.class_names, run.crop_bottom)
        self._answer = tf.function(
            explain(classifier),
            input_signature=[tf.TensorSpec([None], tf.string)],
            autograph=False,
        )

    def __call__(self, content: bytes) -> Explanation:
        """Explains one photo.

        Args:
            content: The bytes of an image file.

        Raises:
            FgmixError: If the bytes are not an image that the model reads, with the reason.
        """
        answer = {name: rows[0].numpy() for name, rows in self._answer([content]).items()}
        if not answer["valid"]:
            raise FgmixError(diagnose_content(content))
        best = np.argsort(-answer["probabilities"], kind="stable")[:TOP]
        top = [(self._class_names[i], float(answer["probabilities"][i])) for i in best]
        picture = Image.fromarray(decode_image(content, self._crop_bottom).numpy())
        picture.thumbnail((SHOWN, SHOWN))
        image = np.asarray(picture)
        over = (overlay(image, answer["heatmap"]) * 255).round().astype(np.uint8)
        return Explanation(top, image, over, answer["heatmap"])
