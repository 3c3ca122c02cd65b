"""The speed of an epoch on stored features against the same epoch with the backbone.

    python -m benchmarks.speed.frozen_epoch --data-dir DIR --weights FILE

Both train attention and classifier on the same images in the same views and order, alternately in
one process: `--rounds` times an epoch with the backbone, then epochs on features. The first epoch
of each, which builds the graph, does not count. An epoch with the backbone includes reading and
decoding the images. Processor time, of all cores together, tells more than the clock on a machine
that is busy.
"""

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import script_parser, write
from benchmarks.lib.rounds import show, spread
from fgmix.backend import import_tensorflow
from fgmix.config.train_config import TrainConfig
from fgmix.models.attention import ATTENTIONS
from fgmix.training.distributed.batchnorm import batch_statistics

if TYPE_CHECKING:
    import keras

    from fgmix.training.inputs import Inputs

ON_FEATURES = 3
"""The number of epochs on features that are timed together, because one is short."""


class Timed:
    """A model, its inputs, and the times of its epochs."""

    def __init__(self, model: "keras.Model", config: TrainConfig, inputs: "Inputs"):
        import keras

        from fgmix.training.optimizer import build_optimizer

        self.model, self.inputs, self.epoch = keras.Model(model.inputs, model.outputs), inputs, 0
        self.model.compile(
            build_optimizer(model, config, inputs.steps_per_epoch),
            keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
            metrics=["accuracy"],
        )

    def seconds(self, epochs: int) -> tuple[float, float]:
        """Trains, and returns the seconds of an epoch by the clock and of the processor."""
        steps = self.inputs.steps_per_epoch
        batches = self.inputs.training(self.epoch * steps)
        began, worked = time.perf_counter(), time.process_time()
        with batch_statistics(self.model):
            self.model.fit(batches, steps_per_epoch=steps, epochs=epochs, verbose=0, shuffle=False)
        self.epoch += epochs
        return (time.perf_counter() - began) / epochs, (time.process_time() - worked) / epochs


def measure(config: TrainConfig, rounds: int, features_alone: bool) -> dict[str, Any]:
    """Times one attention."""
    from fgmix.models.split import split_model
    from fgmix.runs.images import load_splits
    from fgmix.training.frozen.inputs import feature_inputs, view_inputs
    from fgmix.training.trainer import build_model

    dataset = load_splits(config)
    model = build_model(config, len(dataset.class_names), "float32")
    head, inputs = feature_inputs(model, config, dataset)
    on_features = Timed(head, config, inputs)
    on_features.seconds(1)
    result: dict[str, Any] = {"photos": inputs.steps_per_epoch * inputs.batch_size}
    timed = {"on_features": (on_features, ON_FEATURES)}
    if not features_alone:
        whole = build_model(config, len(dataset.class_names), "float32")
        for layer in split_model(whole).backbone.layers:
            layer.trainable = False
        timed["with_backbone"] = (Timed(whole, config, view_inputs(config, dataset)), 1)
        timed["with_backbone"][0].seconds(1)
    for _ in range(rounds):
        for name, (form, epochs) in timed.items():
            clock, processor = form.seconds(epochs)
            result.setdefault(name, []).append(clock)
            result.setdefault(f"{name}_processor", []).append(processor)
    if not features_alone:
        for kind in ("", "_processor"):
            pairs = zip(result[f"with_backbone{kind}"], result[f"on_features{kind}"], strict=True)
            result[f"times_faster{kind}"] = [slow / fast for slow, fast in pairs]
    return result


def main() -> None:
    """Times every attention, prints the table as it grows and writes the record."""
    parser = script_parser(__doc__)
    parser.add_argument("--data-dir", required=True, help="where Cars lies")
    parser.add_argument("--weights", default="imagenet", help="of the backbone")
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--attentions", nargs="+", default=list(ATTENTIONS), choices=ATTENTIONS)
    parser.add_argument(
        "--against",
        nargs="*",
        default=["none", "mixed"],
        choices=ATTENTIONS,
        help="those that are timed with the backbone run too",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shots", type=int, help="train on this many photos of each class")
    args = parser.parse_args()
    import_tensorflow()
    logging.getLogger("fgmix").setLevel(logging.WARNING)
    base = TrainConfig(
        dataset="cars",
        data_dir=args.data_dir,
        backbone=args.backbone,
        weights=args.weights,
        recipe="frozen",
        shots=args.shots,
    ).resolve()
    record: dict[str, Any] = {
        "backbone": args.backbone,
        "image_size": base.image_size,
        "batch_size": base.batch_size,
        "attentions": {},
    }
    print("| attention | s on features | with the backbone | times faster | by processor time |")
    print("|---|---|---|---|---|")
    for attention in args.attentions:
        alone = attention not in args.against
        found = measure(replace(base, attention=attention), args.rounds, alone)
        record["attentions"][attention] = found
        cells = [f"{np.median(found['on_features']):.2f}", "", "", ""]
        if not alone:
            cells[1:] = [
                f"{np.median(found['with_backbone']):.1f}",
                *(show(spread(found[f"times_faster{kind}"]), 0) for kind in ("", "_processor")),
            ]
        print(f"| {attention} | {' | '.join(cells)} |", flush=True)
        head = circumstances(args.note, "tensorflow", "keras", "numpy")
        write("frozen_epoch", head | record, args.output)


if __name__ == "__main__":
    main()
