"""The errors of `vgg16_bn` and `resnet50_torch` features against PyTorch, with the same weights.

    python -m benchmarks.numerics.feature_errors

Weights, affine parameters and running statistics of a network in `torch.nn` are drawn, written as
torchvision's state dict to a `.safetensors` file, and loaded by fgmix. Both process the same
normalised images in inference mode, in float32. The relative error is that of the whole feature
map: the norm of the difference over PyTorch's norm.
"""

import os
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import Record, markdown, script_parser, write
from fgmix.backend import import_tensorflow

NAMES = ("vgg16_bn", "resnet50_torch")


def measure(name: str, size: int, batch: int) -> dict[str, object]:
    """Returns the errors of one network at one size."""
    import keras
    import torch
    from safetensors.torch import save_file

    from benchmarks.peers.torch_networks import NETWORKS, draw
    from fgmix.models import BACKBONES
    from fgmix.models.backbones.pretrained import build_features

    theirs = draw(NETWORKS[name]()).eval()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.safetensors"
        save_file(theirs.state_dict(), file)
        ours = build_features(name, BACKBONES[name], size, str(file))
    images = np.random.default_rng(1).normal(0, 1, (batch, size, size, 3)).astype("float32")
    with torch.no_grad():
        expected = theirs(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
    expected = expected.numpy().transpose(0, 2, 3, 1)
    difference = keras.ops.convert_to_numpy(ours(images, training=False)) - expected
    return {
        "network": name,
        "image_size": size,
        "relative_error": float(np.linalg.norm(difference) / np.linalg.norm(expected)),
        "max_abs_error": float(np.abs(difference).max()),
        "largest": float(np.abs(expected).max()),
    }


def table(record: Record) -> str:
    """Returns the table of errors by network and size."""
    rows = [
        [
            f"`{row['network']}`",
            row["image_size"],
            f"{row['relative_error']:.1e}",
            f"{row['max_abs_error']:.1e}",
            f"{row['largest']:.1f}",
        ]
        for row in record["rows"]
    ]
    head = ["network", "image size", "relative error", "largest absolute error", "largest feature"]
    return markdown(head, rows)


def main() -> None:
    """Measures, prints and writes."""
    parser = script_parser(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 97, 224])
    parser.add_argument("--batch", type=int, default=2)
    args = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in train_steps.py
    import_tensorflow()
    rows = [measure(name, size, args.batch) for name in NAMES for size in args.sizes]
    head = circumstances(args.note, "tensorflow", "keras", "torch", "safetensors", "numpy")
    record = {**head, "batch": args.batch, "rows": rows}
    write("feature_errors", record, args.output)
    print(table(record))


if __name__ == "__main__":
    main()
