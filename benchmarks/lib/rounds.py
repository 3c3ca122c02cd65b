"""Timing contenders in alternation, so that other load on the machine slows all of them alike."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

Found = TypeVar("Found")


def take_turns(
    calls: Mapping[str, Callable[[], Found]],
    rounds: int,
    *,
    warm_up: int = 1,
    seconds: float = float("inf"),
    fewest: int = 3,
) -> dict[str, list[Found]]:
    """Calls each contender once per round, from first to last, then from last to first, and so on.

    So each comes before each other equally often, and slow changes of the machine affect all
    contenders.

    Args:
        calls: The functions to call, by name.
        rounds: The number of rounds, if they take no longer than `seconds`.
        warm_up: Rounds before those, whose results are dropped.
        seconds: The time after which only `fewest` rounds are completed.
        fewest: The least number of rounds.

    Returns:
        The results by name; those at the same index are of the same round.
    """
    began = time.perf_counter()
    found: dict[str, list[Found]] = {name: [] for name in calls}
    for turn in range(warm_up + rounds):
        if turn >= warm_up + fewest and time.perf_counter() - began > seconds:
            break
        for name in list(calls) if turn % 2 == 0 else reversed(calls):
            answer = calls[name]()
            if turn >= warm_up:
                found[name].append(answer)
    return found


def timed(call: Callable[[], Any]) -> Callable[[], float]:
    """Returns a function that calls `call` and returns the seconds that it took."""

    def seconds() -> float:
        began = time.perf_counter()
        call()
        return time.perf_counter() - began

    return seconds


def spread(values: Sequence[float]) -> dict[str, float]:
    """Returns the median, minimum and maximum of some values."""
    return {"median": float(np.median(values)), "least": min(values), "most": max(values)}


def ratios(one: Sequence[float], other: Sequence[float]) -> dict[str, float]:
    """Returns the spread of `one / other` by round: what slows a round slows both."""
    return spread([a / b for a, b in zip(one, other, strict=True)])


def show(found: Mapping[str, float], digits: int = 2) -> str:
    """Returns a spread as a table cell: the median (least to most)."""
    median, least, most = (f"{found[name]:,.{digits}f}" for name in ("median", "least", "most"))
    return f"{median} ({least} to {most})"
