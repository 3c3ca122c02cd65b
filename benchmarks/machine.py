"""What machine a benchmark ran on, and with what."""

import os
import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any


def processor() -> str:
    """The processor's name and its number of cores."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"


def circumstances(note: str | None, *packages: str) -> dict[str, Any]:
    """What a record of timings begins with: date, machine, its load, a note, and versions."""
    return {
        "date": str(date.today()),
        "machine": processor(),
        "load_average_at_end": os.getloadavg(),
        "note": note,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in packages},
        },
    }
