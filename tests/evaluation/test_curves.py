"""Learning curves, read back from the figure."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from fgmix.evaluation.curves import save_curves


def history(*values):
    return [
        {"epoch": str(i), "test_loss": str(v), "test_accuracy": str(v / 10), "loss": "9"}
        for i, v in enumerate(values, 1)
    ]


@pytest.fixture
def figures(monkeypatch):
    """Returns the saved figures."""
    saved, save = [], Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **k: (saved.append(self), save(self, *a, **k))
    )
    return saved


def test_a_line_is_the_mean_of_its_runs_as_far_as_all_have_come(tmp_path, figures):
    runs = {"Baseline": [history(4, 2, 1), history(6, 4)], "MA-Ours": [history(3, 1, 0.5)]}
    save_curves(tmp_path / "fig.png", "Cars", runs, "test")
    loss, accuracy = figures[0].axes
    baseline, mixed = loss.get_lines()
    np.testing.assert_allclose(baseline.get_data(), [[1, 2], [5, 3]])
    np.testing.assert_allclose(mixed.get_data(), [[1, 2, 3], [3, 1, 0.5]])
    np.testing.assert_allclose(accuracy.get_lines()[0].get_ydata(), [50, 30])
    band = loss.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (2, 6)
    assert len(loss.collections) == 1  # one seed has no band
    labels = [text.get_text() for text in figures[0].legends[0].get_texts()]
    assert labels == ["Baseline (2 runs)", "MA-Ours"]
    assert Image.open(tmp_path / "fig.png").width > 1000


def test_more_lines_than_colours_differ_in_their_style(tmp_path, figures):
    runs = {str(number): [history(1, 2)] for number in range(10)}
    save_curves(tmp_path / "fig.png", "Cars", runs, "test")
    lines = figures[0].axes[0].get_lines()
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 10


def test_the_training_split_has_columns_without_a_prefix(tmp_path, figures):
    rows = [{"epoch": "1", "loss": "2", "accuracy": "0.25"}]
    save_curves(tmp_path / "fig.png", "Cars", {"Baseline": [rows]}, "train")
    assert figures[0].axes[1].get_lines()[0].get_ydata() == [25]
