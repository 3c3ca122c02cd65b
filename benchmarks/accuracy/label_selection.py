"""What `fgmix predict --select` brings: photos that it chooses to label beside random ones.

    python -m benchmarks.accuracy.label_selection --dataset cars --data-dir DIR --weights FILE

Every draw labels a few photos of each class. In every round each contender chooses as many further
photos from the rest of the training photos by its own model, which is then fitted again and
measured on the test photos, that never choose anything. The model is the probe that recipes
`frozen` and `strong` start from, on stored features. Contenders: `select`, as `--select` chooses;
`least sure`, the photos with the smallest probability of the predicted class; and `random`.
"""

from typing import Any

import numpy as np
from scipy.special import softmax

from benchmarks.lib.datasets import add_dataset, load
from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import Record, markdown, script_parser, write

CONTENDERS = ("random", "least sure", "select")


def features_of(dataset: Any, args: Any) -> dict[str, list[np.ndarray]]:
    """Returns for each split the features of its photos and of their mirror images.

    They are what the classifier's linear layer gets, but for their centre.
    """
    import keras

    from fgmix.config.train_config import TrainConfig
    from fgmix.models.heads import NORMALIZATION
    from fgmix.models.split import split_model
    from fgmix.training.frozen.features import mean_features, provide_features
    from fgmix.training.trainer import build_model

    config = TrainConfig(
        dataset=args.dataset,
        backbone=args.backbone,
        weights=args.weights,
        image_size=args.image_size,
        attention="none",
        recipe="frozen",
        val_fraction=0.0,
    ).resolve()
    model = build_model(config, len(dataset.class_names), "float32")
    stored = provide_features(
        split_model(model).backbone,
        dataset,
        name=config.backbone,
        augmentation=config.augmentation,
        wanted={"train": 2, "test": 2},
    )
    normalize = model.get_layer(NORMALIZATION)
    return {
        split: [
            keras.ops.convert_to_numpy(normalize(mean_features(*stored[split, view])))
            for view in (0, 1)
        ]
        for split in ("train", "test")
    }


def probabilities(
    train: list[np.ndarray], labels: np.ndarray, known: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """Returns what a probe of some training photos gives for features, float64 `(n, K)`."""
    from fgmix.training.probe import fit_probe

    rows = np.concatenate([view[known] for view in train])
    centre = rows.mean(axis=0)
    images = np.tile(np.arange(len(known)), len(train))
    classes = int(labels.max()) + 1
    probe = fit_probe(rows - centre, np.tile(labels[known], len(train)), images, classes)
    logits = (asked - centre) @ probe.kernel + probe.bias
    found: np.ndarray = softmax(logits.astype(np.float64), axis=1)
    return found


def choose(
    contender: str, found: np.ndarray, features: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Returns the places of the photos that a contender chooses."""
    from fgmix.evaluation.selection import choose_to_label

    if contender == "random":
        return rng.permutation(len(found))[:count]
    if contender == "least sure":
        return np.argsort(found.max(axis=1), kind="stable")[:count]
    return choose_to_label(found, features, count, int(rng.integers(1 << 31)))


def one_draw(
    features: dict[str, list[np.ndarray]], dataset: Any, args: Any, draw: int
) -> list[dict[str, Any]]:
    """Returns the accuracies of all contenders after each round."""
    labels, tested = dataset.splits["train"].labels, dataset.splits["test"].labels
    train, test = features["train"], features["test"][0]
    rng = np.random.default_rng(draw)
    first = [
        rng.permutation(np.flatnonzero(labels == c))[: args.start]
        for c in range(len(dataset.class_names))
    ]
    rows = []
    for contender in CONTENDERS:
        known = np.concatenate(first)
        own = np.random.default_rng([draw, 1])
        for number in range(args.rounds + 1):
            guessed = probabilities(train, labels, known, test).argmax(axis=1)
            top1 = float(np.mean(guessed == tested))
            rows.append(
                {"contender": contender, "draw": draw, "labelled": len(known), "top1": top1}
            )
            if number == args.rounds:
                break
            rest = np.setdiff1d(np.arange(len(labels)), known)
            found = probabilities(train, labels, known, train[0][rest])
            chosen = choose(contender, found, features["train"][0][rest], args.count, own)
            known = np.concatenate([known, rest[chosen]])
    return rows


def table(record: Record) -> str:
    """Returns the mean accuracies and, draw by draw, the differences from random photos."""
    labelled = sorted({row["labelled"] for row in record["rows"]})
    found = {
        c: np.array(
            [
                [row["top1"] for row in record["rows"] if (row["contender"], row["draw"]) == (c, d)]
                for d in range(record["draws"])
            ]
        )
        for c in CONTENDERS
    }
    rows = [[f"`{c}`", *(f"{100 * x:.1f}" for x in found[c].mean(axis=0))] for c in CONTENDERS]
    for contender in CONTENDERS[1:]:
        change = 100 * (found[contender] - found["random"])
        spread = zip(change.mean(axis=0), change.min(axis=0), change.max(axis=0), strict=True)
        rows.append(
            [
                f"`{contender}` against `random`",
                *(f"{mean:+.1f} ({low:+.1f} to {high:+.1f})" for mean, low, high in spread),
            ]
        )
    return markdown(["labelled photos", *map(str, labelled)], rows) + (
        f"\nTop-1 on {record['test_photos']} test photos in %, mean of {record['draws']} draws; "
        f"differences in points, mean (least to most). `{record['dataset']}`, {record['classes']} "
        f"classes, {record['pool']} training photos, `{record['backbone']}`, "
        f"{record['image_size']} px.\n"
    )


def main() -> None:
    """Runs all draws and writes the record after each."""
    parser = script_parser(__doc__, variant=True)
    add_dataset(parser)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--start", type=int, default=2, help="photos of each class at first")
    parser.add_argument("--count", type=int, default=392, help="photos chosen in a round")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--draws", type=int, default=5)
    args = parser.parse_args()
    dataset = load(args)
    features = features_of(dataset, args)
    rows: list[dict[str, Any]] = []
    for draw in range(args.draws):
        rows += one_draw(features, dataset, args, draw)
        print(f"draw {draw + 1} of {args.draws}", flush=True)
        record = {
            **circumstances(args.note, "tensorflow", "keras", "numpy"),
            "dataset": dataset.name,
            "classes": len(dataset.class_names),
            "pool": len(dataset.splits["train"].labels),
            "test_photos": len(dataset.splits["test"].labels),
            **{k: getattr(args, k) for k in ("backbone", "image_size", "start", "count")},
            "draws": draw + 1,
            "rows": rows,
        }
        write("label_selection", record, args.output, args.variant)
    print(table(record))


if __name__ == "__main__":
    main()
