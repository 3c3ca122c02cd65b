"""Predictions as JSON lines and CSV, written and read back."""

import csv
import io
import json

import pytest

from fgmix.serving.lines import LINE_FORMATS

ANSWERS = [
    {
        "path": "a.jpg",
        "label": "Alfa, 8C",
        "probability": 0.7,
        "top": [["Alfa, 8C", 0.7], ["b", 0.2]],
    },
    {"path": 'b, "c"\nd\r.jpg', "error": 'not "readable", at all'},
    {
        "path": "\udcff.jpg",
        "label": "Škoda",
        "probability": 1.0,
        "top": [["Škoda", 1.0], ["日本", 0.0]],
    },
]


def written(name):
    lines = LINE_FORMATS[name](2)
    return lines, lines.head + b"".join(map(lines.encode, ANSWERS))


def read(lines, content):
    file = io.BytesIO(content)
    file.seek(len(lines.head))
    return list(lines.read(file))


def test_json_lines_hold_the_answers():
    _, content = written("json")
    assert [json.loads(line) for line in content.splitlines()] == ANSWERS


def test_csv_is_a_table_that_other_programs_read():
    _, content = written("csv")
    rows = list(csv.DictReader(io.StringIO(content.decode(errors="surrogateescape"), newline="")))
    assert rows == [
        {
            "path": "a.jpg",
            "label": "Alfa, 8C",
            "probability": "0.7",
            "error": "",
            "label_2": "b",
            "probability_2": "0.2",
        },
        {
            "path": ANSWERS[1]["path"],
            "label": "",
            "probability": "",
            "error": ANSWERS[1]["error"],
            "label_2": "",
            "probability_2": "",
        },
        {
            "path": "\udcff.jpg",
            "label": "Škoda",
            "probability": "1.0",
            "error": "",
            "label_2": "日本",
            "probability_2": "0.0",
        },
    ]
    assert content.splitlines()[1] == b'a.jpg,"Alfa, 8C",0.7,,b,0.2'
    assert b"\xff.jpg," in content  # the name's own byte


def test_the_last_column_of_csv_is_the_distance():
    lines = LINE_FORMATS["csv"](2, distance=True)
    content = lines.head + b"".join(map(lines.encode, [ANSWERS[0] | {"distance": 1.5}, ANSWERS[1]]))
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    assert [row[-1] for row in rows] == ["distance", "1.5", ""]
    assert [record.failed for record in read(lines, content)] == [False, True]


@pytest.mark.parametrize("name", LINE_FORMATS)
def test_what_is_written_is_read_back_up_to_any_place_that_it_is_cut_at(name):
    lines, content = written(name)
    ends = []
    for answer in ANSWERS:
        ends.append((ends or [len(lines.head)])[-1] + len(lines.encode(answer)))
    assert ends[-1] == len(content)
    expected = [
        (answer["path"], "error" in answer, end) for answer, end in zip(ANSWERS, ends, strict=True)
    ]
    for cut in range(len(lines.head), len(content) + 1):
        assert read(lines, content[:cut]) == [record for record in expected if record[2] <= cut]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("json", b"[]\n"),
        ("json", b"{}\n"),
        ("json", b"\0\0\n"),
        ("csv", b"a.jpg,b\n"),
        ("csv", b"\n"),
    ],
)
def test_a_line_of_another_kind_is_refused(name, line):
    lines, content = written(name)
    with pytest.raises(ValueError, match=r"\w"):
        read(lines, content + line)


def test_in_csv_no_cell_is_a_formula():
    answer = {
        "path": "=a.jpg",
        "label": "@x",
        "probability": 0.5,
        "top": [["@x", 0.5], ["-y", 0.1]],
    }
    lines = LINE_FORMATS["csv"](2)
    assert lines.encode(answer) == b"'=a.jpg,'@x,0.5,,'-y,0.1\n"
    assert json.loads(LINE_FORMATS["json"](2).encode(answer)) == answer
