"""Records of measurements, and the tables of README.md that are made from them.

A script `NAME.py` writes `results/NAME.json`. If it owns a table, README.md has a place for it:

    <!-- NAME.py -->
    ...
    <!-- end -->

What stands between is `render(NAME)`: the script's `table(record)`, and a line on where the
record comes from. Records of other machines or kinds lie beside the first as
`results/NAME.VARIANT.json`; each has its table. `python -m benchmarks.tables` writes all anew.
"""

import argparse
import importlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.lib.paths import BENCHMARKS, README, RESULTS

SECTION = re.compile(r"<!-- (\w+)\.py -->\n(.*?)<!-- end -->\n", re.DOTALL)
NONE = "*No record yet.*\n"

Record = Mapping[str, Any]


def script_parser(doc: str, variant: bool = False) -> argparse.ArgumentParser:
    """A parser with the flags of every script that writes a record.

    Args:
        doc: The script's docstring, whose first line is shown by `--help`.
        variant: Whether there may be several records of the script, each with its own name.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the record")
    if variant:
        parser.add_argument("--variant", default="", help="of the record: NAME.VARIANT.json")
    parser.add_argument("--note", help="what else the record should say")
    return parser


def write(name: str, record: Record, folder: Path = RESULTS, variant: str = "") -> None:
    """Writes a script's record, and its table in README.md if the record lies beside that."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=2) + "\n"
    file = f"{name}.{variant}.json" if variant else f"{name}.json"
    (folder / file).write_text(text, encoding="utf-8")
    if folder.resolve() == RESULTS:
        update(README)


def read(name: str, folder: Path = RESULTS) -> list[Record]:
    """A script's records: the first, then its variants by name. Often there is one, or none."""
    paths = [folder / f"{name}.json", *sorted(folder.glob(f"{name}.*.json"))]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def sections(text: str) -> dict[str, str]:
    """What stands in a document's places for tables, by the script that owns them."""
    return dict(SECTION.findall(text))


def render(name: str, folder: Path = RESULTS) -> str:
    """What the records of a script say, in Markdown."""
    script = load(name)
    if hasattr(script, "from_records"):  # a table over the records of others
        return script.from_records(folder)
    found = read(name, folder)
    return "\n".join(script.table(record) + "\n" + origin(record) for record in found) or NONE


def path_of(name: str) -> Path:
    """A script's path below benchmarks/."""
    [path] = BENCHMARKS.glob(f"*/{name}.py")
    return path.relative_to(BENCHMARKS)


def module_of(name: str) -> str:
    """A script's module, as `python -m` takes it."""
    return ".".join(["benchmarks", *path_of(name).with_suffix("").parts])


def load(name: str) -> Any:
    """A script as a module."""
    return importlib.import_module(module_of(name))


def update(readme: Path, folder: Path = RESULTS) -> None:
    """Writes every table of a document anew from the records in a folder."""
    text = readme.read_text(encoding="utf-8")
    new = SECTION.sub(lambda f: f"<!-- {f[1]}.py -->\n{render(f[1], folder)}<!-- end -->\n", text)
    if new != text:
        readme.write_text(new, encoding="utf-8")


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def origin(record: Record) -> str:
    """Where a record comes from: command, date, machine, what else ran, and versions."""
    load = record.get("load_average_at_end")
    parts = [
        f"`{record['command']}`" if "command" in record else "",
        record["date"],
        record.get("device") or "",
        record["machine"],
        f"load average {load[0]:.1f} at the end" if load else "",
        record.get("note") or "",
        ", ".join(f"{name} {number}" for name, number in record["versions"].items()),
    ]
    return "; ".join(part for part in parts if part) + ".\n"
