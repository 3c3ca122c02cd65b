"""The registry of data sets: names, paths, and the folder of a named data set."""

import functools

import pytest

import fgmix.data.sources.demo.dataset
from fgmix.data.sources.locations import default_data_dir
from fgmix.data.sources.registry import SOURCES, is_folder, load_dataset, require_known
from fgmix.errors import FgmixError
from tests.data.sources.test_aircraft import write_aircraft
from tests.pictures import write_classes


@pytest.fixture
def small_demo(monkeypatch):
    """Draws three images per class instead of all."""
    write = functools.partial(
        fgmix.data.sources.demo.dataset.write_demo, train_per_class=2, test_per_class=1
    )
    monkeypatch.setattr(fgmix.data.sources.demo.dataset, "write_demo", write)


def test_the_names_of_the_registry():
    levels = {"aircraft", "aircraft/family", "aircraft/manufacturer"}
    assert levels | {"cars", "demo"} <= set(SOURCES)


def test_a_path_is_a_folder_of_classes(tmp_path):
    write_classes(tmp_path / "birds", {"wren": 5, "finch": 5})
    data = load_dataset(str(tmp_path / "birds"))
    assert data.name == "birds"
    assert data.class_names == ("finch", "wren")


def test_a_path_may_begin_with_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_classes(tmp_path / "birds", {"wren": 5, "finch": 5})
    assert load_dataset("~/birds").root == tmp_path / "birds"


def test_the_split_seed_reaches_a_folder(tmp_path):
    write_classes(tmp_path, {"a": 30, "b": 30})
    tests = [load_dataset(str(tmp_path), None, seed).splits["test"].paths for seed in (1, 1, 2)]
    assert tests[0] == tests[1] != tests[2]


@pytest.mark.parametrize("name", ["carz", "./photos", "/data/photos", "my photos"])
def test_what_is_neither_a_name_nor_a_folder_is_reported_in_one_line(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FgmixError) as caught:
        load_dataset(name)
    message = str(caught.value)
    assert repr(name) in message
    assert "cars" in message
    assert "folder" in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["demo", "cars", "aircraft/family", "stanford_dogs"])
def test_a_name_that_is_also_a_folder_is_refused_with_the_way_to_say_either(
    tmp_path, monkeypatch, name
):
    monkeypatch.chdir(tmp_path)
    write_classes(tmp_path / name, {"collie": 5, "corgi": 5})
    with pytest.raises(FgmixError) as caught:
        require_known(name)
    message = str(caught.value)
    assert "\n" not in message
    assert f"give ./{name} for the folder, or add --data-dir " in message
    for path in (f"./{name}", f"{name}/", str(tmp_path / name)):
        require_known(path)
        assert is_folder(path)
        assert load_dataset(path).class_names == ("collie", "corgi")
    require_known(name, str(tmp_path / "elsewhere"))
    assert not is_folder(name, str(tmp_path / "elsewhere"))


def test_a_folder_with_a_name_of_nothing_else_is_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_classes(tmp_path / "photos", {"a": 5, "b": 5})
    # Its parts have the names of files of TFDS, and Cars-196 is not loaded by that name.
    for name in ("photos", "utils", "stanford_cars"):
        (tmp_path / name).mkdir(exist_ok=True)
        require_known(name)
        assert is_folder(name)
        assert is_folder(name, "elsewhere")


def test_a_named_data_set_is_looked_for_where_it_is_told_to_be(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_classes(tmp_path / "cars", {"van": 5, "coupe": 5})
    with pytest.raises(FgmixError, match="no Cars-196"):
        load_dataset("cars", str(tmp_path / "nowhere"))


@pytest.mark.parametrize("level", ["variant", "family", "manufacturer"])
def test_the_levels_of_aircraft_share_a_folder(tmp_path, monkeypatch, level):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    write_aircraft(tmp_path / "aircraft" / "fgvc-aircraft-2013b" / "data")
    data = load_dataset("aircraft" if level == "variant" else f"aircraft/{level}")
    assert len(data.class_names) == {"variant": 4, "family": 4, "manufacturer": 3}[level]
    assert data.crop_bottom == 20


def test_a_name_is_looked_for_in_the_given_folder(tmp_path):
    with pytest.raises(FgmixError) as caught:
        load_dataset("cars", str(tmp_path))
    assert str(tmp_path) in str(caught.value)


def test_a_named_data_set_lies_in_the_tfds_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert default_data_dir("cars") == tmp_path / "cars"
    with pytest.raises(FgmixError) as caught:
        load_dataset("cars")
    assert str(tmp_path / "cars") in str(caught.value)


def test_without_a_setting_the_tfds_folder_is_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_data_dir("cars") == tmp_path / "tensorflow_datasets" / "cars"


def test_the_demo_is_drawn_where_it_is_asked_for(tmp_path, small_demo):
    data = load_dataset("demo", str(tmp_path / "new" / "folder"))
    assert data.name == "demo"
    assert len(data.class_names) == 8
    assert data.root.parent == tmp_path / "new" / "folder"
    assert len(data.splits["train"]) == 16
    assert len(data.splits["test"]) == 8
    assert [folder.name for folder in data.root.parent.iterdir()] == [data.root.name]


def test_the_demo_is_drawn_below_the_tfds_folder_by_default(tmp_path, small_demo, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    data = load_dataset("demo")
    assert data.root.is_relative_to(tmp_path)
    assert len(data.class_names) == 8


def test_a_drawn_demo_is_not_drawn_again(tmp_path, small_demo):
    first = load_dataset("demo", str(tmp_path))
    photo = first.root / first.splits["train"].paths[0]
    before = photo.stat().st_mtime_ns
    assert load_dataset("demo", str(tmp_path)).fingerprint() == first.fingerprint()
    assert photo.stat().st_mtime_ns == before
