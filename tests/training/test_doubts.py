"""What is said of a training that may have made a bad model."""

from pathlib import Path

import numpy as np
import pytest

from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset, Split
from fgmix.training.doubts import doubts


def photos(*counts):
    """A data set with these numbers of training images in its classes."""
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    names = tuple("abcdefgh"[: len(counts)])
    train = Split(tuple(f"{i}.jpg" for i in range(len(labels))), labels)
    return ImageDataset("birds", Path("birds"), names, {"train": train})


def said(dataset, accuracy, **settings):
    given = {"dataset": "cars", "backbone": "mobilenet_v2", "epochs": 300} | settings
    return doubts(TrainConfig(**given).resolve(), dataset, [{"accuracy": str(accuracy)}])


def test_a_training_that_learnt_is_not_doubted():
    assert said(photos(50, 50, 50, 50), 0.9, recipe="paper") == []


@pytest.mark.parametrize(("accuracy", "doubtful"), [(0.25, True), (0.32, True), (0.33, False)])
def test_guessing_is_told(accuracy, doubtful):
    found = said(photos(50, 50, 50, 50), accuracy, recipe="paper")
    assert bool(found) is doubtful
    if doubtful:
        assert f"recognised {accuracy:.1%} of the training photos" in found[0]
        assert "would reach 25.0%" in found[0]
        assert "--recipe strong" in found[0]


def test_guessing_is_measured_against_the_largest_class():
    assert said(photos(90, 10), 0.9, recipe="paper")[0].endswith("starts from a probe")
    assert "would reach 90.0%" in said(photos(90, 10), 0.9, recipe="paper")[0]


def test_few_steps_are_told_with_the_epochs_that_are_enough():
    (found,) = said(photos(32, 32), 0.9, recipe="paper", batch_size=32, epochs=10)
    assert "it had 20 steps" in found
    assert found.endswith("--epochs 100 or more")


def test_a_class_of_few_photos_is_named():
    (found,) = said(photos(300, 9), 1.0, recipe="paper")
    assert "class 'b' has 9 training photos" in found
    assert "--weights imagenet: try --backbone mobilenet_v2 --recipe strong, which" in found


def test_a_probe_needs_neither_steps_nor_photos():
    assert said(photos(2, 2), 1.0, recipe="frozen", epochs=1) == []
    (found,) = said(photos(2, 2), 0.5, recipe="frozen", epochs=1)
    assert found.endswith("more --epochs or other --head-lr")
    assert len(said(photos(2, 2), 0.5, recipe="frozen", weights="none", epochs=1)) == 3
