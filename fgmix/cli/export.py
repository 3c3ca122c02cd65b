"""`fgmix export`: exports a finished run as a model to serve."""

from pathlib import Path

from fgmix.backend import import_tensorflow
from fgmix.cli.ensemble import AVERAGING, add_models, require_model
from fgmix.cli.parser import Parser, add_place, check_output_folder
from fgmix.console import say
from fgmix.errors import FgmixError
from fgmix.runs.ensemble import Ensemble
from fgmix.serving.choices import (
    FORMATS,
    QUANTIZATIONS,
    TARGETS,
    TOP,
    Target,
    check_quantize,
    check_top_k,
    check_unknown,
)

EXAMPLES = f"""examples:
  fgmix export --model saved_models/RUN --top-k 3
  fgmix export --model saved_models/RUN --output models/birds --precision-target 0.95
  fgmix export --model saved_models/RUN --unknown-target 0.95
  fgmix export --model saved_models/RUN --format onnx
  fgmix export --model saved_models/RUN --format litert --quantize int8
  fgmix export --model saved_models/RUN --tta flip
  fgmix export --model saved_models/RUN-seed0 saved_models/RUN-seed1 --output models/birds

The version is the next free number in DIR: DIR/2 after DIR/1 (ONNX: DIR/onnx/1,
LiteRT: DIR/litert/1). It holds the
model, its labels, a model card (README.md) and, for TensorFlow Serving, warm-up requests. Point the
server at DIR.

With a target, probabilities are calibrated, and the output `accepted` is true for predictions whose
largest probability reaches a threshold. Temperature and threshold are chosen on the run's
validation photos; the model card reports the results on the test photos. A target of 0.95 needs at
least 20 validation photos, 0.99 at least 100, and a few hundred to be reliable.

--unknown-target refuses photos of something else, alone or with another target: `accepted` is then
only true for photos whose `distance` from all classes is within a limit. 0.95 refuses the farthest
5 % of the validation photos. Without validation photos, it takes the training photos, each measured
as if it had not been trained on. The model card says how well it tells held-out classes.

{AVERAGING}
The model card says what averaging costs, and, where the run's test photos are at hand, what it
brings. A target is chosen from the averaged probabilities. Runs of different image sizes make a
SavedModel without the signature serving_tensor, and no ONNX or LiteRT model.
"""


def make_parser() -> Parser:
    """Returns the parser of the flags."""
    parser = Parser(
        "export",
        description="Exports a finished run, or several as one, as a model to serve.",
        epilog=EXAMPLES,
    )
    add_models(parser)
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="the model's folder (default: the run's; several runs need one)",
    )
    parser.add_argument(
        "--top-k",
        type=int,
        default=TOP,
        metavar="N",
        help=f"labels in a prediction, at most the number of classes (default: {TOP})",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default=FORMATS[0],
        help="savedmodel: image files in; onnx and litert: pixels in, need fgmix[onnx] or "
        "fgmix[litert] (default: savedmodel)",
    )
    parser.add_argument(
        "--quantize",
        choices=QUANTIZATIONS,
        default=QUANTIZATIONS[0],
        help="litert: int8 weights and activations, a quarter of the size; needs the training "
        "photos (default: none)",
    )
    target = parser.add_mutually_exclusive_group()
    target.add_argument(
        "--precision-target",
        type=float,
        metavar="X",
        help="accept as many predictions as possible with this precision, such as 0.95",
    )
    target.add_argument(
        "--coverage-target",
        type=float,
        metavar="X",
        help="accept this fraction of the predictions, the most confident, such as 0.8",
    )
    parser.add_argument(
        "--unknown-target",
        type=float,
        metavar="X",
        help="don't accept photos that lie farther from all classes than this fraction of the "
        "validation photos, such as 0.95",
    )
    add_place(parser)
    return parser


def main(argv: list[str]) -> int:
    """Parses the flags, exports the run, and prints the export's folder."""
    args = make_parser().parse_args(argv)
    require_model(args.model)
    check_top_k(args.top_k)
    check_quantize(args.quantize, args.format)
    check_unknown(args.unknown_target, args.quantize)
    target = Target.of(**{kind: getattr(args, f"{kind}_target") for kind in TARGETS})
    if args.output:
        check_output_folder("--output", args.output)
    ensemble = Ensemble.open(args.model, args.tta)
    if len(ensemble.runs) > 1 and not args.output:
        raise FgmixError("several runs make a model of their own: give its folder as --output DIR")

    import_tensorflow()
    from fgmix.workflows.export import export_run

    version = export_run(
        ensemble,
        args.output or ensemble.first.directory,
        top_k=args.top_k,
        model_format=args.format,
        quantize=args.quantize,
        target=target,
        unknown=args.unknown_target,
        dataset=args.dataset,
        data_dir=args.data_dir,
    )
    say(f"export: {version} (read {version / 'README.md'})")
    return 0
