"""Claims: one owner for each name, and what becomes of those whose owner is gone."""

import json
import os
import time

import pytest

from fgmix.errors import FgmixError
from fgmix.grid import claims as module
from fgmix.grid.claims import STALE, Claims


def of_another_host(folder, name, seconds_ago, number=1):
    """Writes the claim of a process on another host."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.claim{number}"
    path.write_text(json.dumps({"host": "far", "kernel": "another", "grid": "grid-b"}))
    then = time.time() - seconds_ago
    os.utime(path, (then, then))
    return path


def names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_a_name_has_one_owner_until_it_is_released(tmp_path):
    one, two = Claims(tmp_path / "c", "grid-a"), Claims(tmp_path / "c", "grid-a")
    claim = one.take("run-0.5")
    assert two.take("run-0.5") is None
    assert two.take("run-0") is not None
    assert one.owner("run-0.5").grid == "grid-a"
    claim.release()
    assert two.owner("run-0.5") is None
    assert two.take("run-0.5") is not None


def test_a_claim_of_another_host_ends_when_it_is_not_renewed(tmp_path):
    mine = Claims(tmp_path)
    of_another_host(tmp_path, "a", STALE / 2)
    assert mine.take("a") is None
    assert mine.owner("a").host == "far"
    assert mine.owners().keys() == {"a"}
    of_another_host(tmp_path, "a", STALE + 5)
    assert mine.owner("a") is None
    assert mine.take("a") is not None
    assert names(tmp_path) == ["a.claim2"]


def test_a_claim_of_a_killed_process_on_this_host_ends_at_once(tmp_path):
    mine = Claims(tmp_path)
    claim = mine.take("a")
    [written] = names(tmp_path)
    text = (tmp_path / written).read_text()
    claim.release()
    (tmp_path / written).write_text(text)  # what SIGKILL leaves: a new file and no lock
    assert mine.owner("a") is None
    assert mine.take("a") is not None


def test_a_claim_that_is_half_written_counts_until_it_is_stale(tmp_path):
    path = of_another_host(tmp_path, "a", 1)
    path.write_text("")
    assert Claims(tmp_path).take("a") is None


def test_a_process_that_saw_a_newer_claim_too_late_gives_up(tmp_path, monkeypatch):
    monkeypatch.setattr(module.json, "dump", lambda *_: of_another_host(tmp_path, "a", 1, number=3))
    assert Claims(tmp_path).take("a") is None
    assert names(tmp_path) == ["a.claim3"]


def test_an_owner_learns_that_its_claim_was_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "HEARTBEAT", 0.01)
    claim = Claims(tmp_path).take("a")
    before = (tmp_path / "a.claim1").stat().st_mtime
    for _ in range(500):
        if (tmp_path / "a.claim1").stat().st_mtime > before:
            break
        time.sleep(0.01)
    assert not claim.lost
    assert (tmp_path / "a.claim1").stat().st_mtime > before
    (tmp_path / "a.claim1").unlink()
    for _ in range(500):
        if claim.lost:
            break
        time.sleep(0.01)
    assert claim.lost
    claim.release()


def test_a_folder_that_can_not_be_written_to_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FgmixError, match="can't write to"):
        Claims(tmp_path / "file").take("a")


def test_a_full_folder_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.json, "dump", full)
    with pytest.raises(FgmixError, match=r"can't write to .*: No space left on device"):
        Claims(tmp_path).take("a")
    assert names(tmp_path) == []
