"""A comparison as text, tables and figures, and as files for programs."""

import json

import numpy as np
import pytest
from PIL import Image

from fgmix.comparison.contrasts import compare
from fgmix.comparison.failures import find_failures
from fgmix.comparison.learning import learning_curves
from fgmix.comparison.output import as_markdown, as_text, record, write_groups, write_record
from fgmix.comparison.plots import (
    draw_comparison,
    draw_learning_curves,
    draw_reliability,
)
from fgmix.comparison.study import open_study
from fgmix.files import read_csv
from fgmix.plotting import save_figure
from tests.comparison.answers import draw_answers, edit_config, write_run


def write_groups_of(runs, shots=(None,), attentions=("none", "mixed"), seeds=2):
    rng = np.random.default_rng(0)
    for attention in attentions:
        for shot in shots:
            for seed, correct in enumerate(draw_answers(rng, seeds, 200)):
                confidences = rng.uniform(0.2, 1, 200)
                settings = {"attention": attention, "shots": shot, "seed": seed}
                write_run(runs, correct, confidences=confidences, **settings)
    return runs


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    runs = write_groups_of(tmp_path_factory.mktemp("runs"), attentions=("none", "mixed", "conv"))
    return compare(open_study([runs]))


@pytest.fixture(scope="module")
def curves(tmp_path_factory):
    return compare(open_study([write_groups_of(tmp_path_factory.mktemp("runs"), (5, 20))]))


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    return compare(
        open_study([write_groups_of(tmp_path_factory.mktemp("runs"), attentions=("mixed",))])
    )


def test_the_terminal_shows_all_of_it_in_lines_that_fit(several):
    text = as_text(several)
    lines = text.splitlines()
    assert (
        lines[0]
        == "cars, backbone tiny, recipe strong: 6 runs in 3 groups, 200 test photos of 4 classes"
    )
    for title in ("top-1 accuracy, %", "against none, points", "verdict", "notes"):
        assert title in lines
    assert max(map(len, lines)) <= 100
    row = next(line for line in lines if line.startswith("  mixed "))
    assert f"{100 * several.accuracies[1].mean:.2f}" in row
    assert text.count("no difference shown") == 4  # two in the table, two as sentences
    assert "Holm's, for 2 comparisons" in " ".join(text.split())
    assert "at level 0.05 / 2" in text


def test_markdown_has_the_same_tables(several):
    text = as_markdown(several)
    assert text.startswith("# Comparison\n\ncars, backbone tiny")
    assert "| group | difference | 95 % interval | p | corrected p | detectable | verdict |" in text
    assert "| --- | ---: | ---: | ---: | ---: | ---: | --- |" in text
    assert text.count("\n| mixed |") == 2 + len(several.contrasts[0].targets)


def test_names_in_markdown_are_no_html(tmp_path):
    for attention in ("none", "mixed"):
        directory = write_run(tmp_path, np.ones(200, bool), attention=attention)
        edit_config(directory, data={"name": "<script>alert(1)</script>"})
    comparison = compare(open_study([tmp_path]))
    assert "<script>" in as_text(comparison)
    text = as_markdown(comparison)
    assert "&lt;script>" in text
    assert "<script>" not in text


def test_a_single_group_shows_where_it_fails(single):
    group = single.study.groups[0]
    failures = find_failures(single.study, group)
    for text in (as_text(single, failures), as_markdown(single, failures)):
        assert "least recognised classes of mixed, %" in text
        assert "most confused pairs of mixed" in text
        assert "Expected calibration error" in text
        assert "verdict" not in text.lower()
        assert "test/0" in text


def test_one_seed_has_no_columns_for_several(tmp_path):
    comparison = compare(open_study([write_groups_of(tmp_path, attentions=("mixed",), seeds=1)]))
    failures = find_failures(comparison.study, comparison.study.groups[0])
    text = as_text(comparison, failures)
    assert "\n  group  seeds  top-1  95 % interval\n" in text
    assert "lowest to highest" not in text
    assert " sd" not in text
    pair = failures.confusions[0]
    assert f"  {pair.first_as_second:.0f} of 50 " in text  # a whole number with one seed


def test_learning_curves(curves, several):
    assert learning_curves(several) == []
    none, mixed = learning_curves(curves)
    assert (none.name, mixed.name) == ("none", "mixed")
    assert [(p.amount, p.images) for p in none.points] == [("5 shots", 5), ("20 shots", 20)]
    assert none.points[1].accuracy == curves.accuracies[1]
    text = as_text(curves)
    assert "learning curves: top-1 accuracy, %" in text
    assert "5 shots" in text


