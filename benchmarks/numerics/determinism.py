"""The cost of deterministic operations on this machine, and whether steps repeat without them.

    python -m benchmarks.numerics.determinism

Trains each backbone on the same noise for some steps (recipe `strong`, 16 images of 128 pixels,
mixed attention), alternately with and without deterministic operations, each time in a separate
process, and compares the weights' bits and the fastest steps.
"""

import hashlib
import time

import numpy as np

from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import script_parser, write
from benchmarks.lib.workers import measure_apart
from fgmix.backend import import_tensorflow
from fgmix.config.train_config import TrainConfig

SIZE, BATCH, CLASSES = 128, 16, 20


def measure(backbone: str, deterministic: bool, steps: int) -> dict[str, object]:
    """Trains in this process."""
    import_tensorflow()
    import keras
    import tensorflow as tf

    from fgmix.training.optimizer import build_optimizer
    from fgmix.training.trainer import build_model

    if deterministic:
        tf.config.experimental.enable_op_determinism()
    config = TrainConfig(
        dataset="aircraft", recipe="strong", backbone=backbone, weights="none", image_size=SIZE
    ).resolve()
    model = build_model(config, CLASSES, "float32")
    compiled = keras.Model(model.inputs, model.outputs)
    compiled.compile(build_optimizer(model, config, 1), "categorical_crossentropy")
    images = np.random.default_rng(0).uniform(0, 255, (BATCH, SIZE, SIZE, 3)).astype(np.float32)
    labels = np.eye(CLASSES, dtype=np.float32)[np.arange(BATCH)]
    seconds = []
    for _ in range(steps + 1):  # the first builds the graph
        start = time.perf_counter()
        compiled.train_on_batch(images, labels)
        seconds.append(time.perf_counter() - start)
    content = b"".join(np.asarray(variable).tobytes() for variable in model.variables)
    return {
        "backbone": backbone,
        "deterministic": deterministic,
        "seconds_a_step": {"fastest": min(seconds[1:]), "median": float(np.median(seconds[1:]))},
        "weights_sha256": hashlib.sha256(content).hexdigest(),
    }


def main() -> None:
    """Measures, prints and writes."""
    parser = script_parser(__doc__)
    parser.add_argument("--backbones", nargs="+", default=["mobilenet_v2", "vgg16_bn"])
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    rows = []
    for backbone in args.backbones:
        for deterministic in (False, True) * args.repeats:
            settings = {"backbone": backbone, "deterministic": deterministic, "steps": args.steps}
            rows.append(measure_apart("benchmarks.numerics.determinism:measure", settings))
            print(rows[-1], flush=True)
    record = {**circumstances(args.note, "tensorflow", "keras", "numpy"), "runs": rows}
    write("determinism", record, args.output)


if __name__ == "__main__":
    main()
