"""Writes the tables of README.md anew from the records in results/.

    python -m benchmarks.tables

Scripts do it themselves when they have measured; this is for records that came from elsewhere.
"""

import argparse

from benchmarks.lib.paths import README
from benchmarks.lib.records import update

if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    update(README)
