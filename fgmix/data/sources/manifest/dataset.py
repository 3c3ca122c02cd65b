"""Makes a data set of a table that names photos and their labels."""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from fgmix.data.dataset import ImageDataset, concatenate
from fgmix.data.sources.manifest.survey import Manifest, Row, and_more, survey_manifest
from fgmix.data.sources.names import BREAKS, looks_like, require_class_names
from fgmix.data.sources.split_folders import WHOLE
from fgmix.data.sources.walk import describe_left_out, tell_once
from fgmix.data.splits import hold_out_test
from fgmix.errors import FgmixError

SHOWN = 3
"""How many rows a message names."""

WITHOUT_SPLITS = "read no splits: --columns split="


def load_manifest(
    table: Path,
    data_dir: Path | None = None,
    columns: str | None = None,
    split_seed: int = 0,
    skipped: Collection[str] = (),
    missing_ok: bool = False,
) -> ImageDataset:
    """Loads the images that a table names.

    Class names are the labels, in alphabetical order. The names of splits are those of split
    folders. Without splits, a fifth of every class becomes the test split; with training and
    validation rows but no test rows, the validation rows are the test split. The order of the rows
    means nothing: a table that names all images of a folder of class folders makes the same data
    set but for its name.

    Args:
        table: The file.
        data_dir: The folder that relative paths start from; by default that of the table.
        columns: The names of its columns, as for `--columns`.
        split_seed: Seeds the test split if the table has no splits.
        skipped: Images to leave out before the test split is drawn, relative to the root. They need
            not be there.
        missing_ok: Whether images may be missing, for callers that look for unreadable ones.

    Raises:
        FgmixError: If the table can't be read or contradicts itself, images are missing, there are
            fewer than 2 classes, two class names look alike, a split has classes that the training
            split lacks, or a class has no images in train or test.
    """
    found = survey_manifest(table, data_dir, columns)
    _tell(found)
    _refuse_contradictions(found)
    _require_images(found, skipped, missing_ok)
    _require_classes(found)
    layout, names = found.layout, found.layout.class_names
    if WHOLE in layout.folders:
        whole = replace(found.dataset, splits={"train": layout.split(WHOLE, names)})
        return hold_out_test(whole.without(skipped), split_seed, "say which in a column split")
    _require_splits(found)
    parts = {"train": "train", "test": "test" if "test" in layout.folders else "val"}
    if len(layout.folders) == 3:
        parts["val"] = "val"
    splits = {split: layout.split(part, names) for split, part in parts.items()}
    return replace(found.dataset, splits=splits).without(skipped)


def load_split_of_manifest(
    table: Path, split: str, data_dir: Path | None = None, columns: str | None = None
) -> ImageDataset | None:
    """Loads one split of a table, or all its images, whatever else there is.

    To measure a model, a single class or a class with a single image is enough.

    Args:
        table: The file.
        split: `"train"`, `"val"` or `"test"`, or `"all"` for all rows.
        data_dir: The folder that relative paths start from; by default that of the table.
        columns: The names of its columns, as for `--columns`.

    Returns:
        The images as a data set of this split alone; None if no row is of that split.

    Raises:
        FgmixError: If the table can't be read or contradicts itself, or images are missing.
    """
    found = survey_manifest(table, data_dir, columns)
    rows = tuple(row for row in found.rows if split in (row.split, WHOLE))
    if not rows:
        return None
    found = replace(found, rows=rows, beside=0)  # the images of other splits are beside them
    _tell(found)
    _refuse_contradictions(found)
    _require_images(found, (), False)
    _require_names(found)
    whole = found.dataset
    return replace(whole, splits={split: concatenate(list(whole.splits.values()))})


