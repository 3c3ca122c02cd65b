"""Which files are tables of labels, and what their data sets are called."""

from pathlib import Path

TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
"""Suffixes of tables, in any case."""

USUAL = "labels"
"""The name of a table that says nothing about its photos."""


def is_table(name: str) -> bool:
    """Returns whether a file's name is that of a table.

    Example:
        >>> is_table("labels.CSV"), is_table("photos")
        (True, False)
    """
    return name.lower().endswith(TABLES)


def name_of(table: Path) -> str:
    """Returns the name of a table's data set: that of the file, or of the folder of `labels.csv`.

    Example:
        >>> name_of(Path("photos/birds.csv")), name_of(Path("birds/labels.csv"))
        ('birds', 'birds')
    """
    folder = table.absolute().resolve().parent.name
    return folder if table.stem.lower() == USUAL and folder else table.stem
