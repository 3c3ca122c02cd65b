"""Heat maps: the energy by hand, and readable figures."""

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from fgmix.data.sources.folder import load_folder
from fgmix.evaluation.evaluate import evaluate
from fgmix.explanation import figures
from fgmix.explanation.energy import attention_energy
from fgmix.explanation.figures import Panel, draw_panels, save_heatmaps
from fgmix.explanation.overlay import STRENGTH, overlay
from fgmix.models import ATTENTIONS, build_classifier
from fgmix.runs.run import Run
from tests.trained_runs import CLASSES, TEST


def test_energy_by_hand():
    # Means of squares: (1 + 1) / 2 = 1, (0 + 4) / 2 = 2, (9 + 1) / 2 = 5; from 1 to 5.
    features = np.array([[[[1.0, -1.0], [0.0, 2.0], [-3.0, 1.0]]]], "float32")
    np.testing.assert_allclose(attention_energy(features).numpy(), [[[0.0, 0.25, 1.0]]])


def test_every_image_has_a_scale_of_its_own():
    one = np.arange(6, dtype="float32").reshape(1, 2, 3, 1)
    both = attention_energy(np.concatenate([one, 100 * one])).numpy()
    np.testing.assert_allclose(both[0], both[1], rtol=1e-6)
    assert both.min() == 0
    assert both.max() == 1


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_a_constant_map_has_no_heat(value):
    energy = attention_energy(np.full((2, 3, 3, 4), value, "float32")).numpy()
    np.testing.assert_array_equal(energy, np.zeros((2, 3, 3), "float32"))


def test_half_precision_features_do_not_overflow():
    features = np.array([[[[300.0], [0.0]]]], "float16")  # 300 * 300 exceeds float16's 65504
    np.testing.assert_allclose(attention_energy(features).numpy(), [[[1.0, 0.0]]])


def test_no_heat_shows_the_photo_and_full_heat_the_colour():
    photo = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    cold = overlay(photo, np.zeros((2, 2), "float32"))
    np.testing.assert_allclose(cold, photo / 255, atol=1e-6)
    hot = overlay(photo, np.ones((2, 2), "float32"))
    colour = np.array(colormaps["inferno"](1.0)[:3])
    np.testing.assert_allclose(hot, photo / 255 * (1 - STRENGTH) + colour * STRENGTH, atol=1 / 255)


def test_an_overlay_has_the_photos_size_and_the_range_of_colours():
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (37, 53, 3), dtype=np.uint8)
    for energy in (rng.random((7, 7)), np.eye(2), rng.random((1, 1))):
        over = overlay(photo, energy.astype("float32"))
        assert over.shape == (37, 53, 3)
        assert over.dtype == np.float32
        assert over.min() >= 0
        assert over.max() <= 1


def test_the_heat_lies_where_the_energy_is():
    photo = np.zeros((40, 40, 3), np.uint8)
    energy = np.zeros((4, 4), "float32")
    energy[0, 3] = 1
    brightness = overlay(photo, energy).sum(axis=2)
    row, column = np.unravel_index(brightness.argmax(), brightness.shape)
    assert row < 12
    assert column >= 28
    assert brightness[28:, :12].max() < 0.05


@pytest.fixture(scope="module")
def evaluated(finished, photos):
    model, dataset = Run.open(finished).load_model(), load_folder(photos)
    return model, dataset, "test", evaluate(model, dataset, "test")


@pytest.mark.slow
@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 1, 1), (3, 3, 1), (99, 4, 3)])
def test_the_picture_can_be_read(evaluated, tmp_path, count, columns, rows):
    assert TEST * len(CLASSES) == 12  # 99 is more than there are
    save_heatmaps(tmp_path / "heat.png", *evaluated, count)
    assert [p.name for p in tmp_path.iterdir()] == ["heat.png"]
    with Image.open(tmp_path / "heat.png") as picture:
        picture.load()
        assert picture.format == "PNG"
        assert 250 * columns <= picture.width <= 450 * columns
        assert 500 * rows <= picture.height <= 750 * rows
        pixels = np.asarray(picture.convert("RGB"), "float32")
    # Not blank: images are darker than the paper between them, and the heat adds colour.
    assert (pixels.mean(axis=2) < 200).mean() > 0.2
    assert pixels.std(axis=2).max() > 30


@pytest.mark.slow
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_every_attention_has_a_picture(evaluated, tmp_path, attention):
    _, dataset, split, found = evaluated
    model = build_classifier(len(CLASSES), "tiny", attention, weights="none", image_size=32)
    save_heatmaps(tmp_path / "heat.png", model, dataset, split, found, 1)
    with Image.open(tmp_path / "heat.png") as picture:
        assert picture.format == "PNG"


def test_long_names_are_above_their_own_pictures(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "save_figure", lambda path, figure, dpi: drawn.append(figure))
    picture = np.zeros((30, 40, 3), np.uint8)
    names = ("many words " * 8, "x" * 70, "short")
    row = [Panel(picture, f"{name}\npredicted {name}, 30%", heading=name) for name in names]
    draw_panels(tmp_path / "figure.png", [row, row])
    [figure] = drawn
    figure.draw_without_rendering()
    panels = figure.axes[: 2 * len(names)]
    boxes = [text.get_window_extent() for axis in panels for text in (axis.title, *axis.texts)]
    boxes += [axis.get_window_extent() for axis in panels]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert min(box.x0 for box in boxes) >= 0
    assert max(box.y1 for box in boxes) <= figure.bbox.y1
