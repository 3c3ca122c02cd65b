"""The settings for few training images, where a recipe has some."""

from dataclasses import replace
from typing import TypeVar

from fgmix.config.recipes import SETTINGS, Recipe
from fgmix.config.settings import Settings

Given = TypeVar("Given", bound=Settings)


def with_given(few: Recipe, config: Settings) -> Recipe | None:
    """Returns the recipe for few images with the settings that were given for all numbers.

    Args:
        few: The recipe.
        config: A config before it is resolved: what is not None was given.

    Returns:
        None if the given settings exclude a probe, from which the recipe starts.
    """
    values = {name: getattr(config, name) for name in SETTINGS if name not in ("few", "few_photos")}
    given = {name: value for name, value in values.items() if value is not None}
    if given.get("head", "linear") != "linear" or given.get("pooling", "avg") != "avg":
        return None
    return few.replace(**given)


def for_photos(config: Given, photos: int) -> Given:
    """Returns the settings for a number of training images: those of `few` if they are few.

    Args:
        config: A resolved config.
        photos: The number of training images.
    """
    few = config.few
    if few is None or photos >= config.few_photos or config.weights == "none":
        return config
    settings = few.settings()
    if few.batch_size % config.accumulate:
        settings["batch_size"] = config.batch_size
    within = {"finetune": None, "few": None, "few_photos": 0}
    return replace(config, **{**settings, **within})
