"""What attention brings on stored features, at few shots and with all photos.

    python -m benchmarks.accuracy.attention_comparison --data-dir DIR --weights FILE --draws 4
    python -m benchmarks.accuracy.attention_comparison ... --head paper --variant paper

All photos of the data set, whatever split they are in, are divided into folds, so that each is a
test photo once a draw. A draw sets the folds, the shots and the seed of training. Within a draw,
all attentions see the same photos in the same batches, so they are compared draw by draw. Recipe
`frozen`, with its defaults: attention is added to the features, and all start from the same probe.
With `--head paper` attention stands in place of the features, before 512 units, as in the paper.
Shots have no validation photos. `conv` is `mixed` without its attention, so the two are compared
too. Continues where it was stopped.
"""

import argparse
import gc
import json
import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import asdict, replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmarks.lib.bits import packed, unpacked
from benchmarks.lib.datasets import add_dataset, load
from benchmarks.lib.machine import circumstances
from benchmarks.lib.paired import compare_paired
from benchmarks.lib.records import Record, markdown, script_parser, write
from fgmix.comparison.contrasts import BETTER, NOT_SHOWN, WORSE
from fgmix.comparison.power import detectable_difference
from fgmix.comparison.statistics import LEVEL, Difference, holm, measure_accuracy
from fgmix.config.train_config import TrainConfig

if TYPE_CHECKING:
    import keras

    from fgmix.data.dataset import ImageDataset

NAME = "attention_comparison"
BASELINE = "none"
WITH_CONTROL = ("mixed", "conv")
"""An attention, and the same without attention."""
ATTENTIONS = ("none", "channel", "spatial", "mixed", "conv")
ALL = 0
"""Stands for all photos among the numbers of shots."""

HEADS: dict[str, dict[str, Any]] = {
    "linear": {},
    "paper": {
        "head": "paper",
        "head_bn": "both",
        "dropout": 0.5,
        "head_lr": 1e-3,
        "weight_decay": 0.5,
        "label_smoothing": 0.1,
        "interpolation": "none",
    },
}
"""The settings beside the recipe's: those of the 512 units were its own when it had them."""


class Cell(NamedTuple):
    """What a training is told apart by."""

    draw: int
    shots: int
    fold: int
    attention: str


class Bench:
    """All photos of a data set and their features, which all trainings share."""

    def __init__(self, args: argparse.Namespace):
        found = load(args)
        from fgmix.data.dataset import concatenate
        from fgmix.models.backbones.registry import name_in_files
        from fgmix.models.split import split_model
        from fgmix.training.frozen.features import mean_features, provide_features
        from fgmix.training.trainer import build_model

        self.args = args
        config = self.config(Cell(0, ALL, 0, BASELINE))
        self.photos = replace(found, splits={"train": concatenate(list(found.splits.values()))})
        self.place = {path: i for i, path in enumerate(self.photos.splits["train"].paths)}
        model = build_model(config, len(found.class_names), "float32")
        [stored] = provide_features(
            split_model(model).backbone,
            self.photos,
            name=name_in_files(config.backbone),
            augmentation=config.augmentation,
            wanted={"train": 1},
        ).values()
        self.maps, self.rows = stored
        self.means = mean_features(self.maps, self.rows)[:, None, None]

    def config(self, cell: Cell) -> TrainConfig:
        """Returns the resolved config of a training."""
        return TrainConfig(
            dataset=self.args.dataset,
            data_dir=self.args.data_dir,
            backbone=self.args.backbone,
            weights=self.args.weights,
            recipe="frozen",
            attention=cell.attention,
            seed=cell.draw,
            split_seed=cell.draw,
            folds=self.args.folds,
            fold=cell.fold,
            shots=cell.shots or None,
            val_fraction=0.0 if cell.shots else None,
            feature_maps="last",  # the paper's
            **HEADS[self.args.head],
        ).resolve()

    def split(self, cell: Cell, config: TrainConfig) -> "ImageDataset":
        """Returns the photos of a training, with its fold held out."""
        from fgmix.data.protocols import hold_out_fold, hold_out_validation, keep_shots

        dataset = hold_out_fold(self.photos, self.args.folds, cell.fold, cell.draw)
        if cell.shots:
            return keep_shots(dataset, cell.shots, cell.draw)
        return hold_out_validation(dataset, config.val_fraction, cell.draw, config.val_photos)

    def correct(self, model: "keras.Model", dataset: "ImageDataset") -> list[int]:
        """Returns the places, among all photos, of those of the fold that are predicted well."""
        fold = dataset.splits["fold"]
        places = np.array([self.place[path] for path in fold.paths])
        found = []
        for start in range(0, len(places), 128):
            some = places[start : start + 128]
            takes_means = model.input_shape[1] == 1
            features = self.means[some] if takes_means else self.maps[self.rows[some]]
            found.append(model.predict_on_batch(features.astype(np.float32)).argmax(axis=1))
        return places[np.concatenate(found) == fold.labels].tolist()


