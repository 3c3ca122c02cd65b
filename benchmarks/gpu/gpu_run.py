"""A whole `fgmix train` on a GPU with JAX, fed by tf.data: its rate, its stall, killed and resumed.

    python -m benchmarks.gpu.gpu_run --photos FOLDER --weights FILE
    python -m benchmarks.gpu.gpu_run                        # on drawn photos, untrained
    python -m benchmarks.gpu.gpu_run --rehearse             # tiny, on the CPU

Needs TensorFlow beside JAX; its build for the CPU is enough, since it only reads photos and writes
the SavedModel. One run goes through. Another with the same settings is killed (SIGKILL) after its
first epoch and resumed; then weights, history, metrics and predictions of both are compared to the
bit. XLA is told to take deterministic kernels. The stall is what is missing to the rate of the same
network on images that lie decoded in the host's memory.
"""

import argparse
import csv
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

from benchmarks.lib.devices import FGMIX, ON_CPU, REHEARSED, installed, require_gpus
from benchmarks.lib.machine import circumstances, cores
from benchmarks.lib.paths import RESULTS, ROOT
from benchmarks.lib.photos import QUALITY, draw
from benchmarks.lib.records import Record, markdown, script_parser, write
from benchmarks.lib.workers import ENVIRONMENT, started_together
from fgmix.cli.main import run
from fgmix.errors import FgmixError

DETERMINISTIC = "--xla_gpu_deterministic_ops=true"
REHEARSAL: dict[str, Any] = {
    "backbone": "tiny",
    "batch_size": 8,
    "image_size": 32,
    "precision": "float32",
    "count": 48,
    "epochs": 3,
}
DRAWN = 32
"""Pictures that are drawn; every photo is one of them, shifted."""
MEASURED_TWICE = ("seconds", "images_per_second")


def draw_photos(root: Path, count: int, classes: int = 8, width: int = 500, height: int = 375):
    """Writes different JPEG files of the size and detail of photographs in class folders."""
    rng = np.random.default_rng(0)
    drawn = [np.asarray(draw(rng, width, height)) for _ in range(min(DRAWN, count))]
    for number in range(count):
        pixels = np.roll(drawn[number % len(drawn)], (7 * number, 11 * number), (0, 1))
        file = root / f"class{number % classes}" / f"{number:05d}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file, "JPEG", quality=QUALITY)


def history(folder: Path) -> list[dict[str, str]]:
    """Returns the rows of a run's history; none if there is none yet."""
    file = folder / "history.csv"
    if not file.exists():
        return []
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


class Trainings:
    """Trainings with the same settings, in processes of their own, with one time limit."""

    def __init__(self, args: argparse.Namespace, photos: Path, scratch: Path):
        self.args, self.photos, self.scratch = args, photos, scratch
        self.ends = time.monotonic() + 60 * args.minutes
        on = ON_CPU if args.rehearse else FGMIX
        flags = os.environ.get("XLA_FLAGS", "")
        self.environment = {
            **os.environ,
            **ENVIRONMENT,
            **on,
            "XLA_FLAGS": f"{flags} {DETERMINISTIC}".strip(),
            "TFDS_DATA_DIR": str(scratch / "copies"),
            "JAX_COMPILATION_CACHE_DIR": str(scratch / "compiled"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }

    def train(self, name: str, kill: bool = False, resume: bool = False) -> bool:
        """Trains, or begins to; returns whether it was killed before its end.

        Raises:
            FgmixError: If it fails, or the time is up.
        """
        folder, log = self.scratch / name, self.scratch / f"{name}.log"
        args = self.args
        words = ["--dataset", str(self.photos), "--run-dir", str(folder), "--recipe", "paper"]
        for flag in ("backbone", "batch_size", "image_size", "precision", "epochs", "weights"):
            words += [f"--{flag.replace('_', '-')}", str(getattr(args, flag))]
        # In the middle of an epoch too; the run that is timed saves as often as it would.
        words += ["--checkpoint-every", "5"] if kill or resume else []
        words += ["--resume"] if resume else []
        with log.open("a") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "fgmix", "train", *words],
                cwd=ROOT,
                env=self.environment,
                stdout=out,
                stderr=out,
            )
            while process.poll() is None and time.monotonic() < self.ends:
                if kill and history(folder):
                    break
                time.sleep(0.02)
            process.kill()
            code = process.wait()
        if code == 0:
            return False
        if kill and history(folder) and code == -signal.SIGKILL:
            return True
        said = log.read_text(errors="replace").strip().splitlines()
        if time.monotonic() >= self.ends:
            raise FgmixError(f"{name} run: no time was left; last line: {said[-1:]}")
        print("\n".join(said[-30:]), file=sys.stderr)
        raise FgmixError(f"{name} run: exit code {code}: {said[-1] if said else ''}")


