"""How well the distance of an export tells strangers, beside other measures of being unknown.

    python -m benchmarks.accuracy.strangers --data-dir DIR --far FOLDER --weights FILE

In every draw half of the classes are strangers: nothing is fitted to their photos. Of the training
photos of all classes a fifth is measured, and the contenders are fitted to the others of the known
classes. No test photo is used. The features are those of the frozen backbone. `far` are photos of
another kind, such as birds for a model of cars. A contender's limit is the value that 95 % of the
measured photos of known classes keep.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.special import logsumexp, softmax

from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import Record, markdown, script_parser, write

FAR = 300
SHARE = 0.95


def features_of(args: Any, dataset: Any, count: int | None = None) -> np.ndarray:
    """Returns the mean features of training photos, evenly spaced if fewer are wanted."""
    from dataclasses import replace

    from fgmix.config.train_config import TrainConfig
    from fgmix.data.dataset import evenly_spaced
    from fgmix.models.split import split_model
    from fgmix.training.frozen.features import mean_features, provide_features
    from fgmix.training.trainer import build_model

    split = dataset.splits["train"]
    if count:
        split = split.take(np.array(evenly_spaced(len(split), count)))
    settings = {"weights": args.weights, "image_size": args.image_size, "val_fraction": 0.0}
    config = TrainConfig(
        dataset="demo", backbone=args.backbone, attention="none", recipe="frozen", **settings
    ).resolve()
    stored = provide_features(
        split_model(build_model(config, len(dataset.class_names), "float32")).backbone,
        replace(dataset, splits={"train": split}),
        name=config.backbone,
        augmentation=config.augmentation,
        wanted={"train": 1},
    )
    return mean_features(*stored["train", 0])


def contenders(train: np.ndarray, labels: np.ndarray, asked: list[np.ndarray]) -> dict[str, Any]:
    """Returns for each contender how strange photos are, a row per set of them."""
    from fgmix.evaluation.strangers import fit_class_means
    from fgmix.models.class_means import normalize
    from fgmix.training.probe import fit_probe

    classes = int(labels.max()) + 1
    means = fit_class_means(train, labels, classes, (asked[0], np.zeros(len(asked[0]), int)))
    rows = normalize(train)
    center = rows.mean(axis=0)
    scale = np.sqrt(rows.shape[1])  # of the layer before a linear head
    probe = fit_probe(scale * (rows - center), labels, np.arange(len(rows)), classes)
    found: dict[str, Any] = {}

    def add(name: str, values: np.ndarray) -> None:
        found.setdefault(name, []).append(values)

    for features in asked:
        normal = normalize(features)
        logits = scale * (normal - center) @ probe.kernel + probe.bias
        away, turned = means.terms(features)
        neighbours = np.sort(np.sqrt(np.maximum(2 - 2 * normal @ rows.T, 0)), axis=1)
        add("distance", means.distances(features).min(axis=1))
        add("nearest class mean alone", away.min(axis=1))
        add("angle alone", turned.min(axis=1))
        add("nearest photo", neighbours[:, 0])
        add("5th nearest photo", neighbours[:, 4])
        add("1 - largest probability", 1 - softmax(logits, axis=1).max(axis=1))
        add("- largest logit", -logits.max(axis=1))
        add("energy", -logsumexp(logits, axis=1))
    return found


def one_draw(
    features: np.ndarray, labels: np.ndarray, far: np.ndarray, shots: int | None, draw: int
) -> list[dict[str, Any]]:
    """Returns what all contenders tell of one half of the classes."""
    from fgmix.evaluation.strangers import auroc

    rng = np.random.default_rng(draw)
    order = rng.permutation(int(labels.max()) + 1)
    number = np.full(len(order), -1)
    number[order[: len(order) // 2]] = np.arange(len(order) // 2)
    photos = rng.permutation(len(labels))
    measured, rest = np.split(photos, [len(photos) // 5])
    rest = rest[number[labels[rest]] >= 0]
    if shots:
        of_class = [rest[number[labels[rest]] == k][:shots] for k in range(len(order) // 2)]
        rest = np.concatenate(of_class)
    known = number[labels[measured]] >= 0
    asked = [features[measured[known]], features[measured[~known]], far]
    rows = []
    for name, values in contenders(features[rest], number[labels[rest]], asked).items():
        limit = np.quantile(values[0], SHARE)
        row: dict[str, Any] = {"contender": name, "draw": draw}
        for kind, strange in zip(("near", "far"), values[1:], strict=True):
            row[f"auroc_{kind}"] = auroc(values[0], strange)
            row[f"refused_{kind}"] = float((strange > limit).mean())
        rows.append(row)
    return rows


def table(record: Record) -> str:
    """Returns the means over the draws, and the range of the hardest one."""
    names = list(dict.fromkeys(row["contender"] for row in record["rows"]))
    columns = ("auroc_near", "refused_near", "auroc_far", "refused_far")
    lines = []
    for name in names:
        rows = [row for row in record["rows"] if row["contender"] == name]
        values = {column: np.array([row[column] for row in rows]) for column in columns}
        near = values["auroc_near"]
        lines.append(
            [
                name,
                f"{near.mean():.3f} ({near.min():.3f} to {near.max():.3f})",
                f"{values['refused_near'].mean():.0%}",
                f"{values['auroc_far'].mean():.3f}",
                f"{values['refused_far'].mean():.0%}",
            ]
        )
    head = ["", "AUROC, held-out classes", "refused", f"AUROC, {record['far']}", "refused"]
    few = f", {record['shots']} photos a class" if record["shots"] else ""
    return markdown(head, lines) + (
        f"\n`{record['dataset']}`, {record['known']} known classes and as many held out{few}, "
        f"frozen `{record['backbone']}`, {record['image_size']} px; mean of {record['draws']} "
        "draws, in brackets the least and the most. *refused*: beyond a limit that keeps 95 % of "
        "the measured photos of known classes.\n"
    )


def main() -> None:
    """Runs all draws and writes the record."""
    parser = script_parser(__doc__, variant=True)
    parser.add_argument("--dataset", default="cars")
    parser.add_argument("--data-dir")
    parser.add_argument("--far", required=True, help="a data set of other things")
    parser.add_argument("--far-dir")
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--shots", type=int, help="photos of each known class; all by default")
    parser.add_argument("--draws", type=int, default=5)
    args = parser.parse_args()
    if args.weights != "imagenet":
        args.weights = str(Path(args.weights).absolute())
    from fgmix.backend import import_tensorflow

    import_tensorflow()
    from fgmix.data.sources.registry import load_dataset

    dataset = load_dataset(args.dataset, args.data_dir, 0)
    other = load_dataset(args.far, args.far_dir, 0)
    settings = SimpleNamespace(**vars(args))
    features, far = features_of(settings, dataset), features_of(settings, other, FAR)
    labels = dataset.splits["train"].labels
    rows: list[dict[str, Any]] = []
    for draw in range(args.draws):
        rows += one_draw(features, labels, far, args.shots, draw)
        print(f"draw {draw + 1} of {args.draws}", flush=True)
    record = {
        **circumstances(args.note, "tensorflow", "keras", "numpy"),
        "dataset": dataset.name,
        "far": other.name,
        "known": len(dataset.class_names) // 2,
        **{key: getattr(args, key) for key in ("backbone", "image_size", "shots", "draws")},
        "rows": rows,
    }
    write("strangers", record, args.output, args.variant)
    print(table(record))


if __name__ == "__main__":
    main()
