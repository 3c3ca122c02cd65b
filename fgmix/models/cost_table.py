"""What attention costs, as a table and as a page."""

import textwrap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from fgmix.tables import markdown_table, percent

if TYPE_CHECKING:
    from fgmix.models.cost import ClassifierCost

COUNTED = (
    "Multiply-adds for one image, in millions, of convolutions, dense layers and products with the "
    "feature map; normalisation, activations, pooling and additions are not counted. The paper "
    "says that attention brings no additional computation or storage: that does not hold for "
    "`mixed`, whose merge convolution alone has `2C*C + C` parameters."
)
COLUMNS = (
    "backbone",
    "attention",
    "backbone parameters",
    "attention parameters",
    "all parameters",
    "added parameters",
    "multiply-adds, M",
    "added multiply-adds",
)
NOT_COUNTED = "not counted"
NAMES = 2  # columns with names, not numbers


def cost_rows(backbone: str, costs: "Mapping[str, ClassifierCost]") -> list[tuple[str, ...]]:
    """The cells of a backbone's rows, one an attention; shares are of the whole without one.

    Args:
        backbone: The backbone's name.
        costs: From `classifier_costs`; one of them is of attention `none`.
    """
    plain = costs["none"].whole
    return [
        (
            backbone,
            attention,
            f"{found.backbone.parameters:,}",
            f"{found.attention.parameters:,}",
            f"{found.whole.parameters:,}",
            _share(found.attention.parameters, plain.parameters),
            millions(found.whole.multiply_adds),
            _share(found.attention.multiply_adds, plain.multiply_adds),
        )
        for attention, found in costs.items()
    ]


def cost_table(rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table of rows from `cost_rows` that is also easy to read as it stands."""
    are_words = [i < NAMES for i in range(len(COLUMNS))]
    return markdown_table(COLUMNS, rows, are_words, padded=True)


def cost_page(
    table: str, *, image_size: int, num_classes: int, pooling: str, reduction: int, command: str
) -> str:
    """A Markdown page with the table, what it counts, and the command that makes it again.

    Args:
        table: From `cost_table`.
        image_size: As `classifier_costs` got it.
        num_classes: As `classifier_costs` got it.
        pooling: As `classifier_costs` got it.
        reduction: As `classifier_costs` got it.
        command: The command.
    """
    import keras

    made = textwrap.fill(
        f"{image_size} pixels, {num_classes} classes, pooling `{pooling}`, reduction "
        f"{reduction}. *Added* is what the attention adds, as a share of the whole with "
        f"`none`. Written by the command below with Keras {keras.__version__}.",
        100,
    )
    return (
        f"# What attention costs\n\n{textwrap.fill(COUNTED, 100)}\n\n{table}\n\n{made}\n\n"
        f"```\n{command}\n```\n"
    )


def millions(count: int | None) -> str:
    """Returns a count in millions, or that it was not counted."""
    return NOT_COUNTED if count is None else f"{count / 1e6:,.1f}"


def _share(added: int | None, whole: int | None) -> str:
    if added is None or whole is None:
        return NOT_COUNTED
    share = f"{percent(added / whole)} %"
    return "< 0.01 %" if added and share == "0.00 %" else share
