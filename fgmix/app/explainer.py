"""Inference for the page: from the bytes of an image to predictions and a heat map."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image

from fgmix.data.codec.decode import decode_image
from fgmix.data.codec.diagnose import diagnose_content
from fgmix.errors import FgmixError
from fgmix.explanation.overlay import overlay
from fgmix.runs.run import Run
from fgmix.serving.choices import TOP
from fgmix.serving.signatures import Classifier, explain

SHOWN = 1024  # pixels of a picture's longer side: sharp on a phone and on half a desktop screen


class Explanation(NamedTuple):
    """A model's predictions for an image, and its heat map.

    Attributes:
        top: The most likely classes and their probabilities, the likeliest first.
        image: uint8 `(h, w, 3)`, upright, cropped as for the model, at most `SHOWN` pixels wide and
            high.
        looked: uint8 `(h, w, 3)`, the image under its heat map.
        heatmap: float32 `(rows, columns)` in [0, 1].
    """

    top: list[tuple[str, float]]
    image: np.ndarray
    looked: np.ndarray
    heatmap: np.ndarray


class Explainer:
    """Runs the `explain` signature of a run's model.

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
        """Predicts and explains one image.

        Args:
            content: The bytes of an image file.

        Raises:
            FgmixError: If the bytes can't be decoded as an image, with the reason.
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
