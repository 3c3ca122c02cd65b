"""The one typed config: the flags of `train.py`, `config.json` and the Python API."""

from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from fgmix.config.fields import flag
from fgmix.config.identity import DEVICES, RUN, departures, run_name, slug
from fgmix.config.recipes import BASE, PRESETS, RECIPES, Recipe
from fgmix.config.validation import check
from fgmix.data.choices import AUGMENTATIONS, CACHES, PREPARE
from fgmix.data.sources.registry import SOURCES
from fgmix.models.attention import ATTENTIONS
from fgmix.models.backbones.registry import BACKBONES
from fgmix.models.choices import GATES, HEAD_BN, POOLINGS

NAMED_WEIGHTS = ("imagenet", "none")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")


def _shown(name: str) -> str:
    presets = [f"{dataset}: {p[name]}" for dataset, p in PRESETS.items() if name in p]
    return "; ".join([str(BASE[name]), *presets])


DATA, MODEL, TRAINING = "data", "model", "training"
BY_RECIPE = "recipe's"


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that decides a training run.

    A field that is None is filled by `resolve()`; the annotations are those of a resolved config.
    """

    dataset: str = flag(
        MISSING,
        DATA,
        f"{', '.join(SOURCES)}, the name of an image classification set of TensorFlow Datasets "
        "(oxford_flowers102, stanford_dogs, ...), or the path of a folder with one folder of "
        "photos a class",
    )
    data_dir: str | None = flag(
        None,
        DATA,
        "where the data set lies, in any of the layouts of the README, or is put",
        shown="the TFDS folder",
    )
    val_fraction: float = flag(
        None,
        DATA,
        "share of the training photos held out for validation",
        minimum=0.0,
        maximum=0.9,
        shown=BY_RECIPE,
    )
    split_seed: int = flag(
        0,
        DATA,
        "seed of every split: runs that differ in --seed share their test photos",
        minimum=0,
    )
    shots: int | None = flag(
        None,
        DATA,
        "train on this many photos of every class; more shots contain the fewer ones, and "
        "validation and test photos are the same for all",
        minimum=1,
        shown="all there are",
    )
    train_fraction: float = flag(
        1.0,
        DATA,
        "train on this share of every class's photos; otherwise as --shots",
        minimum=0.0,
        maximum=1.0,
    )
    folds: int | None = flag(
        None,
        DATA,
        "divide the training photos into this many folds and hold out one, --fold: the run is "
        "measured on it, and the test photos stay unseen",
        minimum=2,
        shown="none",
    )
    fold: int | None = flag(
        None, DATA, "the fold to hold out, from 0 to --folds less 1", minimum=0, shown="none"
    )
    skip_bad_images: bool = flag(
        False, DATA, "go on without the photos that can't be read, and name them in the run"
    )
    prepare: str = flag(
        "auto",
        DATA,
        "auto trains on smaller copies of photos that are much larger than needed, made once and "
        "kept below the TFDS folder; reduced decodes large JPEGs at a half, a quarter or an eighth "
        "of their size. Crops and flips stay the same, pixels change by the resampling; "
        "evaluation always reads the photos",
        choices=PREPARE,
    )

    attention: str = flag(
        "mixed", MODEL, "what stands between backbone and classifier", choices=ATTENTIONS
    )
    gate: str = flag("linear", MODEL, "gate of spatial attention", choices=GATES)
    reduction: int = flag(
        16, MODEL, "channels per hidden unit of the attention's excitation", minimum=1
    )
    backbone: str = flag(
        None, MODEL, "the feature extractor", choices=BACKBONES, shown=_shown("backbone")
    )
    weights: str = flag(
        None,
        MODEL,
        "the backbone's weights: imagenet, none, or a file (.weights.h5, .h5, .safetensors)",
        shown=_shown("weights"),
    )
    pooling: str = flag(None, MODEL, "feature map to vector", choices=POOLINGS, shown=BY_RECIPE)
    head_bn: str = flag(
        None,
        MODEL,
        "BatchNorm after the 512-unit layer, or before it too",
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

    recipe: str = flag(
        None,
        TRAINING,
        "; ".join(f"{name} = {recipe.summary}" for name, recipe in RECIPES.items()),
        choices=RECIPES,
        shown=_shown("recipe"),
    )
    epochs: int = flag(
        None, TRAINING, "passes over the training photos", minimum=1, shown=BY_RECIPE
    )
    batch_size: int = flag(None, TRAINING, "photos a step", minimum=2, shown=BY_RECIPE)
    augmentation: str = flag(
        None,
        TRAINING,
        "how training photos are varied: shifted by up to 4 pixels, or cropped, the last two with "
        "changed colours (and geometry) too, which harms where colour tells classes apart",
        choices=AUGMENTATIONS,
        shown=BY_RECIPE,
    )
    accumulate: int = flag(
        1,
        TRAINING,
        "make a step of --batch-size photos in this many parts, one after the other: takes less "
        "memory; BatchNorm sees the parts",
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
    views: int = flag(
        None,
        TRAINING,
        "views of every training photo to store features of: as it is, mirrored, then random crops",
        minimum=0,
        shown=f"{RECIPES['frozen'].views} in frozen, which alone has them",
    )
    finetune_epochs: int = flag(
        0,
        TRAINING,
        "with frozen: epochs to go on with the backbone too, as strong does, at --backbone-lr",
        minimum=0,
    )
    weight_decay: float = flag(
        None, TRAINING, "L2 with SGD, decoupled with AdamW", minimum=0.0, shown=BY_RECIPE
    )
    precision: str = flag(
        "auto",
        TRAINING,
        "auto: bfloat16 on GPUs that have it, float16 on older ones, float32 on a CPU",
        choices=PRECISIONS,
    )
    seed: int = flag(
        0, TRAINING, "seed of initialisation, order and augmentation", minimum=0, maximum=2**32 - 1
    )

    monitor_test: bool = flag(
        False,
        RUN,
        "also log loss and accuracy on the test photos every epoch (the paper's Fig. 2); nothing "
        "is chosen by them",
    )
    run_dir: str = flag(
        None,
        RUN,
        "folder of the run",
        shown="saved_models/DATASET-BACKBONE-ATTENTION[-SETTINGS]-seedN",
    )
    devices: str = flag(
        "auto",
        DEVICES,
        "GPUs of this machine to divide every batch among, or of each process; auto takes as many "
        "as divide it evenly",
    )
    coordinator: str | None = flag(
        None,
        DEVICES,
        "train on several hosts (KERAS_BACKEND=jax): HOST:PORT, a host and a free port of process "
        "0, or auto for what Slurm or Open MPI say; the same for all",
        shown="this process alone",
    )
    processes: int | None = flag(
        None, DEVICES, "with --coordinator HOST:PORT: how many processes", minimum=2, shown="none"
    )
    process: int | None = flag(
        None, DEVICES, "with --coordinator HOST:PORT: its number, from 0", minimum=0, shown="none"
    )
    cache: str = flag(
        "none",
        RUN,
        "memory holds the decoded training photos: the same pixels, read and decoded once",
        choices=CACHES,
    )
    overwrite: bool = flag(False, RUN, "replace a run that is there already")
    resume: bool = flag(False, RUN, "go on with a run that was stopped, from its last checkpoint")
    checkpoint_every: int | None = flag(
        None,
        RUN,
        "training steps between two checkpoints",
        minimum=1,
        shown="once an epoch, or less often where that took over 2 % of the time",
    )

    def resolve(self) -> "TrainConfig":
        """Checks the values and fills what is None: preset, then recipe, then base.

        Raises:
            FgmixError: If a value is not allowed.
        """
        check(self)
        defaults = self._defaults()
        unset = [f.name for f in fields(self) if getattr(self, f.name) is None]
        resolved = replace(self, **{name: defaults[name] for name in unset if name in defaults})
        check(resolved)
        if resolved.run_dir is None:
            name = run_name(self, resolved.dataset_name, defaults)
            resolved = replace(resolved, run_dir=f"saved_models/{name}")
        # A run is evaluated from other folders than it was trained in.
        if resolved.data_dir:
            resolved = replace(resolved, data_dir=_absolute(resolved.data_dir))
        if resolved.weights not in NAMED_WEIGHTS:
            resolved = replace(resolved, weights=_absolute(resolved.weights))
        if resolved.dataset not in SOURCES and Path(resolved.dataset).expanduser().is_dir():
            resolved = replace(resolved, dataset=_absolute(resolved.dataset))
        return resolved

    @property
    def recipe_settings(self) -> Recipe:
        """The recipe this config names; its flags may be overruled by the config's own."""
        return RECIPES[self.recipe]

    @property
    def measured_split(self) -> str:
        """The split that `metrics.json` and `predictions.csv` are about."""
        return "test" if self.folds is None else "fold"

    @property
    def dataset_name(self) -> str:
        """The data set's name as a part of a file name."""
        name = self.dataset
        if name not in SOURCES and Path(name).is_dir():
            name = Path(name).resolve().name
        return slug(name)

    def _defaults(self) -> dict[str, Any]:
        preset = PRESETS.get(self.dataset, {})
        recipe = self.recipe or preset.get("recipe") or BASE["recipe"]
        return {**BASE, **asdict(RECIPES[str(recipe)]), **preset}

    def departures(self) -> dict[str, Any]:
        """The settings that are not what data set, recipe and base say, by name.

        Left out is what says which data, backbone, attention and seed, and what only says where.
        """
        return departures(self, self._defaults())


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())
