"""`fgmix import`: makes a folder that fgmix reads, from photos as people have them."""

import errno
import sys
from pathlib import Path

from fgmix.cli.parser import Parser
from fgmix.console import say
from fgmix.data.importing.registry import KINDS, Columns, Request, find_kind
from fgmix.errors import FgmixError

EXAMPLES = """examples:
  fgmix import photos.zip birds                  # an archive of class folders
  fgmix import ~/Pictures/birds birds            # HEIC, AVIF, TIFF, JPEG 2000, 16 bits

The folder gets a folder for each class (below train, val and test if the source has them),
labels.csv (path, label, split) and source.json (where the photos came from, under which terms, what
was done to them). Go on with:

  fgmix check --dataset birds
  fgmix train --dataset birds --backbone mobilenet_v2

Photos that fgmix reads keep their pixels bit for bit. Others are converted without visible loss,
upright and in sRGB: to JPEG (quality 95, full colour resolution), or PNG if they were lossless.
EXIF, XMP and IPTC are removed, and with them where and when photos were taken; --keep-exif keeps
EXIF. Sources are never changed.

An interrupted import goes on where it was when the same command is given again. The exit code is 1
if a photo can't be imported, and 2 for bad usage.
"""
SHOWN = 5


def main(argv: list[str]) -> int:
    """Parses the arguments, imports, and says what was done."""
    parser = Parser(
        "import",
        description="Makes, once, a folder that fgmix reads from photos as people have them.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "source", metavar="SOURCE", help="; ".join(kind.shown for kind in KINDS.values())
    )
    parser.add_argument("folder", metavar="FOLDER", help="the folder to make")
    parser.add_argument(
        "--keep-exif",
        action="store_true",
        help="keep EXIF in the photos, and with it the position and time at which they were taken",
    )
    args = parser.parse_args(argv)
    find_kind(Request(args.source, Path(args.folder)))

    from fgmix.data.importing.run import Options, import_photos

    options = Options(keep_exif=args.keep_exif, columns=Columns())
    again = "give the same command again to go on"
    try:
        imported = import_photos(args.source, Path(args.folder), options)
    except KeyboardInterrupt:
        say(f"stopped: {again}", file=sys.stderr)
        return 130
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise FgmixError(f"the disk of {args.folder} is full: make space, and {again}") from error

    from fgmix.data.importing.summary import summary_lines

    say("\n".join(summary_lines(imported, SHOWN)))
    return 1 if imported.failed else 0
