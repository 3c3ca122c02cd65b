"""`python -m fgmix backbones`: what there is to fine-tune, and whose weights are at hand."""

from fgmix.cli.parser import Parser
from fgmix.models.backbones.registry import BACKBONES, IN_WORDS, Backbone

COLUMNS = (
    ("backbone", "<"),
    ("params M", ">"),
    ("mult-adds G", ">"),
    ("input px", "<"),
    ("normalisation", "<"),
    ("ImageNet weights", "<"),
    ("licence", "<"),
    ("at hand", "<"),
)
IMAGE_SIZE = 224

NOTES = f"""columns:
  params M          parameters in millions, without a classifier
  mult-adds G       10^9 multiply-adds for a photo of {IMAGE_SIZE} x {IMAGE_SIZE} pixels, counted as
                    by python -m fgmix costs
  input px          the default of --image-size, and the least that leaves a feature map
  normalisation     what the weights expect; it is part of the model, which takes RGB 0 to 255
  ImageNet weights  where --weights imagenet gets them
  licence           as the weights' publishers state it; check before commercial use
  at hand           whether they are on this machine, so that nothing need be downloaded
"""

EXAMPLES = """examples:
  python -m fgmix backbones
  python train.py --dataset photos/ --backbone resnet50_torch
  python train.py --dataset photos/ --backbone resnet50_torch --weights model.safetensors
"""


def main(argv: list[str]) -> int:
    """Prints the table, and where the weights lie or can be had."""
    Parser(
        prog="python -m fgmix backbones",
        description="Lists the networks that --backbone offers.",
        epilog=f"{NOTES}\n{EXAMPLES}",
    ).parse_args(argv)
    rows = [tuple(name for name, _ in COLUMNS)]
    rows += [_row(name, entry) for name, entry in BACKBONES.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, COLUMNS, widths, strict=True)
        print("  ".join(f"{cell:{align}{width}}" for cell, (_, align), width in cells).rstrip())

    sources = {name: entry.source for name, entry in BACKBONES.items() if entry.source}
    here = {name: str(path) for name, source in sources.items() if (path := source.local())}
    away = {name: source.by_hand for name, source in sources.items() if name not in here}
    _list("At hand:", here)
    _list(
        "Downloaded by --weights imagenet. Without network, fetch a file elsewhere and give it as "
        "--weights FILE:",
        away,
    )
    print("\nLicences are as the publishers state them: check before commercial use.")
    return 0


def _row(name: str, entry: Backbone) -> tuple[str, ...]:
    source = entry.source
    return (
        name,
        f"{entry.parameters / 1e6:.1f}",
        f"{entry.multiply_adds / 1e9:.2f}",
        f"{IMAGE_SIZE}, from {entry.min_size}",
        next(words for normalization, words in IN_WORDS if normalization == entry.normalization),
        source.origin if source else "none",
        source.licence if source else "",
        ("yes" if source.local() else "no") if source else "",
    )


def _list(heading: str, lines: dict[str, str]) -> None:
    if lines:
        print(f"\n{heading}")
        width = max(map(len, lines))
        for name, line in lines.items():
            print(f"  {name:<{width}}  {line}")
