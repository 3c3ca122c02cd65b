"""The config of a run, which may be incomplete until it is resolved."""

from dataclasses import dataclass
from typing import Any

from fgmix.config import resolve
from fgmix.config.few import for_photos
from fgmix.config.settings import Settings


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Settings):
    """The settings of a training run.

    `resolve()` fills the fields that are None. A resolved config is complete: written to
    `config.json` and read in another process, it trains the same run.

    Example:
        >>> config = TrainConfig(dataset="cars", recipe="strong", seed=3).resolve()
        >>> config.optimizer, config.epochs, config.run_dir
        ('adamw', 30, 'saved_models/cars-vgg16-mixed-recipe_strong-seed3')
    """

    def resolve(self) -> "TrainConfig":
        """Returns a complete config: fields that are None come from preset, recipe and base.

        Raises:
            FgmixError: If a value is not allowed.
        """
        return resolve.resolve(self)

    def for_photos(self, photos: int) -> "TrainConfig":
        """Returns the settings for a number of training images: those of `few` if they are few."""
        return for_photos(self, photos)

    def departures(self) -> dict[str, Any]:
        """Returns the settings that differ from those of preset, recipe and base, by name.

        Data set, backbone, attention, seed and settings that do not affect the result are left out.

        Example:
            >>> TrainConfig(dataset="cars", recipe="strong", epochs=40).departures()
            {'recipe': 'strong', 'epochs': 40}
        """
        return resolve.departures_of(self)

    @property
    def dataset_name(self) -> str:
        """The data set's name as part of a file name."""
        return resolve.dataset_name(self)

    def record(self) -> dict[str, Any]:
        """Returns the settings in the form of `config.json`: numbers, strings and mappings."""
        return resolve.as_record(self)
