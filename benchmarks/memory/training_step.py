"""The memory of a training step at the defaults, and the cost of a checkpoint.

    python -m benchmarks.memory.training_step
    python -m benchmarks.memory.training_step --backbones resnet50_torch --parts 1 4

For every backbone, a separate process builds the classifier of recipe `paper` (mixed attention,
224 pixels, 196 classes, batch 32, random weights), trains it for a few steps on noise, and saves a
checkpoint. Memory is the peak of the process (on a CPU; a GPU needs about what the step adds). An
epoch is one of FGVC-Aircraft: 6,667 images, 208 steps.
"""

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.lib.machine import circumstances, peak_mebibytes
from benchmarks.lib.records import script_parser, write
from benchmarks.lib.workers import measure_apart
from fgmix.backend import import_tensorflow
from fgmix.config.train_config import TrainConfig
from fgmix.models.backbones.registry import BACKBONES

CLASSES, PHOTOS = 196, 6667


def measure(backbone: str, parts: int, steps: int) -> dict[str, object]:
    """Trains and saves in this process."""
    import_tensorflow()
    import keras
    import tensorflow as tf

    from fgmix.training.checkpoint import CHECKPOINT, Progress, save_checkpoint
    from fgmix.training.optimizer import build_optimizer
    from fgmix.training.trainer import build_model

    config = TrainConfig(
        dataset="aircraft", backbone=backbone, weights="none", accumulate=parts
    ).resolve()
    model = build_model(config, CLASSES, "float32")
    compiled = keras.Model(model.inputs, model.outputs)
    optimizer = build_optimizer(model, config, 208 * parts)
    compiled.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    built = peak_mebibytes()

    size = config.batch_size // parts
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (size, config.image_size, config.image_size, 3))
    labels = np.eye(CLASSES, dtype=np.float32)[rng.integers(0, CLASSES, size)]
    batch = tf.constant(images, tf.float32), tf.constant(labels)
    seconds = []
    for _ in range(steps + 1):  # the first builds the graph
        start = time.perf_counter()
        for _ in range(parts):
            compiled.train_on_batch(*batch)
        seconds.append(time.perf_counter() - start)
    trained = peak_mebibytes()

    saves = []
    with tempfile.TemporaryDirectory() as scratch:
        for _ in range(3):
            start = time.perf_counter()
            save_checkpoint(Path(scratch), compiled, Progress())
            saves.append(time.perf_counter() - start)
        megabytes = (Path(scratch) / CHECKPOINT).stat().st_size / 1e6
    step = float(np.median(seconds[1:]))
    save = float(np.median(saves))
    return {
        "backbone": backbone,
        "parts": parts,
        "peak_mebibytes_built": built,
        "peak_mebibytes_training": trained,
        "peak_mebibytes_saving": peak_mebibytes(),
        "seconds_a_step": step,
        "checkpoint_megabytes": megabytes,
        "checkpoint_seconds": save,
        "checkpoint_share_of_an_epoch": save / (step * (PHOTOS // config.batch_size)),
    }


def main() -> None:
    """Measures, prints a table, and writes."""
    parser = script_parser(__doc__)
    parser.add_argument("--backbones", nargs="+", default=list(BACKBONES), choices=BACKBONES)
    parser.add_argument("--parts", type=int, nargs="+", default=[1, 4], help="--accumulate")
    parser.add_argument("--steps", type=int, default=3)
    args = parser.parse_args()
    rows = []
    print("| backbone | --accumulate | peak, GiB | checkpoint, MB | seconds | of an epoch |")
    print("|---|---|---|---|---|---|")
    for backbone in args.backbones:
        for parts in args.parts:
            settings = {"backbone": backbone, "parts": parts, "steps": args.steps}
            row = measure_apart("benchmarks.memory.training_step:measure", settings)
            rows.append(row)
            print(
                f"| {backbone} | {parts} | {row['peak_mebibytes_training'] / 1024:.1f} | "
                f"{row['checkpoint_megabytes']:.0f} | {row['checkpoint_seconds']:.2f} | "
                f"{row['checkpoint_share_of_an_epoch']:.2%} |",
                flush=True,
            )
            record = {**circumstances(args.note, "tensorflow", "keras", "numpy"), "rows": rows}
            write("training_step", record, args.output)


if __name__ == "__main__":
    main()
