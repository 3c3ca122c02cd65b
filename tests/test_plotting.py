"""Names in figures are not interpreted as formulas."""

import re
import warnings
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from fgmix.comparison import plots
from fgmix.comparison.failures import Failures
from fgmix.comparison.learning import CurvePoint, LearningCurve
from fgmix.comparison.statistics import Accuracy
from fgmix.evaluation.curves import save_curves
from fgmix.explain.figures import Panel, draw_panels
from fgmix.plotting import save_figure, share_legend
from fgmix.reproduction import figures as reproduction

NAME = r"$x_1$ of $\no$"  # the first part would be a formula, the second is not one
ACCURACY = Accuracy((0.5, 0.6), 0.55, 0.07, 0.4, 0.7)


def curves(path):
    rows = [{"epoch": "1", "loss": "2", "accuracy": "0.5"}]
    save_curves(path, NAME, {NAME: [rows]}, "train")


def comparison(path):
    study = SimpleNamespace(groups=[SimpleNamespace(name=NAME)])
    found = SimpleNamespace(study=study, accuracies=[ACCURACY], contrasts=(), baseline=NAME)
    save_figure(path, plots.draw_comparison(found))


def learning_curves(path):
    curve = LearningCurve(NAME, (CurvePoint("5 shots", 5, ACCURACY),))
    save_figure(path, plots.draw_learning_curves([curve]))


def reliability(path):
    failures = Failures(NAME, (), (), 0.1, None, (), ())
    save_figure(path, plots.draw_reliability([failures]))


def heat_maps(path):
    photo = np.zeros((4, 4, 3), np.uint8)
    row = [Panel(photo, NAME, heading=NAME), Panel(photo, side=NAME), Panel(None, note=NAME)]
    draw_panels(path, [row], NAME)


def table_two(path, monkeypatch):
    place = SimpleNamespace(
        dataset=NAME, backbone="tiny", method=NAME, top1=[1, 2], mean=1.5, std=1, paper=None
    )
    monkeypatch.setattr(reproduction, "entries", lambda _: [place])
    reproduction.save_table_plot(path, {})


@pytest.mark.parametrize(
    "draw", [curves, comparison, learning_curves, reliability, heat_maps, table_two]
)
def test_a_name_is_not_parsed_as_a_formula(tmp_path, monkeypatch, draw):
    path = tmp_path / "figure.svg"
    monkeypatch.setitem(matplotlib.rcParams, "svg.fonttype", "none")
    draw(path, *([monkeypatch] if draw is table_two else []))
    texts = re.findall(r"<text[^>]*>(.*?)</text>", path.read_text(encoding="utf-8"))
    assert any(NAME in text for text in texts)


def test_what_others_draw_is_left_as_it_is(tmp_path):
    before = matplotlib.rcParams["text.parse_math"]
    curves(tmp_path / "figure.png")
    assert matplotlib.rcParams["text.parse_math"] is before is True


def test_a_shared_legend_names_everything_once():
    figure = Figure()
    axes = figure.subplots(1, 2)
    for axis in axes:
        axis.plot([1], [1], label="seed")
    axes[1].plot([2], [2], label="paper")
    share_legend(figure, axes, 2)
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["seed", "paper"]


def test_a_character_without_a_font_is_no_warning(tmp_path):
    figure = Figure()
    figure.subplots().set_title("\u6b66\u85cf \U0001f9ed \ue0ff")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure(tmp_path / "names.png", figure)
        save_figure(tmp_path / "names.svg", figure)
    assert (tmp_path / "names.png").stat().st_size > 1000
