"""`fgmix query`: predicts the classes of photos with a model on a server."""

import json

from fgmix.cli.parser import Parser
from fgmix.console import say
from fgmix.errors import FgmixError

EXAMPLES = """examples:
  fgmix query --url http://localhost:8501 --model photos photo.jpg
  fgmix query --url http://localhost:8501 --model photos --label canary folder/

The server must support the REST protocol of TensorFlow Serving. A line holds path, label,
probability and top, or path and error; also distance, if the model has it, and accepted, if it was
exported with a target. The exit code is 1 if any file could not be read as an image, and 2 if the
server can't be reached or refuses.
"""


def make_parser() -> Parser:
    """Returns the parser of the flags."""
    from fgmix.serving.client import TIMEOUT_SECONDS

    parser = Parser(
        "query",
        description="Predicts the classes of photos with a model behind TensorFlow Serving.",
        epilog=EXAMPLES,
    )
    parser.add_argument("--url", required=True, help="the server, such as http://localhost:8501")
    parser.add_argument(
        "--model", required=True, metavar="NAME", help="the model's name on the server"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--version", type=int, metavar="N", help="version (default: the newest)")
    which.add_argument("--label", help="label of the version, such as stable or canary")
    parser.add_argument(
        "--timeout",
        type=float,
        default=TIMEOUT_SECONDS,
        metavar="S",
        help="seconds to wait for a response (default: %(default)g)",
    )
    parser.add_argument("paths", nargs="+", metavar="IMAGE_OR_FOLDER", help="images or folders")
    return parser


def main(argv: list[str]) -> int:
    """Parses the arguments and prints one line per image."""
    args = make_parser().parse_args(argv)
    if not 0 < args.timeout < float("inf"):
        raise FgmixError(f"--timeout {args.timeout:g}: must be above 0")

    from fgmix.serving.client import ServedModel, query_files
    from fgmix.serving.inputs import find_images

    model = ServedModel(args.url, args.model, args.version, args.label, args.timeout)
    failed = False
    for answer in query_files(model, find_images(args.paths)):
        say(json.dumps(answer, allow_nan=False))
        failed |= "error" in answer
    return 1 if failed else 0
