"""Looks the versions of a lock file up among known vulnerabilities.

Exit 1 when one is found. Where nothing can be looked up (no network, an index that holds only
packages) it says so and exits 0: the answer is unknown, and unknown fails no build.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path


def audit(lock: Path) -> list[dict] | None:
    """What pip-audit says of every package, or None where it reached no database."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes"]
        command += ["--requirement", str(lock), "--progress-spinner", "off"]
        command += ["--format", "json", "--output", str(report)]
        done = subprocess.run(command, capture_output=True, text=True)
        if report.exists() and report.stat().st_size:
            return json.loads(report.read_text())["dependencies"]
    print(*done.stderr.strip().splitlines()[-1:], file=sys.stderr)
    return None


def verdict(lock: Path, packages: list[dict] | None) -> tuple[list[str], int]:
    """The lines to print and the exit status."""
    if packages is None:
        return [f"{lock}: no database of vulnerabilities was reached, so nothing is known"], 0
    known = [package for package in packages if "vulns" in package]
    lines = [
        f"{package['name']} {package['version']}: {found['id']}, mended in "
        f"{', '.join(found['fix_versions']) or 'no version yet'}"
        for package in known
        for found in package["vulns"]
    ]
    status = 1 if lines else 0
    lines.append(f"{lock}: {len(known)} packages looked up, {len(lines)} known vulnerabilities")
    if len(known) < len(packages):
        lines.append(f"{len(packages) - len(known)} could not be looked up: nothing is known")
    return lines, status


if __name__ == "__main__":
    lock_file = Path(sys.argv[1])
    printed, status = verdict(lock_file, audit(lock_file))
    print("\n".join(printed))
    sys.exit(status)
