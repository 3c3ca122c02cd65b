"""Rewrites the tables of README.md from the records in results/.

    python -m benchmarks.tables

Scripts do so themselves after measuring; this is for records that come from elsewhere.
"""

import argparse

from benchmarks.lib.paths import README
from benchmarks.lib.records import update

if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    update(README)
