"""A server for tests that speaks TensorFlow Serving's protocol over gRPC.

It loads the models of a `models.config` with plain TensorFlow, and answers with the messages of the
package `tensorflow-serving-api`. Its error messages are those of TensorFlow Serving 2.x.
`tests.serving.rest` offers the same over HTTP.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2

VALUE_FIELDS = {
    tf.float32: "float_val",
    tf.string: "string_val",
    tf.bool: "bool_val",
}
"""The field of a tensor message that holds the values of each type."""


class Refusal(Exception):
    """A status other than OK, with the server's message."""

    def __init__(self, code: grpc.StatusCode, words: str):
        super().__init__(words)
        self.code = code


def invalid(words: str) -> Refusal:
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, words)


class Version:
    """One loaded version of a model."""

    def __init__(self, directory: Path):
        saved = saved_model_pb2.SavedModel.FromString((directory / "saved_model.pb").read_bytes())
        self.definitions = saved.meta_graphs[0].signature_def
        self.functions = tf.saved_model.load(directory).signatures


class ModelServer:
    """The server's behaviour, for any protocol.

    Attributes:
        rows: The number of rows of every prediction so far.
    """

    def __init__(self, models_config: Path, mounts: dict[str, Path], max_batch_size: int):
        """Loads the models.

        Args:
            models_config: A `ModelServerConfig` as text.
            mounts: The folders of the config's base paths.
            max_batch_size: The most rows of a request, as in a batching config.
        """
        config = text_format.Parse(
            models_config.read_text(), model_server_config_pb2.ModelServerConfig()
        )
        self.models: dict[str, dict[int, Version]] = {}
        self.labels: dict[str, dict[str, int]] = {}
        self.max_batch_size = max_batch_size
        self.rows: list[int] = []
        for model in config.model_config_list.config:
            self.models[model.name] = {
                version: Version(mounts[model.base_path] / str(version))
                for version in model.model_version_policy.specific.versions
            }
            assert set(model.version_labels.values()) <= set(self.models[model.name])
            self.labels[model.name] = dict(model.version_labels)

    def find(self, spec: model_pb2.ModelSpec) -> tuple[int, Version]:
        """Returns the version that a request addresses."""
        if not spec.name:
            raise invalid("Missing ModelSpec")
        versions = self.models.get(spec.name, {})
        choice = spec.WhichOneof("version_choice")
        if choice == "version_label":
            labels = self.labels.get(spec.name, {})
            if spec.version_label not in labels:
                raise invalid(f"Unrecognized servable version label: {spec.version_label}")
            number = labels[spec.version_label]
        elif choice == "version":
            number = spec.version.value
        else:
            number = max(versions, default=0)
        if number not in versions:
            wanted = f"Specific({spec.name}, {number})" if choice else f"Latest({spec.name})"
            raise Refusal(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {wanted}")
        return number, versions[number]

    def predict(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        number, version = self.find(request.model_spec)
        name = request.model_spec.signature_name or "serving_default"
        if name not in version.functions:
            raise Refusal(
                grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.'
            )
        definition = version.definitions[name]
        if set(request.inputs) != set(definition.inputs):
            raise invalid(
                f"input size does not match signature: {len(request.inputs)}"
                f"!={len(definition.inputs)}"
            )
        tensors = {}
        for key, proto in request.inputs.items():
            wanted = tf.as_dtype(definition.inputs[key].dtype)
            if proto.dtype != wanted:
                given = tf.as_dtype(proto.dtype).name
                raise invalid(f"Expects arg[0] to be {wanted.name} but {given} is provided")
            tensors[key] = tf.constant(tf.make_ndarray(proto), wanted)
            size = tensors[key].shape[0]
            if size > self.max_batch_size:
                raise invalid(
                    f"Task size {size} is larger than maximum input batch size "
                    f"{self.max_batch_size}"
                )
            self.rows.append(size)
        try:
            outputs = version.functions[name](**tensors)
        except (tf.errors.InvalidArgumentError, TypeError, ValueError) as error:
            raise invalid(str(error)) from error

        response = predict_pb2.PredictResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.version.value = number
        response.model_spec.signature_name = name
        unknown = set(request.output_filter) - set(outputs)
        if unknown:
            raise invalid(f"output tensor alias not found in signature: {min(unknown)}")
        for key in request.output_filter or outputs:
            response.outputs[key].CopyFrom(_to_proto(outputs[key]))
        return response

    def metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        if list(request.metadata_field) != ["signature_def"]:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        number, version = self.find(request.model_spec)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.version.value = number
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for key, definition in version.definitions.items():
            signatures.signature_def[key].CopyFrom(definition)
        response.metadata["signature_def"].Pack(signatures)
        return response

    def status(
        self, request: get_model_status_pb2.GetModelStatusRequest
    ) -> get_model_status_pb2.GetModelStatusResponse:
        spec = request.model_spec
        numbers = sorted(self.models.get(spec.name, {}), reverse=True)
        if not numbers:
            words = f"Could not find any versions of model {spec.name}"
            raise Refusal(grpc.StatusCode.NOT_FOUND, words)
        if spec.WhichOneof("version_choice") == "version":
            if spec.version.value not in numbers:
                words = f"Could not find version {spec.version.value} of model {spec.name}"
                raise Refusal(grpc.StatusCode.NOT_FOUND, words)
            numbers = [spec.version.value]
        response = get_model_status_pb2.GetModelStatusResponse()
        for number in numbers:
            response.model_version_status.add(
                version=number, state=get_model_status_pb2.ModelVersionStatus.AVAILABLE
            ).status.SetInParent()
        return response


def _to_proto(value: tf.Tensor) -> tensor_pb2.TensorProto:
    """Returns a tensor as a message with its values in fields, as TensorFlow Serving sends it."""
    proto = tensor_pb2.TensorProto(dtype=value.dtype.as_datatype_enum)
    proto.tensor_shape.CopyFrom(value.shape.as_proto())
    getattr(proto, VALUE_FIELDS[value.dtype]).extend(value.numpy().ravel().tolist())
    return proto


class _PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, server: ModelServer):
        self.server = server

    def Predict(self, request, context):
        return _answer(self.server.predict, request, context)

    def GetModelMetadata(self, request, context):
        return _answer(self.server.metadata, request, context)


class _ModelService(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, server: ModelServer):
        self.server = server

    def GetModelStatus(self, request, context):
        return _answer(self.server.status, request, context)


def _answer(method, request, context):
    try:
        return method(request)
    except Refusal as refusal:
        return context.abort(refusal.code, str(refusal))


@contextmanager
def serving_grpc(server: ModelServer) -> Iterator[str]:
    """Serves over gRPC on a port of this machine, and yields the address."""
    listening = grpc.server(ThreadPoolExecutor(max_workers=4))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        _PredictionService(server), listening
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(_ModelService(server), listening)
    port = listening.add_insecure_port("127.0.0.1:0")
    listening.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        listening.stop(grace=None).wait()
