"""Hostile files among valid ones: a short version of `benchmarks/robustness/serving_fuzz.py`."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.lib import hostile
from benchmarks.robustness import serving_fuzz

STRINGS, BATCH = 320, 32


@pytest.fixture(scope="module")
def strings():
    drawn = (hostile.hostile(number, seed=1) for number in itertools.count())
    # The largest picture takes a second; the benchmark includes it.
    return list(itertools.islice((d for d in drawn if d[0] != "largest"), STRINGS))


@pytest.fixture(scope="module")
def answer(finished):
    serve = tf.saved_model.load(finished / "1").signatures["serving_default"]
    return lambda rows: {k: v.numpy() for k, v in serve(image_bytes=tf.constant(rows)).items()}


@pytest.mark.slow
def test_every_kind_of_string_is_drawn_and_some_can_be_read(strings):
    assert {name for name, _ in strings} == set(hostile.STRATEGIES) - {"largest"}
    assert hostile.hostile(7) == hostile.hostile(7)
    assert len({content for _, content in strings}) > STRINGS * 0.9


@pytest.mark.slow
def test_hostile_files_change_no_sound_row_and_are_marked(strings, answer, photos):
    good = [path.read_bytes() for path in sorted((photos / "test").rglob("photo*"))[:6]]
    contents = [content for _, content in strings]
    batch, sound = hostile.mixed(good, [b""] * BATCH)
    expected = answer(batch)
    assert expected["valid"].tolist() == sound.tolist()
    decoded = 0
    for start in range(0, STRINGS, BATCH):
        found = answer(hostile.mixed(good, contents[start : start + BATCH])[0])
        assert serving_fuzz.problems(found, expected, sound) == []
        decoded += found["valid"][~sound].sum()
    # Some damage is harmless. If all or none were decoded, this test would cover little.
    assert 0.05 * STRINGS < decoded < 0.5 * STRINGS


def test_problems_are_seen(answer, photos):
    good = [path.read_bytes() for path in sorted((photos / "test" / "red").iterdir())]
    batch, sound = hostile.mixed(good, [b""] * 4)
    expected = answer(batch)
    slightly_more = np.nextafter(expected["probabilities"][sound], 2)
    for name, rows, value, said in [
        ("probabilities", sound, slightly_more, "probabilities of a sound row has changed"),
        ("probabilities", ~sound, 0.5, "a row that is not valid has probabilities"),
        ("top_labels", ~sound, b"red", "a row that is not valid has labels"),
        ("probabilities", ~sound, np.nan, "a probability is no number"),
    ]:
        found = {k: v.copy() for k, v in expected.items()}
        found[name][rows] = value
        assert said in serving_fuzz.problems(found, expected, sound)
