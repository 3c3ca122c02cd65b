"""Recipes: named sets of training settings, each of which a flag can override.

The comments of `paper` give the origin of each value: the paper's section III.B (paper), code that
the same group released (group), or our choice where both are silent (ours).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

WITHIN = ("finetune", "few")
"""The settings of a recipe that are recipes themselves, or None."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A named set of training settings.

    Pass a recipe of your own as `TrainConfig(recipe=...)`.

    Attributes:
        name: The name for `--recipe` and for the run's folder.
        summary: A line for `--help`.
        epochs: Passes over the training images.
        batch_size: Images per training step.
        optimizer: A name from `OPTIMIZERS`: `"sgd"` has momentum 0.9.
        backbone_lr: Peak learning rate of the pretrained layers.
        head_lr: Peak learning rate of all new layers: attention, merge convolution, classifier.
        weight_decay: With `"sgd"`, an L2 penalty in the gradient of every variable, as in PyTorch;
            with `"adamw"`, decoupled and applied to kernels only.
        warmup_epochs: Epochs of linear increase before the cosine decay to 0.
        augmentation: A name from `fgmix.data.augment.registry.AUGMENTATIONS`. `--finetune-epochs`
            use the augmentation of the run.
        label_smoothing: Share of the target that is distributed over all classes.
        pooling: `"flatten"` or `"avg"` before the classifier.
        head: `"paper"` or `"linear"`, as for `fgmix.models.build_classifier`. With pretrained
            weights, a linear head starts as a probe (`fgmix.training.start`).
        feature_maps: `"last"` or `"levels"`, as for `fgmix.models.build_classifier`.
        head_bn: BatchNorm `"after"` the 512-unit layer, or `"both"` before and after it.
        val_fraction: Share of the training split that is held out for validation.
        val_photos: The fewest images to hold out: if the share is smaller, none are. Few images
            choose badly, and are missed in training. 0 for a share that was given.
        dropout: Share of the inputs of the 512-unit or linear layer that is dropped in training.
        layer_decay: Factor of the learning rate from each block of the backbone
            (`fgmix.models.blocks`) to the one before it.
        interpolation: `"auto"`: the final weights lie between those at the start and those at the
            end (`fgmix.training.interpolation`). `"none"`: those at the end.
        views: If not 0, the backbone is frozen: its features are computed once for this many views
            of every image, and attention and classifier are trained on them.
        bn: `"train"`: BatchNorm normalises by the batch and updates its statistics. `"frozen"`:
            BatchNorm of the backbone runs in inference mode with its pretrained statistics, scale
            and offset. With `--weights none` nothing is frozen.
        frozen_stride: If not 0, the first stages of the backbone are frozen: all layers up to the
            last one whose feature map has this stride or less.
        ema: The largest momentum of an exponential moving average of the weights, which is
            evaluated and saved in their place (`fgmix.training.ema`); 0 for none.
        progressive_share: Progressive resizing: share of the epochs, the first ones, that train on
            smaller images. Evaluation always uses the run's `image_size`. At least the last epoch
            has full size. With `--pooling flatten` all epochs have, because the classifier's
            weights depend on the size.
        progressive_scale: Side of the smaller images as a share of `image_size`, rounded to a
            multiple of 32, or of the patch of a backbone that gives tokens.
        finetune: The recipe of `--finetune-epochs`, for recipes with `views`.
        few: The recipe for fewer than `few_photos` training images, which replaces all of this
            recipe's settings, if the backbone is pretrained.
        few_photos: See `few`.

    Example:
        >>> recipe = RECIPES["strong"].replace(ema=0.99)
        >>> recipe.name, recipe.ema
        ('strong', 0.99)
    """

    name: str
    summary: str = "a custom recipe"
    epochs: int
    batch_size: int
    optimizer: str
    backbone_lr: float
    head_lr: float
    weight_decay: float
    warmup_epochs: int
    augmentation: str
    label_smoothing: float
    pooling: str
    head_bn: str
    val_fraction: float
    val_photos: int = 0
    head: str = "paper"
    feature_maps: str = "last"
    layer_decay: float = 1.0
    interpolation: str = "none"
    dropout: float = 0.0
    views: int = 0
    bn: str = "train"
    frozen_stride: int = 0
    ema: float = 0.0
    progressive_share: float = 0.0
    progressive_scale: float = 1.0
    finetune: "Recipe | None" = None
    few: "Recipe | None" = None
    few_photos: int = 0

    def replace(self, **settings: Any) -> "Recipe":
        """Returns this recipe with other values for some settings.

        Raises:
            TypeError: If a setting does not exist.
        """
        return replace(self, **settings)

    def settings(self) -> dict[str, Any]:
        """Returns the settings by name, without the recipe's name and summary."""
        return {name: getattr(self, name) for name in SETTINGS}


def recipe_of(settings: Mapping[str, Any]) -> Recipe:
    """Returns the recipe of a mapping from `dataclasses.asdict`, and those within it."""
    within = {
        name: recipe_of(value)
        for name, value in settings.items()
        if name in WITHIN and value is not None
    }
    return Recipe(**{**settings, **within})


