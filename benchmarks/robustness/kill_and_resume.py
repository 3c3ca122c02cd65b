"""Whether a run that is killed at random times gives bit-identical results.

    python -m benchmarks.robustness.kill_and_resume --kills 100

Draws a few images and trains a small network on them, with augmentation, dropout and a checkpoint
every second step, once without interruption for every recipe. Then it trains the same repeatedly,
kills each training (SIGKILL) a random time after the start of a random phase, resumes it, kills
it again, and compares the results: the weights of model.keras and of the SavedModel, history.csv
except its seconds, metrics.json and predictions.csv. Trainings are forked from a process that has
imported TensorFlow, so that kills hit the work and not the imports.
"""

import contextlib
import csv
import json
import multiprocessing
import os
import random
import signal
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.lib.exports import exported_values
from benchmarks.lib.machine import circumstances
from benchmarks.lib.photos import draw_coloured
from benchmarks.lib.records import script_parser, write
from benchmarks.lib.workers import ENVIRONMENT
from fgmix.config.train_config import TrainConfig

RECIPES: dict[str, dict[str, int]] = {"paper": {}, "strong": {}, "frozen": {"finetune_epochs": 1}}
"""The settings that each recipe is tried with."""
MOST_KILLS = 12
"""The most kills of one run; after them it runs to its end."""
PHASES = {
    "reading and building": "",
    "start of training": "run folder: ",
    "training and validation": "Epoch ",
    "evaluation, model and export": "evaluating on ",
}
"""The messages of a training at the start of each phase."""
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["fgmix.workflows.train_and_evaluate"])


def work(config: TrainConfig, log: Path) -> None:
    """Trains in a separate process, with its output in a file."""
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    import keras

    from fgmix.cli.main import show_notes
    from fgmix.models.backbones.registry import BACKBONES
    from fgmix.training.determinism import make_deterministic
    from fgmix.workflows.train_and_evaluate import train

    tiny = BACKBONES["tiny"]

    def with_dropout(image_size: int, weights: str | None) -> keras.Model:
        body = tiny.build(image_size, weights)
        output = keras.layers.Dropout(0.3, name="dropout")(body.output)
        return keras.Model(body.input, output, name="tiny")

    BACKBONES["tiny"] = replace(tiny, build=with_dropout)
    show_notes()
    make_deterministic()
    train(config)


def train_apart(
    config: TrainConfig, log: Path, phase: str | None = None, wait: float = 0.0
) -> bool:
    """Trains in a new process, optionally killed some seconds into a phase; returns if it was.

    Raises:
        RuntimeError: If the training fails.
    """
    log.write_text("")
    process = CONTEXT.Process(target=work, args=(config, log))
    process.start()
    if phase is not None:
        while process.is_alive() and PHASES[phase] not in log.read_text():
            time.sleep(0.01)
        process.join(wait)
        process.kill()
    process.join()
    if process.exitcode == -signal.SIGKILL:
        return True
    if process.exitcode != 0:
        raise RuntimeError(f"{config.run_dir} failed: {log.read_text()[-2000:]}")
    return False


def reached(run: Path, log: Path) -> str:
    """Returns the last phase that a killed training had started, and what it was about to write."""
    said = log.read_text()
    last = [phase for phase, words in PHASES.items() if words in said][-1]
    left = [path.name.split(".")[1] for path in run.glob(".*.partial-*")] if run.exists() else []
    return f"{last}: while writing {left[0]}" if left else last


def results(run: Path) -> dict[str, object]:
    """Returns all results of a finished run that must not depend on interruptions."""
    import keras

    import fgmix.layers  # noqa: F401  (registers the layers)

    # A Keras file holds no seed generator state; a SavedModel does, in arbitrary order.
    model = keras.models.load_model(run / "model.keras", compile=False)
    with (run / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        del row["seconds"], row["images_per_second"]
    return {
        "model.keras": [np.asarray(variable).tobytes() for variable in model.weights],
        "SavedModel": exported_values(run / "1"),
        "history.csv": rows,
        "metrics.json": (run / "metrics.json").read_text(),
        "predictions.csv": (run / "predictions.csv").read_text(),
        "files": sorted(path.name for path in run.iterdir()),
    }


def main() -> None:
    """Kills, resumes, compares, prints and writes."""
    parser = script_parser(__doc__)
    parser.add_argument("--kills", type=int, default=100, help="at least (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="of the times of the kills")
    args = parser.parse_args()
    os.environ |= ENVIRONMENT
    rng = random.Random(args.seed)
    began = time.perf_counter()
    phases: Counter[str] = Counter()
    differing: list[dict[str, object]] = []
    runs = finished_first = 0
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        os.environ["TFDS_DATA_DIR"] = scratch
        draw_coloured(Path("photos"), 3, {"train": 12, "test": 6}, ".png")
        log = Path("log.txt").absolute()
        base = TrainConfig(
            dataset=str(Path("photos").absolute()),
            backbone="tiny",
            weights="none",
            image_size=32,
            epochs=2,
            batch_size=6,
            val_fraction=0.25,
            checkpoint_every=2,
        )
        train_apart(replace(base, run_dir="first"), log)  # its start is slower than the others'
        whole, seconds = {}, {}
        for recipe in RECIPES:
            start = time.perf_counter()
            config = replace(base, recipe=recipe, run_dir=f"whole-{recipe}", **RECIPES[recipe])
            train_apart(config, log)
            seconds[recipe] = time.perf_counter() - start
            whole[recipe] = results(Path(config.run_dir))
        print(f"without a break: {seconds}", flush=True)
        while phases.total() < args.kills:
            recipe = list(RECIPES)[runs % len(RECIPES)]
            run = Path(f"killed-{runs}")
            config = replace(base, recipe=recipe, run_dir=str(run), **RECIPES[recipe])
            kills = 0
            while True:
                again = replace(config, resume=(run / "config.json").exists())
                phase = rng.choice(list(PHASES)) if kills < MOST_KILLS else None
                if not train_apart(again, log, phase, rng.uniform(0, seconds[recipe] / 12)):
                    break
                if (run / "metrics.json").exists():
                    break  # killed after its end: finished, nothing to resume
                kills += 1
                phases[reached(run, log)] += 1
            finished_first += kills == 0
            found = results(run)
            wrong = [name for name, value in found.items() if value != whole[recipe][name]]
            if wrong:
                differing.append({"run": runs, "recipe": recipe, "differs": wrong})
            runs += 1
            print(
                f"{phases.total()} kills, {runs} runs, {len(differing)} not identical "
                f"({time.perf_counter() - began:.0f} s)",
                flush=True,
            )
    record = {
        **circumstances(args.note, "tensorflow", "keras", "numpy"),
        "seed": args.seed,
        "seconds_without_a_break": seconds,
        "kills": phases.total(),
        "kills_by_phase": dict(phases.most_common()),
        "runs": runs,
        "runs_that_ended_before_their_kill": finished_first,
        "runs_not_identical": differing,
        "seconds": time.perf_counter() - began,
    }
    print(json.dumps(record, indent=2))
    write("kill_and_resume", record, args.output)


if __name__ == "__main__":
    main()
