"""Resolves a config: fills every setting that was not given."""

from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from fgmix.config.choices import NAMED_WEIGHTS
from fgmix.config.few import with_given
from fgmix.config.fields import check_choice
from fgmix.config.identity import departures, run_name, slug
from fgmix.config.recipes import (
    BASE,
    PRESETS,
    RECIPES,
    SETTINGS,
    WITHIN,
    Recipe,
    default_recipe,
)
from fgmix.config.settings import Settings
from fgmix.config.validation import check, check_views
from fgmix.data.sources.manifest.naming import name_of
from fgmix.data.sources.registry import is_folder, is_local, is_manifest
from fgmix.models.backbones.registry import absolute_name

Given = TypeVar("Given", bound=Settings)


def resolve(config: Given) -> Given:
    """Returns a complete config: given values, then the preset, then the recipe, then the base.

    Args:
        config: A config; settings that are None are filled.

    Returns:
        A config of the same class. Only settings for which None means "none" are still None: the
        protocols (`shots`, `folds`, ...), `data_dir`, and the flags of several hosts.

    Raises:
        FgmixError: If a value is not allowed.
    """
    check(config)
    recipe, reason = _recipe_of(config)
    defaults = _defaults(config, recipe)
    if config.val_fraction is not None and config.val_photos is None:
        defaults["val_photos"] = 0
    unset = [f.name for f in fields(config) if getattr(config, f.name) is None]
    resolved = replace(
        config,
        recipe=recipe.name,
        recipe_reason=config.recipe_reason or reason,
        **{name: defaults[name] for name in unset if name in defaults and name != "recipe"},
    )
    if config.few is None and resolved.few is not None:
        resolved = replace(resolved, few=with_given(resolved.few, config))
    if not resolved.finetune_epochs:
        resolved = replace(resolved, finetune=None)
    check(resolved)
    check_views(resolved, recipe)
    if resolved.run_dir is None:
        named = _defaults(config, RECIPES.get(recipe.name, recipe))
        name = run_name(resolved, dataset_name(resolved), named)
        resolved = replace(resolved, run_dir=f"saved_models/{name}")
    # Absolute paths, because a run may be evaluated from another working directory.
    if resolved.data_dir:
        resolved = replace(resolved, data_dir=_absolute(resolved.data_dir))
    if resolved.weights not in NAMED_WEIGHTS:
        resolved = replace(resolved, weights=_absolute(resolved.weights))
    resolved = replace(resolved, backbone=absolute_name(resolved.backbone))
    if is_local(resolved.dataset, resolved.data_dir):
        resolved = replace(resolved, dataset=_absolute(resolved.dataset))
    return resolved


def departures_of(config: Settings) -> dict[str, Any]:
    """Returns the settings of a config that differ from those of preset, recipe and base."""
    return departures(config, _defaults(config, _recipe_of(config)[0]))


def dataset_name(config: Settings) -> str:
    """Returns the data set's name as part of a file name."""
    name = config.dataset
    if is_folder(name, config.data_dir):
        name = Path(name).resolve().name
    elif is_manifest(name):
        name = name_of(Path(name).expanduser())
    return slug(name)


def as_record(config: Settings) -> dict[str, Any]:
    """Returns the settings in the form of `config.json`."""
    kept = {f.name for f in fields(config) if f.metadata["recorded"]}
    return {name: value for name, value in asdict(config).items() if name in kept}


def _recipe_of(config: Settings) -> tuple[Recipe, str]:
    """Returns the recipe of a config, which is given as a value or by name, and why it is taken."""
    preset = PRESETS.get(config.dataset, {})
    if isinstance(config.recipe, Recipe):
        return config.recipe, "given"
    if config.recipe is None and "recipe" not in preset:
        backbone = str(config.backbone or preset.get("backbone") or BASE["backbone"])
        return default_recipe(backbone), f"the default for {backbone}"
    name = str(config.recipe or preset["recipe"])
    decided = {setting: getattr(config, setting) for setting in SETTINGS}
    if name not in RECIPES and None not in (decided | dict.fromkeys(WITHIN, "")).values():
        # A custom recipe, read from `config.json` with all its settings.
        return Recipe(name=name, **decided), "given"
    check_choice("--recipe", name, RECIPES)
    return RECIPES[name], "given" if config.recipe else f"the default for {config.dataset}"


def _defaults(config: Settings, recipe: Recipe) -> dict[str, Any]:
    defaults = {**BASE, **recipe.settings(), **PRESETS.get(config.dataset, {})}
    backbone = str(config.backbone or defaults["backbone"])
    if (config.head or defaults["head"]) == "paper":
        defaults["feature_maps"] = "last"
    return {"recipe": default_recipe(backbone).name, **defaults}


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())
