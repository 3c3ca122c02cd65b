"""Warm-up requests, which TensorFlow Serving replays before it serves the first client.

They are a TFRecord of `PredictionLog` messages, which `tensorflow-serving-api` defines. The few
fields needed here are encoded without that package, by their numbers:

    PredictionLog { PredictLog predict_log = 6; }
    PredictLog { PredictRequest request = 1; }
    PredictRequest { ModelSpec model_spec = 1; map<string, TensorProto> inputs = 2; }
    ModelSpec { string name = 1; string signature_name = 3; }
"""

from pathlib import Path

import keras
import tensorflow as tf

from fgmix.serving.signatures import input_spec, signatures_of

FILE = "tf_serving_warmup_requests"
BATCH_SIZES = (1, 8)
WIDTH, HEIGHT = 500, 300


def write_warmup(directory: Path, model: keras.Model) -> None:
    """Writes one request per signature and batch size.

    The image in them is synthetic, because photos may not be redistributed with a model.

    Args:
        directory: The folder `assets.extra` of the SavedModel.
        model: The classifier.
    """
    with tf.io.TFRecordWriter(str(directory / FILE)) as writer:
        for signature in signatures_of(model):
            spec = input_spec(signature, model)
            value = _picture() if spec.dtype == tf.string else 127.0
            for batch in BATCH_SIZES:
                # A TensorProto repeats its last value up to its shape.
                shape = [batch, *spec.shape[1:]]
                tensor = tf.make_tensor_proto(value, spec.dtype, shape).SerializeToString()
                writer.write(_prediction_log(signature, spec.name, tensor))


def _picture() -> bytes:
    rows, columns = tf.meshgrid(tf.range(HEIGHT), tf.range(WIDTH), indexing="ij")
    pixels = tf.stack([rows, columns, rows + columns], axis=-1) % 256
    return tf.io.encode_jpeg(tf.cast(pixels, tf.uint8)).numpy()


def _prediction_log(signature: str, input_name: str, tensor: bytes) -> bytes:
    model_spec = _field(1, b"model") + _field(3, signature.encode())
    entry = _field(1, input_name.encode()) + _field(2, tensor)
    request = _field(1, model_spec) + _field(2, entry)
    return _field(6, _field(1, request))


def _field(number: int, content: bytes) -> bytes:
    """Encodes a protocol buffer field that holds a string or a message."""
    length, encoded = len(content), b""
    while length >= 128:
        encoded += bytes([length % 128 + 128])
        length //= 128
    return bytes([number << 3 | 2]) + encoded + bytes([length]) + content
