"""Packs what a machine with a GPU lacks for the kit, and unpacks it there.

    python -m benchmarks.gpu.carry pack FOLDER --mebibytes 50
    python -m benchmarks.gpu.carry unpack FOLDER SITE

`pack` runs where packages can be had. It fetches Keras, KerasHub and TensorFlow's build for the CPU
with what few machines with JAX and PyTorch have of their requirements, in the versions of locks/,
for Python 3.12 on x86-64; C++ headers are left out, and the pieces are no larger than asked.
`unpack` runs on the other machine and needs Python alone; `kit.py --site SITE` then imports from
SITE/layers (all steps) and SITE/tensorflow (the whole run).
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.lib.paths import ROOT
from fgmix.cli.main import run
from fgmix.errors import FgmixError

PARTS = {
    "layers": ["keras", "namex", "optree", "keras-hub", "kagglehub", "kagglesdk"],
    "tensorflow": [
        "tensorflow-cpu",
        *("absl-py", "astunparse", "flatbuffers", "gast", "google-pasta", "opt-einsum"),
        *("protobuf", "six", "termcolor", "wrapt"),
    ],
}
"""What is brought along, without requirements: the others are taken to be there."""
NOT_LOCKED = {"keras-hub": ">=0.32,<0.33", "kagglehub": "!=1.0.1", "kagglesdk": "==0.1.28"}
SAME_VERSION = {"tensorflow-cpu": "tensorflow"}
PLATFORMS = ["manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014", "manylinux1"]
LEFT_OUT = re.compile(r"^tensorflow/include/|\.pyi$")
ARCHIVE, LIST = "site.tar.xz", "pieces.json"


def locked_version(name: str, lock: str) -> str:
    """Returns the version of a package in the text of a lock file, the newest Python's.

    Raises:
        FgmixError: If it is not there.
    """
    found = re.findall(rf"^{re.escape(SAME_VERSION.get(name, name))}==([^\s;]+)", lock, re.M)
    if not found:
        raise FgmixError(f"{name} is not in locks/dev.txt: give --add NAME==VERSION")
    return found[-1]


def fetch(wanted: Sequence[str], python: str, folder: Path) -> None:
    """Downloads wheels without their requirements.

    Raises:
        FgmixError: If one can't be had.
    """
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        str(folder),
    ]
    command += ["--only-binary=:all:", "--implementation", "cp", "--python-version", python]
    for platform in PLATFORMS:
        command += ["--platform", f"{platform}_x86_64"]
    done = subprocess.run([*command, *wanted], capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise FgmixError(f"pip could not download: {(lines or ['it says nothing'])[-1]}")


def write_archive(wheels: Mapping[str, Sequence[Path]], file: Path, preset: int) -> None:
    """Writes the content of wheels, by part, as one compressed archive of a folder."""
    with tarfile.open(file, "w:xz", preset=preset) as archive:
        for part, paths in wheels.items():
            for path in paths:
                with zipfile.ZipFile(path) as wheel:
                    for entry in wheel.infolist():
                        if entry.is_dir() or LEFT_OUT.search(entry.filename):
                            continue
                        info = tarfile.TarInfo(f"{part}/{entry.filename}")
                        info.size = entry.file_size
                        with wheel.open(entry) as content:
                            archive.addfile(info, content)


def split(file: Path, folder: Path, size: int) -> list[Path]:
    """Cuts a file into pieces and writes a list of them with their hash.

    Args:
        file: The file.
        folder: Where the pieces are written.
        size: The most bytes of a piece.
    """
    digest, pieces = hashlib.sha256(), []
    with file.open("rb") as content:
        while block := content.read(size):
            digest.update(block)
            piece = folder / f"{ARCHIVE}.{len(pieces):02d}"
            piece.write_bytes(block)
            pieces.append(piece)
    listed = {"sha256": digest.hexdigest(), "pieces": [piece.name for piece in pieces]}
    (folder / LIST).write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
    return pieces


def blocks(pieces: Sequence[Path]) -> Iterator[bytes]:
    """Yields the content of pieces."""
    for piece in pieces:
        yield piece.read_bytes()


def unpack(folder: Path, site: Path) -> None:
    """Joins pieces, checks them and unpacks them.

    Args:
        folder: The folder of the pieces.
        site: The folder that is made.

    Raises:
        FgmixError: If a piece is missing, or they are not what was packed.
    """
    if not (folder / LIST).exists():
        raise FgmixError(f"{folder} holds no {LIST}: copy it along with the pieces")
    listed = json.loads((folder / LIST).read_text(encoding="utf-8"))
    pieces = [folder / name for name in listed["pieces"]]
    missing = [piece.name for piece in pieces if not piece.exists()]
    if missing:
        raise FgmixError(f"{folder} lacks {', '.join(missing)}")
    with tempfile.TemporaryFile() as whole:
        digest = hashlib.sha256()
        for block in blocks(pieces):
            digest.update(block)
            whole.write(block)
        if digest.hexdigest() != listed["sha256"]:
            raise FgmixError(
                f"the pieces in {folder} are not those that were packed: copy them anew"
            )
        whole.seek(0)
        with tarfile.open(fileobj=whole, mode="r:xz") as archive:
            archive.extractall(site, filter="data")


def pack(args: argparse.Namespace) -> None:
    """Fetches, packs and cuts."""
    lock = (ROOT / "locks/dev.txt").read_text(encoding="utf-8")
    args.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        wheels = {}
        for part in args.parts:
            wanted = [
                f"{name}{NOT_LOCKED[name]}"
                if name in NOT_LOCKED
                else f"{name}=={locked_version(name, lock)}"
                for name in PARTS[part]
            ]
            wanted += args.add if part == args.parts[-1] else []
            print(f"{part}: {' '.join(wanted)}", flush=True)
            fetch(wanted, args.python, Path(scratch) / part)
            wheels[part] = sorted((Path(scratch) / part).glob("*.whl"))
        print("compressing", flush=True)
        write_archive(wheels, Path(scratch) / ARCHIVE, args.preset)
        pieces = split(Path(scratch) / ARCHIVE, args.folder, int(args.mebibytes * 2**20))
    total = sum(piece.stat().st_size for piece in pieces)
    print(f"{len(pieces)} pieces and {LIST} in {args.folder}, {total / 2**20:.0f} MiB together")


def command(argv: list[str]) -> int:
    """Packs or unpacks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ways = parser.add_subparsers(dest="way", required=True)
    packing = ways.add_parser("pack", help="where packages can be had")
    packing.add_argument("folder", type=Path, help="of the pieces")
    packing.add_argument("--mebibytes", type=float, default=50, help="the most of a piece")
    packing.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    packing.add_argument("--add", nargs="+", default=[], metavar="NAME==VERSION", help="more")
    packing.add_argument("--python", default="3.12", help="of the other machine")
    packing.add_argument("--preset", type=int, default=6, help="0 to 9: quick to small")
    unpacking = ways.add_parser("unpack", help="on the machine with the GPU")
    unpacking.add_argument("folder", type=Path, help="of the pieces")
    unpacking.add_argument("site", type=Path, help="the folder that is made")
    args = parser.parse_args(argv)
    if args.way == "pack":
        pack(args)
    else:
        unpack(args.folder, args.site)
    return 0


if __name__ == "__main__":
    raise SystemExit(run(command))
