"""The model card: what a run says of itself, as text."""

import re
from pathlib import Path

import numpy as np
import pytest

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
