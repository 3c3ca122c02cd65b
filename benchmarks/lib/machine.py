"""The machine and the library versions of a benchmark."""

import os
import platform
import resource
import shlex
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any


def processor() -> str:
    """Returns the processor's name and its number of cores."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"


def command() -> str:
    """Returns the running command without its note, with paths replaced by their role."""
    words = iter(sys.argv[1:])
    backend = os.environ.get("KERAS_BACKEND")
    shown = [f"KERAS_BACKEND={backend}"] if backend else []
    script = sys.modules["__main__"].__spec__
    shown += ["python", *(["-m", script.name] if script else [Path(sys.argv[0]).name])]
    for word in words:
        if word == "--note":
            next(words)
        elif Path(word).is_absolute() or word.startswith("."):
            shown.append("DIR" if Path(word).is_dir() else "FILE")
        else:
            shown.append(shlex.quote(word))
    return " ".join(shown)


def peak_mebibytes() -> float:
    """Returns the peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cores() -> int:
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def circumstances(note: str | None, *packages: str) -> dict[str, Any]:
    """Returns the head of a record: command, date, machine, its load, a note, and versions."""
    return {
        "command": command(),
        "date": str(date.today()),
        "machine": processor(),
        "load_average_at_end": os.getloadavg(),
        "note": note,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in packages},
        },
    }
