"""Why SGD at the paper's rates destroys some pretrained features, and at which rates it doesn't.

Fine-tunes a backbone with the paper's optimizer (SGD, momentum 0.9, cosine) and with AdamW on a few
classes of a data set, over backbone rates, head rates and kernel scales, and prints for each

- for SGD the relative size of the first step, `rate * |g| / |w|`, by kind of convolution: the
  median and the largest over its kernels (the first, depthwise, and 1 x 1 ones),
- how far the kernels moved: the median of `|w - w0| / |w0|` at the end,
- whether the features are still the pretrained ones: the mean cosine between pooled features before
  and after, on the validation images,
- accuracy on validation images, with BatchNorm's moving averages and with the batch's own
  statistics: if only the second is good, the averages lag; if neither is, the features are gone.

`kernel_scale` multiplies every convolution kernel that a BatchNorm follows, and the BatchNorm's
moving mean and standard deviation with it. The function is unchanged; SGD's relative step is
divided by the square of the scale. If that alone fixes the training, the kernels' norm was the
cause.

Every setting sees the same crops (the paper's) without label smoothing.
Validation images are taken from the training split; the test split is not used.

    python -m benchmarks.numerics.diagnose_sgd --data-dir DIR --weights FILE
"""

import json
import logging
import time
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import script_parser, write
from fgmix.config.train_config import TrainConfig
from fgmix.data.dataset import ImageDataset
from fgmix.data.pipeline import evaluation_batches, steps_per_epoch, training_batches
from fgmix.data.sources.registry import load_dataset
from fgmix.data.splits import stratified_split
from fgmix.models.classifier import ATTENTION_LAYER
from fgmix.training.optimizer import build_optimizer
from fgmix.training.trainer import build_model


def few_classes(dataset: ImageDataset, count: int) -> ImageDataset:
    """Returns the first `count` classes, with a fifth of the training images as validation."""
    train = dataset.splits["train"]
    train = train.take(np.flatnonzero(train.labels < count))
    names = dataset.class_names[:count]
    train, val = stratified_split(train, 0.2, 0, names, "validation", "more photos a class")
    return replace(dataset, class_names=names, splits={"train": train, "val": val})


def backbone_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Returns the layers before the attention."""
    names = [layer.name for layer in model.layers]
    return model.layers[: names.index(ATTENTION_LAYER)]


def kernels(model: keras.Model) -> list[keras.Variable]:
    """Returns the convolution kernels of the backbone."""
    return [v for layer in backbone_layers(model) for v in layer.trainable_variables if v.ndim == 4]


def scale_kernels(model: keras.Model, scale: float) -> None:
    """Scales kernels before a BatchNorm and its statistics, which leaves the function unchanged."""
    layers = backbone_layers(model)
    for norm in layers:
        if not isinstance(norm, keras.layers.BatchNormalization):
            continue
        conv = next(layer for layer in layers if layer.output is norm.input)
        if not hasattr(conv, "kernel"):
            continue
        conv.kernel.assign(conv.kernel * scale)
        norm.moving_mean.assign(norm.moving_mean * scale)
        norm.moving_variance.assign(norm.moving_variance * scale**2)
        norm.epsilon *= scale**2


def kind(kernel: keras.Variable) -> str:
    """Returns the kind of a convolution: first, depthwise or pointwise."""
    if "depthwise" in kernel.path:
        return "depthwise"
    return "pointwise" if tuple(kernel.shape[:2]) == (1, 1) else "first"


def first_step(
    model: keras.Model, images: tf.Tensor, labels: tf.Tensor
) -> dict[str, dict[str, float]]:
    """Returns |gradient| / |kernel| on one batch: median and largest, by kind of convolution."""
    chosen = kernels(model)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(
            keras.losses.categorical_crossentropy(labels, model(images, training=True))
        )
    gradients = tape.gradient(loss, [v.value for v in chosen])
    ratios: dict[str, list[float]] = {}
    for gradient, kernel in zip(gradients, chosen, strict=True):
        ratio = tf.norm(gradient) / tf.norm(kernel.value)
        ratios.setdefault(kind(kernel), []).append(float(ratio))
    return {k: {"median": float(np.median(v)), "largest": max(v)} for k, v in ratios.items()}


def accuracy(model: keras.Model, batches: tf.data.Dataset, training: bool) -> float:
    """Returns the accuracy, with the batch's own statistics if `training`."""
    hits = [
        np.argmax(model(x, training=training), 1) == np.argmax(y, 1)
        for x, y in batches.rebatch(64)
        if len(x) > 1
    ]
    return float(np.concatenate(hits).mean())


