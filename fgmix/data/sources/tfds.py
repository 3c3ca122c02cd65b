"""Loads image classification data sets of TensorFlow Datasets (TFDS) by name.

TFDS stores the encoded images in record files. They are extracted to image files once, so that all
data sets are read from image files.
"""

import hashlib
import json
import logging
import re
from collections.abc import Callable, Collection
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from fgmix.data.dataset import ImageDataset, Split
from fgmix.data.identity import identify_all
from fgmix.data.sources.locations import OWN_FOLDER
from fgmix.data.splits import hold_out_test
from fgmix.errors import FgmixError
from fgmix.files import provide

log = logging.getLogger(__name__)

OWN_NAMES = {"cars196": "cars", "stanford_cars": "cars", "fgvc_aircraft": "aircraft"}
"""Data sets that fgmix loads itself, by their name in TFDS. (TFDS's URLs of `cars196` are dead.)"""

SPLITS = {"train": "train", "validation": "val", "test": "test"}
"""Maps TFDS's name of a split to ours."""

INDEX = "index.json"
SIGNATURES = {
    b"\xff\xd8\xff": ".jpg",
    b"\x89PNG": ".png",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"RIFF": ".webp",
}


def is_tfds_name(name: str) -> bool:
    """Returns whether a name has TFDS's form `name[/config][:version]`."""
    return re.fullmatch(r"[a-z]\w*(/[\w.+-]+)?(:\d+\.\d+\.\d+)?", name) is not None


def knows_name(name: str) -> bool:
    """Returns whether TFDS has an image data set of this name, quickly where it has not.

    Its list of names takes seconds to import, so its files are looked at first.
    """
    base = re.split("[/:]", name)[0]
    if not is_tfds_name(name) or base in OWN_NAMES or not _may_know(base):
        return False
    import tensorflow_datasets as tfds

    return base in tfds.list_builders(with_community_datasets=False)


def _may_know(base: str) -> bool:
    spec = find_spec("tensorflow_datasets")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        root = Path(place)
        if (root / "datasets" / base).is_dir() or (root / "url_checksums" / f"{base}.txt").exists():
            return True
        if any(root.glob(f"*/{base}.py")):
            return True
    return False


def load_tfds(
    name: str, data_dir: Path, split_seed: int = 0, skipped: Collection[str] = ()
) -> ImageDataset:
    """Loads a data set of TFDS, downloading and extracting it first if needed.

    TFDS's `validation` becomes the `val` split, or the test split if there is no `test`. Without
    either, a fifth of every class of `train` becomes the test split.

    Args:
        name: `name` or `name/config`, with an optional `:version`.
        data_dir: TFDS's data folder. Image files are extracted to `fgmix/<name>/<version>` in it.
        split_seed: Seeds the test split if TFDS has none.
        skipped: Images to leave out before the test split is drawn, relative to the root.

    Raises:
        FgmixError: If TFDS doesn't know the name or can't prepare the data set, or if the data set
            has no training images with one class label each.
    """
    builder = _builder(name, data_dir)
    _refuse_other_tasks(name, builder.info.features)
    root = data_dir / OWN_FOLDER / builder.info.full_name
    provide(
        root,
        lambda beside: _write_files(name, builder, beside),
        lambda: _is_current(root, builder),
    )
    index = json.loads((root / INDEX).read_text(encoding="utf-8"))
    class_names = tuple(index["class_names"])
    splits = {
        part: Split(tuple(rows["paths"]), np.array(rows["labels"], np.int32))
        for part, rows in index["splits"].items()
    }
    if "train" not in splits:
        raise FgmixError(f"{name} has no training images with labels: choose another data set")
    if "test" not in splits and "val" in splits:
        splits["test"] = splits.pop("val")
    dataset = ImageDataset(name, root, class_names, splits).without(skipped)
    if "test" in splits:
        return dataset
    return hold_out_test(dataset, split_seed, "choose another data set")


def require_tfds_name(name: str, others: Collection[str] = ()) -> None:
    """Checks that TFDS knows a name, without preparing the data set.

    Args:
        name: The name.
        others: Names that are not of TFDS and may be meant.

    Raises:
        FgmixError: If TFDS has no such data set, or fgmix loads it itself under another name.
    """
    import tensorflow_datasets as tfds

    base = re.split("[/:]", name)[0]
    if base in OWN_NAMES:
        raise FgmixError(f"no data set {name!r}: fgmix loads it as {OWN_NAMES[base]!r}")
    known = tfds.list_builders(with_community_datasets=False)
    if base not in known:
        near = get_close_matches(name, [*others, *known])
        hint = f" (near: {', '.join(near)})" if near else ""
        raise FgmixError(
            f"no data set {name!r}: it is neither a folder nor a name of fgmix or of TensorFlow "
            f"Datasets{hint}"
        )


