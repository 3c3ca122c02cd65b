"""Builds the optimizer, with one learning rate for pretrained and one for new layers."""

from typing import Any

import keras

from fgmix.config.train_config import TrainConfig
from fgmix.models.classifier import parameter_groups

MOMENTUM = 0.9


def build_schedules(
    config: TrainConfig, steps_per_epoch: int
) -> dict[str, keras.optimizers.schedules.LearningRateSchedule]:
    """Returns the learning rate schedules: linear warm-up, then cosine decay to 0.

    Args:
        config: A resolved config.
        steps_per_epoch: Training steps per epoch; each part of an accumulated step counts.

    Returns:
        The schedules of `"backbone"` and `"head"`.
    """
    warmup = config.warmup_epochs * steps_per_epoch
    decay_steps = max(1, config.epochs * steps_per_epoch - warmup)

    def cosine(peak: float) -> keras.optimizers.schedules.LearningRateSchedule:
        if warmup == 0:
            return keras.optimizers.schedules.CosineDecay(peak, decay_steps)
        return keras.optimizers.schedules.CosineDecay(
            0.0, decay_steps, warmup_target=peak, warmup_steps=warmup
        )

    return {"backbone": cosine(config.backbone_lr), "head": cosine(config.head_lr)}


def build_optimizer(
    model: keras.Model,
    config: TrainConfig,
    schedules: dict[str, keras.optimizers.schedules.LearningRateSchedule],
) -> keras.optimizers.MultiOptimizer:
    """Returns an optimizer with one learning rate schedule per group of variables.

    Args:
        model: A classifier from `build_classifier`.
        config: A resolved config.
        schedules: From `build_schedules`.

    Raises:
        ValueError: If two variables have the same path, by which groups are identified.
    """
    groups = parameter_groups(model)
    paths = [variable.path for variables in groups.values() for variable in variables]
    if len(set(paths)) != len(paths):
        raise ValueError("two variables of the model have the same path: rename one of its layers")

    make = OPTIMIZERS[config.optimizer]
    # Keras counts a part as a step, in the schedules too.
    parts = config.accumulate if config.accumulate > 1 else None
    by_path = {}
    for group, variables in groups.items():
        optimizer = make(schedules[group], config.weight_decay, variables, parts)
        by_path.update({variable.path: optimizer for variable in variables})
    # The map needs a default, although it contains every path. It is the head's optimizer, because
    # an unused one would be saved too.
    optimizer_map = keras.optimizers.OptimizerMap(by_path[groups["head"][0].path], by_path)
    return keras.optimizers.MultiOptimizer(optimizer_map)


@keras.saving.register_keras_serializable(package="fgmix")
class L2SGD(keras.optimizers.SGD):
    """SGD with momentum and weight decay in the gradient, as in PyTorch.

    Keras's own `weight_decay` is decoupled: it bypasses the momentum, which multiplies a decay in
    the gradient by up to `1 / (1 - momentum)`.

    Args:
        learning_rate: The learning rate or its schedule.
        momentum: Share of the last step that is added to the next.
        l2: `l2 * w` is added to the gradient of a variable `w`.
        kwargs: Other arguments of `keras.optimizers.SGD`.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.01,
        momentum: float = 0.0,
        l2: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, momentum, **kwargs)
        self.l2 = l2

    def update_step(self, gradient: Any, variable: keras.Variable, learning_rate: Any) -> None:
        """Makes Keras's step with the gradient of the loss and the L2 penalty."""
        penalty = self.l2 * keras.ops.convert_to_tensor(variable)
        super().update_step(
            keras.ops.cast(gradient, variable.dtype) + penalty, variable, learning_rate
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "l2": self.l2}


def _sgd(
    schedule: keras.optimizers.schedules.LearningRateSchedule,
    weight_decay: float,
    variables: list[keras.Variable],
    parts: int | None,
) -> keras.optimizers.Optimizer:
    """Returns SGD as in PyTorch: weight decay in the gradient, for every variable."""
    return L2SGD(schedule, MOMENTUM, l2=weight_decay, gradient_accumulation_steps=parts)


def _adamw(
    schedule: keras.optimizers.schedules.LearningRateSchedule,
    weight_decay: float,
    variables: list[keras.Variable],
    parts: int | None,
) -> keras.optimizers.Optimizer:
    """Returns AdamW without weight decay for biases and BatchNorm, as is usual."""
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=weight_decay, gradient_accumulation_steps=parts
    )
    flat = [variable for variable in variables if len(variable.shape) < 2]
    optimizer.exclude_from_weight_decay(var_list=flat)
    return optimizer


OPTIMIZERS = {"sgd": _sgd, "adamw": _adamw}
