"""Classes that `check --backbone` takes for two: pairs of classes with one name, and real ones.

    python -m benchmarks.accuracy.mixed_classes --dataset photos/ --weights FILE --variant birds

One pair of classes after the other is given one name. Found is the merged class if it is named;
false alarms are real classes that are named, of the data set as it is.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import Record, markdown, script_parser, write


def main() -> None:
    """Merges, searches, prints and writes."""
    parser = script_parser(__doc__, variant=True)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--data-dir")
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--pairs", type=int, default=40, help="of classes, drawn at random")
    args = parser.parse_args()

    from fgmix.audit.features import choose_backbone, image_features
    from fgmix.audit.mixed_classes import find_mixed
    from fgmix.audit.scan import ScannedImage
    from fgmix.data.sources.registry import load_dataset

    dataset = load_dataset(args.dataset, args.data_dir, 0)
    images = [
        ScannedImage(path, name, dataset.class_names[label])
        for name, split in dataset.splits.items()
        for path, label in zip(split.paths, split.labels, strict=True)
    ]
    labels = np.concatenate([split.labels for split in dataset.splits.values()])
    choice = choose_backbone(args.backbone, args.weights)
    features = image_features(dataset, images, choice) if choice else np.zeros((0, 1))
    real = find_mixed(features, labels)
    pairs = list(combinations(range(len(dataset.class_names)), 2))
    drawn = np.random.default_rng(0).choice(len(pairs), min(args.pairs, len(pairs)), replace=False)
    merged = []
    for one, other in (pairs[index] for index in sorted(drawn.tolist())):
        named = find_mixed(features, np.where(labels == other, one, labels))
        merged.append(
            {
                "classes": [dataset.class_names[one], dataset.class_names[other]],
                "found": any(found.label == one for found in named),
                "purity": max(
                    (purity(found.groups, labels) for found in named if found.label == one),
                    default=None,
                ),
                "others_named": sum(found.label != one for found in named),
            }
        )
    record = {
        **circumstances(args.note, "tensorflow", "numpy"),
        "dataset": dataset.name,
        "backbone": args.backbone,
        "classes": len(dataset.class_names),
        "real_classes_named": [dataset.class_names[found.label] for found in real],
        "merged": merged,
    }
    print(table(record))
    write("mixed_classes", record, args.output, args.variant)


def purity(groups: Sequence[np.ndarray], labels: np.ndarray) -> float:
    """Returns the share of images whose group is mostly of their class."""
    most = [np.unique(labels[group], return_counts=True)[1].max() for group in groups]
    return float(sum(most) / sum(map(len, groups)))


def table(record: Record) -> str:
    """Returns how many were found, and how many were named wrongly."""
    merged: list[dict[str, Any]] = record["merged"]
    pure = [pair["purity"] for pair in merged if pair["found"]]
    row = [
        record["dataset"],
        f"{sum(pair['found'] for pair in merged)} of {len(merged)}",
        f"{np.mean(pure):.0%}" if pure else "",
        f"{len(record['real_classes_named'])} of {record['classes']}",
    ]
    head = ["data set", "merged classes named", "photos in the right group", "real classes named"]
    return markdown(head, [row])


if __name__ == "__main__":
    main()
