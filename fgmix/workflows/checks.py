"""Checks a training before TensorFlow is imported and before an image is read."""

from fgmix.config.train_config import TrainConfig
from fgmix.config.validation import check, check_before_training
from fgmix.data.sources.registry import check_local, require_known
from fgmix.runs.folder import refuse_existing


def check_training(config: TrainConfig) -> None:
    """Checks everything about a training that can be checked in a moment.

    Args:
        config: The settings of the run, which need not be complete.

    Raises:
        FgmixError: If a value is not allowed, the data set is not there, or the run's folder can't
            be written to.
    """
    check(config)
    require_known(config.dataset, config.data_dir)
    resolved = config.resolve()
    check_before_training(resolved)
    if resolved.coordinator is None:
        refuse_existing(resolved)
    # By the same path as in training, so that what is left out is told once.
    check_local(
        resolved.dataset,
        resolved.data_dir,
        resolved.split_seed,
        resolved.columns,
        resolved.skip_bad_images,
    )
