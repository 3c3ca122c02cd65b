"""What an epoch's row holds of the splits that are measured."""

import numpy as np
import pytest

from fgmix.evaluation.metrics import classification_metrics
from fgmix.training.callbacks import Monitor
from fgmix.training.inputs import Measured


class Predictions:
    """Stands for the devices: its predictions are given, the last ones fill up a batch."""

    def __init__(self, probabilities):
        self.probabilities = probabilities

    def predict(self, model, batches):
        return np.concatenate([self.probabilities, self.probabilities[:2]])


@pytest.mark.parametrize("split", ["val", "test"])
def test_the_loss_of_a_split_is_that_of_metrics_json(split):
    probabilities = np.array([[0.7, 0.2, 0.1], [0.25, 0.5, 0.25], [0.8, 0.1, 0.1]], np.float32)
    labels = np.array([0, 1, 2])
    monitor = Monitor(split, Measured(None, np.eye(3)[labels]), Predictions(probabilities))
    logs = {"loss": 9.0}
    monitor.on_epoch_end(0, logs)
    # The mean of -log(p) of the true classes, without label smoothing.
    assert logs[f"{split}_loss"] == pytest.approx(-np.log(0.7 * 0.5 * 0.1) / 3, rel=1e-6)
    assert logs[f"{split}_accuracy"] == pytest.approx(2 / 3)
    metrics = classification_metrics(probabilities, labels, ("a", "b", "c"))
    assert logs[f"{split}_loss"] == metrics["loss"]
    assert logs[f"{split}_accuracy"] == metrics["top1"]
