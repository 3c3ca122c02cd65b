"""The page's HTML: names are escaped, and pictures have text alternatives."""

import numpy as np
import pytest

from fgmix.app import page
from fgmix.app.explainer import Explanation

MARKUP = "<script>x</script>"


def explanation(heatmap=None, top=((MARKUP, 0.75), ("b", 0.0004))):
    photo = np.zeros((20, 30, 3), np.uint8)
    heatmap = np.eye(3, dtype=np.float32) if heatmap is None else heatmap
    return Explanation(list(top), photo, photo, heatmap)


@pytest.mark.parametrize(
    "html",
    [
        page.heading(MARKUP, (MARKUP,)),
        page.explained(MARKUP, explanation()),
        page.refused(MARKUP, MARKUP),
    ],
)
def test_names_are_no_markup(html):
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_an_answer_says_what_and_how_likely():
    html = page.explained("a.jpg", explanation())
    assert "75.0%</h2>" in html
    assert "under 0.1%" in html
    assert html.count('src="data:image/jpeg;base64,') == 2
    assert html.count("alt=") == 2


@pytest.mark.parametrize(
    ("shape", "hottest", "place"),
    [
        ((7, 7), (0, 0), "top left"),
        ((7, 7), (3, 3), "centre"),
        ((7, 7), (3, 6), "middle right"),
        ((2, 5), (1, 2), "bottom centre"),
        ((1, 1), (0, 0), "centre"),
    ],
)
def test_the_heat_map_is_described_in_words(shape, hottest, place):
    heatmap = np.zeros(shape, np.float32)
    heatmap[hottest] = 1
    assert f'hottest at the {place}"' in page.explained("a", explanation(heatmap))


def test_a_map_without_heat_is_described_too():
    flat = np.zeros((3, 3), np.float32)
    assert "the same everywhere" in page.explained("a", explanation(flat))
