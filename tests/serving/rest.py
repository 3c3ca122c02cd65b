"""The test server over HTTP: the JSON of TensorFlow Serving's REST API."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.json_format import MessageToDict
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
)

from tests.server import running
from tests.serving.server import ModelServer, Refusal, invalid

MODEL = r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
HTTP_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.NOT_FOUND: 404,
}


def predict(server: ModelServer, spec: model_pb2.ModelSpec, body: bytes) -> dict[str, Any]:
    """Returns predictions by row or by column, as requested."""
    try:
        asked = json.loads(body)
    except ValueError as error:
        raise invalid(f"JSON Parse error: {error}") from error
    if not isinstance(asked, dict):
        raise invalid(f"JSON Value: {asked} Is not object")
    spec.signature_name = asked.get("signature_name", "")
    _, version = server.find(spec)
    signature = spec.signature_name or "serving_default"
    if signature not in version.definitions:
        raise invalid(f'Serving signature name: "{signature}" not found in signature def')
    types = {
        name: tf.as_dtype(info.dtype)
        for name, info in version.definitions[signature].inputs.items()
    }
    if "instances" in asked and "inputs" in asked:
        raise invalid("Not formatted correctly expecting only one of 'inputs' or 'instances' keys")
    if "instances" in asked:
        columns = _columns_of_rows(asked["instances"], list(types))
    elif "inputs" in asked:
        columns = _columns(asked["inputs"], list(types))
    else:
        raise invalid("Missing 'inputs' or 'instances' key")
    request = predict_pb2.PredictRequest(model_spec=spec)
    for name, value in columns.items():
        request.inputs[name].CopyFrom(_to_tensor(value, types[name]))
    outputs = {
        name: _to_json(name, proto) for name, proto in server.predict(request).outputs.items()
    }
    # A single output has no name.
    if "inputs" in asked:
        return {"outputs": outputs if len(outputs) > 1 else next(iter(outputs.values()))}
    if len(outputs) == 1:
        return {"predictions": next(iter(outputs.values()))}
    rows = zip(*outputs.values(), strict=True)
    return {"predictions": [dict(zip(outputs, row, strict=True)) for row in rows]}


def metadata(server: ModelServer, spec: model_pb2.ModelSpec) -> dict[str, Any]:
    """Returns the signatures of a version, named as in its messages."""
    request = get_model_metadata_pb2.GetModelMetadataRequest(
        model_spec=spec, metadata_field=["signature_def"]
    )
    response = server.metadata(request)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(signatures)
    return {
        "model_spec": _message_to_json(response.model_spec),
        "metadata": {"signature_def": _message_to_json(signatures)},
    }


def status(server: ModelServer, spec: model_pb2.ModelSpec) -> dict[str, Any]:
    """Returns the state of the versions."""
    request = get_model_status_pb2.GetModelStatusRequest(model_spec=spec)
    return _message_to_json(server.status(request))


def _message_to_json(message) -> dict[str, Any]:
    return MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _is_base64(value: Any) -> bool:
    return isinstance(value, dict) and list(value) == ["b64"] and isinstance(value["b64"], str)


def _columns_of_rows(rows: Any, names: list[str]) -> dict[str, list]:
    if not isinstance(rows, list):
        raise invalid("Excepting 'instances' to be an list/array")
    if not rows:
        raise invalid("No values in 'instances' array")
    columns: dict[str, list] = {name: [] for name in names}
    for index, row in enumerate(rows):
        if isinstance(row, dict) and not _is_base64(row):
            if set(row) != set(names):
                raise invalid(
                    f"Failed to process element: {index} of 'instances' list. JSON object: {row} "
                    f"keys must be equal to: {','.join(names)}"
                )
            for name in names:
                columns[name].append(row[name])
        else:
            columns[names[0]].append(row)
    return columns


def _columns(value: Any, names: list[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or _is_base64(value):
        return {names[0]: value}
    for name in names:
        if name not in value:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
    return {name: value[name] for name in names}


def _to_tensor(value: Any, dtype: tf.DType):
    def read(item: Any) -> Any:
        if isinstance(item, list):
            return [read(inner) for inner in item]
        if dtype != tf.string:
            if not isinstance(item, int | float):
                raise invalid(f"JSON Value: {item} is not of expected type: {dtype.name}")
            return item
        if isinstance(item, str):
            return item.encode()
        if not _is_base64(item):
            raise invalid(f"JSON Value: {item} not formatted correctly for base64 data")
        try:
            return base64.b64decode(item["b64"], validate=True)
        except binascii.Error as error:
            raise invalid("Unable to base64 decode") from error

    values = read(value)
    try:
        # Objects, because NumPy's strings lose trailing zeros.
        array = np.array(values, object if dtype == tf.string else dtype.as_numpy_dtype)
        return tf.make_tensor_proto(array, dtype)
    except (TypeError, ValueError) as error:
        raise invalid(f"Encountered list at unexpected size: {error}") from error


def _to_json(name: str, proto) -> list:
    """Returns values as JSON: the shortest digits of float32, bytes in base64."""
    array = tf.make_ndarray(proto)
    write: dict[type, Callable[[Any], Any]] = {
        np.float32: lambda value: float(str(value)),
        np.bool_: bool,
        np.object_: lambda value: value.decode(),
    }
    if name.endswith("_bytes"):
        write[np.object_] = lambda value: {"b64": base64.b64encode(value).decode()}
    values = [write[array.dtype.type](value) for value in array.ravel()]
    return np.array(values, object).reshape(array.shape).tolist()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_HttpServer"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._reply({":predict": lambda spec: predict(self.server.models, spec, body)})

    def do_GET(self) -> None:
        self._reply(
            {
                "/metadata": lambda spec: metadata(self.server.models, spec),
                "": lambda spec: status(self.server.models, spec),
            }
        )

    def _reply(self, methods: dict[str, Callable[[model_pb2.ModelSpec], dict]]) -> None:
        try:
            code, answer = 200, self._answer(methods)
        except Refusal as refusal:
            code, answer = HTTP_STATUS[refusal.code], {"error": str(refusal)}
        content = json.dumps(answer, indent=4).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _answer(self, methods: dict[str, Callable[[model_pb2.ModelSpec], dict]]) -> dict:
        for ending, method in methods.items():
            found = re.fullmatch(MODEL + ending, self.path, re.IGNORECASE)
            if found:
                spec = model_pb2.ModelSpec(name=unquote(found["name"]))
                if found["version"]:
                    spec.version.value = int(found["version"])
                elif found["label"]:
                    spec.version_label = unquote(found["label"])
                return method(spec)
        raise invalid(f"Malformed request: {self.command} {self.path}")

    def log_message(self, *args) -> None:
        pass


class _HttpServer(ThreadingHTTPServer):
    def __init__(self, models: ModelServer):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.models = models


@contextmanager
def serving_rest(server: ModelServer) -> Iterator[str]:
    """Serves over HTTP on a port of this machine, and yields the URL."""
    with running(_HttpServer(server)) as listening:
        yield f"http://127.0.0.1:{listening.server_port}"
