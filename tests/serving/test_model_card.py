"""The model card: what a run says of itself, as text."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from fgmix.config.recipes import FEW
from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset, Split
from fgmix.runs.folder import prepare_run
from fgmix.runs.run import Run
from fgmix.serving.model_card import write_card
from tests.trained_runs import small_config

MARKUP = "<img src=x onerror=alert(1)>"
NAMES = (MARKUP, "a | b", "&lt;")


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    """The card of a run whose classes, data set and folder have HTML in their names."""
    folder = tmp_path_factory.mktemp("card") / "<b>run"
    nothing = Split((), np.zeros(0, np.int32))
    data = ImageDataset("<i>birds", Path("birds"), NAMES, {"train": nothing, "test": nothing})
    prepare_run(small_config(Path("/birds"), folder).resolve(), data, "float32")
    metrics = {"top1": 0.5, "top5": 1.0, "mean_per_class": 0.5, "loss": 1.0, "num_examples": 4}
    return write_card(Run(folder), metrics | {"per_class": dict.fromkeys(NAMES, 0.5)}, "1")


def test_names_are_shown_and_are_no_html(card):
    assert not re.search(r"<(img|i|b)\b", card)
    assert "# &lt;b>run, version 1" in card
    assert "on: &lt;i>birds, one object per photo" in card
    assert "&lt;img src=x onerror=alert(1)> 50%, a | b 50%, &amp;lt; 50%." in card

    assert "| data set | &lt;i>birds: 3 classes, photos: 0 train, 0 test |" in card


def test_the_epochs_are_those_of_the_training(tmp_path):
    (tmp_path / "1.jpg").write_bytes(b"photo")
    photos = Split(("1.jpg",), np.zeros(1, np.int32))
    data = ImageDataset("birds", tmp_path, ("a", "b"), {"train": photos, "test": photos})
    metrics = {"top1": 0.5, "top5": 1.0, "mean_per_class": 0.5, "loss": 1.0, "num_examples": 4}
    metrics["per_class"] = {"a": 1.0, "b": 0.0}
    made = {}
    for backbone in ("mobilenet_v2", "vgg16"):  # recipes strong and paper
        config = TrainConfig(dataset="birds", backbone=backbone, run_dir=str(tmp_path / backbone))
        prepare_run(config.resolve(), data, "float32")
        made[backbone] = write_card(Run(tmp_path / backbone), metrics, "1")
    assert f"| strong for few photos, epochs: {FEW.epochs}, seed 0 |" in made["mobilenet_v2"]
    assert "| paper, epochs: 300, seed 0 |" in made["vgg16"]


def test_a_model_of_imported_crops_says_that_it_expects_crops_and_whose_they_are(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    note = {"imported_by": "fgmix", "source": "hf://datasets/me/cars", "licence": "cc-by-4.0"}
    nothing = Split((), np.zeros(0, np.int32))
    data = ImageDataset("cars", photos, NAMES, {"train": nothing, "test": nothing})
    metrics = {"top1": 0.5, "top5": 1.0, "mean_per_class": 0.5, "loss": 1.0, "num_examples": 4}
    metrics["per_class"] = dict.fromkeys(NAMES, 0.5)
    cards = []
    for name, crops in (("whole", None), ("cropped", {"boxes": "b.csv", "margin": 0.1})):
        (photos / "source.json").write_text(json.dumps(note | {"crops": crops}))
        config = small_config(photos, tmp_path / name).resolve()
        prepare_run(config, data, "float32")
        cards.append(write_card(Run(tmp_path / name), metrics, "1"))
    whole, cropped = cards
    expected = "It was trained on crops of the object, with a margin of 10% of the object's box"
    assert expected in cropped
    assert "crops of the object" not in whole
    terms = "The photos were imported from hf://datasets/me/cars (licence: cc-by-4.0)."
    assert terms in whole
    assert terms in cropped
