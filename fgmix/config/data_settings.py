"""The settings of a run that say which photos it is trained and measured on."""

from dataclasses import MISSING, dataclass

from fgmix.config.fields import Decides, flag, unflagged
from fgmix.data.choices import PREPARE
from fgmix.data.sources.registry import SOURCES

DATA = "data"
PLACE = Decides.PLACE
BY_RECIPE = "recipe's"


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """The settings of the data set, its splits and its protocols; see `Settings`."""

    dataset: str = flag(
        MISSING,
        DATA,
        f"{', '.join(SOURCES)}, the name of an image classification set of TensorFlow Datasets "
        "(oxford_flowers102, stanford_dogs, ...), the path of a folder with one folder of photos "
        "per class, or a table (.csv, .tsv, .jsonl, .parquet) with the columns path, label and, "
        "if it likes, split; ./NAME is a folder, NAME with --data-dir a data set",
        decides=PLACE,
    )
    data_dir: str | None = flag(
        None,
        DATA,
        "folder of the data set, in any of the layouts of docs/guides/your_data.md, or to download "
        "it to; of a table, the folder that its paths start from",
        shown="the TFDS folder; of a table, its own",
        decides=PLACE,
    )
    columns: str | None = flag(
        None,
        DATA,
        "names of a table's columns, if they are others: path=file,label=species,split=part, or "
        "some of these; split= reads no splits",
        shown="path=path,label=label,split=split",
        decides=PLACE,
    )
    val_fraction: float = flag(
        None,
        DATA,
        "share of the training photos held out for validation; strong and frozen hold out none of "
        "fewer than 1,000 photos unless this is given",
        minimum=0.0,
        maximum=0.9,
        shown=BY_RECIPE,
    )
    val_photos: int = unflagged(None, "the fewest photos to hold out for validation")
    split_seed: int = flag(
        0,
        DATA,
        "seed of every split: runs that differ in --seed share their test photos",
        minimum=0,
    )
    shots: int | None = flag(
        None,
        DATA,
        "train on this many photos of every class; more shots include the fewer ones, and "
        "validation and test photos are the same for all",
        minimum=1,
        shown="all there are",
    )
    train_fraction: float = flag(
        1.0,
        DATA,
        "train on this share of every class's photos; otherwise like --shots",
        minimum=0.0,
        maximum=1.0,
    )
    folds: int | None = flag(
        None,
        DATA,
        "divide the training photos into this many folds and hold out one, --fold: the run is "
        "measured on it and does not use the test photos",
        minimum=2,
        shown="none",
    )
    fold: int | None = flag(
        None, DATA, "the fold to hold out, from 0 to --folds minus 1", minimum=0, shown="none"
    )
    skip_bad_images: bool = flag(
        False,
        DATA,
        "leave out photos that can't be read before splits are drawn, and list them in config.json",
    )
    prepare: str = flag(
        "auto",
        DATA,
        "auto trains on resized copies of photos that are much larger than needed, created once "
        "and kept in the TFDS folder; reduced decodes large JPEGs at a half, a quarter or an "
        "eighth of their size; never reads the photos as they are. Crops and flips stay the same, "
        "pixels differ by the resampling; evaluation always reads the photos themselves",
        choices=PREPARE,
    )