def _builder(name: str, data_dir: Path) -> Any:
    import tensorflow_datasets as tfds

    require_tfds_name(name)
    return _in_one_line(f"can't use {name}", lambda: tfds.builder(name, data_dir=data_dir))


def _refuse_other_tasks(name: str, features: Any) -> None:
    import tensorflow_datasets as tfds

    parts = dict(features) if isinstance(features, tfds.features.FeaturesDict) else {}
    image, label = parts.get("image"), parts.get("label")
    # Float images are stored as PNGs of their raw bits, which image decoders can't read.
    if not (
        isinstance(image, tfds.features.Image)
        and np.issubdtype(image.np_dtype, np.integer)
        and isinstance(label, tfds.features.ClassLabel)
    ):
        raise FgmixError(
            f"{name} is not for image classification: it needs an 'image' with one 'label' (a "
            f"ClassLabel), but has {', '.join(parts) or 'no named features'}"
        )


def _write_files(name: str, builder: Any, folder: Path) -> None:
    """Writes the images as `folder/<split>/<class>/<number>.<suffix>`, and an index."""
    info = builder.info
    log.info("%s: %s %s", name, info.homepage, " ".join(str(info.redistribution_info).split()))
    _in_one_line(f"TensorFlow Datasets can't prepare {name}", builder.download_and_prepare)
    splits = {}
    for source, part in SPLITS.items():
        if source in builder.info.splits:
            rows = _write_split(name, builder, source, folder, part)
            if rows["paths"]:
                splits[part] = rows
    # Some data sets know their class names only after preparation.
    index = {
        "class_names": builder.info.features["label"].names,
        "splits": splits,
        "source": _source(builder),
    }
    folder.mkdir(exist_ok=True)
    (folder / INDEX).write_text(json.dumps(index), encoding="utf-8")


def _is_current(root: Path, builder: Any) -> bool:
    """Returns whether images were written out of the records that are there now, if any are."""
    source = _source(builder)
    if (
        source is None
        or json.loads((root / INDEX).read_text(encoding="utf-8")).get("source") == source
    ):
        return True
    log.info("%s was not made of the records in %s: it is made again", root, builder.data_dir)
    return False


def _source(builder: Any) -> str | None:
    """Returns a digest of TFDS's records by their content; None if there are none (any more)."""
    folder = Path(builder.data_dir)
    # JSON files describe the data set, and TFDS may write them again.
    names = sorted(
        file.name for file in folder.glob("*") if file.is_file() and file.suffix != ".json"
    )
    if not names:
        return None
    found = identify_all(folder, names)
    return hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()


def _write_split(name: str, builder: Any, source: str, folder: Path, part: str) -> dict[str, list]:
    import tensorflow_datasets as tfds
    from tqdm import tqdm

    num_classes = builder.info.features["label"].num_classes
    digits = len(str(num_classes - 1))
    examples = builder.as_dataset(
        split=source,
        decoders={"image": tfds.decode.SkipDecoding()},
        shuffle_files=False,
        read_config=tfds.ReadConfig(
            try_autocache=False
        ),  # autocache would hold a small data set in memory
    )
    total = builder.info.splits[source].num_examples
    rows: dict[str, list] = {"paths": [], "labels": []}
    for number, example in enumerate(
        tqdm(tfds.as_numpy(examples), f"{name} {source}", total, unit=" images", disable=None)
    ):
        label = int(example["label"])
        if not 0 <= label < num_classes:  # -1: the secret test labels of a challenge
            continue
        content = example["image"]
        suffix = next((s for start, s in SIGNATURES.items() if content.startswith(start)), ".bin")
        path = f"{part}/{label:0{digits}d}/{number:06d}{suffix}"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
        rows["paths"].append(path)
        rows["labels"].append(label)
    return rows


def _in_one_line(what: str, call: Callable[[], Any]) -> Any:
    """Calls TFDS and turns its errors, of any type and length, into one line."""
    try:
        return call()
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise FgmixError(f"{what}: {reason[:500]}") from error
