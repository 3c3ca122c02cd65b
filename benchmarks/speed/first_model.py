"""The time and accuracy of a first model of Cars: recipe `frozen` against LogisticRegression.

    python -m benchmarks.speed.first_model --data-dir DIR --weights FILE

Every contender is a command in a separate process that starts with nothing stored: `train.py`
with recipe `frozen`, from import to the finished run (test images evaluated, model exported), and
a hand-written peer: `keras.applications` features of the same weights, averaged,
standardised, and scikit-learn's LogisticRegression. `--val-fraction 0` gives all the same images.
Larger images, which `recipe_values.py` found better on validation images, are shown too.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.lib.commands import run_timed
from benchmarks.lib.machine import circumstances
from benchmarks.lib.paths import ROOT
from benchmarks.lib.records import script_parser, write

FIRST = "frozen, --val-fraction 0"
PEER = """
import sys
import numpy as np, keras, scipy.io, tensorflow as tf
from pathlib import Path
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

root, weights = Path(sys.argv[1]), sys.argv[2]
model = keras.applications.MobileNetV2(
    include_top=False, weights=weights, input_shape=(224, 224, 3), pooling="avg")

def read(file):
    photo = tf.io.decode_jpeg(tf.io.read_file(file), 3)
    return tf.image.resize(photo, (224, 224), antialias=True) / 127.5 - 1

found = []
for folder, notes in (("cars_train", "cars_train_annos.mat"),
                      ("cars_test", "cars_test_annos_withlabels.mat")):
    place = root / "devkit" / notes
    rows = scipy.io.loadmat(place if place.exists() else root / notes, squeeze_me=True)
    rows = rows["annotations"]
    files = [str(root / folder / name) for name in rows["fname"]]
    photos = tf.data.Dataset.from_tensor_slices(files).map(read, tf.data.AUTOTUNE)
    found.append((model.predict(photos.batch(32).prefetch(2), verbose=0),
                  rows["class"].astype(int)))
(x, y), (x_test, y_test) = found
scaler = StandardScaler().fit(x)
peer = LogisticRegression(C=0.03, max_iter=200).fit(scaler.transform(x), y)
print(peer.score(scaler.transform(x_test), y_test))
"""


def train_frozen(args: argparse.Namespace, more: list[str]) -> dict[str, Any]:
    """Trains recipe `frozen`, and returns the finished run."""
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "run"
        command = [sys.executable, str(ROOT / "train.py"), "--dataset", "cars"]
        command += ["--data-dir", args.data_dir, "--weights", args.weights, "--run-dir", str(run)]
        command += ["--backbone", "mobilenet_v2", "--recipe", "frozen", *more]
        _, times = run_timed(command, Path(scratch) / "tfds")
        metrics = json.loads((run / "metrics.json").read_text())
    return {"flags": more, "top1": metrics["top1"], **times}


def fit_peer(args: argparse.Namespace) -> dict[str, Any]:
    """Returns the peer's accuracy and times."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-c", PEER, args.data_dir, args.weights]
        output, times = run_timed(command, Path(scratch))
    return {"flags": [], "top1": float(output.split()[-1]), **times}


def main() -> None:
    """Runs every contender, prints the table as it grows and writes the record."""
    parser = script_parser(__doc__)
    parser.add_argument("--data-dir", type=lambda p: str(Path(p).absolute()), required=True)
    parser.add_argument("--weights", type=lambda p: str(Path(p).absolute()), required=True)
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    flags = ["--attention", "none", "--val-fraction", "0"]
    rows: list[dict[str, Any]] = []
    print("| | top-1 | seconds | of a processor |\n|---|---|---|---|")
    for seed in range(args.rounds):
        for name, more in (
            ("LogisticRegression", None),
            (FIRST, flags),
            (f"{FIRST}, --image-size 288", [*flags, "--image-size", "288"]),
        ):
            seeded = None if more is None else [*more, "--seed", str(seed)]
            row = fit_peer(args) if seeded is None else train_frozen(args, seeded)
            rows.append({"contender": name, **row})
            print(
                f"| {name} | {row['top1']:.3f} | {row['seconds']:.0f} | "
                f"{row['processor_seconds']:.0f} |",
                flush=True,
            )
            head = circumstances(args.note, "tensorflow", "keras", "numpy", "scikit-learn")
            write("first_model", head | {"rows": rows}, args.output)


if __name__ == "__main__":
    main()
