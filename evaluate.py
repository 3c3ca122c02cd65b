"""Evaluates a finished run: `fgmix evaluate` for a clone that is not installed."""

from fgmix.__main__ import start

if __name__ == "__main__":
    raise SystemExit(start("evaluate"))
