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
from fgmix.evaluation.curves import draw_curves, save_curves
from fgmix.explanation.figures import Panel, draw_panels
from fgmix.plotting import save_figure, share_legend, tell_missing, wrapped
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


def test_characters_that_no_font_has_are_named_once(tmp_path, caplog):
    caplog.set_level("INFO")
    for name in ("one.png", "two.png"):
        figure = Figure()
        figure.subplots().set_title("Skoda \u0160 \ue0ff")  # private use: no font has it
        save_figure(tmp_path / name, figure)
    [said] = [r.getMessage() for r in caplog.records if r.name == "fgmix.plotting"]
    assert "(\ue0ff)" in said
    assert "install one that has them" in said
    tell_missing("".join(map(chr, range(0xE100, 0xE100 + 13))))
    assert "and 3 more" in caplog.records[-1].getMessage()


@pytest.mark.parametrize("name", ["\u6b66" * 40, "word " * 20, "x" * 90])
def test_a_text_is_wrapped_to_a_width(name):
    lines = wrapped(f"{name}\nsecond", 2.6, 9).split("\n")
    assert "".join(lines).replace(" ", "") == f"{name}second".replace(" ", "")
    assert lines[-1] == "second"
    figure = Figure()
    for line in lines:
        text = figure.text(0, 0, line, fontsize=9)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert text.get_window_extent().width <= 2.6 * figure.dpi
    assert wrapped("short", 2.6, 9) == "short"
    assert wrapped("", 2.6, 9) == ""


LONG = (
    "recipe frozen, shots 5",
    "attention mixed, gate softmax, recipe strong, image size 448, backbone resnet50_torch",
    "a_name_of_a_data_set_without_any_space_in_it_as_folders_sometimes_have",
)


def with_differences(stacked):
    contrasts = [
        SimpleNamespace(
            group=name,
            baseline=LONG[0],
            found=SimpleNamespace(mean=0.02, low=-0.01, high=0.04),
            verdict="shown",
            detectable=0.03,
        )
        for name in LONG[1:]
    ]
    study = SimpleNamespace(groups=[SimpleNamespace(name=name) for name in LONG])
    return plots.draw_comparison(
        SimpleNamespace(
            study=study, accuracies=[ACCURACY] * 3, contrasts=contrasts, baseline=LONG[0]
        ),
        stacked,
    )


def long_curves():
    rows = [{"epoch": "1", "loss": "2", "accuracy": "0.5"}]
    return draw_curves(", ".join(LONG), {name: [rows, rows] for name in LONG}, "train")


def long_reliability():
    return plots.draw_reliability([Failures(name, (), (), 0.1, None, (), ()) for name in LONG])


@pytest.mark.parametrize(
    "draw",
    [
        lambda: with_differences(stacked=False),
        lambda: with_differences(stacked=True),
        long_curves,
        long_reliability,
    ],
    ids=["beside", "stacked", "curves", "reliability"],
)
def test_long_names_are_within_the_figure_and_apart(tmp_path, draw):
    figure = draw()
    save_figure(tmp_path / "figure.png", figure)
    figure.draw_without_rendering()
    shown = [text for axis in figure.axes for text in texts_of(axis)]
    shown += [*figure.texts, *(t for legend in figure.legends for t in legend.get_texts())]
    assert any("recipe frozen" in t.get_text() for t in shown)
    for text in shown:
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1, text.get_text()
        assert box.y0 >= 0 and box.y1 <= figure.bbox.y1, text.get_text()
    titles = [t for axis in figure.axes for t in (axis.title, axis.xaxis.label) if t.get_text()]
    boxes = [t.get_window_extent() for t in titles]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    # All of each name is there: only its spaces may have become line breaks.
    drawn = "".join("".join(t.get_text().split()) for t in shown)
    assert all("".join(name.split()) in drawn for name in LONG)


def texts_of(axes):
    """Returns the title of an axis, its label and the names beside it, if they are shown."""
    beside = axes.get_yticklabels() if axes.yaxis.get_tick_params().get("labelleft", True) else []
    return [t for t in (axes.title, axes.xaxis.label, *beside) if t.get_text()]


def test_short_names_keep_the_size_of_a_figure(tmp_path):
    figure = Figure(figsize=(4, 3), layout="constrained")
    figure.subplots().set(title="mixed", xlabel="epoch")
    save_figure(tmp_path / "figure.png", figure)
    assert figure.get_size_inches().tolist() == [4, 3]
