"""Hostile files among sound ones: a short version of `benchmarks/serving_fuzz.py`."""

import importlib
import itertools
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
STRINGS, BATCH = 320, 32


@pytest.fixture(scope="module")
def fuzz():
    """The modules of the benchmark: what is asked, and what is wrong with an answer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield importlib.import_module("hostile"), importlib.import_module("serving_fuzz")


@pytest.fixture(scope="module")
def strings(fuzz):
    hostile, _ = fuzz
    drawn = (hostile.hostile(number, seed=1) for number in itertools.count())
    # The largest picture takes a second; the benchmark has it.
    return list(itertools.islice((d for d in drawn if d[0] != "largest"), STRINGS))


@pytest.fixture(scope="module")
def answer(finished):
    serve = tf.saved_model.load(finished / "1").signatures["serving_default"]
    return lambda rows: {k: v.numpy() for k, v in serve(image_bytes=tf.constant(rows)).items()}


def test_every_kind_of_string_is_drawn_and_some_can_be_read(fuzz, strings):
    hostile, _ = fuzz
    assert {name for name, _ in strings} == set(hostile.STRATEGIES) - {"largest"}
    assert hostile.hostile(7) == hostile.hostile(7)
    assert len({content for _, content in strings}) > STRINGS * 0.9


def test_hostile_files_change_no_sound_row_and_are_marked(fuzz, strings, answer, photos):
    hostile, serving_fuzz = fuzz
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
    # Some damage does no harm; were none of it decoded, or all, this would try little.
    assert 0.05 * STRINGS < decoded < 0.5 * STRINGS


def test_problems_are_seen(fuzz, answer, photos):
    hostile, serving_fuzz = fuzz
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
