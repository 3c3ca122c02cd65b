"""Contenders alternate."""

import itertools

from benchmarks.lib import rounds


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
    # The second round was slow for both, so the ratio does not show it.
    found = rounds.ratios([2.0, 200.0, 3.0], [1.0, 100.0, 1.0])
    assert found == {"median": 2.0, "least": 2.0, "most": 3.0}
    assert rounds.show(found, 1) == "2.0 (2.0 to 3.0)"


def test_a_call_is_timed():
    called = []
    assert rounds.timed(lambda: called.append(1))() >= 0
    assert called == [1]
