"""Inference for the page: the predictions of `predict`, or a reason why there are none."""

import io

import numpy as np
import pytest
from PIL import Image

from fgmix.app.explainer import SHOWN, Explainer
from fgmix.errors import FgmixError
from fgmix.runs.run import Run
from fgmix.serving.predict import predict_files
from tests.pictures import write_noise
from tests.trained_runs import CLASSES


@pytest.fixture(scope="module")
def explainer(finished):
    return Explainer(Run.open(finished))


@pytest.mark.slow
def test_it_answers_as_predict_does(explainer, finished, photos):
    path = photos / "test" / "red" / "photo1.jpg"
    [answer] = predict_files(Run.open(finished), [path])
    said = explainer(path.read_bytes())
    assert [label for label, _ in said.top] == [label for label, _ in answer["top"]]
    np.testing.assert_allclose([p for _, p in said.top], [p for _, p in answer["top"]], atol=2e-6)
    assert len(said.top) == len(CLASSES)


def test_the_heat_lies_over_the_photo(explainer, photos):
    path = photos / "test" / "green" / "photo0.png"
    said = explainer(path.read_bytes())
    with Image.open(path) as image:
        np.testing.assert_array_equal(said.image, np.asarray(image))
    assert said.looked.shape == said.image.shape
    assert said.heatmap.max() == 1
    row, column = np.unravel_index(said.heatmap.argmax(), said.heatmap.shape)
    rows, columns = (a // b for a, b in zip(said.image.shape, said.heatmap.shape, strict=False))
    changed = np.abs(said.looked.astype(int) - said.image).mean(axis=2)
    hot = changed[row * rows : (row + 1) * rows, column * columns : (column + 1) * columns]
    assert hot.mean() > changed.mean()


def test_a_large_photo_is_shown_smaller(explainer, tmp_path):
    said = explainer(write_noise(tmp_path / "large.jpg", (SHOWN * 2, 90)).read_bytes())
    assert said.image.shape == said.looked.shape == (45, SHOWN, 3)


def test_a_turned_photo_is_shown_upright(explainer):
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.new("RGB", (40, 20)).save(file, "JPEG", exif=exif)
    assert explainer(file.getvalue()).image.shape == (40, 20, 3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "zero bytes"),
        (b"<html>", "web page"),
        (b"hello", "not an image"),
        (b"\xff\xd8\xff\xe0 cut", "damaged"),
    ],
)
def test_what_is_no_photo_has_a_reason(explainer, content, reason):
    with pytest.raises(FgmixError, match=reason):
        explainer(content)
