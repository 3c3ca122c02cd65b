"""`fgmix backbones`: the networks to fine-tune, and which weights are available."""

from fgmix.cli.parser import Parser
from fgmix.console import say
from fgmix.models.backbones.hub_preset import GROUP
from fgmix.models.backbones.table import IMAGE_SIZE, backbone_lines, find_weights
from fgmix.tables import aligned

NOTES = f"""columns:
  params M          parameters in millions, without a classifier
  mult-adds G       10^9 multiply-adds for an image of {IMAGE_SIZE} x {IMAGE_SIZE} pixels, counted
                    as by fgmix costs
  input px          the default of --image-size, and the smallest possible size or the step
                    between possible sizes: the side of a patch
  normalisation     what the weights expect; it is part of the model, which takes RGB 0 to 255
  weights           where --weights imagenet gets the pretrained weights; KerasHub is a package
                    of its own: pip install 'fgmix[{GROUP}]'
  licence           as stated by the weights' publishers; check before commercial use
  at hand           whether the weights are on this machine already
"""

OTHERS = f"""\
Every other image backbone of KerasHub is --backbone hub:PRESET: the name of a preset, an address
(hf://google/vit-large-patch16-224-in21k), or the folder of a preset or of a Hugging Face or timm
model. It needs pip install 'fgmix[{GROUP}]'. The weights of DINOv3 are not free: they are under
the DINOv3 licence, which Meta grants on request."""

EXAMPLES = """examples:
  fgmix backbones
  fgmix train --dataset photos/ --backbone resnet50_torch
  fgmix train --dataset photos/ --backbone resnet50_torch --weights model.safetensors
  fgmix train --dataset photos/ --backbone dinov2_small --recipe frozen
  fgmix train --dataset photos/ --backbone hub:presets/efficientnet_lite0 --recipe frozen
"""


def make_parser() -> Parser:
    """Returns the parser of the flags."""
    return Parser(
        "backbones",
        description="Lists the networks that --backbone offers.",
        epilog=f"{NOTES}\n{EXAMPLES}",
    )


def main(argv: list[str]) -> int:
    """Prints the table, and where the weights are or can be downloaded."""
    make_parser().parse_args(argv)
    say("\n".join(backbone_lines()))
    here, away = find_weights()
    _list("At hand:", here)
    for flag, sources in away.items():
        _list(
            f"Downloaded by --weights imagenet. Without a network, download elsewhere and pass "
            f"{flag}:",
            sources,
        )
    say(f"\n{OTHERS}")
    say("\nLicences are as the publishers state them: check before commercial use.")
    return 0


def _list(heading: str, lines: dict[str, str]) -> None:
    if lines:
        say(f"\n{heading}")
        say("\n".join(f"  {line}" for line in aligned(lines.items(), (True, True))))
