"""Differences between Keras and PyTorch, on which the paper was run, and their size.

- weight decay: in the gradient (PyTorch's SGD, and ours in recipe `paper`) against decoupled (what
  `keras.optimizers.SGD(weight_decay=)` does): what remains, at the end of the paper's schedule, of
  a weight without gradients;
- momentum: PyTorch multiplies the whole buffer by the current rate, Keras each gradient by the
  rate of its step: the distance between two weights updated by the same random gradients;
- BatchNorm's epsilon: features with Keras's usual 1e-3 against PyTorch's 1e-5;
- resizing: TensorFlow's antialiased bilinear filter (ours) and its plain one against Pillow's,
  which torchvision uses: pixels, and the features computed from them.

The features are MobileNetV2's on images of the training split.

    python -m benchmarks.numerics.pytorch_differences --data-dir DIR --weights FILE
"""

import json

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import script_parser, write
from fgmix.data.sources.registry import load_dataset
from fgmix.models import BACKBONES
from fgmix.models.backbones.pretrained import build_features

# The paper's schedule on Cars-196: 300 epochs of 254 whole batches of 32.
STEPS = 300 * 254
DECAY, MOMENTUM, PEAKS = 1e-4, 0.9, {"backbone": 0.01, "head": 0.1}


def rates(peak: float) -> np.ndarray:
    """Returns the learning rate of every step."""
    return peak * (1 + np.cos(np.pi * np.arange(STEPS) / STEPS)) / 2


def weight_left(peak: float, in_gradient: bool) -> float:
    """Returns what SGD with momentum leaves of a weight of 1 whose loss has no gradient."""
    weight, velocity = 1.0, 0.0
    for rate in rates(peak):
        if in_gradient:
            velocity = MOMENTUM * velocity - rate * DECAY * weight
            weight += velocity
        else:
            weight -= rate * DECAY * weight
    return weight


def momentum_gap(peak: float) -> float:
    """Returns the distance of Keras's weights from PyTorch's, relative to their total change."""
    rng = np.random.default_rng(0)
    keras_weight, torch_weight = np.zeros(1000), np.zeros(1000)
    velocity, buffer = np.zeros(1000), np.zeros(1000)
    for rate in rates(peak):
        gradient = rng.normal(size=1000)
        velocity = MOMENTUM * velocity - rate * gradient
        keras_weight += velocity
        buffer = MOMENTUM * buffer + gradient
        torch_weight -= rate * buffer
    return float(np.linalg.norm(keras_weight - torch_weight) / np.linalg.norm(torch_weight))


def resized(path: str, size: int) -> dict[str, np.ndarray]:
    """Returns an image at `size` by three filters, as float32 RGB."""
    photo = np.asarray(Image.open(path).convert("RGB"))
    pillow = Image.fromarray(photo).resize((size, size), Image.Resampling.BILINEAR)
    return {
        "pillow": np.asarray(pillow, np.float32),
        "tensorflow, antialiased": tf.image.resize(photo, (size, size), antialias=True).numpy(),
        "tensorflow, plain": tf.image.resize(photo, (size, size), antialias=False).numpy(),
    }


def compare(features: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """Returns relative distance and cosine of pooled features, `(n, C)` each."""
    norms = np.linalg.norm(features, axis=1), np.linalg.norm(reference, axis=1)
    cosine = (features * reference).sum(axis=1) / (norms[0] * norms[1])
    distance = np.linalg.norm(features - reference, axis=1) / norms[1]
    return {"relative_distance": float(distance.mean()), "cosine": float(cosine.mean())}


def main() -> None:
    """Measures, prints and writes."""
    parser = script_parser(__doc__)
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--photos", type=int, default=400)
    parser.add_argument("--image-size", type=int, default=224)
    args = parser.parse_args()

    files = load_dataset("cars", args.data_dir).files("train")
    chosen = [files[i] for i in np.linspace(0, len(files) - 1, args.photos).astype(int)]
    photos: dict[str, list] = {}
    for path in chosen:
        for name, pixels in resized(path, args.image_size).items():
            photos.setdefault(name, []).append(pixels)
    stacks = {name: np.stack(pixels) for name, pixels in photos.items()}

    entry = BACKBONES["mobilenet_v2"]
    backbone = build_features("mobilenet_v2", entry, args.image_size, args.weights)

    def pooled(images: np.ndarray) -> np.ndarray:
        return backbone.predict(images / 127.5 - 1, batch_size=32, verbose=0).mean(axis=(1, 2))

    features = {name: pooled(images) for name, images in stacks.items()}
    ours = "tensorflow, antialiased"
    resize = {
        name: {
            "mean_pixel_difference": float(np.abs(stacks[name] - stacks["pillow"]).mean()),
            **compare(features[name], features["pillow"]),
        }
        for name in (ours, "tensorflow, plain")
    }
    norms = [x for x in backbone.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert {layer.epsilon for layer in norms} == {1e-3}
    for layer in norms:
        layer.epsilon = 1e-5
    backbone.make_predict_function(force=True)
    record = {
        **circumstances(args.note, "tensorflow", "keras", "numpy", "pillow"),
        "photos": args.photos,
        "image_size": args.image_size,
        "weight_left": {
            group: {
                "in the gradient": weight_left(peak, True),
                "decoupled": weight_left(peak, False),
            }
            for group, peak in PEAKS.items()
        },
        "momentum_gap": momentum_gap(PEAKS["head"]),
        "epsilon": compare(pooled(stacks[ours]), features[ours]),
        "resize": resize,
    }
    print(json.dumps(record, indent=2))
    write("pytorch_differences", record, args.output)


if __name__ == "__main__":
    main()