def pooled(model: keras.Model, batches: tf.data.Dataset) -> np.ndarray:
    """Returns average-pooled backbone features `(n, C)`."""
    features = keras.Model(model.input, model.get_layer(ATTENTION_LAYER).input)
    return features.predict(batches, verbose=0).mean(axis=(1, 2))


def measure(config: TrainConfig, dataset: ImageDataset, kernel_scale: float) -> dict:
    """Trains one setting and returns a row of the table."""
    began = time.perf_counter()
    model = build_model(config, len(dataset.class_names), "float32")
    scale_kernels(model, kernel_scale)
    steps = steps_per_epoch(len(dataset.splits["train"]), config.batch_size)
    val = evaluation_batches(dataset, "val", image_size=config.image_size, batch_size=64).cache()
    batches = training_batches(
        dataset,
        image_size=config.image_size,
        batch_size=config.batch_size,
        augmentation="pad_crop",
        seed=config.seed,
        epochs=config.epochs,
    )
    before, start = pooled(model, val), [keras.ops.convert_to_numpy(v) for v in kernels(model)]
    state = model.get_weights()
    ratios = first_step(model, *next(iter(batches)))
    model.set_weights(state)  # the probe's batch must not change the moving averages
    optimizer = build_optimizer(model, config, steps)
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        batches, epochs=config.epochs, steps_per_epoch=steps, shuffle=False, verbose=0
    ).history
    after = pooled(model, val)
    cosine = (
        (before * after).sum(1) / np.linalg.norm(before, axis=1) / np.linalg.norm(after, axis=1)
    )
    moved = [
        np.linalg.norm(keras.ops.convert_to_numpy(v) - w) / np.linalg.norm(w)
        for v, w in zip(kernels(model), start, strict=True)
    ]
    rate = config.backbone_lr
    return {
        "optimizer": config.optimizer,
        "backbone_lr": rate,
        "head_lr": config.head_lr,
        "kernel_scale": kernel_scale,
        # Adam's first step is not proportional to the gradient.
        "first_step": {
            name: {k: rate * v for k, v in ratio.items()} for name, ratio in ratios.items()
        }
        if config.optimizer == "sgd"
        else None,
        "moved": float(np.median(moved)),
        "cosine": float(cosine.mean()),
        "train_accuracy": history["accuracy"][-1],
        "val_accuracy": accuracy(model, val, training=False),
        "val_accuracy_batch_statistics": accuracy(model, val, training=True),
        "seconds": time.perf_counter() - began,
    }


SETTINGS = [  # recipe, backbone rate, head rate, kernel scale
    ("paper", 0.0, 0.1, 1.0),
    ("paper", 1e-4, 0.1, 1.0),
    ("paper", 1e-3, 0.1, 1.0),
    ("paper", 1e-2, 0.1, 1.0),
    ("paper", 1e-2, 0.01, 1.0),
    ("paper", 1e-2, 0.1, 3.0),
    ("paper", 1e-2, 0.1, 10.0),
    ("strong", 1e-4, 1e-3, 1.0),
    ("strong", 1e-3, 1e-3, 1.0),
]


def main() -> None:
    """Runs the settings and writes the table."""
    parser = script_parser(__doc__)
    parser.add_argument("--dataset", default="cars")
    parser.add_argument("--data-dir")
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()
    logging.disable()
    dataset = few_classes(load_dataset(args.dataset, args.data_dir), args.classes)
    rows = []
    for recipe, backbone_lr, head_lr, kernel_scale in SETTINGS:
        config = TrainConfig(
            dataset=args.dataset,
            attention="none",
            backbone=args.backbone,
            weights=args.weights,
            image_size=args.image_size,
            recipe=recipe,
            pooling="avg",
            epochs=args.epochs,
            backbone_lr=backbone_lr,
            head_lr=head_lr,
        ).resolve()
        rows.append(measure(config, dataset, kernel_scale))
        print(json.dumps(rows[-1]), flush=True)
    record = {
        **circumstances(args.note, "tensorflow", "keras", "numpy"),
        "classes": args.classes,
        "image_size": args.image_size,
        "epochs": args.epochs,
        "photos": {name: len(split) for name, split in dataset.splits.items()},
        "rows": rows,
    }
    write(f"diagnose_sgd_{args.backbone}", record, args.output)


if __name__ == "__main__":
    main()