def weights(folder: Path) -> dict[str, np.ndarray]:
    """Returns all arrays of a run's model.keras by their place."""
    found: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(folder / "model.keras") as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content) as file:
        file.visititems(
            lambda name, item: found.update(
                {name: item[()]} if isinstance(item, h5py.Dataset) else {}
            )
        )
    return found


def compare(one: Path, other: Path) -> dict[str, Any]:
    """Returns what differs between two finished runs, and by how much the weights do."""
    a, b = weights(one), weights(other)
    differing = [name for name in a if a[name].tobytes() != b[name].tobytes()]
    rows = [
        [{k: v for k, v in row.items() if k not in MEASURED_TWICE} for row in history(folder)]
        for folder in (one, other)
    ]
    differs = ["model.keras"] if differing or a.keys() != b.keys() else []
    differs += ["history.csv"] if rows[0] != rows[1] else []
    for name in ("metrics.json", "predictions.csv"):
        if (one / name).read_bytes() != (other / name).read_bytes():
            differs.append(name)
    return {
        "identical": not differs,
        "differs": differs,
        "arrays": len(a),
        "arrays_that_differ": len(differing),
        "largest_difference": max(
            (float(np.abs(a[n].astype(float) - b[n].astype(float)).max()) for n in differing),
            default=0.0,
        ),
    }


