"""Poor photos that `check` finds among real ones, beside cleanvision.

    python -m benchmarks.accuracy.photo_quality --photos DIR DIR --cleanvision PYTHON

Photos drawn at random are made poor and added to the others. Found is a poor photo in its finding,
or among those of a single colour; what is found among the others is listed for a person to look at.
`PYTHON` is an interpreter with cleanvision, which fgmix does not need.
"""

import json
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.lib.changed_photos import POOR, read
from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import Record, markdown, script_parser, write

PEER = """
import json, sys
from importlib.metadata import version
from cleanvision import Imagelab
lab = Imagelab(filepaths=json.load(open(sys.argv[1])))
kinds = ("dark", "light", "blurry", "odd_size", "odd_aspect_ratio", "low_information")
lab.find_issues({kind: {} for kind in kinds}, n_jobs=1, verbose=False)
found = {kind: lab.issues.index[lab.issues[f"is_{kind}_issue"]].tolist() for kind in kinds}
json.dump({"version": version("cleanvision"), "found": found}, open(sys.argv[2], "w"))
"""
NAMES = {
    "blurred": "blurry",
    "dark": "dark",
    "bright": "light",
    "tiny": "odd_size",
    "odd-shape": "odd_aspect_ratio",
}
"""The finding of `check`, and cleanvision's for the same."""


def by_fgmix(files: list[str]) -> dict[str, list[str]]:
    """Returns the files in each finding of `check`."""
    from fgmix.audit.looks import see
    from fgmix.audit.photo_findings import find_poor
    from fgmix.audit.quality import measure, shrink
    from fgmix.audit.scan import ScannedImage

    images = []
    for file in files:
        with Image.open(file) as photo:
            pixels = np.asarray(photo.convert("RGB"))
        grey = shrink(pixels)
        height, width, _ = pixels.shape
        images.append(
            ScannedImage(
                file, "all", "", width=width, height=height, looks=see(grey), quality=measure(grey)
            )
        )
    return {f.kind: [item["path"] for item in f.items] for f in find_poor(images)}


def by_cleanvision(python: str, files: list[str], folder: Path) -> tuple[dict, str]:
    """Returns the files of each of cleanvision's issues, and its version."""
    asked, answer = folder / "files.json", folder / "found.json"
    asked.write_text(json.dumps(files))
    subprocess.run([python, "-c", PEER, asked, answer], check=True)
    told = json.loads(answer.read_text())
    found = {kind: told["found"][name] for kind, name in NAMES.items()}
    return found | {"blank": told["found"]["low_information"]}, told["version"]


def main() -> None:
    """Makes poor photos, searches, prints and writes."""
    parser = script_parser(__doc__)
    parser.add_argument("--photos", nargs="+", type=Path, required=True, help="folders of photos")
    parser.add_argument("--every", type=int, default=1, help="take every Nth photo only")
    parser.add_argument("--copies", type=int, default=40, help="photos of every kind made poor")
    parser.add_argument("--cleanvision", metavar="PYTHON", help="an interpreter that has it")
    args = parser.parse_args()
    files = sorted(str(p) for folder in args.photos for p in folder.rglob("*.jpg"))[:: args.every]
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as scratch:
        made = {}
        for number, (name, (_, change)) in enumerate(POOR.items()):
            for index in rng.choice(len(files), args.copies, replace=False).tolist():
                poor = f"{scratch}/{number}-{index}.jpg"
                change(read(files[index]), rng).save(poor, quality=90)
                made[poor] = name
        ways = {"check": by_fgmix([*files, *made])}
        versions = {}
        if args.cleanvision:
            ways["cleanvision"], versions["cleanvision"] = by_cleanvision(
                args.cleanvision, [*files, *made], Path(scratch)
            )
    told = circumstances(args.note, "numpy", "pillow", "scipy")
    record = {
        **told,
        "versions": told["versions"] | versions,
        "photos": len(files),
        "copies": args.copies,
        "found": {
            way: Counter(
                made[file]
                for kind, hits in found.items()
                for file in hits
                if file in made and kind in (POOR[made[file]][0], "blank")
            )
            for way, found in ways.items()
        },
        "among_the_others": {
            way: {kind: sum(file not in made for file in hits) for kind, hits in found.items()}
            for way, found in ways.items()
        },
    }
    for way, found in ways.items():
        for kind in ("blurred", "dark", "bright"):
            print(way, kind, [file for file in found[kind] if file not in made][:40])
    print(table(record))
    write("photo_quality", record, args.output)


def table(record: Record) -> str:
    """Returns the shares that were found, and how many of the other photos were."""
    ways = list(record["found"])
    rows = [
        [name, *(f"{record['found'][way].get(name, 0) / record['copies']:.0%}" for way in ways)]
        for name in POOR
    ]
    others = record["among_the_others"]
    rows += [
        [f"of {record['photos']} other photos: {kind}", *(others[way].get(kind, 0) for way in ways)]
        for kind in others["check"]
    ]
    return markdown(["photos", *ways], rows)


if __name__ == "__main__":
    main()
