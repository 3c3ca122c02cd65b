"""An export behind a server that speaks TensorFlow Serving's protocol, queried by several clients.

The server is ours (`tests.serving.server`), and its messages are TensorFlow Serving's own. Two of
the clients are third-party: ovmsclient over HTTP and over gRPC.
"""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import pytest
import tensorflow as tf

from fgmix.__main__ import main
from fgmix.cli.main import run
from fgmix.serving.client import BATCH
from fgmix.serving.configs import BATCH_SIZES
from tests.serving.conftest import NAME
from tests.trained_runs import CLASSES

REASON = "is not installed (make test-all)"
grpc = pytest.importorskip("grpc", reason=f"grpcio {REASON}")
ovmsclient = pytest.importorskip("ovmsclient", reason=f"ovmsclient {REASON}")
pytest.importorskip("tensorflow_serving.apis", reason=f"tensorflow-serving-api {REASON}")

from tensorflow_serving.apis import (  # noqa: E402
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)

from tests.serving.rest import serving_rest  # noqa: E402
from tests.serving.server import ModelServer, serving_grpc  # noqa: E402

pytestmark = [pytest.mark.peers, pytest.mark.slow]

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "serve.md"
WARM_UP = Path("assets.extra/tf_serving_warmup_requests")


@pytest.fixture(scope="module")
def server(versions):
    """The two versions, loaded according to `models.config`."""
    mounts = {f"/models/{NAME}": versions}
    return ModelServer(versions / "models.config", mounts, BATCH_SIZES[-1])


@pytest.fixture(scope="module")
def url(server):
    with serving_rest(server) as url:
        yield url


@pytest.fixture(scope="module")
def address(server):
    with serving_grpc(server) as address:
        yield address


@pytest.fixture(scope="module")
def stub(address):
    with grpc.insecure_channel(address) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(params=["http", "grpc"])
def third_party(request, url, address):
    """The ovmsclient client, over either protocol."""
    if request.param == "http":
        return ovmsclient.make_http_client(url.removeprefix("http://"))
    return ovmsclient.make_grpc_client(address)


@pytest.fixture
def call(capsys):
    """Runs a command in this process; returns exit code, predictions, standard error."""

    def call(command, *argv):
        code = run(main, [command, *map(str, argv)])
        out, err = capsys.readouterr()
        return code, [json.loads(line) for line in out.splitlines()], err

    return call


@pytest.fixture(scope="module")
def contents(photos):
    return [path.read_bytes() for path in sorted((photos / "test").rglob("photo*"))][:5]


@pytest.fixture(scope="module")
def expected(versions, contents):
    """The predictions of the first version without a server."""
    signature = tf.saved_model.load(versions / "1").signatures["serving_default"]
    answers = signature(image_bytes=tf.constant(contents))
    return {name: value.numpy() for name, value in answers.items()}


def post(url, asked, which=""):
    """Sends a request over HTTP, as curl would; returns the status and the JSON."""
    body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    try:
        with urlopen(f"{url}/v1/models/{NAME}{which}:predict", data=body) as response:
            return response.status, json.load(response)
    except HTTPError as error:
        return error.code, json.load(error)


def b64(content):
    return {"b64": base64.b64encode(content).decode()}


# Our own client


def test_query_prints_the_lines_of_predict(call, finished, url, every_type, tmp_path):
    (tmp_path / "no photo.jpg").write_text("no photo")
    (tmp_path / "empty.png").write_bytes(b"")
    code, told, err = call(
        "query", "--url", url, "--model", NAME, "--version", 1, every_type, tmp_path
    )
    assert (code, err) == (1, "")
    _, wanted, _ = call("predict", "--model", finished, every_type, tmp_path)
    assert len(told) == len(wanted) > 20
    for answer, want in zip(told, wanted, strict=True):
        assert list(answer) == list(want)
        assert answer["path"] == want["path"]
        if "error" in want:  # to name the fault takes TensorFlow, which a client has not
            assert want["error"].startswith(answer["error"])
        else:
            assert answer["label"] == want["label"]
            assert answer["probability"] == pytest.approx(want["probability"], abs=1e-5)
            assert [label for label, _ in answer["top"]] == [label for label, _ in want["top"]]


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ([], "BLUE"),  # the newest
        (["--version", "1"], "blue"),
        (["--version", "2"], "BLUE"),
        (["--label", "stable"], "blue"),
        (["--label", "canary"], "BLUE"),
    ],
)
def test_query_asks_the_version_it_is_told(call, url, photos, flags, name):
    path = photos / "test" / "blue" / "photo1.jpg"
    code, [answer], _ = call("query", "--url", url, "--model", NAME, *flags, path)
    assert code == 0
    assert {label for label, _ in answer["top"]} == {name, *CLASSES[1:]}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--model", "cars"], "HTTP 404 Not Found: Servable not found for request: Latest(cars)"),
        (
            ["--model", NAME, "--version", "7"],
            f"HTTP 404 Not Found: Servable not found for request: Specific({NAME}, 7)",
        ),
        (
            ["--model", NAME, "--label", "beta"],
            "HTTP 400 Bad Request: Unrecognized servable version label: beta",
        ),
    ],
)
def test_query_repeats_what_the_server_refuses(call, url, photos, flags, words):
    code, answers, err = call("query", "--url", url, *flags, photos / "test")
    assert (code, answers) == (2, [])
    assert err.startswith(f"error: {url}/v1/models/")
    assert err.endswith(f": {words}\n")