def train(bench: Bench, cell: Cell, probes: dict[Any, list[Any]]) -> dict[str, Any]:
    """Trains a cell, and returns what it predicts well.

    Args:
        bench: The photos and features.
        cell: The cell.
        probes: The weights of the last two layers of the probe that the trainings of a fold start
            from, by draw, shots and fold; filled here.
    """
    import keras

    from fgmix.training.frozen.inputs import feature_inputs
    from fgmix.training.interpolation import interpolate
    from fgmix.training.start import starts_as_probe
    from fgmix.training.trainer import build_model, fit

    config = bench.config(cell)
    dataset = bench.split(cell, config)
    model = build_model(config, len(dataset.class_names), "float32")
    probed, share = None, None
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        if starts_as_probe(config):
            start_alike(model, config, dataset, Path(folder), probes, cell[:3])
        head, inputs = feature_inputs(model, config, dataset)
        if starts_as_probe(config) and cell.attention == BASELINE:
            probed = len(bench.correct(head, dataset))
        start = head.get_weights()
        fit(head, replace(config, backbone_lr=0.0), inputs, Path(folder))
        if starts_as_probe(config):
            share = interpolate(head, start, inputs.measured.get("val"))
        correct = bench.correct(head, dataset)
    found = {
        **cell._asdict(),
        "train_photos": len(dataset.splits["train"]),
        "test_photos": len(dataset.splits["fold"]),
        "probe_correct": probed,
        "interpolation": share,
        "correct": packed(correct, len(bench.photos.splits["train"])),
    }
    keras.backend.clear_session()
    gc.collect()
    return found


def start_alike(
    model: "keras.Model",
    config: TrainConfig,
    dataset: "ImageDataset",
    folder: Path,
    probes: dict[Any, list[Any]],
    key: Any,
) -> None:
    """Makes a classifier the probe of its features, which is fitted once for all attentions."""
    from fgmix.models.heads import LOGITS, NORMALIZATION
    from fgmix.training.start import start_from_probe

    layers = [model.get_layer(name) for name in (NORMALIZATION, LOGITS)]
    if key not in probes:
        start_from_probe(model, config, dataset, folder)
        probes.clear()
        probes[key] = [layer.get_weights() for layer in layers]
    for layer, weights in zip(layers, probes[key], strict=True):
        layer.set_weights(weights)


def results(rows: list[dict[str, Any]], photos: int, folds: int) -> dict[str, Any]:
    """Returns accuracies and contrasts of all draws whose trainings are complete.

    Args:
        rows: From `train`.
        photos: The number of photos.
        folds: The number of folds.
    """
    of_cell = {tuple(row[name] for name in Cell._fields): row["correct"] for row in rows}
    attentions = [a for a in ATTENTIONS if any(row["attention"] == a for row in rows)]
    groups: list[dict[str, Any]] = []
    pairs: list[tuple[str, str, Difference]] = []
    controls: list[tuple[str, str, Difference]] = []
    for shots in sorted({row["shots"] for row in rows}, key=lambda s: s or np.inf):
        draws = [
            draw
            for draw in sorted({row["draw"] for row in rows})
            if all((draw, shots, f, a) in of_cell for f in range(folds) for a in attentions)
        ]
        if not draws:
            continue
        correct = {
            a: np.array([_of_draw(of_cell, draw, shots, folds, a, photos) for draw in draws])
            for a in attentions
        }
        amount = f"{shots} shots" if shots else "all"
        for attention in attentions:
            name = f"{attention}, {amount}"
            accuracy = measure_accuracy(correct[attention])
            groups.append({"name": name, "accuracy": asdict(accuracy)})
            if attention != BASELINE:
                found = compare_paired(correct[attention], correct[BASELINE])
                pairs.append((name, f"{BASELINE}, {amount}", found))
        if correct.keys() >= set(WITH_CONTROL):
            found = compare_paired(*(correct[attention] for attention in WITH_CONTROL))
            controls.append((*(f"{a}, {amount}" for a in WITH_CONTROL), found))
    return {
        "groups": groups,
        "contrasts": _judged(pairs),
        "controls": _judged(controls),
        "baseline": BASELINE,
    }


def _judged(pairs: list[tuple[str, str, Difference]]) -> list[dict[str, Any]]:
    """Returns contrasts with a verdict each, corrected for their number."""
    corrected = holm([found.p_value for _, _, found in pairs])
    level = LEVEL / max(1, len(pairs))
    return [
        {
            "group": group,
            "baseline": baseline,
            "found": asdict(found),
            "corrected_p": p,
            "verdict": NOT_SHOWN if p >= LEVEL else BETTER if found.mean > 0 else WORSE,
            "detectable": detectable_difference(found, level),
        }
        for (group, baseline, found), p in zip(pairs, corrected, strict=True)
    ]


