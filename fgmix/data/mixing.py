"""Mixing the photos of a batch two by two, and their labels with them: mixup and CutMix.

What is drawn is a function of `(seed, step)`. Keras's layers `MixUp` and `CutMix` draw from a
seed that they carry from batch to batch, which a resumed run would have to go on with.
"""

from collections.abc import Callable

import tensorflow as tf

KEY = 1618
"""Folded into the seeds here, so that they are none of those of order and augmentation."""


def mix_batches(
    batches: tf.data.Dataset, mixing: str, alpha: float, *, seed: int, first_step: int
) -> tf.data.Dataset:
    """Mixes every batch of a run.

    Args:
        batches: Pairs of images float32 `[B, S, S, 3]` and one-hot labels float32 `[B, K]`.
        mixing: A name from `MIXINGS`.
        alpha: Both parameters of the beta distribution that shares are drawn from.
        seed: The run's.
        first_step: The step of the first batch, counted from the start of the run.

    Returns:
        Batches of the same shapes. Labels still add up to one, but are no longer one-hot.
    """
    mix = MIXINGS[mixing]
    if mix is None:
        return batches

    @tf.autograph.experimental.do_not_convert
    def mix_one(step: tf.Tensor, batch: tuple[tf.Tensor, tf.Tensor]) -> tuple:
        key = tf.stack([tf.constant(seed, tf.int64), step])
        return mix(*batch, alpha, tf.random.experimental.stateless_fold_in(key, KEY))

    return (
        batches.enumerate(first_step)
        .map(mix_one, num_parallel_calls=tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
    )


def mixup(
    images: tf.Tensor, labels: tf.Tensor, alpha: float, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Blends each image and its label with another's (Zhang et al., 2018, arXiv:1710.09412).

    Args:
        images: float32 `[B, S, S, 3]`.
        labels: float32 `[B, K]`.
        alpha: Both parameters of the beta distribution of an image's own share.
        seed: int64 `[2]`.

    Returns:
        The mixed images and labels.
    """
    partners, own = _draw(tf.shape(images)[0], alpha, seed)
    return _blend(images, partners, own[:, None, None, None]), _blend(
        labels, partners, own[:, None]
    )


def cutmix(
    images: tf.Tensor, labels: tf.Tensor, alpha: float, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Pastes a box of another image into each one (Yun et al., 2019, arXiv:1905.04899).

    The box has the image's aspect and its centre anywhere, so that some of it may lie outside. An
    image's share of its label is the share of its pixels that are left.

    Args:
        images: float32 `[B, S, S, 3]`.
        labels: float32 `[B, K]`.
        alpha: Both parameters of the beta distribution of the share that is left before the box
            is clipped.
        seed: int64 `[2]`.

    Returns:
        The mixed images and labels.
    """
    count, side = tf.shape(images)[0], tf.shape(images)[1]
    partners, left = _draw(count, alpha, seed)
    half = tf.sqrt(1 - left) * tf.cast(side, tf.float32) / 2
    centre = tf.random.stateless_uniform([2, count], _fold(seed, 4)) * tf.cast(side, tf.float32)
    places = tf.range(side, dtype=tf.float32) + 0.5  # of the pixels' middles
    rows, columns = (
        tf.abs(places - middle[:, None]) < half[:, None] for middle in tf.unstack(centre)
    )
    pasted = rows[:, :, None] & columns[:, None, :]
    own = 1 - tf.reduce_mean(tf.cast(pasted, tf.float32), axis=[1, 2])
    mixed = tf.where(pasted[..., None], tf.gather(images, partners), images)
    return mixed, _blend(labels, partners, own[:, None])


def _draw(count: tf.Tensor, alpha: float, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Each image's partner, int32 `[B]`, and its own share, float32 `[B]`."""
    partners = tf.random.experimental.stateless_shuffle(tf.range(count), _fold(seed, 1))
    # Two gamma variables make one beta variable.
    one, other = (
        tf.random.stateless_gamma([count], _fold(seed, number), alpha) for number in (2, 3)
    )
    # With a small alpha both may be too small for float32.
    return partners, tf.where(one + other > 0, tf.math.divide_no_nan(one, one + other), 1.0)


def _blend(values: tf.Tensor, partners: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
    return own * values + (1 - own) * tf.gather(values, partners)


def _fold(seed: tf.Tensor, number: int) -> tf.Tensor:
    return tf.random.experimental.stateless_fold_in(seed, number)


Mix = Callable[[tf.Tensor, tf.Tensor, float, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]

MIXINGS: dict[str, Mix | None] = {"none": None, "mixup": mixup, "cutmix": cutmix}
"""name -> how a batch is mixed."""
