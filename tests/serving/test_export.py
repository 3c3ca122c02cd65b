"""The SavedModel is a contract: loaded by plain TensorFlow, it predicts as the model does."""

import csv
import subprocess
import sys
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from fgmix.data.codec.batch import load_batch
from fgmix.data.sources.folder import load_folder
from fgmix.models import build_classifier
from fgmix.runs.run import Run
from fgmix.serving.export import export_saved_model
from fgmix.serving.signatures import Classifier
from tests.trained_runs import CLASSES

NAMES = ("Škoda Octavia", "日本", "Alfa, 8C", "d", "e", "f", "g")
CROP = 12  # of the 32 rows of the photos

# Without this project and without Keras, as in a server.
CLIENT = """
    import sys

    sys.modules["fgmix"] = sys.modules["keras"] = None
    import numpy as np
    import tensorflow as tf

    directory, source, target = sys.argv[1:]
    signatures = tf.saved_model.load(directory).signatures
    answers = {}
    for name, value in np.load(source, allow_pickle=True).items():
        signature, size = name.split("-")
        key = {"serving_default": "image_bytes", "serving_tensor": "images"}[signature]
        value = tf.constant(value.tolist()) if value.dtype == object else tf.constant(value)
        for output, answer in signatures[signature](**{key: value}).items():
            answer = answer.numpy()
            answers[f"{name}-{output}"] = answer.astype("S") if answer.dtype == object else answer
    for module in ("keras", "fgmix"):
        assert not [m for m in sys.modules if m.startswith(module + ".")], module
    np.savez(target, **answers)
"""


@pytest.fixture(scope="module")
def contents(photos):
    dataset = load_folder(photos)
    return [(photos / path).read_bytes() for path in dataset.splits["test"].paths]


@pytest.fixture(scope="module")
def served(finished):
    return tf.saved_model.load(finished / "1").signatures


@pytest.fixture(scope="module")
def untrained():
    """A model of more than five classes, with names that are easy to get wrong."""
    keras.utils.set_random_seed(0)
    return build_classifier(len(NAMES), "tiny", weights="none", image_size=32)


@pytest.fixture(scope="module")
def exported(untrained, tmp_path_factory):
    directory = tmp_path_factory.mktemp("export") / "1"
    export_saved_model(Classifier(untrained, NAMES, CROP), directory)
    return directory


def answers(signature, contents):
    return {k: v.numpy() for k, v in signature(image_bytes=tf.constant(contents)).items()}


@pytest.mark.slow
def test_a_process_with_plain_tensorflow_gives_the_models_answers(finished, contents, tmp_path):
    images = np.random.default_rng(0).uniform(0, 255, (5, 32, 32, 3)).astype("float32")
    asked = {}
    for size in (1, 5):
        asked[f"serving_tensor-{size}"] = images[:size]
        asked[f"serving_default-{size}"] = np.array(contents[:size], object)
    np.savez(tmp_path / "asked.npz", **asked)
    paths = [finished / "1", tmp_path / "asked.npz", tmp_path / "answered.npz"]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CLIENT), *map(str, paths)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answered = np.load(tmp_path / "answered.npz")
    model = Run.open(finished).load_model()
    decoded, _ = load_batch(tf.constant(contents[:5]), 32)
    for size in (1, 5):
        for name, inputs in [("serving_tensor", images), ("serving_default", decoded)]:
            got = answered[f"{name}-{size}-probabilities"]
            want = np.asarray(model(inputs[:size], training=False))
            assert got.shape == (size, len(CLASSES))
            assert np.abs(got - want).max() <= 1e-6
        assert answered[f"serving_default-{size}-valid"].tolist() == [True] * size
        labels = answered[f"serving_default-{size}-top_labels"][:, 0]
        want = np.asarray(model(decoded[:size], training=False)).argmax(axis=1)
        assert [label.decode() for label in labels] == [CLASSES[i] for i in want]


@pytest.mark.slow
def test_the_signatures_have_the_agreed_names_types_and_shapes(served):
    def describe(specs):
        return {name: (spec.dtype.name, spec.shape.as_list()) for name, spec in specs.items()}

    default, tensor = served["serving_default"], served["serving_tensor"]
    assert describe(default.structured_input_signature[1]) == {"image_bytes": ("string", [None])}
    assert describe(tensor.structured_input_signature[1]) == {
        "images": ("float32", [None, 32, 32, 3])
    }
    assert describe(default.structured_outputs) == {
        "probabilities": ("float32", [None, 3]),
        "top_probabilities": ("float32", [None, 3]),
        "top_labels": ("string", [None, 3]),
        "distance": ("float32", [None]),
        "valid": ("bool", [None]),
    }
    assert describe(tensor.structured_outputs) == {"probabilities": ("float32", [None, 3])}


