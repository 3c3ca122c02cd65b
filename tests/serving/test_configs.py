"""TensorFlow Serving's configuration files, parsed as TensorFlow Serving parses them."""

from itertools import pairwise

import pytest
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)

from fgmix.errors import FgmixError
from fgmix.serving.configs import BATCH_SIZES, model_name, write_serving_configs

INT64 = f".{wrappers_pb2.Int64Value.DESCRIPTOR.full_name}"


@pytest.fixture
def export(tmp_path):
    """Creates version folders, and other folders that runs have."""

    def export(*versions):
        for version in versions:
            (tmp_path / version).mkdir()
            (tmp_path / version / "saved_model.pb").touch()
        (tmp_path / "logs").mkdir()
        (tmp_path / "99").mkdir()  # empty
        return tmp_path

    return export


def batching_parameters():
    """Returns an empty BatchingParameters, whose definition tensorflow-serving-api lacks."""
    file = descriptor_pb2.FileDescriptorProto(name="batching.proto", syntax="proto3")
    file.dependency.append(wrappers_pb2.DESCRIPTOR.name)
    message = file.message_type.add(name="BatchingParameters")
    kind = descriptor_pb2.FieldDescriptorProto
    names = ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads")
    for number, name in enumerate(names, start=1):
        message.field.add(
            name=name,
            number=number,
            type=kind.TYPE_MESSAGE,
            type_name=INT64,
            label=kind.LABEL_OPTIONAL,
        )
    message.field.add(
        name="allowed_batch_sizes", number=6, type=kind.TYPE_INT64, label=kind.LABEL_REPEATED
    )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("BatchingParameters"))()


@pytest.mark.peers
@pytest.mark.parametrize(
    ("versions", "served", "stable", "canary"),
    [
        (["1"], [1], 1, 1),
        (["1", "2"], [1, 2], 1, 2),
        (["9", "8", "10"], [9, 10], 9, 10),  # numerically, and only the newest two
    ],
)
def test_the_newest_version_is_the_canary(export, versions, served, stable, canary):
    config = pytest.importorskip(
        "tensorflow_serving.config.model_server_config_pb2",
        reason="tensorflow-serving-api is not installed (make test-peers)",
    )
    models, _ = write_serving_configs(export(*versions), "photos")
    parsed = text_format.Parse(models.read_text(), config.ModelServerConfig())
    [model] = parsed.model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == (
        "photos",
        "/models/photos",
        "tensorflow",
    )
    assert list(model.model_version_policy.specific.versions) == served
    assert dict(model.version_labels) == {"stable": stable, "canary": canary}


def test_the_batching_keeps_the_servers_rules(export):
    _, batching = write_serving_configs(export("1"), "photos")
    parsed = text_format.Parse(batching.read_text(), batching_parameters())
    sizes = list(parsed.allowed_batch_sizes)
    assert sizes == sorted(set(sizes)) == list(BATCH_SIZES)
    assert sizes[-1] == parsed.max_batch_size.value
    assert parsed.num_batch_threads.value >= 1
    assert 0 < parsed.batch_timeout_micros.value <= 10_000
    assert all(larger <= 2 * size for size, larger in pairwise(sizes))


def test_the_files_lie_beside_the_versions_and_are_replaced(export):
    directory = export("1")
    written = write_serving_configs(directory, "photos")
    assert written == [directory / "models.config", directory / "batching.config"]
    (directory / "2").mkdir()
    (directory / "2" / "saved_model.pb").touch()
    write_serving_configs(directory, "photos")
    assert 'key: "canary" value: 2' in written[0].read_text()
    names = {path.name for path in directory.iterdir()}
    assert names == {"1", "2", "99", "logs", "models.config", "batching.config"}


@pytest.mark.parametrize("name", ["", "my photos", "a/b", "a:b", 'a"b', "..", "é"])
def test_a_name_that_no_url_and_path_can_hold_is_refused(export, name):
    directory = export("1")
    with pytest.raises(FgmixError, match="model name"):
        write_serving_configs(directory, name)
    assert not (directory / "models.config").exists()


def test_a_folder_without_versions_is_refused(export):
    with pytest.raises(FgmixError, match="holds no exported version"):
        write_serving_configs(export(), "photos")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("photos", "photos"),
        ("cars-vgg16-mixed-seed0", "cars-vgg16-mixed-seed0"),
        ("Vögel im Wald", "V_gel_im_Wald"),
        (".hidden", "hidden"),
        ("-", "model"),
    ],
)
def test_a_model_is_named_after_its_folder(tmp_path, folder, name):
    (tmp_path / folder / "1").mkdir(parents=True)
    (tmp_path / folder / "1/saved_model.pb").touch()
    assert model_name(tmp_path / folder) == name
    config, _ = write_serving_configs(tmp_path / folder, model_name(tmp_path / folder))
    assert f'name: "{name}"' in config.read_text()
