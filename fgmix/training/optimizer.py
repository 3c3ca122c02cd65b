"""Builds the optimizer, with one learning rate for new layers and one for each pretrained block."""

from typing import Any, NamedTuple

import keras

from fgmix.config.train_config import TrainConfig
from fgmix.models.blocks import backbone_blocks
from fgmix.models.classifier import parameter_groups
from fgmix.training.fused_adamw import FusedAdamW

MOMENTUM = 0.9


class RateGroup(NamedTuple):
    """Trainable variables that share a learning rate.

    Attributes:
        schedule: The schedule that the rate follows: `"backbone"` or `"head"`.
        factor: The rate as a share of the schedule's.
        variables: The variables.
    """

    schedule: str
    factor: float
    variables: list[keras.Variable]


def rate_groups(model: keras.Model, layer_decay: float = 1.0) -> list[RateGroup]:
    """Returns the trainable variables by learning rate. Each is in exactly one group.

    Args:
        model: A classifier from `build_classifier`, or its head from `split_model`.
        layer_decay: The factor of the rate from one block of the backbone to the block before it;
            the last block has the backbone's own rate.

    Returns:
        The groups with variables; the head's is the first.

    Reference:
        Clark et al., *ELECTRA*, 2020 (layer-wise learning-rate decay).
    """
    of_group = parameter_groups(model)
    groups = [RateGroup("head", 1.0, of_group["head"])]
    if layer_decay == 1 or not of_group["backbone"]:
        groups.append(RateGroup("backbone", 1.0, of_group["backbone"]))
    else:
        blocks = backbone_blocks(model)
        for depth, block in enumerate(reversed(blocks)):
            variables = [v for layer in block for v in layer.trainable_variables]
            groups.append(RateGroup("backbone", layer_decay**depth, variables))
    return [group for group in groups if group.variables]


def build_schedules(
    config: TrainConfig, steps_per_epoch: int, factor: float = 1.0
) -> dict[str, keras.optimizers.schedules.LearningRateSchedule]:
    """Returns the learning rate schedules: linear warm-up, then cosine decay to 0.

    Args:
        config: A resolved config.
        steps_per_epoch: Training steps per epoch; each part of an accumulated step counts.
        factor: A factor of both peaks.

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

    peaks = {"backbone": config.backbone_lr, "head": config.head_lr}
    return {name: cosine(factor * peak) for name, peak in peaks.items()}


def build_optimizer(
    model: keras.Model, config: TrainConfig, steps_per_epoch: int
) -> keras.optimizers.MultiOptimizer:
    """Returns an optimizer with one learning rate schedule per group of variables.

    Args:
        model: A classifier from `build_classifier`, or its head.
        config: A resolved config.
        steps_per_epoch: As for `build_schedules`.

    Raises:
        ValueError: If two variables have the same path, by which groups are identified.
    """
    groups = rate_groups(model, config.layer_decay)
    paths = [variable.path for group in groups for variable in group.variables]
    if len(set(paths)) != len(paths):
        raise ValueError("two variables of the model have the same path: rename one of its layers")

    make = OPTIMIZERS[config.optimizer]
    # Keras counts a part as a step, in the schedules too.
    parts = config.accumulate if config.accumulate > 1 else None
    by_path = {}
    for schedule, factor, variables in groups:
        schedules = build_schedules(config, steps_per_epoch, factor)
        optimizer = make(schedules[schedule], config.weight_decay, variables, parts)
        by_path.update({variable.path: optimizer for variable in variables})
    # The map needs a default, although it contains every path. It is the head's optimizer, because
    # an unused one would be saved too.
    optimizer_map = keras.optimizers.OptimizerMap(by_path[groups[0].variables[0].path], by_path)
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
    optimizer = FusedAdamW(schedule, weight_decay=weight_decay, gradient_accumulation_steps=parts)
    # A decay of zero would still read and write every variable.
    exempt = [variable for variable in variables if not weight_decay or len(variable.shape) < 2]
    optimizer.exclude_from_weight_decay(var_list=exempt)
    return optimizer


OPTIMIZERS = {"sgd": _sgd, "adamw": _adamw}
