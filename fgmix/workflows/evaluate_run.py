"""Evaluates a finished run again: the workflow of `fgmix evaluate`."""

from typing import TYPE_CHECKING, NamedTuple

from fgmix.backend import import_tensorflow
from fgmix.data.dataset import ImageDataset
from fgmix.runs.ensemble import Ensemble, as_ensemble
from fgmix.runs.images import load_measured
from fgmix.runs.run import Run

if TYPE_CHECKING:
    import keras

    from fgmix.evaluation.evaluate import Evaluation


class Measured(NamedTuple):
    """What a run was measured on, and what was found.

    Attributes:
        found: The evaluation.
        images: The data set.
        split: The name of the split that was measured.
        model: The model.
    """

    found: "Evaluation"
    images: ImageDataset
    split: str
    model: "keras.Model"


def evaluate_run(
    source: Run | Ensemble,
    dataset: str | None = None,
    data_dir: str | None = None,
    split: str | None = None,
    columns: str | None = None,
) -> Measured:
    """Evaluates a finished run, or several together, on its own images or on others.

    TensorFlow is imported when the images have been found, so that a wrong name is told at once.

    Args:
        source: The run, or the runs and views whose probabilities are averaged. The images are
            those of the first.
        dataset: See `load_measured`.
        data_dir: See `load_measured`.
        split: See `load_measured`.
        columns: See `load_measured`.

    Raises:
        FgmixError: If the data set is missing, has changed since training, lacks the split or has
            classes that the model doesn't know, if some of several runs were trained on its images,
            or an image can't be read.
    """
    ensemble = as_ensemble(source)
    images, split = load_measured(ensemble.first, dataset, data_dir, split, columns)
    ensemble.refuse_trained_on(images.splits[split].paths, split)

    import_tensorflow()
    from fgmix.data.codec.diagnose import refuse_unreadable
    from fgmix.evaluation.evaluate import evaluate

    refuse_unreadable(images.files(split))
    model = ensemble.load_model()
    # The last bits of a probability depend on the size of its batch: take that of the run, so that
    # its own images give its own metrics again.
    batch_size = ensemble.first.config.batch_size
    return Measured(evaluate(model, images, split, batch_size=batch_size), images, split, model)
