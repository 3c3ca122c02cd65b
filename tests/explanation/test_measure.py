"""The measures of heat maps as text."""

from fgmix.explanation.measure import describe_numbers


def measured(mean, **difference):
    return {"mean": mean, "se": 0.01} | difference


def test_numbers_stand_one_below_the_other():
    against = {"minus_random": 0.125, "minus_random_se": 0.02}
    maps = {
        "energy": {"deletion": measured(0.25, **against), "insertion": measured(0.5, **against)},
        "random": {"deletion": measured(0.125), "insertion": measured(0.375)},
    }
    text = describe_numbers(
        {
            "dataset": "birds",
            "split": "test",
            "images": 2,
            "class": None,
            "box": None,
            "runs": {"a long name of a run": {"images": 2, "boxes": None, "maps": maps}},
        }
    )
    assert text.splitlines()[2:] == [
        "a long name of a run  deletion (low)          insertion (high)",
        "energy                0.250 (+0.125 ± 0.020)  0.500 (+0.125 ± 0.020)",
        "random                0.125                   0.375",
        "",
        "pointing, energy in box: birds has no boxes",
    ]
