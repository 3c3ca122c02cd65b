import pytest

from fgmix.report.tables import make_table, sort_key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("50.9 to 55.1", "50.9"),
        ("-29.48 to +33.48", "-29.48"),
        ("+2.00", "+2.00"),
        ("1,234", "1234"),
        ("< 0.001", "0.0005"),
        ("", ""),
        ("None", "none"),
    ],
)
def test_what_a_cell_is_sorted_by(text, key):
    assert sort_key(text) == key


def test_words_are_sorted_as_words_whatever_they_begin_with():
    table = make_table("cars", "cars", ("class", "photos"), [("3 Series", "10")])
    assert [cell.key for cell in table.rows[0]] == ["3 series", "10"]
    assert table.caption == "Cars"
