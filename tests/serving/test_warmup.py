"""Warm-up requests: what a server reads of them, and that the export can serve them."""

import pytest
import tensorflow as tf

from fgmix.serving.signatures import SIGNATURES
from fgmix.serving.warmup import BATCH_SIZES, FILE

pytest.importorskip("tensorflow_serving", reason="needs the group serving")


@pytest.mark.peers
def test_the_official_messages_read_what_is_written_and_the_export_answers(finished):
    from tensorflow_serving.apis import prediction_log_pb2

    signatures = tf.saved_model.load(finished / "1").signatures
    asked = []
    for record in tf.data.TFRecordDataset(str(finished / "1" / "assets.extra" / FILE)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        # Serialising the parsed message gives the same bytes, so it has no unknown fields.
        assert log.SerializeToString(deterministic=True) == record.numpy()
        call = signatures[request.model_spec.signature_name]
        [(name, tensor)] = request.inputs.items()
        assert name in call.structured_input_signature[1]
        answer = call(**{name: tf.constant(tf.make_ndarray(tensor))})
        batch = answer["probabilities"].shape[0]
        assert "valid" not in answer or answer["valid"].numpy().all()
        asked.append((request.model_spec.signature_name, batch))
    assert asked == [(name, batch) for name in SIGNATURES for batch in BATCH_SIZES]
