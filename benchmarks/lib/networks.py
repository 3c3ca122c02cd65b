"""Measuring networks one by one: the flags that scripts share, and a record that grows."""

import argparse
from collections.abc import Callable
from typing import Any

from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import Record, script_parser, write

Measure = Callable[[argparse.Namespace, str, int], dict[str, Any]]


def parser_of(doc: str, flag: str, default: list[str], steps: int = 3) -> argparse.ArgumentParser:
    """Returns a parser of the networks (`flag`, a list of NAME:BATCH), rounds and output."""
    parser = script_parser(doc)
    parser.add_argument(
        flag, dest="networks", nargs="+", default=default, metavar="NAME:BATCH", help="in turn"
    )
    parser.add_argument("--image-size", type=int, default=224, help="a multiple of 32")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=steps, help="a round")
    return parser


def measure_each(name: str, args: argparse.Namespace, measure: Measure, *libraries: str) -> Record:
    """Measures every network and writes the record after each.

    Args:
        name: The name of the record.
        args: The flags of `parser_of`.
        measure: Returns a row from the flags, a network's name and its batch.
        libraries: The libraries whose versions are recorded.

    Returns:
        The record.
    """
    record: Record = {}
    rows: list[dict[str, Any]] = []
    for network in args.networks:
        network_name, _, batch = network.partition(":")
        rows.append(measure(args, network_name, int(batch)))
        head = circumstances(args.note, *libraries)
        record = {**head, "rounds": args.rounds, "steps": args.steps, "rows": rows}
        write(name, record, args.output)
    return record
