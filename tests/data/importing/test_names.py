"""Names of imported files: visible and legal everywhere, and each its own."""

import pytest

from fgmix.data.importing.names import Places, safe_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ram C/V Cargo Van", "Ram C_V Cargo Van"),
        ("../../etc/passwd", "__.._etc_passwd"),
        (".hidden", "_hidden"),
        ("  two\n words ", "two words"),
        ("con", "_con"),
        ("nul.txt", "_nul.txt"),
        ("Thumbs.db", "_Thumbs.db"),
        ("St.", "St"),
        ("Käfer", "Käfer"),
        ("Ka\u0308fer", "K\u00e4fer"),
        ("", "_"),
        ("...", "_"),
        ("\x1b[31mred", "_[31mred"),
    ],
)
def test_a_name_is_visible_and_legal_on_every_system(text, name):
    assert safe_name(text) == name


def test_long_names_are_cut_to_what_file_systems_take():
    assert len(safe_name("a" * 300)) == 100
    assert len(safe_name("字" * 300).encode()) <= 200


def test_equal_names_are_numbered_in_upper_and_lower_case_alike():
    places = Places()
    given = [("", "a", "1.heic"), ("", "a", "1.tif"), ("", "A", "1.JPG"), ("test", "a", "1.jpg")]
    assert [places.place(*one, ".jpg") for one in given] == [
        "a/1.jpg",
        "a/1-2.jpg",
        "A-2/1.jpg",
        "test/a/1.jpg",
    ]


def test_classes_of_the_same_safe_name_keep_folders_of_their_own():
    places = Places()
    assert places.place("", "a/b", "1.jpg", ".jpg") == "a_b/1.jpg"
    assert places.place("", "a:b", "1.jpg", ".jpg") == "a_b-2/1.jpg"