def test_no_request_is_larger_than_the_batching_config_allows(call, server, url, photos):
    server.rows.clear()
    assert call("query", "--url", url, "--model", NAME, photos / "train")[0] == 0
    assert server.rows == [BATCH] * 3
    assert BATCH in BATCH_SIZES
    status, answer = post(url, {"instances": [b64(b"")] * (BATCH_SIZES[-1] + 1)})
    assert (status, answer) == (
        400,
        {"error": "Task size 33 is larger than maximum input batch size 32"},
    )


# The REST protocol


@pytest.mark.parametrize("named", [True, False])
def test_rows_and_columns_are_the_same(url, contents, expected, named):
    values = [b64(content) for content in contents]
    rows = [{"image_bytes": value} for value in values] if named else values
    columns = {"image_bytes": values} if named else values
    status, by_row = post(url, {"instances": rows}, "/versions/1")
    assert status == 200
    status, by_column = post(url, {"inputs": columns}, "/labels/stable")
    assert status == 200
    for name, want in expected.items():
        got = [row[name] for row in by_row["predictions"]]
        assert got == by_column["outputs"][name]
        if want.dtype == object:
            assert got == [[label.decode() for label in row] for row in want]
        else:
            np.testing.assert_allclose(np.array(got), want, atol=1e-6)


def test_pixels_go_over_the_wire_too(url, versions):
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    asked = {"signature_name": "serving_tensor", "instances": images.tolist()}
    status, answer = post(url, asked, "/versions/1")
    assert status == 200
    signature = tf.saved_model.load(versions / "1").signatures["serving_tensor"]
    want = signature(images=tf.constant(images))["probabilities"]
    # The only output has no name.
    np.testing.assert_allclose(np.array(answer["predictions"]), want, atol=1e-6)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (b"{", "JSON Parse error"),
        ({}, "Missing 'inputs' or 'instances' key"),
        ({"instances": []}, "No values in 'instances' array"),
        ({"instances": [{"image": {"b64": ""}}]}, "keys must be equal to: image_bytes"),
        ({"inputs": {"image": []}}, "Missing named input: image_bytes"),
        ({"instances": [{"b64": "no!"}]}, "Unable to base64 decode"),
        ({"instances": [{"image_bytes": 1}]}, "not formatted correctly for base64 data"),
        (
            {"instances": [b64(b"")], "signature_name": "draw"},
            'Serving signature name: "draw" not found in signature def',
        ),
    ],
)
def test_a_bad_request_is_refused_in_words(url, asked, words):
    status, answer = post(url, asked)
    assert status == 400
    assert words in answer["error"]


# A third-party client


def test_a_third_party_client_gets_the_models_answers(third_party, contents, expected):
    bad = b"no photo"
    outputs = third_party.predict({"image_bytes": [*contents, bad]}, NAME, model_version=1)
    assert set(outputs) == set(expected)
    assert outputs["valid"].tolist() == [True] * len(contents) + [False]
    np.testing.assert_allclose(
        outputs["probabilities"], [*expected["probabilities"], [0, 0, 0]], atol=1e-6
    )
    top = [
        str(np.char.decode(row[0]) if isinstance(row[0], bytes) else row[0])
        for row in outputs["top_labels"]
    ]
    assert top == [row[0].decode() for row in expected["top_labels"]] + [""]


