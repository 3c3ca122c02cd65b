"""Recipes: what a training run does unless a flag says otherwise.

Each value of `paper` names its origin: the paper's section III.B, *group* for code that the same
group released, or *ours* where both are silent.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """The settings of a training run.

    Attributes:
        summary: One line for `--help`.
        epochs: Passes over the training images.
        batch_size: Images a step.
        optimizer: A name from `fgmix.training.optimizer.OPTIMIZERS`: `"sgd"` has momentum 0.9.
        backbone_lr: Peak learning rate of the pretrained layers.
        head_lr: Peak learning rate of everything new: attention, merge convolution, classifier.
        weight_decay: With `"sgd"` an L2 penalty in the gradient of every variable, as in PyTorch;
            with `"adamw"` decoupled and of kernels alone.
        warmup_epochs: Epochs of linear rise before the cosine to 0.
        augmentation: A name from `fgmix.data.augment.registry.AUGMENTATIONS`. `--finetune-epochs`
            go on with that of the run.
        label_smoothing: Share of the target spread over all classes.
        pooling: `"flatten"` or `"avg"` before the classifier.
        head_bn: BatchNorm `"after"` the 512-unit layer or `"both"` before and after it.
        val_fraction: Share of the training split held out for validation.
        dropout: Share of the 512-unit layer's inputs that training leaves out.
        views: If not 0, the backbone is frozen: its features of every photo are computed once, in
            this many views, and attention and classifier are trained on them.
        bn: `"train"`: BatchNorm normalises by the batch and its statistics follow. `"frozen"`: in
            the backbone it stays as it was pretrained, in inference mode, with its scale and
            offset, which then belong to no group of the optimizer. With `--weights none` nothing is
            frozen.
        frozen_stride: If not 0, the first stages of the backbone stay as they were pretrained: all
            layers up to the last one whose map has this stride or less (8: a side of an eighth of
            the image's). They are in no group of the optimizer.
        mixing: A name from `fgmix.data.mixing.MIXINGS`: how photos of a batch are mixed.
        mixing_alpha: Both parameters of the beta distribution that the shares are drawn from.
        ema: The largest momentum of an average of the weights, which is measured and kept in
            their place (`fgmix.training.ema`). 0: none.
        small_share: Share of the epochs, the first ones, whose photos are smaller. What is
            measured has the run's `image_size` throughout. At least the last epoch is large, and
            with `--pooling flatten` all are: there the classifier's weights depend on the size.
        small_scale: Their side as a share of `image_size`, to the nearest multiple of 32.
    """

    summary: str
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
    dropout: float = 0.0
    views: int = 0
    bn: str = "train"
    frozen_stride: int = 0
    mixing: str = "none"
    mixing_alpha: float = 0.2
    ema: float = 0.0
    small_share: float = 0.0
    small_scale: float = 1.0


RECIPES: dict[str, Recipe] = {
    "paper": Recipe(
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
    ),
    # Values: benchmarks/strong_values.py, on validation photos; docs/strong.md.
    "strong": Recipe(
        summary="AdamW, first stages as pretrained, TrivialAugment, small photos first",
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
        frozen_stride=8,
        small_share=0.6,
        small_scale=0.57,
    ),
    # Values: benchmarks/frozen_values.py, on validation photos.
    "frozen": Recipe(
        summary="backbone frozen, attention and classifier trained on its stored features: minutes",
        epochs=30,
        batch_size=32,
        optimizer="adamw",
        backbone_lr=3e-4,  # of --finetune-epochs
        head_lr=1e-3,
        weight_decay=0.5,
        warmup_epochs=1,
        augmentation="random_resized_crop",  # from the third view on
        label_smoothing=0.1,
        pooling="avg",
        head_bn="both",
        val_fraction=0.1,
        dropout=0.5,
        views=2,
    ),
}

FINETUNE = "strong"
"""The recipe that `--finetune-epochs` go on with, at `--backbone-lr` for all of it."""

PRESETS: dict[str, dict[str, object]] = {
    # From random weights AdamW learns in minutes what SGD at the paper's rates doesn't.
    "demo": {
        "backbone": "tiny",
        "weights": "none",
        "image_size": 96,
        "recipe": "strong",
        "pooling": "flatten",
        # Drawings: with stronger changes 14 epochs from random weights learn nothing.
        "augmentation": "random_resized_crop",
        "epochs": 14,
        "batch_size": 16,
    },
}
"""Settings that a data set changes: they beat the recipe, and a flag beats them."""

BASE: dict[str, object] = {
    "backbone": "vgg16",
    "weights": "imagenet",
    "image_size": 224,
    "recipe": "paper",
}
"""What neither a data set's preset nor a recipe sets."""
