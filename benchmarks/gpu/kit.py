"""Everything that is measured on a GPU, in one command: throughput, a whole run, the tests.

    python -m benchmarks.gpu.kit --output FOLDER
    python -m benchmarks.gpu.kit --output FOLDER --site SITE --photos PHOTOS --weights FILE
    python -m benchmarks.gpu.kit --output FOLDER --steps tests --minutes 3
    python -m benchmarks.gpu.kit --output FOLDER --rehearse     # tiny, on the CPU

The machine has an NVIDIA GPU, JAX and PyTorch. What else is needed can be brought along with
`carry.py`, in the folder SITE; without TensorFlow there, the whole run is left out. Each step is a
script of its own with its own record, has its share of the minutes, and is killed after them; what
an earlier step did not need goes to the later ones. A step that fails does not stop the others.
Records are written while a step runs, so what was cut off leaves what it had.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.gpu import gpu_run, gpu_tests, gpu_training
from benchmarks.lib.devices import KNOWN, REHEARSED, require_gpus
from benchmarks.lib.machine import circumstances
from benchmarks.lib.paths import RESULTS, ROOT
from benchmarks.lib.records import Record, markdown, script_parser, write
from benchmarks.lib.workers import measure_apart
from fgmix.cli.main import run
from fgmix.errors import FgmixError

LOG = "kit.log"
GRACE = 15
"""Seconds that a step may take to end after its minutes, before it is killed."""
LEAST = 30
"""Seconds under which a step is not begun."""


@dataclass(frozen=True)
class Step:
    """A script of the kit.

    Attributes:
        record: The name of its record.
        module: The module that is run.
        share: Its minutes of twelve.
        in_short: Returns a line on its record.
        sites: The parts of the brought folder that it may import from.
    """

    record: str
    module: str
    share: float
    in_short: Callable[[Record], str]
    sites: tuple[str, ...] = ("layers",)


STEPS = {
    "throughput": Step("gpu_training", "benchmarks.gpu.gpu_training", 7, gpu_training.in_short),
    "train": Step(
        "gpu_run", "benchmarks.gpu.gpu_run", 3, gpu_run.in_short, ("tensorflow", "layers")
    ),
    "tests": Step("gpu_tests", "benchmarks.gpu.gpu_tests", 2, gpu_tests.in_short),
}
"""The steps, the most useful first."""


def import_paths(site: Path | None, parts: tuple[str, ...]) -> str:
    """Returns PYTHONPATH with some parts of the brought folder before what is there."""
    before = [] if site is None else [str(site.absolute() / part) for part in parts]
    return os.pathsep.join([str(ROOT), *before, *filter(None, [os.environ.get("PYTHONPATH")])])


def end(process: subprocess.Popen) -> None:
    """Kills a step and all processes that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def take(name: str, args: argparse.Namespace, seconds: float) -> dict[str, Any]:
    """Runs a step, with its output in the log; returns how it ended."""
    step = STEPS[name]
    words = [sys.executable, "-m", step.module]
    words += ["--output", str(args.output.absolute()), "--minutes", f"{seconds / 60:.2f}"]
    words += ["--rehearse"] if args.rehearse else []
    words += ["--variant", args.variant] if args.variant else []
    if name == "train":
        words += ["--photos", str(args.photos.absolute())] if args.photos else []
        words += ["--weights", args.weights] if args.weights else []
    file = args.output / (
        f"{step.record}.{args.variant}.json" if args.variant else f"{step.record}.json"
    )
    file.unlink(missing_ok=True)  # what is there afterwards is of this step
    began = time.monotonic()
    with (args.output / LOG).open("a") as log:
        print(f"\n=== {name}: {' '.join(words[1:])}", file=log, flush=True)
        process = subprocess.Popen(
            words,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": import_paths(args.site, step.sites)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            code = process.wait(seconds + GRACE)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            end(process)
    record = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
    if code is None:
        ended = "killed: out of time"
    else:
        ended = "done" if code == 0 else f"failed with exit code {code}"
    return {
        "step": name,
        "ended": ended,
        "seconds": time.monotonic() - began,
        "of_seconds": seconds,
        "found": step.in_short(record) if record else last_line(args.output / LOG),
    }


def last_line(log: Path) -> str:
    """Returns the last line of the log: why a step left no record."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300]


def table(record: Record) -> str:
    """Returns how each step ended and what it found."""
    rows = [
        [f"`{row['step']}`", row["ended"], f"{row['seconds']:.0f}", row["found"].replace("|", "/")]
        for row in record["rows"]
    ]
    driver = record["devices"].get("driver") or "no NVIDIA driver"
    return markdown(["step", "ended", "seconds", "in short"], rows) + f"\n{driver}.\n"


def command(argv: list[str]) -> int:
    """Takes the steps in turn, and prints and writes after each."""
    parser = script_parser(__doc__, variant=True)
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS), help="in turn")
    parser.add_argument("--minutes", type=float, default=12, help="of all steps together")
    parser.add_argument("--site", type=Path, help="the folder that carry.py has unpacked")
    parser.add_argument("--photos", type=Path, help="for the whole run; default: drawn ones")
    parser.add_argument("--weights", help="for the whole run: a file of pretrained weights")
    parser.add_argument(
        "--rehearse", action="store_true", help="tiny, on the CPU; --output must be elsewhere"
    )
    args = parser.parse_args(argv)
    began = time.monotonic()
    if args.rehearse and args.output == RESULTS:
        raise FgmixError("a rehearsal is no measurement: give --output FOLDER")
    if args.site is not None and not args.site.is_dir():
        raise FgmixError(f"--site {args.site}: there is no such folder (carry.py unpack makes it)")
    if args.photos is not None and not args.photos.is_dir():
        raise FgmixError(f"--photos {args.photos}: there is no such folder")
    args.output.mkdir(parents=True, exist_ok=True)
    everything = {"PYTHONPATH": import_paths(args.site, ("layers", "tensorflow"))}
    versions = measure_apart("benchmarks.lib.devices:installed", {}, everything)
    if "keras" not in versions:
        raise FgmixError("no Keras here: install it, or bring it along (carry.py) and give --site")
    devices = REHEARSED if args.rehearse else require_gpus("jax", "torch")
    os.environ[KNOWN] = json.dumps(devices)
    print(f"{devices['torch']}: at most {args.minutes:g} minutes, log in {args.output / LOG}")
    rows: list[dict[str, Any]] = []
    record: dict[str, Any] = {}
    for number, name in enumerate(args.steps):
        left = 60 * args.minutes - (time.monotonic() - began)
        shares = [STEPS[other].share for other in args.steps[number:]]
        seconds = left * shares[0] / sum(shares) - GRACE
        if seconds < LEAST:
            ended = {"ended": "not begun: out of time", "seconds": 0.0, "of_seconds": 0.0}
            rows.append({"step": name, **ended, "found": ""})
        else:
            print(f"{name}: at most {seconds / 60:.1f} minutes", flush=True)
            rows.append(take(name, args, seconds))
        print(f"{name}: {rows[-1]['ended']}: {rows[-1]['found']}", flush=True)
        head = circumstances(args.note)
        record = {
            **head,
            "versions": head["versions"] | versions,
            "device": devices["torch"],
            "devices": devices,
            "minutes": args.minutes,
            "rows": rows,
        }
        write("kit", record, args.output, args.variant)
    print(f"\n{table(record)}", flush=True)
    return 0 if all(row["ended"] == "done" for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(run(command))