def test_the_csv_has_a_row_a_group(several, tmp_path):
    write_groups(tmp_path / "groups.csv", several)
    rows = read_csv(tmp_path / "groups.csv")
    assert [row["group"] for row in rows] == ["none", "mixed", "conv"]
    assert rows[0]["baseline"] == ""
    contrast = several.contrasts[0]
    assert rows[1]["baseline"] == "none"
    assert float(rows[1]["difference_points"]) == pytest.approx(100 * contrast.found.mean)
    assert float(rows[1]["corrected_p"]) == contrast.corrected_p
    assert rows[1]["verdict"] == contrast.verdict


def test_the_json_has_everything_as_plain_numbers(several, tmp_path):
    write_record(tmp_path / "found.json", several)
    found = json.loads(
        (tmp_path / "found.json").read_text(),
        parse_constant=lambda name: pytest.fail(f"{name} is no JSON"),
    )
    assert found == json.loads(json.dumps(record(several)))
    assert found["test_images"] == 200
    assert found["baseline"] == "none"
    group = found["groups"][1]
    assert group["settings"]["attention"] == "mixed"
    assert group["accuracy"]["seeds"] == list(several.accuracies[1].seeds)
    assert len(group["runs"]) == 2
    assert len(group["failures"]["reliability"]) == 15
    assert group["failures"]["reliability"][0]["accuracy"] is None
    contrast = found["contrasts"][0]
    assert contrast["found"]["p_value"] == several.contrasts[0].found.p_value
    assert contrast["sentence"] == several.contrasts[0].sentence
    assert {"seeds", "images"} == set(contrast["targets"][0]["need"])


def test_the_plot_shows_every_group_and_its_difference(several, tmp_path):
    figure = draw_comparison(several)
    left, correct = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["none", "mixed", "conv"]
    seeds = next(line for line in left.get_lines() if line.get_label() == "each seed")
    np.testing.assert_allclose(seeds.get_xdata(), [100 * a for a in several.accuracies[0].seeds])
    found = several.contrasts[0].found
    spans = [list(line.get_xdata()) for line in correct.get_lines()]
    assert [100 * found.low, 100 * found.high] in spans
    save_figure(tmp_path / "found.png", figure)
    with Image.open(tmp_path / "found.png") as picture:
        assert picture.width > 800


def test_a_single_group_is_plotted_without_differences(single):
    assert len(draw_comparison(single).axes) == 1


def test_learning_curves_are_drawn_against_photos(curves):
    figure = draw_learning_curves(learning_curves(curves))
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["5", "20"]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["none", "mixed"]
    means = [100 * a.mean for a in curves.accuracies[:2]]
    np.testing.assert_allclose(axis.get_lines()[0].get_ydata(), means)


@pytest.mark.parametrize("seeds", [1, 2])
def test_learning_curves_reach_all_and_none(tmp_path, seeds):
    for shots, correct in ((5, False), (20, True)):
        for seed in range(seeds):
            for attention in ("none", "mixed"):
                write_run(tmp_path, [correct] * 40, attention=attention, shots=shots, seed=seed)
    found = compare(open_study([tmp_path]))
    figure = draw_learning_curves(learning_curves(found))
    np.testing.assert_array_equal(figure.axes[0].get_lines()[0].get_ydata(), [0, 100])
    save_figure(tmp_path / "curves.png", figure)
    assert "100.00" in as_text(found)


def test_reliability_diagrams(several):
    failures = [find_failures(several.study, group) for group in several.study.groups]
    axes = draw_reliability(failures).axes
    assert len(axes) == 3
    assert "ECE" in axes[0].get_title()
    filled = [b for b in failures[0].reliability if b.answers]
    heights = [bar.get_height() for bar in axes[0].patches]
    np.testing.assert_allclose(heights, [100 * b.accuracy for b in filled])


def test_unequal_test_classes_show_the_mean_per_class_beside_top1(tmp_path, several):
    # The classes alternate: of nine images, three are ants and two each are of the others.
    for seed, missed in enumerate((0, 4)):
        correct = np.arange(9) != missed
        write_run(tmp_path, correct, attention="none", seed=seed)
    comparison = compare(open_study([tmp_path]))
    # 8 of 9 in both seeds, but 2 of 3 ants: (2/3 + 1 + 1 + 1) / 4.
    assert record(comparison)["groups"][0]["mean_per_class"] == pytest.approx(11 / 12)
    lines = as_text(comparison).splitlines()
    head = next(line for line in lines if "mean per class" in line)
    row = lines[lines.index(head) + 1]
    assert head.split()[-3:] == ["mean", "per", "class"]
    assert "88.89" in row
    assert row.split()[-1] == "91.67"
    equal = as_text(several).split("against")[0]
    assert "mean per class" not in equal
