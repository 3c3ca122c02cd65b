"""The quality of maps, with a classifier of known reasons and values calculated by hand."""

import keras
import numpy as np
import pytest

from fgmix.data.box import Box
from fgmix.explanation.maps import MapMaker
from fgmix.explanation.quality import CONTROLS, MEASURES, measure_maps, summarise
from fgmix.models.classifier import ATTENTION_LAYER

SIZE, CELL = 32, 8


@pytest.fixture(scope="module")
def maker():
    """A classifier that predicts "bright" for one bright patch anywhere, by its brightest cell."""
    images = keras.Input((SIZE, SIZE, 3), name="images")
    x = keras.layers.Rescaling(1 / 255)(images)
    x = keras.layers.AveragePooling2D(CELL)(x)
    x = keras.layers.Identity(name=ATTENTION_LAYER)(x)
    x = keras.layers.GlobalMaxPooling2D()(x)
    logits = keras.layers.Dense(2, name="logits")(x)
    model = keras.Model(images, keras.layers.Softmax()(logits))
    weights = np.array([[0.0, 6.0]] * 3)
    model.get_layer("logits").set_weights([weights, np.array([0.0, -9.0])])
    return MapMaker(model)


def photos(count):
    """Yields dark images with a bright patch in a cell away from the centre, and its box."""
    rng = np.random.default_rng(1)
    for index in range(count):
        row, column = [(0, 0), (0, 3), (3, 0), (3, 3)][index % 4]
        photo = rng.integers(0, 40, (SIZE, 2 * SIZE, 3), dtype=np.uint8)
        top, left = row * CELL, column * 2 * CELL
        photo[top : top + CELL, left : left + 2 * CELL] = 250
        yield photo, Box(left, top, left + 2 * CELL, top + CELL)


@pytest.fixture(scope="module")
def measured(maker):
    return measure_maps(maker, photos(8))


def test_the_right_map_points_into_the_box(measured):
    results, boxes = measured
    np.testing.assert_allclose(boxes["share"], 1 / 16)
    np.testing.assert_array_equal(boxes["centre"], 0)
    np.testing.assert_array_equal(results["energy"]["pointing"], 1)
    np.testing.assert_array_equal(results["centre"]["pointing"], 0)
    assert results["energy"]["energy_in_box"].min() > 0.5
    assert results["random"]["energy_in_box"].mean() == pytest.approx(1 / 16, abs=0.04)


def test_what_the_classifier_needs_is_deleted_and_inserted_first(measured):
    results, _ = measured
    for control in CONTROLS:
        assert (results["energy"]["deletion"] < results[control]["deletion"]).all()
        assert (results["energy"]["insertion"] > results[control]["insertion"]).all()
    # The patch is removed, or restored, after a tenth of the pixels.
    assert results["energy"]["deletion"].max() < 0.3
    assert results["energy"]["insertion"].min() > 0.75


@pytest.mark.slow
def test_a_random_map_points_into_a_box_as_often_as_the_box_is_large(maker):
    # A box of one of four by four cells, in a corner, where enlarging could favour it.
    flat = np.zeros((SIZE, SIZE, 3), np.uint8)
    results, _ = measure_maps(maker, [(flat, Box(0, 0, CELL, CELL))] * 150)
    # Three standard errors of 150 throws at 1 in 16.
    assert results["random"]["pointing"].mean() == pytest.approx(1 / 16, abs=0.06)
    assert results["energy"]["pointing"].mean() == pytest.approx(1 / 16, abs=0.06)


def test_the_summary_has_paired_differences(measured):
    found = summarise(*measured)
    energy, random = measured[0]["energy"]["deletion"], measured[0]["random"]["deletion"]
    one = found["maps"]["energy"]["deletion"]
    assert one["mean"] == pytest.approx(energy.mean())
    assert one["minus_random"] == pytest.approx((energy - random).mean())
    assert one["minus_random_se"] == pytest.approx(
        np.std(energy - random, ddof=1) / np.sqrt(len(energy))
    )
    assert found["images"] == 8
    assert found["boxes"]["images"] == 8
    assert set(found["maps"]) == {"before", "energy", "gradcam", *CONTROLS}
    assert set(found["maps"]["gradcam"]) == set(MEASURES)


@pytest.mark.parametrize("whole", [True, False])
def test_boxes_that_say_nothing_are_left_out(maker, whole):
    box = Box(0, 0, 2 * SIZE, SIZE) if whole else None
    found = summarise(*measure_maps(maker, [(photo, box) for photo, _ in photos(2)]))
    assert found["boxes"] is None
    assert set(found["maps"]["energy"]) == {"deletion", "insertion"}


def test_the_same_seed_gives_the_same_numbers(maker):
    one, other = (summarise(*measure_maps(maker, photos(2), seed=3)) for _ in range(2))
    assert one == other


def test_a_map_without_heat_counts_as_one_that_is_the_same_everywhere(maker):
    flat = np.zeros((SIZE, SIZE, 3), np.uint8)
    results, _ = measure_maps(maker, [(flat, Box(0, 0, 8, 8))])
    assert results["energy"]["energy_in_box"] == pytest.approx(1 / 16)
