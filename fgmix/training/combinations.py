"""Settings that don't go together."""

from typing import TYPE_CHECKING

from fgmix.errors import FgmixError

if TYPE_CHECKING:
    from fgmix.training.config import TrainConfig


def check_views(config: "TrainConfig") -> None:
    """Makes sure that views and fine-tuning are of a recipe that has them.

    Raises:
        FgmixError: If they are not, or such a recipe has no views.
    """
    frozen = config.recipe_settings.views > 0
    if frozen and config.views == 0:
        raise FgmixError("--views 0: recipe frozen trains on views, so there must be at least 1")
    for name, value in (("--views", config.views), ("--finetune-epochs", config.finetune_epochs)):
        if value and not frozen:
            raise FgmixError(f"{name} is of recipe frozen: leave it out, or add --recipe frozen")


def check_sizes(config: "TrainConfig") -> None:
    """Makes sure that the weights of a recipe of two sizes don't depend on the size.

    Raises:
        FgmixError: If they do.
    """
    if config.recipe_settings.small_share and config.pooling == "flatten":
        raise FgmixError(
            f"--pooling flatten: recipe {config.recipe} trains its first epochs on smaller photos, "
            f"for which the classifier would have other weights; leave it at avg"
        )
