"""Every setting of a run: the flags of `fgmix train` and the content of `config.json`."""

from dataclasses import dataclass

from fgmix.config.choices import CLASS_WEIGHTS, OPTIMIZERS, PRECISIONS
from fgmix.config.data_settings import BY_RECIPE, DataSettings
from fgmix.config.fields import Decides, flag, unflagged
from fgmix.config.recipes import BASE, PAPER_NETWORKS, PRESETS, RECIPES, WITHIN, Recipe, recipe_of
from fgmix.data.choices import AUGMENTATIONS, CACHES
from fgmix.models.attention import ATTENTIONS
from fgmix.models.backbones.registry import BACKBONES
from fgmix.models.choices import (
    BATCH_NORM,
    FEATURE_MAPS,
    GATES,
    HEAD_BN,
    HEADS,
    INTERPOLATIONS,
    POOLINGS,
)

MODEL, TRAINING = "model", "training"
RUN, DEVICES = "the run", "devices and hosts"
PLACE, SPEED = Decides.PLACE, Decides.SPEED


def _shown(name: str) -> str:
    presets = [f"{dataset}: {p[name]}" for dataset, p in PRESETS.items() if name in p]
    return "; ".join([str(BASE[name]), *presets])


@dataclass(frozen=True, kw_only=True)
class Settings(DataSettings):
    """Everything that describes a training run.

    The annotations are those of a resolved config (`fgmix.config.resolve`). In an unresolved
    config a field may also be None, which leaves it to the data set's preset, the recipe or the
    base.
    """

    attention: str = flag(
        "mixed", MODEL, "attention between backbone and classifier", choices=ATTENTIONS
    )
    gate: str = flag("linear", MODEL, "gate of spatial attention", choices=GATES)
    reduction: int = flag(
        16, MODEL, "channels per hidden unit of the attention's excitation", minimum=1
    )
    backbone: str = flag(
        None,
        MODEL,
        "the feature extractor; hub:PRESET is any image backbone of KerasHub, by its preset's "
        "name, hf:// address or folder; the others are",
        choices=BACKBONES,
        shown=_shown("backbone"),
    )
    weights: str = flag(
        None,
        MODEL,
        "the backbone's weights: imagenet, none, or a file (.weights.h5, .h5, .safetensors)",
        shown=_shown("weights"),
    )
    pooling: str = flag(None, MODEL, "feature map to vector", choices=POOLINGS, shown=BY_RECIPE)
    head: str = flag(
        None,
        MODEL,
        "paper: attention in place of the feature map, then 512 units; linear: attention added to "
        "it, then one layer, which starts as a probe fitted to the pretrained features",
        choices=HEADS,
        shown=BY_RECIPE,
    )
    feature_maps: str = flag(
        None,
        MODEL,
        "what --head linear sees: the last map, or levels: maps of other depths beside it, if the "
        "backbone has some (MobileNetV2, EfficientNet)",
        choices=FEATURE_MAPS,
        shown=BY_RECIPE,
    )
    head_bn: str = flag(
        None,
        MODEL,
        "with --head paper: BatchNorm after the 512-unit layer, or before it too",
        choices=HEAD_BN,
        shown=BY_RECIPE,
    )
    image_size: int = flag(
        None,
        MODEL,
        "photos are resized to this many pixels square",
        minimum=1,
        shown=_shown("image_size"),
    )

    recipe: str | Recipe = flag(
        None,
        TRAINING,
        "; ".join(f"{name} = {recipe.summary}" for name, recipe in RECIPES.items()),
        shown=f"paper for {', '.join(PAPER_NETWORKS)}; strong for every other backbone",
    )
    recipe_reason: str = flag(None, "", "why this recipe was taken", decides=SPEED)
    epochs: int = flag(
        None, TRAINING, "passes over the training photos", minimum=1, shown=BY_RECIPE
    )
    batch_size: int = flag(None, TRAINING, "photos per training step", minimum=2, shown=BY_RECIPE)
    augmentation: str = flag(
        None,
        TRAINING,
        "random changes of training photos: shifts by up to 4 pixels, or crops; the last two also "
        "change colours (and geometry), which harms if classes differ in colour",
        choices=AUGMENTATIONS,
        shown=BY_RECIPE,
    )
    accumulate: int = flag(
        1,
        TRAINING,
        "gradient accumulation: process the photos of a step in this many parts, one after the "
        "other, to save memory; BatchNorm uses the statistics of each part",
        minimum=1,
    )
    backbone_lr: float = flag(
        None, TRAINING, "peak learning rate of the backbone", minimum=0.0, shown=BY_RECIPE
    )
    head_lr: float = flag(
        None,
        TRAINING,
        "peak learning rate of attention, merge convolution and classifier",
        minimum=0.0,
        shown=BY_RECIPE,
    )
    layer_decay: float = flag(
        None,
        TRAINING,
        "factor of the learning rate from each block of the backbone to the one before it",
        minimum=0.01,
        maximum=1.0,
        shown=BY_RECIPE,
    )
    views: int = flag(
        None,
        TRAINING,
        "views of every training photo to store features of: unchanged, mirrored, then random "
        "crops",
        minimum=0,
        shown=f"{RECIPES['frozen'].views} with frozen, the only recipe that has them",
    )
    finetune_epochs: int = flag(
        0,
        TRAINING,
        "with frozen: further epochs that train the backbone too, like strong, at --backbone-lr",
        minimum=0,
    )
    weight_decay: float = flag(
        None, TRAINING, "L2 with SGD, decoupled with AdamW", minimum=0.0, shown=BY_RECIPE
    )
    optimizer: str = flag(
        None,
        TRAINING,
        "sgd has momentum 0.9, adamw decoupled weight decay",
        choices=OPTIMIZERS,
        shown=BY_RECIPE,
    )
    warmup_epochs: int = flag(
        None,
        TRAINING,
        "epochs in which the learning rates increase before they decay",
        minimum=0,
        shown=BY_RECIPE,
    )
    label_smoothing: float = flag(
        None,
        TRAINING,
        "share of the target that is distributed over all classes",
        minimum=0.0,
        maximum=0.9,
        shown=BY_RECIPE,
    )
    class_weights: str = flag(
        "none",
        TRAINING,
        "balanced: in the loss of training, each class counts as much as any other, however many "
        "photos it has; val_loss and the metrics stay unweighted",
        choices=CLASS_WEIGHTS,
    )
    dropout: float = flag(
        None,
        TRAINING,
        "share of the inputs of the 512-unit or linear layer that is dropped in training",
        minimum=0.0,
        maximum=0.9,
        shown=BY_RECIPE,
    )
    bn: str = flag(
        None,
        TRAINING,
        "BatchNorm of the backbone: train = statistics of the batch, frozen = pretrained ones",
        choices=BATCH_NORM,
        shown=BY_RECIPE,
    )
    frozen_stride: int = flag(
        None,
        TRAINING,
        "freeze the first stages of the backbone, up to feature maps of this stride (8: an eighth "
        "of the image's side); 0 trains all",
        minimum=0,
        shown=BY_RECIPE,
    )
    ema: float = flag(
        None,
        TRAINING,
        "momentum of an exponential moving average of the weights, which is evaluated and saved "
        "in their place; 0 keeps the weights",
        minimum=0.0,
        maximum=0.99999,
        shown=BY_RECIPE,
    )
    interpolation: str = flag(
        None,
        TRAINING,
        "auto: the final weights lie between those at the start and those at the end, as far "
        "along as is best on validation photos, or half way without; none: those at the end",
        choices=INTERPOLATIONS,
        shown=BY_RECIPE,
    )
    progressive_share: float = flag(
        None,
        TRAINING,
        "progressive resizing: share of the epochs, the first ones, that train on smaller images",
        minimum=0.0,
        maximum=1.0,
        shown=BY_RECIPE,
    )
    progressive_scale: float = flag(
        None,
        TRAINING,
        "progressive resizing: side of the smaller images as a share of --image-size",
        minimum=0.01,
        maximum=1.0,
        shown=BY_RECIPE,
    )
    finetune: Recipe | None = unflagged(None, "the recipe of --finetune-epochs")
    few: Recipe | None = unflagged(None, "the recipe for few training photos")
    few_photos: int = unflagged(None, "training photos below which `few` is the recipe")
    precision: str = flag(
        "auto",
        TRAINING,
        "auto: bfloat16 on GPUs that support it, float16 on older ones, float32 on a CPU",
        choices=PRECISIONS,
    )
    seed: int = flag(
        0, TRAINING, "seed of initialisation, order and augmentation", minimum=0, maximum=2**32 - 1
    )

    monitor_test: bool = flag(
        False,
        RUN,
        "also log loss and accuracy on the test photos every epoch (the paper's Fig. 2); they are "
        "not used to choose anything",
        decides=SPEED,
    )
    run_dir: str = flag(
        None,
        RUN,
        "folder of the run",
        shown="saved_models/DATASET-BACKBONE-ATTENTION[-SETTINGS]-seedN",
        decides=PLACE,
    )
    devices: str = flag(
        "auto",
        DEVICES,
        "number of GPUs to divide every batch among, on this machine or per process; auto takes as "
        "many as divide it evenly",
        decides=SPEED,
    )
    coordinator: str | None = flag(
        None,
        DEVICES,
        "train on several hosts (KERAS_BACKEND=jax): HOST:PORT, the host of process 0 and a free "
        "port there, or auto with Slurm or Open MPI; the same for all processes",
        shown="this process alone",
        decides=SPEED,
    )
    processes: int | None = flag(
        None,
        DEVICES,
        "with --coordinator HOST:PORT: the number of processes",
        minimum=2,
        shown="none",
        decides=SPEED,
    )
    process: int | None = flag(
        None,
        DEVICES,
        "with --coordinator HOST:PORT: the index of this process, from 0",
        minimum=0,
        shown="none",
        decides=SPEED,
    )
    cache: str = flag(
        "none",
        RUN,
        "memory keeps the decoded training photos in memory, so that each is read and decoded once",
        choices=CACHES,
        decides=SPEED,
    )
    overwrite: bool = flag(False, RUN, "replace an existing run", decides=SPEED, recorded=False)
    resume: bool = flag(
        False,
        RUN,
        "continue an interrupted run from its last checkpoint",
        decides=SPEED,
        recorded=False,
    )
    checkpoint_every: int | None = flag(
        None,
        RUN,
        "training steps between two checkpoints",
        minimum=1,
        shown="once per epoch, or less often if that takes over 2 % of the time",
        decides=SPEED,
    )

    def __post_init__(self) -> None:
        """Converts the recipes within this one from the mappings in `config.json`."""
        for name in WITHIN:
            if isinstance(value := getattr(self, name), dict):
                object.__setattr__(self, name, recipe_of(value))

    @property
    def measured_split(self) -> str:
        """The split that `metrics.json` and `predictions.csv` are measured on."""
        return "test" if self.folds is None else "fold"
