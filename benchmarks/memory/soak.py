"""Whether thousands of steps of training and prediction leak: memory, threads, open files.

    python -m benchmarks.memory.soak --epochs 1000

Trains a small network as `train.py` does, with validation, a checkpoint every tenth step and
TensorBoard, and then predicts with it repeatedly. It samples its own resources along the way, and
compares the last sample with the one after a fifth of the way, when everything has run once.
"""

import json
import os
import tempfile
from pathlib import Path

from benchmarks.lib.machine import circumstances
from benchmarks.lib.photos import draw_coloured
from benchmarks.lib.records import script_parser, write
from fgmix.backend import import_tensorflow

LOOKS = 20
"""In each of the two parts."""


def look(step: int) -> dict[str, int]:
    """Returns the resources that this process holds."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "step": step,
        "kibibytes": int(status["VmRSS"].split()[0]),
        "threads": int(status["Threads"]),
        "open_files": len(list(Path("/proc/self/fd").iterdir())),
    }


def soak(root: Path, epochs: int) -> dict[str, list[dict[str, int]]]:
    """Trains for some epochs of 3 steps, and predicts as many batches of 32."""
    os.environ["TFDS_DATA_DIR"] = str(root)
    import_tensorflow()

    from fgmix import TrainConfig, train
    from fgmix.runs.run import Run
    from fgmix.serving.predict import BATCH, predict_files
    from fgmix.training.callbacks import EpochLog

    draw_coloured(root / "photos", 2, {"train": 8, "test": 4}, ".jpg")
    looks: dict[str, list[dict[str, int]]] = {"training": [], "prediction": []}
    on_epoch_end = EpochLog.on_epoch_end

    def look_and_log(self: EpochLog, epoch: int, logs: dict | None = None) -> None:
        on_epoch_end(self, epoch, logs)
        if (epoch + 1) % max(1, epochs // LOOKS) == 0:
            looks["training"].append(look(self.progress.step))
            print("training", looks["training"][-1], flush=True)

    EpochLog.on_epoch_end = look_and_log
    config = TrainConfig(
        dataset=str(root / "photos"),
        run_dir=str(root / "run"),
        backbone="tiny",
        weights="none",
        image_size=32,
        recipe="strong",
        epochs=epochs,
        batch_size=4,
        checkpoint_every=10,
        val_fraction=0.1,
    )
    run = Run.open(train(config).directory)
    photos = sorted((root / "photos" / "test").rglob("*.jpg"))
    endless = (photo for _ in range(epochs) for photo in photos * (BATCH // len(photos)))
    for count, _ in enumerate(predict_files(run, endless), 1):
        step, rest = divmod(count, BATCH)
        if rest == 0 and step % max(1, epochs // LOOKS) == 0:
            looks["prediction"].append(look(step))
            print("prediction", looks["prediction"][-1], flush=True)
    return looks


def main() -> None:
    """Runs the soak test, prints and writes."""
    parser = script_parser(__doc__)
    parser.add_argument("--epochs", type=int, default=1000, help="of 3 steps (default: 1000)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        looks = soak(Path(scratch), args.epochs)
    growth = {}
    for part, seen in looks.items():
        first, last = seen[len(seen) // 5], seen[-1]
        growth[part] = {name: last[name] - first[name] for name in first}
    record = {
        **circumstances(args.note, "tensorflow", "keras", "numpy"),
        "growth_after_a_fifth": growth,
        "looks": looks,
    }
    print(json.dumps(growth, indent=2))
    write("soak", record, args.output)


if __name__ == "__main__":
    main()
