"""`fgmix import`: makes a folder to train on, from photos as people have them."""

import errno
import sys
from pathlib import Path

from fgmix.cli.parser import Parser
from fgmix.console import say
from fgmix.data.importing.registry import KINDS, Request, find_kind
from fgmix.data.importing.source import Columns
from fgmix.errors import FgmixError

EXAMPLES = """examples:
  fgmix import photos.zip birds                        # an archive of class folders
  fgmix import ~/Pictures/birds birds                  # HEIC, AVIF, TIFF, JPEG 2000, 16 bits
  fgmix import hf://datasets/OWNER/NAME birds          # from the Hugging Face hub
  fgmix import hf://datasets/OWNER/NAME@REVISION:CONFIG birds
  fgmix import kaggle://OWNER/NAME birds               # also https://, gs://, s3://
  fgmix import shards/ birds --label-column species    # Parquet files
  fgmix import photos.zip birds --boxes boxes.csv      # crops: path,x1,y1,x2,y2
  fgmix import cars cars-crops --data-dir DIR --boxes own

The folder gets a folder for each class (below train, val and test if the source has them),
labels.csv (path, label, split) and source.json (where the photos came from, under which terms, what
was done to them). Go on with:

  fgmix check --dataset birds
  fgmix train --dataset birds --backbone mobilenet_v2

Photos that training reads keep their pixels bit for bit. Others are converted without visible loss,
upright and in sRGB: to JPEG (quality 95, full colour resolution), or PNG if they were lossless.
EXIF, XMP and IPTC are removed, and with them where and when photos were taken; --keep-exif keeps
EXIF. Sources are never changed.

--boxes takes a CSV with the columns path,x1,y1,x2,y2 (or x,y,width,height; label if it has
classes), the JSON of COCO, or own for those that cars and aircraft have. Each box becomes a photo;
photos without one are left out. Boxes are in pixels of the upright photo. A model that is trained
on crops expects crops: its card says so.

An interrupted import goes on where it was when the same command is given again. The exit code is 1
if a photo can't be imported, and 2 for bad usage.
"""
SHOWN = 5
MARGIN = 0.1


def make_parser() -> Parser:
    """Returns the parser of the flags."""
    parser = Parser(
        "import",
        description="Makes, once, a folder to train on from photos as people have them.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "source", metavar="SOURCE", help="; ".join(kind.shown for kind in KINDS.values())
    )
    parser.add_argument("folder", metavar="FOLDER", help="the folder to make")
    parser.add_argument(
        "--boxes",
        metavar="FILE",
        help="crop to the boxes in a CSV or COCO file; own: to those of the data set",
    )
    parser.add_argument(
        "--box-margin",
        type=float,
        metavar="X",
        help=f"what to keep on each side of a box, as a share of it (default: {MARGIN})",
    )
    parser.add_argument(
        "--keep-exif",
        action="store_true",
        help="keep EXIF in the photos, and with it the position and time at which they were taken",
    )
    parser.add_argument(
        "--image-column", metavar="NAME", help="the column of the images in Parquet, if not found"
    )
    parser.add_argument(
        "--label-column", metavar="NAME", help="the column of the classes in Parquet, if not found"
    )
    parser.add_argument("--data-dir", metavar="DIR", help="the folder of a named data set")
    return parser


def main(argv: list[str]) -> int:
    """Parses the arguments, imports, and says what was done."""
    args = make_parser().parse_args(argv)
    margin = MARGIN if args.box_margin is None else args.box_margin
    if args.box_margin is not None and not args.boxes:
        raise FgmixError("--box-margin needs --boxes")
    if not 0 <= margin <= 10:
        raise FgmixError(f"--box-margin {margin}: must be from 0 to 10")
    folder = Path(args.folder).expanduser()
    find_kind(Request(args.source, folder, data_dir=args.data_dir))
    if args.boxes and args.boxes != "own" and not Path(args.boxes).expanduser().is_file():
        raise FgmixError(f"--boxes {args.boxes}: there is no such file")
    from fgmix.data.importing.run import Options, import_photos

    columns = Columns(args.image_column, args.label_column)
    options = Options(args.keep_exif, columns, args.data_dir, args.boxes, margin)
    again = "give the same command again to go on"
    try:
        imported = import_photos(args.source, folder, options)
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
