"""The effect of hostile files on an exported model: `serving_default` on thousands of them.

    python -m benchmarks.robustness.serving_fuzz --strings 10000

Byte strings that are random, truncated, damaged, assembled from pieces or announce huge sizes
(`hostile.py`) are predicted in batches, mixed with valid images, by a separate process that is
watched for crashes and hangs. After every batch the valid rows are compared, bit by bit, with
their outputs among empty rows, and the others are checked: zeros if they are not valid,
probabilities if they are. The peak memory of the process may exceed its memory before by eight
bytes for each pixel of the largest image that is decoded, times the number of processors: each of
them decodes one image at a time, and copies it once to turn or crop it.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lib.hostile import draw, hostile, mixed
from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import script_parser, write
from benchmarks.lib.workers import ENVIRONMENT
from fgmix.backend import import_tensorflow

BATCH, GOOD = 32, 4
SILENCE_SECONDS = 120
BYTES_A_PIXEL = 8
SOUND = ("jpeg", "png", "webp-lossy", "gif")


def ask(export: str, strings: int, seed: int) -> None:
    """Runs an export, and prints a line of JSON after every batch."""
    import_tensorflow()
    import random

    import tensorflow as tf

    serve = tf.saved_model.load(export).signatures["serving_default"]

    def answer(rows: list[bytes]) -> dict[str, np.ndarray]:
        return {name: out.numpy() for name, out in serve(image_bytes=tf.constant(rows)).items()}

    good = [draw(random.Random(seed), name) for name in SOUND[:GOOD]]
    bad_rows = BATCH - GOOD
    _, sound = mixed(good, [b""] * bad_rows)
    expected = answer(mixed(good, [b""] * bad_rows)[0])
    if not expected["valid"][sound].all():
        raise SystemExit("the sound photos were to be valid")
    before = memory_of_process("VmRSS")
    for start in range(0, strings, bad_rows):
        numbers = range(start, min(start + bad_rows, strings))
        names, contents = zip(*(hostile(number, seed) for number in numbers), strict=True)
        contents = [*contents, *[b""] * (bad_rows - len(contents))]
        began = time.perf_counter()
        found = answer(mixed(good, contents)[0])
        seconds = time.perf_counter() - began
        valid = found["valid"][~sound][: len(names)]
        line = {
            "start": start,
            "asked": Counter(names),
            "decoded": Counter(name for name, ok in zip(names, valid, strict=True) if ok),
            "problems": problems(found, expected, sound),
            "seconds": seconds,
            "mebibytes": {
                "before": before,
                "now": memory_of_process("VmRSS"),
                "peak": memory_of_process("VmHWM"),
            },
        }
        print(json.dumps(line), flush=True)


def problems(
    found: dict[str, np.ndarray], expected: dict[str, np.ndarray], sound: np.ndarray
) -> list[str]:
    """Returns what is wrong with the outputs for a batch of valid and hostile rows.

    Args:
        found: The outputs.
        expected: The outputs with empty strings in place of the hostile ones.
        sound: Which rows are valid.
    """
    wrong = [
        f"{name} of a sound row has changed"
        for name, values in found.items()
        if values[sound].tolist() != expected[name][sound].tolist()
    ]
    valid, probabilities = found["valid"], found["probabilities"]
    if not np.allclose(probabilities[valid].sum(axis=1), 1, atol=1e-5):
        wrong.append("a valid row's probabilities don't sum to one")
    if not np.isfinite(probabilities).all():
        wrong.append("a probability is no number")
    if probabilities[~valid].any() or found["top_probabilities"][~valid].any():
        wrong.append("a row that is not valid has probabilities")
    if (found["top_labels"][~valid] != b"").any():
        wrong.append("a row that is not valid has labels")
    return wrong


def allowance() -> float:
    """Returns how many MiB decoding may take."""
    from fgmix.data.codec.headers import MAX_PIXELS

    return (os.cpu_count() or 1) * MAX_PIXELS * BYTES_A_PIXEL / (1 << 20)


def memory_of_process(field: str) -> float:
    """Returns a field of this process's status, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:"))