def test_a_third_party_client_sees_the_versions(third_party):
    status = third_party.get_model_status(NAME, model_version=2)
    assert {version: state["state"] for version, state in status.items()} == {2: "AVAILABLE"}


def test_a_third_party_client_reads_the_signature(third_party):
    found = third_party.get_model_metadata(NAME, model_version=1)
    if "metadata" in found:  # over HTTP it returns TensorFlow Serving's metadata unchanged
        signature = found["metadata"]["signature_def"]["signature_def"]["serving_default"]
        assert found["model_spec"]["version"] == "1"
        assert signature["inputs"]["image_bytes"]["dtype"] == "DT_STRING"
        outputs = set(signature["outputs"])
    else:
        assert found["inputs"] == {"image_bytes": {"shape": [-1], "dtype": "DT_STRING"}}
        outputs = set(found["outputs"])
    assert outputs >= {"probabilities", "top_probabilities", "top_labels", "valid"}


def test_a_third_party_client_understands_the_refusals(third_party, contents):
    with pytest.raises(ovmsclient.ModelNotFoundError, match="Servable not found"):
        third_party.predict({"image_bytes": contents}, "cars", model_version=1)
    with pytest.raises(ovmsclient.InvalidInputError, match=r"image_bytes|input size"):
        third_party.predict({"photo": contents}, NAME, model_version=1)


# The official messages


def test_warm_up_records_are_answered(stub, versions, contents, tmp_path):
    path = versions / "1" / WARM_UP
    if not path.exists():  # an export without: records of the same form
        path = tmp_path / WARM_UP.name
        request = predict_pb2.PredictRequest()
        request.model_spec.name = NAME
        request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto(contents))
        log = prediction_log_pb2.PredictionLog()
        log.predict_log.request.CopyFrom(request)
        with tf.io.TFRecordWriter(str(path)) as writer:
            writer.write(log.SerializeToString())
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
    assert 0 < len(records) <= 1000  # TensorFlow Serving reads no more
    for record in records:
        log = prediction_log_pb2.PredictionLog.FromString(record)
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        request.model_spec.name = NAME  # the server uses the name of the model that it loads
        outputs = stub.Predict(request, timeout=60).outputs
        if "valid" in outputs:
            assert tf.make_ndarray(outputs["valid"]).all()


def test_every_signature_answers_over_grpc(stub, versions, contents):
    served = tf.saved_model.load(versions / "1").signatures
    inputs = {
        "image_bytes": tf.constant(contents),
        "images": tf.random.uniform([2, 32, 32, 3], maxval=255, seed=0),
    }
    for name, signature in served.items():
        [key] = signature.structured_input_signature[1]
        request = predict_pb2.PredictRequest()
        request.model_spec.name = NAME
        request.model_spec.version.value = 1
        request.model_spec.signature_name = name
        request.inputs[key].CopyFrom(tf.make_tensor_proto(inputs[key].numpy()))
        answer = stub.Predict(request, timeout=60)
        assert answer.model_spec.version.value == 1
        for output, want in signature(**{key: inputs[key]}).items():
            got = tf.make_ndarray(answer.outputs[output])
            if want.dtype == tf.string:
                assert got.tolist() == want.numpy().tolist()
            else:
                np.testing.assert_allclose(got, want, atol=1e-6)


# What the guide shows


def shown(words):
    """Returns the only code block in the guide that contains these words."""
    blocks = GUIDE.read_text(encoding="utf-8").split("```")[1::2]
    [block] = [block for block in blocks if words in block]
    return block.partition("\n")[2]  # without the language


@pytest.fixture
def beside_photo(photos, tmp_path, monkeypatch):
    """A working folder with the guide's `photo.jpg`."""
    shutil.copy(photos / "test" / "red" / "photo1.jpg", tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)


def test_the_guides_grpc_call_runs(address, capsys, beside_photo):
    exec(shown("grpc.insecure_channel").replace("localhost:8500", address), {})
    printed = capsys.readouterr().out
    assert all(f"b'{name}'" in printed for name in ("BLUE", *CLASSES[1:]))


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_guides_curl_call_runs(url, beside_photo):
    code = shown("curl -d").replace("http://localhost:8501", url)
    done = subprocess.run(["sh", "-c", code], capture_output=True, check=True)
    [answer] = json.loads(done.stdout)["predictions"]
    assert answer["valid"] is True
    assert set(answer["top_labels"]) == {"BLUE", *CLASSES[1:]}
