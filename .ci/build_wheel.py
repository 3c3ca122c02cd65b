"""Builds the source distribution and, from it alone, the wheel: python .ci/build_wheel.py DIST."""

import shutil
import subprocess
import sys
from pathlib import Path

from setuptools.build_meta import build_sdist

# What an earlier build listed would be packed again.
EARLIER = Path("fgmix.egg-info")


def main(folder: str) -> None:
    """Writes both into a folder, from the repository's root."""
    shutil.rmtree(EARLIER, ignore_errors=True)
    source = Path(folder) / build_sdist(folder)
    shutil.rmtree(EARLIER, ignore_errors=True)
    # With the setuptools that is here: nothing is fetched.
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", folder, str(source)], check=True)


if __name__ == "__main__":
    main(sys.argv[1])
