"""An exponential moving average of a model's weights: what is measured and kept at the end.

Keras's optimizers have `use_ema`. It averages what is trained and not BatchNorm's statistics,
which would then be those of other weights; and it begins with a full share for the first weights,
of which much would be left after the few steps of a small data set.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import keras


class WeightEMA:
    """The average of every weight over the steps of a run.

    After step `t` it is `d average + (1 - d) weight` with `d = min(momentum, (1 + t) / (10 + t))`,
    so that short runs don't keep their beginning: TensorFlow's `ExponentialMovingAverage` with
    `num_updates`. BatchNorm's moving statistics are averaged like weights.

    Attributes:
        weights: What is averaged.
        averages: Its averages, in the same order.

    Args:
        weights: The weights, whose values the averages begin with.
        momentum: The largest share of the average that is kept at a step.
        parts: Training steps that make one step of the optimizer. In between nothing is averaged.
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
        """Takes the weights in after a step.

        Args:
            iterations: Training steps done, this one counted; an integer tensor.
        """
        done = keras.ops.cast(iterations // self.parts, "float32")
        share = 1 - keras.ops.minimum(self.momentum, (1 + done) / (10 + done))
        share = keras.ops.where(iterations % self.parts == 0, share, 0.0)
        for weight, average in zip(self.weights, self.averages, strict=True):
            value = average.value
            average.assign(value + keras.ops.cast(share, value.dtype) * (weight.value - value))

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Puts the averages in the weights' place, and the weights back afterwards."""
        kept = [keras.ops.convert_to_numpy(weight).copy() for weight in self.weights]
        self.finish()
        try:
            yield
        finally:
            for weight, value in zip(self.weights, kept, strict=True):
                weight.assign(value)

    def finish(self) -> None:
        """Puts the averages in the weights' place for good."""
        for weight, average in zip(self.weights, self.averages, strict=True):
            weight.assign(average.value)


class TrainedModel(keras.Model):
    """A functional model as `fit` trains it.

    Its variables include the averages of its weights, if there are any.

    Attributes:
        ema: The moving average of the weights, updated at every step and evaluated in their place.
        full_size: Returns the full-resolution model that is evaluated in place of this one.
    """

    ema: WeightEMA | None = None
    # Not the model itself, whose layers would then be counted among this one's.
    full_size: Callable[[], "TrainedModel"] | None = None

    def track_ema(self, average: WeightEMA) -> None:
        """Keeps an average of the model's weights from now on."""
        self.ema = average
        self.averages = average.averages  # tracked by Keras, so that they are variables

    def train_step(self, *args: Any) -> Any:
        """Keras's step, and that of the average."""
        if self.ema is None:
            return super().train_step(*args)
        # The one inside float16's counts the steps that are made.
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
        """The model to measure, meanwhile with the average in its weights' place."""
        with self.ema.in_place() if self.ema else nullcontext():
            yield self.full_size() if self.full_size else self

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Keras's, of the model to measure."""
        with self.measuring() as model:
            if model is not self:
                kwargs.pop("_use_cached_eval_dataset", None)  # a cache of this model
            return super(TrainedModel, model).evaluate(*args, **kwargs)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Keras's, of the model to measure."""
        with self.measuring() as model:
            return super(TrainedModel, model).predict(*args, **kwargs)
