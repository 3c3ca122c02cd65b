"""FGVC-Aircraft and Stanford Cars as TFDS builders, for use outside fgmix.

Importing this module registers `fgvc_aircraft` (with the configs `variant`, `family` and
`manufacturer`) and `stanford_cars`. (TFDS has its own `cars196`, whose URLs are dead.)

    import fgmix.data.sources.tfds_builders
    tfds.load("fgvc_aircraft/family", split="train+validation")

Both read the same files as `--dataset aircraft` and `--dataset cars`: the folders `aircraft` and
`cars` in TFDS's data folder (`data_dir`). Images are stored as published; in FGVC-Aircraft, the
bottom 20 rows of every image are a copyright banner.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from fgmix.data.dataset import Split
from fgmix.data.sources import aircraft, cars

Example = tuple[str, dict[str, Any]]


class _FileBuilder(tfds.core.GeneratorBasedBuilder):
    """Base class of builders for labelled image files."""

    VERSION = tfds.core.Version("1.0.0")
    DESCRIPTION = ""
    HOMEPAGE = ""

    def _info(self) -> tfds.core.DatasetInfo:
        # The class names are set in `_examples`, when the data set is read.
        features = {"image": tfds.features.Image(), "label": tfds.features.ClassLabel()}
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.DESCRIPTION,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            homepage=self.HOMEPAGE,
            redistribution_info={"license": "non-commercial research only"},
        )

    def _examples(
        self, root: Path, class_names: tuple[str, ...], splits: dict[str, Split]
    ) -> dict[str, Iterator[Example]]:
        self.info.features["label"].names = list(class_names)
        return {name: self._generate_examples(root, split) for name, split in splits.items()}

    def _generate_examples(self, root: Path, split: Split) -> Iterator[Example]:
        for path, label in zip(split.paths, split.labels, strict=True):
            yield path, {"image": str(root / path), "label": int(label)}


class FgvcAircraft(_FileBuilder):
    """FGVC-Aircraft 2013b with its official splits; `train+validation` is its trainval."""

    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=level) for level in aircraft.LEVELS]  # noqa: RUF012
    DESCRIPTION = "10,000 photos of aircraft, labelled by variant, family or manufacturer."
    HOMEPAGE = "https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/"

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Example]]:
        root = aircraft.find_aircraft(Path(self.data_dir_root) / "aircraft")
        level = self.builder_config.name
        names = aircraft.read_class_names(root, level)
        parts = {"train": "train", "validation": "val", "test": "test"}
        splits = {k: aircraft.read_part(root, level, part, names) for k, part in parts.items()}
        return self._examples(root, names, splits)


class StanfordCars(_FileBuilder):
    """Stanford Cars-196 with its official splits."""

    DESCRIPTION = "16,185 photos of 196 models of cars."

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Example]]:
        data = cars.load_cars(Path(self.data_dir_root) / "cars")
        return self._examples(data.root, data.class_names, dict(data.splits))
