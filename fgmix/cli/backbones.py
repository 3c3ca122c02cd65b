"""`python -m fgmix backbones`: what there is to fine-tune, and whose weights are at hand."""

from fgmix.cli.parser import Parser
from fgmix.models.backbones.table import IMAGE_SIZE, backbone_lines, find_weights
from fgmix.tables import aligned

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
    print("\n".join(backbone_lines()))
    here, away = find_weights()
    _list("At hand:", here)
    _list(
        "Downloaded by --weights imagenet. Without network, fetch a file elsewhere and give it as "
        "--weights FILE:",
        away,
    )
    print("\nLicences are as the publishers state them: check before commercial use.")
    return 0


def _list(heading: str, lines: dict[str, str]) -> None:
    if lines:
        print(f"\n{heading}")
        print("\n".join(f"  {line}" for line in aligned(lines.items(), (True, True))))
