"""Contenders in separate processes."""

import os

import pytest

from benchmarks.lib import workers


@pytest.fixture
def contender(tmp_path, monkeypatch):
    """A module that a worker can import."""
    (tmp_path / "contender.py").write_text(
        "def counter(start):\n"
        "    found = [start]\n"
        "    def measure():\n"
        "        print('what libraries print')\n"
        "        found[0] += 1\n"
        "        return {'count': found[0]}\n"
        "    return {'start': start}, measure\n"
        "def once(**settings):\n"
        "    print('what libraries print')\n"
        "    return settings\n"
        "def waits():\n"
        "    import time\n"
        "    return {}, lambda: time.sleep(60)\n"
        "def imports(name):\n"
        "    try:\n"
        "        __import__(name)\n"
        "    except ImportError:\n"
        "        return {'imported': False}\n"
        "    return {'imported': True}\n"
        "def broken():\n"
        "    raise ValueError('no such thing')\n"
    )
    path = os.pathsep.join([str(tmp_path), workers.ENVIRONMENT["PYTHONPATH"]])
    monkeypatch.setitem(workers.ENVIRONMENT, "PYTHONPATH", path)
    monkeypatch.chdir(tmp_path)


def test_a_worker_keeps_its_state_and_answers_each_time(contender):
    with workers.Worker("contender:counter", {"start": 4}) as worker:
        assert worker.about == {"start": 4}
        assert [worker()["count"] for _ in range(3)] == [5, 6, 7]


def test_what_is_measured_once_is_returned(contender):
    assert workers.measure_apart("contender:once", {"a": 1, "b": "two"}) == {"a": 1, "b": "two"}


def test_a_worker_that_dies_ends_the_script_with_a_line(contender):
    with pytest.raises(SystemExit, match="contender:broken ended with code 1"):
        workers.Worker("contender:broken", {})


def test_workers_end_with_their_block_or_when_one_does_not_start(contender, monkeypatch):
    made = []
    monkeypatch.setattr(
        workers, "Worker", lambda *it, Worker=workers.Worker: made.append(Worker(*it)) or made[-1]
    )
    one, other = ("contender:counter", {"start": 1}), ("contender:counter", {"start": 7})
    with workers.started({"one": one, "other": other}) as running:
        assert {name: worker()["count"] for name, worker in running.items()} == {
            "one": 2,
            "other": 8,
        }
    with (
        pytest.raises(SystemExit, match="contender:broken"),
        workers.started({"one": one, "broken": ("contender:broken", {})}),
    ):
        pass
    assert [worker._process.returncode for worker in made] == [0, 0, 0]


def test_workers_that_take_too_long_are_killed(contender):
    contenders = {"quick": ("contender:counter", {"start": 1}), "slow": ("contender:waits", {})}
    with (
        workers.started_together(contenders, 1.0) as running,
        pytest.raises(SystemExit, match="contender:waits ended with code -9"),
    ):
        running["slow"]()


def test_one_that_does_not_start_ends_the_others_too(contender):
    contenders = {"one": ("contender:counter", {"start": 1}), "broken": ("contender:broken", {})}
    with (
        pytest.raises(SystemExit, match="contender:broken"),
        workers.started_together(contenders, 60.0),
    ):
        pass


@pytest.mark.parametrize(("without", "imported"), [("", True), ("colorsys wave", False)])
def test_a_worker_imports_nothing_that_is_named(contender, without, imported):
    found = workers.measure_apart(
        "contender:imports", {"name": "colorsys"}, {workers.WITHOUT: without}
    )
    assert found == {"imported": imported}
