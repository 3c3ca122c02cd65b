"""`python -m fgmix predict`: classes of photos, one JSON object a line."""

import json

from fgmix.cli.main import import_tensorflow
from fgmix.cli.parser import Parser
from fgmix.training.run_folder import Run

EXAMPLES = """examples:
  python -m fgmix predict --model saved_models/RUN photo.jpg
  python -m fgmix predict --model saved_models/RUN folder/ > predictions.jsonl

A line holds path, label, probability and top, or path and error; the exit code is 1 if any
file could not be read as an image.
"""


def main(argv: list[str]) -> int:
    """Parses the arguments and prints a line a photo."""
    parser = Parser(
        prog="python -m fgmix predict",
        description="Predicts the classes of photos with a finished run.",
        epilog=EXAMPLES,
    )
    parser.add_argument("--model", required=True, metavar="RUN", help="folder of the run")
    parser.add_argument("paths", nargs="+", metavar="IMAGE_OR_FOLDER", help="what to predict")
    args = parser.parse_args(argv)
    run = Run.open(args.model)

    import_tensorflow()
    from fgmix.serving.photos import find_images
    from fgmix.serving.predict import predict_files

    files = find_images(args.paths)
    failed = False
    for answer in predict_files(run, files):
        print(json.dumps(answer), flush=True)
        failed |= "error" in answer
    return 1 if failed else 0
