"""What attention costs, in words."""

from fgmix.models.cost import ClassifierCost, Cost
from fgmix.models.cost_table import cost_rows, cost_table


def test_a_row_by_hand():
    body, head = Cost(1_000_000, 40_000_000), Cost(1_000_000, 10_000_000)
    costs = {
        "none": ClassifierCost(body, Cost(0, 0), head),
        "mixed": ClassifierCost(body, Cost(250_000, 5_250_000), head),
        "cbam": ClassifierCost(body, Cost(99, 2_000), head),
    }
    assert cost_rows("mine", costs) == [
        ("mine", "none", "1,000,000", "0", "2,000,000", "0.00 %", "50.0", "0.00 %"),
        ("mine", "mixed", "1,000,000", "250,000", "2,250,000", "12.50 %", "55.2", "10.50 %"),
        ("mine", "cbam", "1,000,000", "99", "2,000,099", "< 0.01 %", "50.0", "< 0.01 %"),
    ]
    lines = cost_table(cost_rows("mine", costs)).splitlines()
    assert len({len(line) for line in lines}) == 1
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert cells == [list(row) for row in cost_rows("mine", costs)]
