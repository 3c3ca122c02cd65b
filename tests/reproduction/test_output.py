"""The result files of a grid."""

from types import SimpleNamespace

import pytest

from fgmix.reproduction.output import results_name


@pytest.mark.parametrize(
    ("grid", "departures", "name"),
    [
        ([], {}, "reproduce-cars_aircraft"),
        (["none,mixed"], {"epochs": 5}, "reproduce-cars_aircraft-none_mixed-epochs_5"),
        ([], {"weights": "none", "gate": "sigmoid"}, "reproduce-cars_aircraft"),
    ],
)
def test_results_are_named_by_what_is_not_the_default(grid, departures, name):
    config = SimpleNamespace(departures=lambda: departures)
    assert results_name("cars,aircraft", grid, config) == name