def _of_draw(
    of_cell: dict[Any, str], draw: int, shots: int, folds: int, attention: str, photos: int
) -> np.ndarray:
    """Returns bool `(photos,)`: each photo is in one fold, so it is correct in that or nowhere."""
    of_folds = [unpacked(of_cell[draw, shots, f, attention], photos) for f in range(folds)]
    return np.any(of_folds, axis=0)


def table(record: Record) -> str:
    """Returns the table of accuracies and differences."""
    contrasts = {contrast["group"]: contrast for contrast in record["contrasts"]}
    rows = []
    for group in record["groups"]:
        attention, _, amount = group["name"].partition(", ")
        accuracy, contrast = group["accuracy"], contrasts.get(group["name"])
        cells = _shown(contrast) if contrast else ["", "", "", ""]
        draws = len(accuracy["seeds"])
        rows.append([amount, f"`{attention}`", draws, f"{100 * accuracy['mean']:.1f}", *cells])
    head = ["photos a class", "attention", "draws", "top-1 %", "against `none`, points"]
    head += ["95 % interval", "corrected p", "detectable"]
    for contrast in record["controls"]:
        names = [contrast[name].partition(", ") for name in ("group", "baseline")]
        (attention, _, amount), (control, _, _) = names
        rows.append([amount, f"`{attention}` against `{control}`", "", "", *_shown(contrast)])
    per_class = record["photos"] / record["classes"] * (1 - 1 / record["folds"])
    return markdown(head, rows) + (
        f"\n`{record['dataset']}`, {record['classes']} classes, all {record['photos']:,} photos, "
        f"each a test photo once a draw ({record['folds']} folds; all: {per_class:.0f} photos a "
        f"class, of which a tenth validates); `{record['backbone']}`, recipe `frozen`, "
        f"head `{record['head']}`.\n"
    )


def _shown(contrast: dict[str, Any]) -> list[str]:
    """Returns difference, interval, p and detectable difference as cells."""
    found, p, detectable = contrast["found"], contrast["corrected_p"], contrast["detectable"]
    return [
        f"{100 * found['mean']:+.2f}",
        f"{100 * found['low']:+.2f} to {100 * found['high']:+.2f}",
        "< 0.001" if p < 0.001 else f"{p:.3f}",
        "" if detectable is None else f"{100 * detectable:.2f}",
    ]


def cells(args: argparse.Namespace) -> Iterator[Cell]:
    """Yields all cells, draw by draw."""
    for draw in range(args.draws):
        for shots in args.shots:
            for fold in range(args.folds):
                for attention in args.attentions:
                    yield Cell(draw, shots, fold, attention)


def run(
    wanted: list[Cell],
    rows: list[dict[str, Any]],
    one: Callable[[Cell], dict[str, Any]],
    after: Callable[[], None],
) -> None:
    """Trains the cells that have no row yet, with a line for each.

    Args:
        wanted: All cells, in order.
        rows: The rows of those that are done; grows.
        one: Trains a cell and returns its row.
        after: Called after each.
    """
    done = {Cell(*(row[name] for name in Cell._fields)) for row in rows}
    left = [cell for cell in wanted if cell not in done]
    began = time.perf_counter()
    for number, cell in enumerate(left, 1):
        started = time.perf_counter()
        rows.append(one(cell))
        now = time.perf_counter()
        minutes = (now - began) / number * (len(left) - number) / 60
        print(
            f"{len(wanted) - len(left) + number}/{len(wanted)} {cell}: {now - started:.0f} s, "
            f"about {minutes:.0f} minutes left",
            flush=True,
        )
        after()


def main() -> None:
    """Trains all cells, writes the record after each, and prints the table."""
    parser = script_parser(__doc__, variant=True)
    add_dataset(parser)
    parser.add_argument("--attentions", nargs="+", default=list(ATTENTIONS), choices=ATTENTIONS)
    parser.add_argument("--shots", type=int, nargs="+", default=[5, 10, ALL], help="0 is all")
    parser.add_argument("--head", default="linear", choices=HEADS)
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--draws", type=int, default=4)
    args = parser.parse_args()
    logging.getLogger("fgmix").setLevel(logging.WARNING)
    file = args.output / (f"{NAME}.{args.variant}.json" if args.variant else f"{NAME}.json")
    bench = Bench(args)
    settings = {
        "dataset": bench.photos.name,
        "classes": len(bench.photos.class_names),
        "photos": len(bench.place),
        "backbone": Path(args.backbone).name,
        "folds": args.folds,
        "head": args.head,
    }
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if before and any(before.get(name) != value for name, value in settings.items()):
        raise SystemExit(f"{file} has other settings: give another --output or --variant")
    rows: list[dict[str, Any]] = before.get("rows", [])

    def save() -> None:
        found = results(rows, settings["photos"], args.folds)
        head = circumstances(args.note, "tensorflow", "keras", "numpy")
        write(NAME, {**head, **settings, **found, "rows": rows}, args.output, args.variant)

    probes: dict[Any, list[Any]] = {}
    run(list(cells(args)), rows, lambda cell: train(bench, cell, probes), save)
    save()
    print(table(json.loads(file.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
