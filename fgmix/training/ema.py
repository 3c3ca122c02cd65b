"""An exponential moving average (EMA) of a model's weights, which is evaluated and saved.

Keras's optimizers have `use_ema`, but it averages trainable weights only, so that BatchNorm's
statistics would not match the averaged weights; and it has no warm-up, so that the initial weights
would keep a large share after the few steps of a small data set.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import keras


class WeightEMA:
    """The exponential moving average of every weight over the steps of a run.

    After step `t` it is `d average + (1 - d) weight` with `d = min(momentum, (1 + t) / (10 + t))`,
    as in TensorFlow's `ExponentialMovingAverage` with `num_updates`: the initial weights have
    little influence even in short runs. BatchNorm's moving statistics are averaged like weights.

    Attributes:
        weights: The averaged weights.
        averages: Their averages, in the same order.

    Args:
        weights: The weights to average. Their values are the initial averages.
        momentum: The largest share of the average that is kept at a step.
        parts: Training steps per step of the optimizer; averages are updated once per optimizer
            step.
    """

    def __init__(self, weights: Sequence[keras.Variable], momentum: float, parts: int = 1):
        self.weights = list(weights)
        self.momentum = momentum
        self.parts = parts
        self.averages = [
            keras.Variable(
                keras.ops.convert_to_numpy(weight),
                dtype=weight.dtype,
                trainable=False,
                aggregation="only_first_replica",
                name="average",
            )
            for weight in self.weights
        ]

    def update(self, iterations: Any) -> None:
        """Updates the averages after a training step.

        Args:
            iterations: Training steps done, including this one; an integer tensor.
        """
        done = keras.ops.cast(iterations // self.parts, "float32")
        share = 1 - keras.ops.minimum(self.momentum, (1 + done) / (10 + done))
        share = keras.ops.where(iterations % self.parts == 0, share, 0.0)
        for weight, average in zip(self.weights, self.averages, strict=True):
            value = average.value
            average.assign(value + keras.ops.cast(share, value.dtype) * (weight.value - value))

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Replaces the weights by their averages, and restores them afterwards."""
        kept = [keras.ops.convert_to_numpy(weight).copy() for weight in self.weights]
        self.finish()
        try:
            yield
        finally:
            for weight, value in zip(self.weights, kept, strict=True):
                weight.assign(value)

    def finish(self) -> None:
        """Replaces the weights by their averages."""
        for weight, average in zip(self.weights, self.averages, strict=True):
            weight.assign(average.value)


class TrainedModel(keras.Model):
    """A functional model with an optional EMA and an optional full-resolution model to evaluate.

    Its variables include the averages of its weights, so that checkpoints contain them.

    Attributes:
        ema: The EMA of the weights, updated at every step and evaluated in their place.
        full_size: Returns the full-resolution model that is evaluated in place of this one.
    """

    ema: WeightEMA | None = None
    # A function, because Keras would track the layers of a model as layers of this one.
    full_size: Callable[[], "TrainedModel"] | None = None

    def track_ema(self, ema: WeightEMA) -> None:
        """Updates this EMA of the model's weights at every step from now on."""
        self.ema = ema
        self.averages = ema.averages  # tracked by Keras, so that they are variables

    def train_step(self, *args: Any) -> Any:
        """Makes Keras's training step and updates the EMA."""
        if self.ema is None:
            return super().train_step(*args)
        # With float16, the optimizer inside LossScaleOptimizer counts the steps.
        optimizer: Any = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        if keras.backend.backend() != "jax":
            logs = super().train_step(*args)
            self.ema.update(optimizer.iterations)
            return logs
        logs, (trainable, other, of_optimizer, of_metrics) = super().train_step(*args)
        known = [
            *zip(self.trainable_variables, trainable, strict=True),
            *zip(self.non_trainable_variables, other, strict=True),
            *zip(self.optimizer.variables, of_optimizer, strict=True),
        ]
        with keras.StatelessScope(known) as scope:
            self.ema.update(optimizer.iterations)
        other = [scope.get_current_value(variable) for variable in self.non_trainable_variables]
        return logs, (trainable, other, of_optimizer, of_metrics)

    @contextmanager
    def measuring(self) -> Iterator["TrainedModel"]:
        """Yields the model to evaluate, with the EMA in place of its weights meanwhile."""
        with self.ema.in_place() if self.ema else nullcontext():
            yield self.full_size() if self.full_size else self

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluates the model of `measuring` as Keras does."""
        with self.measuring() as model:
            if model is not self:
                kwargs.pop("_use_cached_eval_dataset", None)  # a cache of this model
            return super(TrainedModel, model).evaluate(*args, **kwargs)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Predicts with the model of `measuring` as Keras does."""
        with self.measuring() as model:
            return super(TrainedModel, model).predict(*args, **kwargs)