def export_untrained(directory: Path, backbone: str) -> None:
    """Exports an untrained classifier of ten classes."""
    import_tensorflow()
    import keras

    from fgmix.models import build_classifier
    from fgmix.serving.export import export_saved_model
    from fgmix.serving.signatures import Classifier

    keras.utils.set_random_seed(0)
    model = build_classifier(10, backbone, "mixed", weights="none", image_size=96)
    export_saved_model(Classifier(model, tuple(f"class {n}" for n in range(10))), directory)


def watch(command: list[str], silence: float) -> tuple[list[dict[str, Any]], str | None]:
    """Runs the predicting process.

    Returns:
        Its lines, and how it ended if it failed.
    """
    lines: list[dict[str, Any]] = []
    environment = {**os.environ, **ENVIRONMENT}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        hung = threading.Event()

        def give_up() -> None:
            hung.set()
            process.kill()

        timer = threading.Timer(silence, give_up)
        timer.start()
        for text in process.stdout:
            timer.cancel()
            lines.append(json.loads(text))
            done = lines[-1]["start"]
            if lines[-1]["problems"] or len(lines) % 20 == 0:
                print(f"{done}: {lines[-1]['problems'] or 'well'}", flush=True)
            timer = threading.Timer(silence, give_up)
            timer.start()
        code = process.wait()
        timer.cancel()
    if hung.is_set():
        return lines, f"silent for {silence:g} seconds"
    if code < 0:
        return lines, f"ended by {signal.Signals(-code).name}"
    return lines, f"ended with exit code {code}" if code else None


def main() -> None:
    """Exports, predicts, prints and writes."""
    parser = script_parser(__doc__)
    parser.add_argument("--strings", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backbone", default="tiny")
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.ask:  # the watched process
        ask(args.ask, args.strings, args.seed)
        return

    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder) / "1"
        export_untrained(export, args.backbone)
        command = [sys.executable, "-m", "benchmarks.robustness.serving_fuzz"]
        command += ["--ask", str(export), "--strings", str(args.strings), "--seed", str(args.seed)]
        lines, end = watch(command, SILENCE_SECONDS)

    asked, decoded = Counter(), Counter()
    for line in lines:
        asked.update(line["asked"])
        decoded.update(line["decoded"])
    seconds = [line["seconds"] for line in lines]
    memory = lines[-1]["mebibytes"] if lines else {"before": 0.0, "peak": 0.0}
    memory["limit"] = memory["before"] + allowance()
    # It steps up at the largest images, and does not grow from batch to batch.
    eighths = range(len(lines) // 8, len(lines), max(1, len(lines) // 8))
    memory["at_eighths"] = [round(lines[n]["mebibytes"]["now"], 1) for n in eighths]
    wrong = [{"batch_from": n["start"], "said": n["problems"]} for n in lines if n["problems"]]
    if memory["peak"] > memory["limit"]:
        wrong.append({"said": ["more memory than the limit"]})
    record = {
        **circumstances(args.note, "tensorflow", "keras", "numpy", "pillow"),
        "settings": {name: getattr(args, name) for name in ("strings", "seed", "backbone")}
        | {"batch": BATCH, "sound_rows_in_a_batch": GOOD, "processors": os.cpu_count()},
        "asked": sum(asked.values()),
        "by_kind": {name: {"asked": n, "decoded": decoded[name]} for name, n in asked.items()},
        "ended": end or "well",
        "problems": wrong,
        "seconds": {
            "median_batch": float(np.median(seconds)) if seconds else None,
            "longest_batch": max(seconds, default=None),
        },
        "mebibytes": memory,
    }
    write("serving_fuzz", record, args.output)
    print(json.dumps({k: v for k, v in record.items() if k != "versions"}, indent=2))
    sys.exit(1 if end or wrong else 0)


if __name__ == "__main__":
    main()