SETTINGS = tuple(f.name for f in fields(Recipe) if f.name not in ("name", "summary"))
"""The names of all settings of a recipe; `TrainConfig` has a field for each."""

PAPER = Recipe(
    name="paper",
    summary="the paper's: SGD, cosine, 300 epochs",
    epochs=300,  # paper
    batch_size=32,  # paper
    optimizer="sgd",  # group; the paper is silent
    backbone_lr=0.01,  # paper
    head_lr=0.1,  # attention: paper; classifier: group; merge convolution: ours
    weight_decay=1e-4,  # group: PyTorch's, in the gradient, biases and BatchNorm too
    warmup_epochs=0,  # paper: none named
    augmentation="pad_crop",  # group
    label_smoothing=0.0,  # paper: cross-entropy
    pooling="flatten",  # paper: ResNet-50's average pool is removed
    head_bn="after",  # paper
    val_fraction=0.0,  # paper: all training images
)

# Values: docs/guides/few_photos.md.
FEW = Recipe(
    name="few",
    summary="goes on from a probe at low rates, half way",
    epochs=12,
    batch_size=16,
    optimizer="adamw",
    backbone_lr=5e-4,
    head_lr=3e-4,
    weight_decay=0.0,
    warmup_epochs=1,
    augmentation="random_resized_crop",
    label_smoothing=0.0,
    pooling="avg",
    head="linear",
    feature_maps="levels",
    head_bn="after",
    val_fraction=0.1,
    val_photos=100,
    bn="frozen",
    frozen_stride=8,
    layer_decay=0.9,
    interpolation="auto",
)

# Values: benchmarks/accuracy/recipe_values.py, on validation images; docs/results/recipe_log.md.
STRONG = Recipe(
    name="strong",
    summary="AdamW, first stages frozen, TrivialAugment, progressive resizing",
    epochs=30,
    batch_size=32,
    optimizer="adamw",
    backbone_lr=1e-3,
    head_lr=1e-3,
    weight_decay=0.05,
    warmup_epochs=1,
    augmentation="trivial",
    label_smoothing=0.1,
    pooling="avg",
    head_bn="after",
    val_fraction=0.1,
    val_photos=100,
    frozen_stride=8,
    progressive_share=0.6,
    progressive_scale=0.57,
    few=FEW,
    few_photos=2000,
)

# Values: benchmarks/accuracy/recipe_values.py, on validation images.
FROZEN = Recipe(
    name="frozen",
    summary="backbone frozen, attention and classifier trained on its stored features: minutes",
    epochs=30,
    batch_size=32,
    optimizer="adamw",
    backbone_lr=3e-4,  # of --finetune-epochs
    head_lr=1e-4,  # ten times more spoils the probe that the classifier starts as
    weight_decay=0.0,
    warmup_epochs=1,
    augmentation="random_resized_crop",  # from the third view on
    label_smoothing=0.0,
    pooling="avg",
    head="linear",
    feature_maps="levels",
    head_bn="after",
    val_fraction=0.1,
    val_photos=100,
    interpolation="auto",
    views=2,
    finetune=STRONG,
)

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (PAPER, STRONG, FROZEN)}

PRESETS: dict[str, dict[str, object]] = {
    # From random weights, AdamW learns in minutes; SGD at the paper's learning rates does not.
    "demo": {
        "backbone": "tiny",
        "weights": "none",
        "image_size": 96,
        "recipe": "strong",
        "head": "paper",
        "pooling": "flatten",
        # With stronger augmentation, 14 epochs from random weights learn nothing.
        "augmentation": "random_resized_crop",
        "epochs": 14,
        "batch_size": 16,
        "val_photos": 0,
    },
}
"""Settings of a data set: they override the recipe, and flags override them."""

BASE: dict[str, object] = {
    "backbone": "vgg16",
    "weights": "imagenet",
    "image_size": 224,
}
"""Defaults of the settings that neither a preset nor a recipe sets."""

PAPER_NETWORKS = ("vgg16", "vgg16_bn", "resnet50", "resnet50_torch")
"""The backbones of the paper, whose default recipe is `paper`; others have `strong`."""


def default_recipe(backbone: str) -> Recipe:
    """Returns the recipe of a backbone for which none is given.

    Example:
        >>> default_recipe("resnet50").name, default_recipe("mobilenet_v2").name
        ('paper', 'strong')
    """
    return PAPER if backbone in PAPER_NETWORKS else STRONG


def describe_recipes() -> str:
    """Returns a table of the settings of each recipe and preset, for `--help`."""
    shown = [name for name in SETTINGS if name not in WITHIN]
    width = max(map(len, shown)) + 4
    columns = [*RECIPES.values(), FEW]
    names = [*RECIPES, "strong, few photos"]
    lines = [f"{'recipe':<{width}}" + "".join(f"{name:<22}" for name in names)]
    for name in shown:
        row = [str(getattr(recipe, name)) for recipe in columns]
        lines.append(f"  {name:<{width - 2}}" + "".join(f"{value:<22}" for value in row).rstrip())
    for dataset, preset in PRESETS.items():
        values = " ".join(f"--{k.replace('_', '-')} {v}" for k, v in preset.items())
        lines.append(f"\ndata set {dataset}: {values}")
    return "\n".join(lines)
