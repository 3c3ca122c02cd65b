"""Timing contenders in turns, so that whatever else the machine does slows all of them alike."""

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
    """Calls each contender once a round: first to last, then last to first, and so on.

    So each comes before each other equally often, and what changes slowly on the machine changes
    for all of them.

    Args:
        calls: What to call, by name.
        rounds: How many times, if they take no longer than `seconds`.
        warm_up: Rounds before those, whose answers are dropped.
        seconds: The time after which there are no more rounds than `fewest`.
        fewest: See `seconds`.

    Returns:
        The answers by name; those at the same place are of the same round.
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
    """What calls and returns the seconds that it took."""

    def seconds() -> float:
        began = time.perf_counter()
        call()
        return time.perf_counter() - began

    return seconds


def spread(values: Sequence[float]) -> dict[str, float]:
    """The median of some values, and the least and the most of them."""
    return {"median": float(np.median(values)), "least": min(values), "most": max(values)}


def ratios(one: Sequence[float], other: Sequence[float]) -> dict[str, float]:
    """The spread of `one / other`, round by round: what slows a round slows both."""
    return spread([a / b for a, b in zip(one, other, strict=True)])


def show(found: Mapping[str, float], digits: int = 2) -> str:
    """A spread as a cell of a table: the median (least to most)."""
    median, least, most = (f"{found[name]:,.{digits}f}" for name in ("median", "least", "most"))
    return f"{median} ({least} to {most})"
