"""Decodes batches of image files, of which some may be damaged."""

from typing import Any

import tensorflow as tf

from fgmix.data.codec.decode import load_image

ON_ONE_DEVICE = {"experimental_ints_on_device": True}
"""Attributes of a dataset's function that spare TensorFlow to look for a kernel for each of its
operations, those for other formats included, at every call of the graph: longer than a small JPEG
takes to decode."""


def load_batch(
    image_bytes: tf.Tensor, image_size: int | tuple[int, ...], crop_bottom: int = 0
) -> tuple[Any, tf.Tensor]:
    """Decodes and resizes a batch of image files; marks files that can't be decoded.

    Args:
        image_bytes: String tensor of shape [n], the contents of n files; n may be 0.
        image_size: Side of the square each image is resized to, in pixels; or several, as in
            `load_image`.
        crop_bottom: Pixel rows to remove from the bottom of each image before resizing.

    Returns:
        The images, float32 of shape [n, image_size, image_size, 3] with values 0 to 255, or a tuple
        of them; and a bool tensor of shape [n] that is True for decoded images. The other images
        are all zeros.

    Raises:
        ValueError: If `crop_bottom` is negative.
    """
    image_bytes = tf.convert_to_tensor(image_bytes, tf.string)
    count = tf.size(image_bytes, out_type=tf.int64)
    # A failing operation makes the whole graph fail, except inside a dataset, which can skip the
    # failing element.
    decoded = _loaded(image_bytes, count, image_size, crop_bottom).ignore_errors()
    # An extra row, so that the single batch is not empty if no image can be decoded.
    blank = [tf.zeros([size, size, 3]) for size in tf.nest.flatten(image_size)]
    spare = tf.data.Dataset.from_tensors((count, *blank))
    options = tf.data.Options()
    # Optimizing the pipeline takes longer than running it.
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    # `Dataset.reduce` would instantiate its functions again at every call of the graph.
    rows, *found = (
        decoded.concatenate(spare).batch(count + 1).with_options(options).get_single_element()
    )
    whole = tf.size(rows, out_type=tf.int64) == count + 1
    rows = rows[:, tf.newaxis]

    def place(images: tf.Tensor) -> tf.Tensor:
        shape = tf.stack([count + 1, *images.shape[1:]])
        # Rows are in order: if none is missing, each has its place.
        placed = tf.cond(whole, lambda: images, lambda: tf.scatter_nd(rows, images, shape))
        return tf.ensure_shape(placed[:count], [None, *images.shape[1:]])

    valid = tf.scatter_nd(rows, tf.ones_like(rows[:, 0], tf.bool), count[tf.newaxis] + 1)
    return tf.nest.pack_sequence_as(image_size, [place(x) for x in found]), valid[:count]


def _loaded(
    image_bytes: tf.Tensor, count: tf.Tensor, image_size: int | tuple[int, ...], crop_bottom: int
) -> tf.data.Dataset:
    """Returns the rows and images, one or several, of all files in order."""

    @tf.function(
        input_signature=[tf.TensorSpec([], tf.int64), tf.TensorSpec([], tf.string)],
        autograph=False,
        experimental_attributes=ON_ONE_DEVICE,
    )
    def load(row: tf.Tensor, data: tf.Tensor) -> list[tf.Tensor]:
        return [row, *tf.nest.flatten(load_image(data, image_size, crop_bottom))]

    # `enumerate` would rewrite its dataset at every call of the graph.
    files = tf.data.Dataset.from_tensor_slices((tf.range(count), image_bytes))
    function = load.get_concrete_function()
    specs = tuple(tf.TensorSpec(x.shape, x.dtype) for x in function.outputs)
    # `Dataset.map` takes no attributes for its function.
    mapped = tf.raw_ops.ParallelMapDatasetV2(
        input_dataset=tf.data.experimental.to_variant(files),
        other_arguments=[],
        num_parallel_calls=tf.data.AUTOTUNE,
        f=function,
        output_types=[spec.dtype for spec in specs],
        output_shapes=[spec.shape for spec in specs],
        deterministic="true",
    )
    return tf.data.experimental.from_variant(mapped, specs)
