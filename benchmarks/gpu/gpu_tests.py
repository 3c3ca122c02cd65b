"""The tests of layers and models on Keras's JAX backend, on a GPU, without TensorFlow.

    python -m benchmarks.gpu.gpu_tests
    python -m benchmarks.gpu.gpu_tests --tests tests/layers
    python -m benchmarks.gpu.gpu_tests --rehearse           # one file, on the CPU

Products are in full float32, not in the shorter TF32 that JAX takes on a GPU by default: the tests
compare with NumPy to 1e-5. What needs TensorFlow is skipped. Those that fail are in the record with
the reason, and those that found no time are counted.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.lib.devices import FGMIX, ON_CPU, REHEARSED, require_gpus
from benchmarks.lib.machine import circumstances, cores
from benchmarks.lib.outcomes import FILE, counts, outcomes
from benchmarks.lib.paths import RESULTS, ROOT
from benchmarks.lib.records import Record, markdown, script_parser, write
from benchmarks.lib.workers import ENVIRONMENT
from fgmix.cli.main import run

TESTS = ["tests/layers", "tests/models"]
APART = "tests/layers/test_without_tensorflow.py"
"""Runs the same tests once more, in processes without TensorFlow: here all are."""
TINY = [
    "tests/layers/test_attention.py::test_one_channel_one_position",
    "tests/models/test_choices.py",
]
PRECISE = {"JAX_DEFAULT_MATMUL_PRECISION": "highest", "NVIDIA_TF32_OVERRIDE": "0"}
MOST_PROCESSES = 8
"""Each takes about a gigabyte of the GPU's memory before it computes anything."""


def pytest_command(tests: list[str], processes: int) -> list[str]:
    """Returns the command that runs tests in some processes."""
    words = ["-p", "benchmarks.lib.outcomes", "-p", "no:cacheprovider", "--quiet", "--tb=short"]
    words += ["--continue-on-collection-errors", f"--ignore={APART}"]
    if processes > 1:
        words += ["--numprocesses", str(processes), "--dist", "loadfile"]
    return [sys.executable, "-m", "pytest", *words, *tests]


def table(record: Record) -> str:
    """Returns how many tests passed, failed and were skipped, and which failed."""
    found = record["counts"]
    row = [" ".join(f"`{name}`" for name in record["tests"]), *found.values()]
    lines = [f"- `{line['test']}`: {line['why']}" for line in record["failed"]]
    ended = "" if record["ended"] else " They were cut off: more would have followed."
    return (
        markdown(["tests", *found], [row])
        + f"\n{record['seconds']:.0f} s in {record['processes']} processes.{ended}\n"
        + "".join(f"{line}\n" for line in lines)
    )


def in_short(record: Record) -> str:
    """Returns one line on how the tests ended."""
    ended = "" if record["ended"] else ", then cut off"
    return ", ".join(f"{count} {name}" for name, count in record["counts"].items()) + ended


def command(argv: list[str]) -> int:
    """Runs the tests, prints and writes."""
    parser = script_parser(__doc__, variant=True)
    parser.add_argument("--tests", nargs="+", help=" ".join(TESTS))
    parser.add_argument("--processes", type=int, help="by default one a core, at most 8")
    parser.add_argument("--minutes", type=float, default=30, help="after them they are ended")
    parser.add_argument(
        "--rehearse", action="store_true", help="one file, on the CPU; a record only with --output"
    )
    args = parser.parse_args(argv)
    devices = REHEARSED if args.rehearse else require_gpus("jax")
    tests = args.tests or (TINY if args.rehearse else TESTS)
    processes = args.processes or (1 if args.rehearse else min(cores(), MOST_PROCESSES))
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "outcomes.jsonl"
        process = subprocess.Popen(
            [*pytest_command(tests, processes), f"--basetemp={scratch}/tests"],
            cwd=ROOT,
            env={
                **os.environ,
                **ENVIRONMENT,
                **(ON_CPU if args.rehearse else FGMIX),
                **PRECISE,
                FILE: str(file),
            },
        )
        try:
            code = process.wait(60 * args.minutes)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
            code = None
        lines = list(outcomes(file))
    record = {
        **circumstances(args.note, "jax", "jaxlib", "keras", "numpy", "pytest"),
        "device": devices["jax"],
        "devices": devices,
        "tests": tests,
        "processes": processes,
        "ended": code is not None,
        "exit_code": code,
        "seconds": time.monotonic() - began,
        "counts": counts(lines),
        "failed": [line for line in lines if line["outcome"] == "failed"],
        "skipped": [line for line in lines if line["outcome"] == "skipped"],
        "slowest": sorted(lines, key=lambda line: -line["seconds"])[:10],
    }
    if not (args.rehearse and args.output == RESULTS):
        write("gpu_tests", record, args.output, args.variant)
    print(f"\n{table(record)}\n{in_short(record)}", flush=True)
    return 0 if code == 0 else 1


if __name__ == "__main__":
    raise SystemExit(run(command))
