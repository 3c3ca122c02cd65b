"""Contenders take turns, in processes of their own if they like."""

import itertools

import pytest

from tests.benchmarks.scripts import load_script

rounds = load_script("rounds")
workers = load_script("workers")


def test_the_order_turns_round_with_every_round_and_the_warm_up_is_dropped():
    called, numbers = [], itertools.count()

    def call(name):
        called.append(name)
        return next(numbers)

    found = rounds.take_turns({x: lambda x=x: call(x) for x in "abc"}, 3, warm_up=1)
    assert "".join(called) == "abccbaabccba"
    assert found == {"a": [5, 6, 11], "b": [4, 7, 10], "c": [3, 8, 9]}


def test_after_its_time_there_are_no_more_rounds_than_the_fewest():
    found = rounds.take_turns({"a": int}, 50, seconds=0, fewest=2)
    assert found == {"a": [0, 0]}


def test_ratios_are_taken_round_by_round():
    # The second round was slow for both: the ratio does not show it.
    found = rounds.ratios([2.0, 200.0, 3.0], [1.0, 100.0, 1.0])
    assert found == {"median": 2.0, "least": 2.0, "most": 3.0}
    assert rounds.show(found, 1) == "2.0 (2.0 to 3.0)"


def test_a_call_is_timed():
    called = []
    assert rounds.timed(lambda: called.append(1))() >= 0
    assert called == [1]


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
        "def broken():\n"
        "    raise ValueError('no such thing')\n"
    )
    monkeypatch.setitem(workers.ENVIRONMENT, "PYTHONPATH", str(tmp_path))


def test_a_worker_keeps_its_state_and_answers_each_time(contender):
    with workers.Worker("contender:counter", {"start": 4}) as worker:
        assert worker.about == {"start": 4}
        assert [worker()["count"] for _ in range(3)] == [5, 6, 7]


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