def _tell(found: Manifest) -> None:
    """Logs in a line each what of a table is not read."""
    if found.left_out:
        tell_once(f"left out of {found.table}: {describe_left_out(found.left_out)}")
    if found.repeated:
        row = found.repeated[0]
        tell_once(
            f"{found.table}: {len(found.repeated)} row(s) say the same as an earlier one and count "
            f"once, such as row {row.number}, {row.path}"
        )
    named = {row.path for row in found.rows} - {row.path for row in found.missing}
    if found.beside > len(named):
        tell_once(f"{found.table} names {len(named)} of the {found.beside} images in their folders")


def _refuse_contradictions(found: Manifest) -> None:
    """Refuses an image with two labels or in two splits."""
    remedies = {
        "label": "keep the row with the correct one",
        "split": "keep one: accuracy on a photo that was trained on means nothing",
    }
    for what, remedy in remedies.items():
        first: dict[str, Row] = {}
        other = [
            row
            for row in found.rows
            if getattr(first.setdefault(row.path, row), what) != getattr(row, what)
        ]
        if other:
            row, before = other[0], first[other[0].path]
            raise FgmixError(
                f"{found.table}, row {row.number}: {row.path} has the {what} "
                f"{getattr(row, what)!r}, and in row {before.number} {getattr(before, what)!r}"
                f"{and_more(len(other))}: {remedy}"
            )


def _require_images(found: Manifest, skipped: Collection[str], missing_ok: bool) -> None:
    left_out = set(skipped)
    missing = [row for row in found.missing if row.path not in left_out]
    all_missing = len(missing) == len(found.rows)
    if not missing or (missing_ok and not all_missing):
        return
    some = ", ".join(f"{row.path} (row {row.number})" for row in missing[:SHOWN])
    remedy = found.hint or "say where they are with --data-dir, or remove the rows"
    if not all_missing:
        remedy += "; --skip-bad-images trains without them"
    raise FgmixError(
        f"{found.table}: {len(missing)} of its {len(found.rows)} photos are not in {found.root}: "
        f"{some}{', ...' * (len(missing) > SHOWN)}: {remedy}"
    )


def _require_classes(found: Manifest) -> None:
    """Checks that there are at least 2 classes, each with images and a name of its own."""
    names = {row.label for row in found.rows}
    for row in found.unread:
        if row.label not in names:
            raise FgmixError(
                f"{found.table}, row {row.number}: class {row.label!r} has no image that is read, "
                f"but {describe_left_out(found.left_out)}: convert them to JPEG, or remove the rows"
            )
    _require_names(found)
    if len(names) < 2:
        raise FgmixError(
            f"{found.table} has 1 class, {next(iter(names))!r}: a data set needs at least 2 labels"
        )


def _require_names(found: Manifest) -> None:
    """Checks that class names can be stored and told apart."""
    first = {row.label: row.number for row in reversed(found.rows)}
    try:
        require_class_names(found.table, list(first))
    except FgmixError as error:
        bad = [n for name, n in first.items() if BREAKS & set(name) or looks_like(name, first)]
        if not bad:
            raise
        where = " and ".join(map(str, sorted(bad)[:2]))
        raise FgmixError(f"{error} (row {where})") from error


def _require_splits(found: Manifest) -> None:
    """Checks that there is what to train and to test on, with the same classes."""
    table, images = found.table, found.layout.images
    counts = Counter(row.split for row in found.rows)
    told = " and ".join(f"{number} {split}" for split, number in counts.items())
    lacking = "train" if "train" not in counts else "test (or val)" if len(counts) == 1 else ""
    if lacking:
        raise FgmixError(
            f"{table} has {told} rows and no others: add {lacking} rows, or {WITHOUT_SPLITS}"
        )
    for row in found.rows:
        if row.label not in images["train"]:
            raise FgmixError(
                f"{table}, row {row.number}: its class {row.label!r} is in {row.split} and not in "
                f"train: add train rows of it, or remove its rows"
            )
    tested = "test" if "test" in counts else "val"
    for name in images["train"]:
        if name not in images[tested]:
            raise FgmixError(
                f"{table}: class {name!r} has no {tested} row: add some, or remove the class"
            )
