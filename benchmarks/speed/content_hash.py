"""What it costs to know photos by their content, beside the pass that reads them all.

    python -m benchmarks.speed.content_hash --data-dir DIR

Before training, every photo is read and decoded once, to see that it can be; its size and a hash
of its bytes then tell it from any other. Both are done with the same photos, in turns, as training
does them, and the processor's time is counted, so that what else the machine does matters less.
The files' content is in memory before the first turn.
"""

import argparse
import hashlib
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import script_parser, write
from benchmarks.lib.rounds import ratios, show, take_turns
from fgmix.backend import import_tensorflow

HASHES: dict[str, Callable[[bytes], Any]] = {
    "blake2b": lambda content: hashlib.blake2b(content, digest_size=16).digest(),
    "sha256": lambda content: hashlib.sha256(content).digest(),
    "crc32": zlib.crc32,
}
"""Hashes of the standard library: the one that fgmix uses, and others for comparison."""


def main() -> None:
    """Measures, prints the result and writes the record."""
    parser = script_parser(__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder with JPEGs")
    parser.add_argument("--photos", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    import_tensorflow()
    found = measure(args)
    for name, share in found["shares"].items():
        print(f"{name}: {show(share, 4)} of the reading pass", flush=True)
    write("content_hash", circumstances(args.note, "tensorflow", "numpy") | found, args.output)


def measure(args: argparse.Namespace) -> Mapping[str, Any]:
    """Processor seconds of the reading pass and of hashing the same photos, round by round."""
    from fgmix.data import identity
    from fgmix.data.codec.diagnose import unreadable_files
    from fgmix.data.dataset import evenly_spaced

    files = sorted(args.data_dir.rglob("*.jpg"))
    files = [files[i] for i in evenly_spaced(len(files), args.photos)]
    contents = [file.read_bytes() for file in files]

    def timed(call: Callable[[], object]) -> Callable[[], float]:
        def run() -> float:
            began = time.process_time()
            call()
            return time.process_time() - began

        return run

    def identify() -> None:
        identity._known.clear()
        identity.identify_all(args.data_dir, [str(f.relative_to(args.data_dir)) for f in files])

    calls = {
        "reading": timed(lambda: unreadable_files([str(file) for file in files])),
        "identities": timed(identify),
        **{
            name: timed(lambda digest=digest: [digest(content) for content in contents])
            for name, digest in HASHES.items()
        },
    }
    seconds = take_turns(calls, args.rounds)
    shares = {
        name: ratios(taken, seconds["reading"])
        for name, taken in seconds.items()
        if name != "reading"
    }
    return {
        "photos": len(files),
        "megabytes": round(sum(map(len, contents)) / 1e6, 1),
        "rounds": args.rounds,
        "processor_seconds": {
            name: [round(s, 4) for s in taken] for name, taken in seconds.items()
        },
        "shares": shares,
    }


if __name__ == "__main__":
    main()
