"""Trains, evaluates and exports one classifier: see `python train.py --help`."""

import sys

from fgmix.cli.main import run
from fgmix.cli.train import main

if __name__ == "__main__":
    sys.exit(run(main))
