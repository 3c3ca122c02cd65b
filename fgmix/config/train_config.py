"""The config of a run: given in part, resolved to a complete and frozen value."""

from dataclasses import dataclass
from typing import Any

from fgmix.config import resolve
from fgmix.config.settings import Settings


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Settings):
    """Everything that describes a training run.

    Fields that are left None are filled by `resolve()`. A resolved config is complete: written to
    `config.json` and read in another process, it trains the same run.

    Example:
        >>> config = TrainConfig(dataset="cars", recipe="strong", seed=3).resolve()
        >>> config.optimizer, config.epochs, config.run_dir
        ('adamw', 30, 'saved_models/cars-vgg16-mixed-recipe_strong-seed3')
    """

    def resolve(self) -> "TrainConfig":
        """Checks the values and fills what is None: preset, then recipe, then base.

        Raises:
            FgmixError: If a value is not allowed.
        """
        return resolve.resolve(self)

    def departures(self) -> dict[str, Any]:
        """Returns the settings that are not what data set, recipe and base say, by name.

        Data set, backbone, attention and seed are left out, and what does not decide the result.
        """
        return resolve.departures_of(self)

    @property
    def dataset_name(self) -> str:
        """The data set's name as part of a file name."""
        return resolve.dataset_name(self)

    def record(self) -> dict[str, Any]:
        """Returns the settings as `config.json` holds them: numbers, texts and mappings."""
        return resolve.as_record(self)
