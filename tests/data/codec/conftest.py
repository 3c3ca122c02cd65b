"""The decoder that the tests of the codec share."""

import pytest
import tensorflow as tf

from fgmix.data.codec.decode import decode_image


@pytest.fixture(scope="module")
def decode():
    """`decode_image` as a graph, where it is used; returns arrays."""
    graph = tf.function(decode_image, input_signature=[tf.TensorSpec([], tf.string)])
    return lambda content: graph(tf.constant(content)).numpy()
