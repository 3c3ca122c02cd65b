"""Tables: aligned columns in a terminal, and escaped cells in Markdown."""

import pytest

from fgmix.tables import Table, aligned, markdown_table, markdown_text, p_in_words, points


def test_a_table_escapes_what_would_end_its_cells():
    table = Table("t", ("a|b", "n"), (("x|y", "1"),))
    assert r"| x\|y | 1 |" in table.as_markdown()
    assert table.as_text() == "t\n  a|b  n\n  x|y  1"


@pytest.mark.parametrize(
    ("p", "text"), [(0.00001, "< 0.001"), (0.0123, "0.012"), (0.456, "0.46"), (1.0, "1.00")]
)
def test_p_in_words(p, text):
    assert p_in_words(p) == text


def test_text_is_aligned_to_the_left_and_numbers_to_the_right():
    rows = [("name", "n"), ("a long name", "1"), ("b", "1,234")]
    assert aligned(rows, (True, False)) == [
        "name             n",
        "a long name      1",
        "b            1,234",
    ]
    assert aligned([], (True, False)) == []


@pytest.mark.parametrize(
    ("cell", "escaped"),
    [
        ("x|y", r"x\|y"),
        ("<script>", "&lt;script>"),
        ("</td>", "&lt;/td>"),
        ("<!-- ", "&lt;!-- "),
        ("&lt;", "&amp;lt;"),
        ("&#60;b", "&amp;#60;b"),
        ("two\nlines", "two lines"),
        ("< 0.001", "< 0.001"),
        ("a & b", "a & b"),
    ],
)
def test_markdown_shows_a_name_as_it_is(cell, escaped):
    assert markdown_table(("name",), [(cell,)], (True,)).splitlines()[2] == f"| {escaped} |"


def test_padded_markdown_is_easy_to_read_as_it_stands():
    table = markdown_table(("name", "n"), [("a|b", "1"), ("c", "12,345")], (True, False), True)
    assert table.splitlines() == [
        "| name |      n |",
        "| ---- | -----: |",
        r"| a\|b |      1 |",
        "| c    | 12,345 |",
    ]


def test_points_have_a_sign():
    assert points(0.0125) == "+1.25"
    assert points(-0.001, 1) == "-0.1"


def test_names_outside_tables_are_escaped_too():
    assert markdown_text("<img src=x>\r\n# a & b, p < 0.1") == "&lt;img src=x> # a & b, p < 0.1"
    table = Table("of <b>", ("a", "n"), (("<i>", "1"),), note="<script>")
    text = table.as_markdown()
    assert text.startswith("## of &lt;b>\n")
    assert "| &lt;i> | 1 |" in text
    assert text.endswith("\n&lt;script>\n")
    assert "<script>" in table.as_text()


def test_columns_stay_one_below_the_other_where_names_are_escaped():
    lines = aligned([["a\x1b", "1"], ["longer name", "2"]], (True, False))
    assert lines == ["a\\u001b      1", "longer name  2"]
