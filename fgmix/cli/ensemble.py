"""The flags of commands that take runs, and of those that answer with several or several views."""

from fgmix.cli.parser import Parser
from fgmix.errors import FgmixError
from fgmix.models.choices import TTA
from fgmix.runs.refusals import how_to_get_a_run

AVERAGING = """\
--tta flip takes the mean of the probabilities of a photo and its mirror image, in twice the time.
It helps where the mirror image could be another photo of the same class, as of birds, cars and
aircraft. Leave it out where left and right tell classes apart: text, left and right gloves, parts
with a hole on one side. Several runs take the mean of their probabilities, each in its own time;
they must have the same classes. What both bring is measured by evaluate, and best decided on
validation photos (--split val).
"""


def add_models(parser: Parser) -> None:
    """Adds `--model`, which takes one or several runs, and `--tta`."""
    parser.add_argument(
        "--model",
        nargs="+",
        metavar="RUN",
        help="folder of the run; several answer with the mean of their probabilities (required)",
    )
    parser.add_argument(
        "--tta",
        choices=TTA,
        default=TTA[0],
        help="test-time augmentation; flip: the mean of a photo and its mirror image "
        f"(default: {TTA[0]})",
    )


def require_model(given: object) -> None:
    """Checks that `--model` was given, which argparse would report without a remedy.

    Raises:
        FgmixError: If it was not, with the run to give, or how to train one.
    """
    if not given:
        raise FgmixError(f"--model is missing: {how_to_get_a_run()}")
