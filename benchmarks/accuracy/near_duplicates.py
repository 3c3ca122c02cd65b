"""Duplicates that `check` finds among real photos with changed copies, and those it wrongly finds.

    python -m benchmarks.accuracy.near_duplicates --photos DIR --backbone NAME --weights FILE

Every change is made to photos drawn at random, and all copies are added to all photos. A copy is
found if it is in the group of its photo. A pair of photos that are no copies is either a duplicate
that the set has, or wrong: `--pairs FILE` draws them side by side, to be looked at by a person, who
says how many are wrong as `--wrong`. `earlier` is the rule before this one: a hash of 256 bits, of
which up to 48 differ.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.lib.changed_photos import DUPLICATES, read
from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import Record, markdown, script_parser, write
from fgmix.audit.duplicates import Pair, find_pairs
from fgmix.audit.features import IMAGE_SIZE, similar_pairs
from fgmix.audit.looks import Looks, see
from fgmix.audit.quality import shrink

EARLIER_BITS, EARLIER_WORDS = 48, 4


def looks(picture: Image.Image) -> Looks:
    """Returns what a photo looks like to `check`."""
    seen = see(shrink(np.asarray(picture)))
    if seen is None:
        raise SystemExit("a photo has a single colour")
    return seen


class Backbone:
    """Features of pictures, as `check --backbone` computes them."""

    def __init__(self, name: str, weights: str):
        from fgmix.models.classifier import build_classifier
        from fgmix.models.split import split_model

        model = build_classifier(
            2, name, "none", weights=weights, image_size=IMAGE_SIZE, pooling="avg"
        )
        self._model = split_model(model).backbone

    def __call__(self, pictures: list[Image.Image]) -> np.ndarray:
        """Returns the features of pictures, float32 `(n, C)`, of length 1."""
        size = IMAGE_SIZE, IMAGE_SIZE
        batch = np.stack([np.asarray(p.resize(size, Image.Resampling.BILINEAR)) for p in pictures])
        means = np.asarray(self._model(batch.astype(np.float32))).mean(axis=(1, 2))
        return means / np.linalg.norm(means, axis=1, keepdims=True)


def found_by_one_hash(photo: Looks, copy: Looks) -> bool:
    """Returns whether the earlier rule takes two pictures for duplicates."""
    one, other = (seen.hashes[:EARLIER_WORDS] for seen in (photo, copy))
    return int(np.bitwise_count(one ^ other).sum()) <= EARLIER_BITS


def draw_pairs(path: Path, files: list[str], pairs: list[Pair]) -> None:
    """Draws pairs of photos side by side."""
    width, height, columns = 160, 120, 4
    rows = -(-len(pairs) // columns)
    sheet = Image.new("RGB", (columns * (2 * width + 16), rows * (height + 16)), "white")
    for number, pair in enumerate(pairs):
        x, y = number % columns * (2 * width + 16), number // columns * (height + 16)
        for place, index in enumerate((pair.one, pair.other)):
            picture = read(files[index])
            picture.thumbnail((width, height))
            sheet.paste(picture, (x + place * width, y))
    sheet.save(path)


def main() -> None:
    """Changes, searches, prints and writes."""
    parser = script_parser(__doc__)
    parser.add_argument("--photos", nargs="+", type=Path, required=True, help="folders of photos")
    parser.add_argument("--copies", type=int, default=60, help="of every change")
    parser.add_argument("--backbone", help="also search by its features")
    parser.add_argument("--weights", default="imagenet", help="of the backbone")
    parser.add_argument("--pairs", type=Path, help="PNG of the pairs of photos that were found")
    parser.add_argument("--wrong", type=int, help="how many of those pairs a person found wrong")
    args = parser.parse_args()
    files = sorted(str(p) for folder in args.photos for p in folder.rglob("*.jpg"))
    record = {
        **circumstances(args.note, "numpy", "pillow", "imagehash"),
        "photos": len(files),
        "copies": args.copies,
        **measure(args, files),
    }
    print(table(record))
    write("near_duplicates", record, args.output)


def measure(args: argparse.Namespace, files: list[str]) -> dict[str, Any]:
    """Returns what was found, by change and way of searching."""
    rng = np.random.default_rng(0)
    backbone = Backbone(args.backbone, args.weights) if args.backbone else None
    seen, features, made = [], [], []
    for first in range(0, len(files), 32):
        pictures = [read(file) for file in files[first : first + 32]]
        seen += [looks(picture) for picture in pictures]
        features += [backbone(pictures)] if backbone else []
    for name, change in DUPLICATES.items():
        chosen = rng.choice(len(files), args.copies, replace=False).tolist()
        copies = [change(read(files[index]), rng) for index in chosen]
        seen += [looks(copy) for copy in copies]
        features += [backbone(copies)] if backbone else []
        made += [(name, index) for index in chosen]
    count = len(files)
    earlier = [found_by_one_hash(seen[i], seen[count + n]) for n, (_, i) in enumerate(made)]
    found = {"earlier": dict.fromkeys(DUPLICATES, 0)}
    for (name, _), hit in zip(made, earlier, strict=True):
        found["earlier"][name] += hit
    ways: dict[str, list[tuple[int, int]]] = {"hashes": []}
    if backbone:
        ways["with features"] = similar_pairs(np.concatenate(features))
    originals, strange, seconds = {}, {}, {}
    for way, suggested in ways.items():
        start = time.process_time()
        pairs = find_pairs(seen, suggested)
        seconds[way] = time.process_time() - start
        known = {pair[:2] for pair in pairs}
        found[way] = dict.fromkeys(DUPLICATES, 0)
        for number, (name, index) in enumerate(made):
            found[way][name] += (index, count + number) in known
        among = [pair for pair in pairs if pair.other < count]
        originals[way] = len(among)
        alike = {pair[:2] for pair in among} | {(i, i) for i in range(count)}
        of_copies = [
            (pair.one, made[pair.other - count][1])
            for pair in pairs
            if pair.one < count <= pair.other
        ]
        strange[way] = sum((min(pair), max(pair)) not in alike for pair in of_copies)
    if args.pairs:
        draw_pairs(args.pairs, files, among)
    return {
        "found": found,
        "pairs_among_photos": originals,
        "pairs_of_a_copy_and_another_photo": strange,
        "wrong_pairs_seen_by_a_person": args.wrong,
        "processor_seconds": seconds,
    }


def table(record: Record) -> str:
    """Returns the shares that were found."""
    ways = list(record["found"])
    rows = [
        [name, *(f"{record['found'][way][name] / record['copies']:.0%}" for way in ways)]
        for name in record["found"]["hashes"]
    ]
    pairs = record["pairs_among_photos"]
    strange = record["pairs_of_a_copy_and_another_photo"]
    rows.append(["pairs of a copy and another photo", *(strange.get(way, "") for way in ways)])
    rows.append(["pairs among the photos themselves", *(pairs.get(way, "") for way in ways)])
    wrong = record["wrong_pairs_seen_by_a_person"]
    rows.append(["of which a person finds wrong", *[""] * (len(ways) - 1), wrong])
    return markdown(["copies", *ways], rows)


if __name__ == "__main__":
    main()
