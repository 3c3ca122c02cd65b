"""The record of attentions: what it joins, leaves out and continues."""

import numpy as np
import pytest

from benchmarks.accuracy import attention_comparison as script
from benchmarks.accuracy.attention_comparison import ALL, Cell
from benchmarks.lib.bits import packed, unpacked

PHOTOS, FOLDS = 1000, 2


def row(cell, correct):
    """Returns the row of a training that predicts some photos of its fold well."""
    places = [p for p in np.flatnonzero(correct).tolist() if p % FOLDS == cell.fold]
    return {**cell._asdict(), "correct": packed(places, PHOTOS)}


def rows(gain=0.0, draws=3, shots=(5, ALL), attentions=("none", "mixed")):
    rng = np.random.default_rng(0)
    found = []
    for draw in range(draws):
        for number in shots:
            plain = rng.random(PHOTOS) < 0.5
            for attention in attentions:
                won = (rng.random(PHOTOS) < gain) & (attention != "none") & (number != ALL)
                cells = [Cell(draw, number, fold, attention) for fold in range(FOLDS)]
                found += [row(cell, plain | won) for cell in cells]
    return found


def test_bits_of_photos_survive_the_record():
    assert unpacked(packed([0, 8, 12], 13), 13).nonzero()[0].tolist() == [0, 8, 12]


def test_folds_are_joined_and_each_number_of_shots_has_its_own_contrast():
    found = script.results(rows(gain=0.1), PHOTOS, FOLDS)
    assert [g["name"] for g in found["groups"]] == [
        "none, 5 shots",
        "mixed, 5 shots",
        "none, all",
        "mixed, all",
    ]
    assert found["groups"][0]["accuracy"]["mean"] == pytest.approx(0.5, abs=0.05)
    few, everything = found["contrasts"]
    assert (few["group"], few["baseline"]) == ("mixed, 5 shots", "none, 5 shots")
    assert few["verdict"] == "better"
    assert few["found"]["mean"] == pytest.approx(0.05, abs=0.02)
    assert everything["verdict"] == "no difference shown"
    assert everything["found"]["mean"] == 0


def test_mixed_is_compared_with_its_control():
    attentions = ("none", "mixed", "conv")
    found = script.results(rows(gain=0.1, attentions=attentions), PHOTOS, FOLDS)
    few, everything = found["controls"]
    assert (few["group"], few["baseline"]) == ("mixed, 5 shots", "conv, 5 shots")
    assert few["verdict"] == everything["verdict"] == "no difference shown"
    assert script.results(rows(), PHOTOS, FOLDS)["controls"] == []


def test_a_draw_that_lacks_a_training_is_left_out():
    found = script.results(rows()[:-1], PHOTOS, FOLDS)
    seeds = {g["name"]: len(g["accuracy"]["seeds"]) for g in found["groups"]}
    assert seeds == {"none, 5 shots": 3, "mixed, 5 shots": 3, "none, all": 2, "mixed, all": 2}
    assert script.results([], PHOTOS, FOLDS)["groups"] == []


def test_only_what_is_missing_is_trained(capsys):
    done = rows(draws=1)
    wanted = [Cell(*(r[name] for name in Cell._fields)) for r in done]
    kept, trained, saved = done[:5], [], []

    def train(cell):
        trained.append(cell)
        return row(cell, np.zeros(PHOTOS, bool))

    script.run(wanted, kept, train, lambda: saved.append(len(kept)))
    assert trained == wanted[5:]
    assert saved == [6, 7, 8]
    assert "8/8" in capsys.readouterr().out


def test_the_table_has_the_difference_and_its_interval():
    record = {
        **script.results(rows(gain=0.1), PHOTOS, FOLDS),
        **{"dataset": "cars", "classes": 10, "photos": PHOTOS, "folds": FOLDS},
        **{"backbone": "mobilenet_v2", "head": "linear"},
    }
    lines = script.table(record).splitlines()
    assert lines[2].startswith("| 5 shots | `none` | 3 |")
    assert "+" in lines[3] and " to " in lines[3]
    assert "50 photos a class" in lines[-1]
