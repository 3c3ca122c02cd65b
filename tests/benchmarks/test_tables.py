"""The tables of benchmarks/README.md match the committed records."""

import json
import re

import pytest

from benchmarks.lib import paths, records, targets

README = paths.README.read_text(encoding="utf-8")
SCRIPTS = sorted(
    path.stem
    for path in paths.BENCHMARKS.glob("*/*.py")
    if re.search(r"^def (table|from_records)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
)
REWRITE = "run `python -m benchmarks.tables`"


def test_every_script_with_a_table_has_its_place_and_no_place_is_left_over():
    assert len(SCRIPTS) >= 8
    assert sorted(records.sections(README)) == SCRIPTS


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_table_is_what_the_records_give(name):
    assert records.sections(README)[name] == records.render(name), REWRITE


def test_every_record_of_these_scripts_names_its_command_and_machine():
    for name in set(SCRIPTS) - {"targets"}:
        for record in records.read(name):
            assert {"date", "machine", "versions"} <= record.keys()
            # A record holds the command of its day: at first none, later scripts started by their
            # files.
            known = (f"python benchmarks/{name}.py", f"python -m {records.module_of(name)}")
            assert any(command in record.get("command", command) for command in known)
            assert not re.search(r'"/|: /', json.dumps(record))


def feature_record(error):
    row = {"network": "vgg16_bn", "image_size": 64, "max_abs_error": 0.5, "largest": 9.0}
    return {
        "command": "python -m benchmarks.numerics.feature_errors",
        "date": "2026-01-02",
        "machine": "a machine",
        "load_average_at_end": [3.25, 1, 1],
        "note": None,
        "versions": {"torch": "1.2.3"},
        "rows": [{**row, "relative_error": error}],
    }


@pytest.fixture
def readme(tmp_path):
    """A document with two tables between other lines."""
    path = tmp_path / "README.md"
    path.write_text(
        "first\n\n<!-- feature_errors.py -->\nold\n<!-- end -->\n\nbetween\n\n"
        "<!-- targets.py -->\n<!-- end -->\n\nlast\n",
        encoding="utf-8",
    )
    return path


def test_a_table_is_written_into_its_place_alone(readme, tmp_path):
    records.write("feature_errors", feature_record(2e-6), tmp_path / "results")
    records.update(readme, tmp_path / "results")
    text = readme.read_text(encoding="utf-8")
    assert "old" not in text
    assert "| `vgg16_bn` | 64 | 2.0e-06 | 5.0e-01 | 9.0 |\n" in text
    command = "`python -m benchmarks.numerics.feature_errors`"
    assert f"{command}; 2026-01-02; a machine; load average 3.2" in text
    assert [line for line in text.split("\n\n") if line in ("first", "between", "last\n")] == [
        "first",
        "between",
        "last\n",
    ]
    records.update(readme, tmp_path / "results")
    assert readme.read_text(encoding="utf-8") == text


def test_without_a_record_the_place_says_so(readme, tmp_path):
    records.update(readme, tmp_path)
    found = records.sections(readme.read_text(encoding="utf-8"))
    assert found["feature_errors"] == records.NONE
    assert found["targets"].count("no record yet") == len(targets.ROWS)


@pytest.mark.parametrize(("error", "reached"), [(9e-4, "yes"), (2e-3, "**no**")])
def test_a_mark_is_reached_or_not(tmp_path, error, reached):
    records.write("feature_errors", feature_record(error), tmp_path)
    [row] = [x for x in targets.from_records(tmp_path).splitlines() if "vgg" in x]
    assert row.split(" | ")[3] == reached


def test_variants_are_read_after_the_first(tmp_path):
    for variant, error in (("b", 3e-6), ("", 1e-6), ("a", 2e-6)):
        records.write("feature_errors", feature_record(error), tmp_path, variant)
    found = [
        record["rows"][0]["relative_error"] for record in records.read("feature_errors", tmp_path)
    ]
    assert found == [1e-6, 2e-6, 3e-6]
    assert records.render("feature_errors", tmp_path).count("2026-01-02") == 3
