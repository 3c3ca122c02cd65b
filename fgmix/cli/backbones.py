"""`python -m fgmix backbones`: the networks to fine-tune, and which weights are available."""

from fgmix.cli.parser import Parser
from fgmix.models.backbones.table import IMAGE_SIZE, backbone_lines, find_weights
from fgmix.tables import aligned

NOTES = f"""columns:
  params M          parameters in millions, without a classifier
  mult-adds G       10^9 multiply-adds for an image of {IMAGE_SIZE} x {IMAGE_SIZE} pixels, counted
                    as by python -m fgmix costs
  input px          the default of --image-size, and the smallest possible size
  normalisation     what the weights expect; it is part of the model, which takes RGB 0 to 255
  ImageNet weights  where --weights imagenet gets them
  licence           as stated by the weights' publishers; check before commercial use
  at hand           whether the weights are on this machine already
"""

EXAMPLES = """examples:
  python -m fgmix backbones
  python train.py --dataset photos/ --backbone resnet50_torch
  python train.py --dataset photos/ --backbone resnet50_torch --weights model.safetensors
"""


def main(argv: list[str]) -> int:
    """Prints the table, and where the weights are or can be downloaded."""
    Parser(
        prog="python -m fgmix backbones",
        description="Lists the networks that --backbone offers.",
        epilog=f"{NOTES}\n{EXAMPLES}",
    ).parse_args(argv)
    print("\n".join(backbone_lines()))
    here, away = find_weights()
    _list("At hand:", here)
    _list(
        "Downloaded by --weights imagenet. Without a network, download a file elsewhere and pass "
        "it as --weights FILE:",
        away,
    )
    print("\nLicences are as the publishers state them: check before commercial use.")
    return 0


def _list(heading: str, lines: dict[str, str]) -> None:
    if lines:
        print(f"\n{heading}")
        print("\n".join(f"  {line}" for line in aligned(lines.items(), (True, True))))
