"""The speed of `check`: images a second and peak memory.

    python -m benchmarks.speed.audit_speed --images 3000

Draws JPEGs of 500 x 300 pixels as large as photographs, then times the audit: reading, decoding
and hashing every file, and grouping duplicates; and separately the search for duplicates among
50,000 hashes. Drawing and TensorFlow's import are not timed.
"""

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.lib.machine import circumstances, peak_mebibytes
from benchmarks.lib.photos import write_photos
from benchmarks.lib.records import script_parser, write
from fgmix.backend import import_tensorflow

WIDTH, HEIGHT, CLASSES, HASHES = 500, 300, 20, 50_000


def main() -> None:
    """Draws, measures, prints and writes."""
    parser = script_parser(__doc__)
    parser.add_argument("--images", type=int, default=3000)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()

    import_tensorflow()
    from fgmix.audit.duplicates import find_pairs
    from fgmix.audit.findings import find_duplicates
    from fgmix.audit.looks import THUMBNAIL, Looks
    from fgmix.audit.scan import scan_images
    from fgmix.data.sources.folder import load_folder

    runs = []
    with tempfile.TemporaryDirectory() as scratch:
        files = write_photos(Path(scratch), args.images, CLASSES, WIDTH, HEIGHT)
        sizes = [path.stat().st_size for path in files]
        dataset = load_folder(Path(scratch))
        for _ in range(args.repeats):
            start, cpu = time.perf_counter(), time.process_time()
            copies = find_duplicates(scan_images(dataset))
            seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
            if copies:
                raise SystemExit("the pictures were to differ")
            runs.append(
                {
                    "images_per_second": args.images / seconds,
                    "processor_ms_per_image": 1000 * cpu / args.images,
                }
            )
            print(", ".join(f"{name} {value:.2f}" for name, value in runs[-1].items()))
    reading_memory = peak_mebibytes()
    start = time.perf_counter()
    hashes = np.random.default_rng(0).integers(0, 2**64, (HASHES, 2, 8), np.uint64)
    thumbnail = np.zeros((THUMBNAIL, THUMBNAIL), np.uint8)
    find_pairs([Looks(one, mirrored, thumbnail) for one, mirrored in hashes])
    search = time.perf_counter() - start
    peak = peak_mebibytes()
    print(f"copies among {HASHES} hashes: {search:.1f} s; peak memory {peak:.0f} MiB")
    record = {
        **circumstances(args.note, "tensorflow", "numpy", "pillow", "imagehash"),
        "images": args.images,
        "pixels": [WIDTH, HEIGHT],
        "mean_kilobytes": float(np.mean(sizes)) / 1000,
        "runs": runs,
        "peak_mebibytes_reading": reading_memory,
        "search": {"hashes": HASHES, "seconds": search, "peak_mebibytes": peak},
    }
    write("audit_speed", record, args.output)


if __name__ == "__main__":
    main()
