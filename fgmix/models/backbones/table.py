"""The backbones as a table: what each costs, expects and starts from."""

from fgmix.models.backbones.registry import BACKBONES, IN_WORDS, Backbone
from fgmix.models.cost_table import NOT_COUNTED
from fgmix.tables import aligned

COLUMNS = (
    "backbone",
    "params M",
    "mult-adds G",
    "input px",
    "normalisation",
    "weights",
    "licence",
    "at hand",
)
NUMBERS = ("params M", "mult-adds G")
IMAGE_SIZE = 224


def backbone_lines() -> list[str]:
    """The registry as lines of text: the columns' names, then a line a backbone."""
    rows = [COLUMNS, *(_row(name, entry) for name, entry in BACKBONES.items())]
    return aligned(rows, [name not in NUMBERS for name in COLUMNS])


def find_weights() -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Where the pretrained weights are.

    Returns:
        Of the backbones whose weights are on this machine, their files or folders; of the others,
        how to fetch them by hand, by the flag that takes what was fetched.
    """
    sources = {name: entry.source for name, entry in BACKBONES.items() if entry.source}
    here = {name: str(path) for name, source in sources.items() if (path := source.local())}
    away: dict[str, dict[str, str]] = {}
    for name, source in sources.items():
        if name not in here:
            away.setdefault(source.given_as, {})[name] = source.by_hand
    return here, away


def _sizes(entry: Backbone) -> str:
    if entry.patch is not None:
        return f"{IMAGE_SIZE}, steps of {entry.patch}"
    return f"{IMAGE_SIZE}, from {entry.min_size}"


def _row(name: str, entry: Backbone) -> tuple[str, ...]:
    source = entry.source
    return (
        name,
        "" if entry.parameters is None else f"{entry.parameters / 1e6:.1f}",
        NOT_COUNTED if entry.multiply_adds is None else f"{entry.multiply_adds / 1e9:.2f}",
        _sizes(entry),
        next(words for normalization, words in IN_WORDS if normalization == entry.normalization),
        source.origin if source else "none",
        source.licence if source else "",
        ("yes" if source.local() else "no") if source else "",
    )