@pytest.mark.parametrize("bad", [b"", b"text", b"\xff\xd8\xff\xe0 no photo", b"\x89PNG\r\n\x1a\n"])
def test_a_bad_row_is_marked_and_changes_no_other(served, contents, bad):
    good = answers(served["serving_default"], contents[:5])
    mixed = answers(served["serving_default"], [*contents[:2], bad, *contents[3:5]])
    assert mixed["valid"].tolist() == [True, True, False, True, True]
    np.testing.assert_array_equal(mixed["probabilities"][2], np.zeros(3, "float32"))
    np.testing.assert_array_equal(mixed["top_probabilities"][2], np.zeros(3, "float32"))
    assert mixed["top_labels"][2].tolist() == [b"", b"", b""]
    others = [0, 1, 3, 4]
    for name, values in good.items():
        np.testing.assert_array_equal(mixed[name][others], values[others], err_msg=name)


def test_nothing_but_bad_rows_is_answered(served):
    found = answers(served["serving_default"], [b"bad", b"worse"])
    assert found["valid"].tolist() == [False, False]
    assert not found["probabilities"].any()


def test_half_an_image_is_a_bad_row(served, contents):
    found = answers(served["serving_default"], [contents[0], contents[1][:200], contents[0]])
    assert found["valid"].tolist() == [True, False, True]
    # Rounding of matrix products depends on the row.
    np.testing.assert_allclose(found["probabilities"][0], found["probabilities"][2], rtol=1e-6)


def test_an_empty_batch_gives_empty_answers(served):
    found = served["serving_default"](image_bytes=tf.zeros([0], tf.string))
    assert {name: value.shape.as_list() for name, value in found.items()} == {
        "probabilities": [0, 3],
        "top_probabilities": [0, 3],
        "top_labels": [0, 3],
        "distance": [0],
        "valid": [0],
    }
    found = served["serving_tensor"](images=tf.zeros([0, 32, 32, 3]))
    assert found["probabilities"].shape == (0, 3)


@pytest.mark.slow
def test_the_top_labels_are_the_likeliest_in_order(exported, contents):
    found = answers(tf.saved_model.load(exported).signatures["serving_default"], contents)
    assert found["top_labels"].shape == (len(contents), 5)
    for row in range(len(contents)):
        order = np.argsort(-found["probabilities"][row], kind="stable")[:5]
        labels = [label.decode() for label in found["top_labels"][row]]
        assert labels == [NAMES[i] for i in order]
        np.testing.assert_array_equal(
            found["top_probabilities"][row], found["probabilities"][row][order]
        )
    np.testing.assert_allclose(found["probabilities"].sum(axis=1), 1, rtol=1e-5)


def test_bytes_give_what_evaluation_wrote(served, finished, contents):
    found = answers(served["serving_default"], contents)
    with (finished / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [label.decode() for label in found["top_labels"][:, 0]] == [r["predicted"] for r in rows]
    written = np.array([float(row["probability"]) for row in rows])
    assert np.abs(found["top_probabilities"][:, 0] - written).max() <= 1e-5


@pytest.mark.slow
def test_the_bottom_crop_is_inside(untrained, exported, contents):
    signature = tf.saved_model.load(exported).signatures["serving_default"]
    cropped, _ = load_batch(tf.constant(contents[:3]), 32, crop_bottom=CROP)
    whole, _ = load_batch(tf.constant(contents[:3]), 32)
    got = answers(signature, contents[:3])["probabilities"]
    assert np.abs(got - np.asarray(untrained(cropped, training=False))).max() <= 1e-6
    assert np.abs(got - np.asarray(untrained(whole, training=False))).max() > 1e-5


def test_a_version_is_never_overwritten(untrained, exported):
    before = (exported / "saved_model.pb").read_bytes()
    with pytest.raises(FileExistsError, match="never overwritten"):
        export_saved_model(Classifier(untrained, NAMES), exported)
    assert (exported / "saved_model.pb").read_bytes() == before


def test_a_failed_export_leaves_nothing(untrained, tmp_path, monkeypatch):
    def write_half(model, directory, *args, **kwargs):
        Path(directory).mkdir()
        (Path(directory) / "saved_model.pb").write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(tf.saved_model, "save", write_half)
    with pytest.raises(OSError, match="disk full"):
        export_saved_model(Classifier(untrained, NAMES), tmp_path / "1")
    assert list(tmp_path.iterdir()) == []


def test_a_server_finds_one_version_in_the_run(finished):
    assert [p.name for p in finished.iterdir() if p.is_dir() and p.name.isdigit()] == ["1"]
    assert (finished / "1" / "saved_model.pb").is_file()
