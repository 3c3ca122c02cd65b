"""How many photos a second `fgmix import` takes, and in how much memory.

    python -m benchmarks.speed.import_photos

Each import is a process of its own, start included, on drawn photos of 2 megapixels. The large
source holds `--times` as many of the same photos as the small one: memory must not grow with it.
"""

import io
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.lib.machine import circumstances
from benchmarks.lib.paths import ROOT
from benchmarks.lib.photos import encoded
from benchmarks.lib.records import script_parser, write

SIDES = (1632, 1224)
FEATURES = {"image": {"_type": "Image"}, "label": {"names": ["a", "b"], "_type": "ClassLabel"}}
CODE = """
import re, sys, time
from pathlib import Path
from fgmix.cli.import_photos import main
main(sys.argv[1:])
peak = re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]
print(time.process_time(), int(peak) / 1024)
"""
"""Imports, and prints the processor's time and the largest memory of the process. What the system
tells a parent of a child's memory would include that of the parent."""


def main() -> None:
    """Measures, prints the result and writes the record."""
    parser = script_parser(__doc__)
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--times", type=int, default=4)
    args = parser.parse_args()
    drawn = encoded(8, *SIDES)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for kind in ("zip of JPEG", "zip of TIFF", "zip of AVIF", "Parquet of JPEG"):
            contents = [_as(kind, content) for content in drawn]
            for times in (1, args.times):
                source = _write(folder, kind, contents, args.photos * times)
                one = _measure(source, folder / "out", args.photos * times)
                found.setdefault(kind, []).append(one)
                print(f"{kind}, {_describe(one)}", flush=True)
    record = circumstances(args.note, "pillow", "pyarrow", "numpy")
    write("import_photos", record | {"pixels": list(SIDES), "imports": found}, args.output)


def _describe(one: dict[str, float]) -> str:
    photos = one["photos"]
    return (
        f"{photos:.0f} photos: {photos / one['seconds']:.1f} a second, "
        f"{one['processor_seconds'] / photos * 1000:.0f} ms of processor time each, "
        f"at most {one['peak_mebibytes']:.0f} MiB"
    )


def _as(kind: str, content: bytes) -> bytes:
    name = kind.rpartition(" ")[2]
    if name == "JPEG":
        return content
    buffer = io.BytesIO()
    options = {"compression": "tiff_lzw"} if name == "TIFF" else {"quality": 80, "speed": 10}
    with Image.open(io.BytesIO(content)) as image:
        image.save(buffer, name, **options)
    return buffer.getvalue()


def _write(folder: Path, kind: str, contents: list[bytes], count: int) -> Path:
    photos: Iterable[bytes] = (contents[i % len(contents)] for i in range(count))
    if kind.startswith("zip"):
        path = folder / "photos.zip"
        suffix = kind.rpartition(" ")[2].lower()
        with zipfile.ZipFile(path, "w") as archive:
            for number, content in enumerate(photos):
                archive.writestr(f"{'ab'[number % 2]}/{number}.{suffix}", content)
        return path
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / "photos.parquet"
    image = [{"bytes": content, "path": f"{n}.jpg"} for n, content in enumerate(photos)]
    table = pa.table({"image": image, "label": [n % 2 for n in range(count)]})
    described = json.dumps({"info": {"features": FEATURES}})
    pq.write_table(
        table.replace_schema_metadata({"huggingface": described}), path, row_group_size=100
    )
    return path


def _measure(source: Path, out: Path, photos: int) -> dict[str, float]:
    """Imports in a process of its own, and removes the result."""
    command = [sys.executable, "-c", CODE, str(source), str(out)]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE)
    seconds = time.perf_counter() - began
    processor, peak = map(float, done.stdout.split()[-2:])
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    for path in sorted(out.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    out.rmdir()
    source_bytes = source.stat().st_size
    source.unlink()
    return {
        "photos": photos,
        "source_megabytes": round(source_bytes / 1e6, 1),
        "written_megabytes": round(size / 1e6, 1),
        "seconds": round(seconds, 2),
        "processor_seconds": round(processor, 2),
        "peak_mebibytes": round(peak, 1),
    }


if __name__ == "__main__":
    main()