def rate_from_memory(args: argparse.Namespace, environment: dict[str, str], left: float) -> float:
    """Returns images a second of the same network on decoded images in the host's memory."""
    settings = {
        "backbone": args.backbone,
        "attention": "mixed",
        "image_size": args.image_size,
        "batch": args.batch_size,
        "precision": args.precision,
        "steps": 2 if args.rehearse else max(5, 2560 // args.batch_size),
        "host": True,
    }
    asked = ("benchmarks.lib.train_steps:fgmix_step", settings, environment)
    with started_together({"fgmix": asked}, left) as workers:
        workers["fgmix"]()
        return args.batch_size / workers["fgmix"]()["seconds_from_host"]


def table(record: Record) -> str:
    """Returns the rates of the epochs, the stall, and whether the resumed run is the same."""
    rates = ", ".join(f"{rate:,.0f}" for rate in record["images_per_second"])
    stall = "not measured" if record["stall"] is None else f"{record['stall']:.0%}"
    same = record["resumed"]
    if same is None:
        said = "not finished"
    elif same["identical"]:
        said = "the same bits"
    else:
        said = (
            f"not the same: {', '.join(same['differs'])}; {same['arrays_that_differ']} of "
            f"{same['arrays']} arrays, by up to {same['largest_difference']:.1e}"
        )
    memory = record["images_per_second_from_memory"]
    rows = [
        ["images a second, by epoch", rates],
        ["on decoded images in memory", f"{memory:,.0f}" if memory else "not measured"],
        ["input stall", stall],
        ["killed and resumed", said],
    ]
    return markdown(["what", "measured"], rows) + (
        f"\n`{record['backbone']}` with `mixed`, batch {record['batch_size']}, "
        f"{record['image_size']} px, {record['precision']}, {record['photos']} photos "
        f"({record['of']}), {record['cores']} cores.\n"
    )


def in_short(record: Record) -> str:
    """Returns one line on the run."""
    rates = record["images_per_second"]
    said = f"{max(rates):,.0f} images/s" if rates else "no epoch"
    said += "" if record["stall"] is None else f", input stall {record['stall']:.0%}"
    if record["resumed"] is None:
        return f"{said}, not resumed"
    same = "the same bits" if record["resumed"]["identical"] else "other bits"
    return f"{said}, killed and resumed: {same}"


def measure(args: argparse.Namespace, head: Record, scratch: Path) -> Record:
    """Trains, kills, resumes and compares; writes the record after each of them."""
    photos = args.photos
    if photos is None:
        photos = scratch / "photos"
        draw_photos(photos, args.count)
    trainings = Trainings(args, photos.absolute(), scratch)
    record: dict[str, Any] = {
        **head,
        **{key: getattr(args, key) for key in ("backbone", "batch_size", "image_size", "epochs")},
        "precision": args.precision,
        "pretrained": args.weights != "none",
        "photos": sum(1 for path in photos.rglob("*") if path.is_file()),
        "of": "drawn" if args.photos is None else "real",
        "cores": cores(),
        "images_per_second": [],
        "images_per_second_from_memory": None,
        "stall": None,
        "was_killed": None,
        "resumed": None,
    }

    def note(**found: Any) -> None:
        record.update(found)
        if not (args.rehearse and args.output == RESULTS):
            write("gpu_run", record, args.output, args.variant)
        print(in_short(record), flush=True)

    trainings.train("whole")
    said = (scratch / "whole.log").read_text(errors="replace")
    note(
        images_per_second=[float(row["images_per_second"]) for row in history(scratch / "whole")],
        fgmix_says=[line for line in said.splitlines() if "input-bound" in line],
    )
    note(was_killed=trainings.train("killed", kill=True))
    if record["was_killed"]:
        trainings.train("killed", resume=True)
        note(resumed=compare(scratch / "whole", scratch / "killed"))
    left = trainings.ends - time.monotonic()
    if left > 0:
        memory = rate_from_memory(args, trainings.environment, left)
        rate = max(record["images_per_second"])
        note(images_per_second_from_memory=memory, stall=max(0.0, 1 - rate / memory))
    return record


def command(argv: list[str]) -> int:
    """Runs the trainings, prints and writes."""
    parser = script_parser(__doc__, variant=True)
    parser.add_argument("--photos", type=Path, help="a folder that fgmix trains on; default: drawn")
    parser.add_argument("--count", type=int, default=2048, help="photos that are drawn")
    parser.add_argument("--weights", default="none", help="a file of pretrained weights")
    parser.add_argument("--backbone", default="resnet50_torch")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=10, help="after them it is ended")
    parser.add_argument(
        "--rehearse", action="store_true", help="tiny, on the CPU; a record only with --output"
    )
    args = parser.parse_args(argv)
    if find_spec("tensorflow") is None:
        raise FgmixError(
            "no TensorFlow here: bring its build for the CPU along (benchmarks/gpu/carry.py)"
        )
    if args.photos is not None and not args.photos.is_dir():
        raise FgmixError(f"--photos {args.photos}: there is no such folder")
    devices = REHEARSED if args.rehearse else require_gpus("jax")
    if args.rehearse:
        vars(args).update(REHEARSAL)
    head: dict[str, Any] = {
        **circumstances(args.note),
        "device": devices["jax"],
        "devices": devices,
    }
    head["versions"] |= installed()
    with tempfile.TemporaryDirectory() as scratch:
        record = measure(args, head, Path(scratch))
    print(f"\n{table(record)}\n{in_short(record)}", flush=True)
    return 0 if record["resumed"] else 1


if __name__ == "__main__":
    raise SystemExit(run(command))
