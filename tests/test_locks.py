"""The lock files contain the requirements of requirements.txt and pyproject.toml, with hashes."""

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PACKAGE = re.compile(r"^[\w.-]+==", re.MULTILINE)
HASHED = re.compile(r"^([\w.-]+)==(\S+).*\\\n +--hash=sha256:[0-9a-f]{64}\b", re.MULTILINE)


def locked(name: str) -> dict[str, set[str]]:
    """Returns the versions of every package; some have different ones for different Pythons."""
    text = (ROOT / "locks" / name).read_text()
    found = HASHED.findall(text)
    assert len(found) == len(PACKAGE.findall(text)), "a package without a hash"
    versions: dict[str, set[str]] = {}
    for package, version in found:
        versions.setdefault(package, set()).add(version)
    return versions


def asked(extra: str | None = None) -> list[Requirement]:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    if extra:
        groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
            "optional-dependencies"
        ]
        own = [Requirement(line) for line in groups[extra]]
        lines += [str(r) for r in own if r.name != "fgmix"]
        lines += [
            line for r in own if r.name == "fgmix" for group in r.extras for line in groups[group]
        ]
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize(("name", "extra"), [("core.txt", None), ("dev.txt", "dev")])
def test_the_lock_is_not_stale(name: str, extra: str | None):
    versions = locked(name)
    for requirement in asked(extra):
        for version in versions[requirement.name.lower().replace("_", "-")]:
            assert requirement.specifier.contains(version), f"{requirement}: run `make lock`"


def test_both_locks_agree():
    core, dev = locked("core.txt"), locked("dev.txt")
    assert core.items() <= dev.items()


def test_no_address_of_an_index_is_locked():
    for name in ("core.txt", "dev.txt"):
        assert "://" not in (ROOT / "locks" / name).read_text()


def audit_script():
    path = ROOT / ".ci" / "audit_dependencies.py"
    spec = importlib.util.spec_from_file_location("audit_dependencies", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_known_vulnerability_fails_the_audit_and_no_network_does_not():
    verdict = audit_script().verdict
    hurt = {"id": "CVE-2099-1", "fix_versions": ["2.0"]}
    packages = [
        {"name": "one", "version": "1.0", "vulns": [hurt]},
        {"name": "two", "version": "1.0", "vulns": []},
        {"name": "three", "skip_reason": "not there"},
    ]
    lines, status = verdict(Path("lock.txt"), packages)
    assert status == 1
    assert lines[0] == "one 1.0: CVE-2099-1, mended in 2.0"
    assert "2 packages looked up, 1 known" in lines[1]
    assert "1 could not be looked up" in lines[2]
    lines, status = verdict(Path("lock.txt"), None)
    assert status == 0
    assert "nothing is known" in lines[0]
