"""Evaluates a finished run: see `python evaluate.py --help`."""

import sys

from fgmix.cli.evaluate import main
from fgmix.cli.main import run

if __name__ == "__main__":
    sys.exit(run(main))
