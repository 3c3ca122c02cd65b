"""`fgmix app`: a local page to try a model."""

import signal

from fgmix.backend import import_tensorflow
from fgmix.cli.ensemble import require_model
from fgmix.cli.parser import Parser
from fgmix.console import say
from fgmix.errors import FgmixError
from fgmix.runs.run import Run

EXAMPLES = """examples:
  fgmix app --model saved_models/RUN
  fgmix app --model saved_models/RUN --port 0          # any free port
  fgmix app --model saved_models/RUN --host 0.0.0.0    # to try it from a phone

Drop a photo on the page to see the predicted classes, their probabilities, and where the model
looked. Photos stay on this machine and are not kept, and the page loads nothing from other hosts.
It has no password: with another --host, everyone who can reach the address can use it. Ctrl-C stops
it.
"""


def make_parser() -> Parser:
    """Returns the parser of the flags."""
    parser = Parser(
        "app",
        description="Serves a local page to try a finished run on photos.",
        epilog=EXAMPLES,
    )
    parser.add_argument("--model", metavar="RUN", help="folder of the run (required)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to serve on (default: 127.0.0.1)"
    )
    parser.add_argument(
        "--port",
        type=int,
        default=7860,
        metavar="N",
        help="port; 0 picks a free one (default: 7860)",
    )
    parser.add_argument(
        "--max-mb",
        type=int,
        default=20,
        metavar="N",
        help="largest accepted file in megabytes (default: 20)",
    )
    return parser


def main(argv: list[str]) -> int:
    """Parses the arguments and serves the page until it is interrupted."""
    args = make_parser().parse_args(argv)
    require_model(args.model)
    if not 0 <= args.port <= 65535:
        raise FgmixError(f"--port {args.port}: must be from 0 to 65535")
    if args.max_mb < 1:
        raise FgmixError(f"--max-mb {args.max_mb}: must be at least 1")
    run = Run.open(args.model)

    from fgmix.app.server import (
        build_app,
        build_page,
        import_gradio,
        is_loopback,
        listen,
        serve,
        uploads_forgotten,
    )

    with uploads_forgotten(), listen(args.host, args.port) as listening:
        import_gradio()
        import_tensorflow()
        from fgmix.app.explainer import Explainer

        name = run.directory.resolve().name
        blocks = build_page(Explainer(run), name, run.class_names)
        app = build_app(blocks, args.host, args.max_mb << 20)
        host = f"[{args.host}]" if ":" in args.host else args.host
        say(f"{name}: http://{host}:{listening.getsockname()[1]} (Ctrl-C stops it)")
        if not is_loopback(args.host):
            say("no password: everyone who can reach this address can use it")
        # SIGTERM acts as Ctrl-C, so that the folder of uploads is deleted then too.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            serve(app, listening)
        except KeyboardInterrupt:
            say("stopped")
    return 0
