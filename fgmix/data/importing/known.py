"""A data set that fgmix knows by name, such as `cars`: to crop it to its boxes."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from fgmix.data.box import Box
from fgmix.data.importing.folder import read_limited
from fgmix.data.importing.source import Source, SourcePhoto
from fgmix.data.sources.boxes import find_box_source
from fgmix.data.sources.registry import load_dataset, terms_of_use


def open_known(name: str, data_dir: str | None) -> Source:
    """Loads a data set of fgmix.

    Args:
        name: Its name.
        data_dir: Its folder; by default where fgmix keeps it.

    Raises:
        FgmixError: As in `load_dataset`.
    """
    dataset = load_dataset(name, data_dir)

    def photos(is_done: Callable[[str], bool]) -> Iterator[SourcePhoto]:
        for split, part in dataset.splits.items():
            for path, label in zip(part.paths, part.labels, strict=True):
                if not is_done(path):
                    content = read_limited(dataset.root / path)
                    yield SourcePhoto(
                        path, Path(path).name, content, dataset.class_names[label], split
                    )

    def boxes() -> Mapping[str, Box]:
        source = find_box_source(name)
        return source.read(dataset.root, dataset.paths()) if source else {}

    return Source(
        kind="a data set of fgmix",
        location=f"{name} in {dataset.root.resolve()}",
        identity={"fingerprint": dataset.fingerprint()},
        photos=photos,
        total=sum(map(len, dataset.splits.values())),
        num_bytes=sum((dataset.root / path).stat().st_size for path in dataset.paths()),
        licence=terms_of_use(name),
        boxes=boxes,
        crop_bottom=dataset.crop_bottom,
    )
