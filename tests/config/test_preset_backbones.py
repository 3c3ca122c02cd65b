"""Settings of runs whose backbone is a KerasHub preset; needs no KerasHub."""

from pathlib import Path

import pytest

from fgmix.config.identity import group_settings
from fgmix.config.train_config import TrainConfig
from fgmix.errors import FgmixError


def resolved(backbone, **settings):
    return TrainConfig(dataset="cars", backbone=backbone, **settings).resolve()


def test_the_path_of_a_folder_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert resolved("hub:./mine").backbone == f"hub:{Path.cwd() / 'mine'}"
    assert resolved("hub:presets/mine").backbone == f"hub:{Path.cwd() / 'presets/mine'}"


@pytest.mark.parametrize("name", ["hub:dinov2_small", "hub:hf://google/vit-base", "dinov2_small"])
def test_a_name_or_address_stays(name):
    assert resolved(name).backbone == name


@pytest.mark.parametrize(
    ("backbone", "run"),
    [
        ("dinov2_small", "cars-dinov2_small-mixed-seed0"),
        ("hub:/data/presets/lite0", "cars-hub_lite0-mixed-seed0"),
        ("hub:hf://google/vit-base", "cars-hub_google_vit_base-mixed-seed0"),
    ],
)
def test_a_run_has_a_name_that_is_one_folder(backbone, run):
    name = Path(resolved(backbone, recipe="strong").run_dir)
    assert name == Path("saved_models") / run


@pytest.mark.parametrize("backbone", ["hub:", "hub", "Hub:dinov2_small", "dinov2_smal"])
def test_other_names_are_refused_with_the_choices(backbone):
    with pytest.raises(FgmixError, match=f"--backbone {backbone}: choose one of vgg16, "):
        resolved(backbone)


def group(backbone, sha256, **settings):
    record = {"data": {"name": "cars"}, "preset": {"sha256": sha256}}
    return group_settings(resolved(backbone, **settings), record)


def test_runs_on_copies_of_one_preset_are_one_group():
    first = group("hub:/here/lite0", "a" * 64)
    assert first["backbone"] == "hub:lite0"
    assert first["weights"] == "preset aaaaaaaaaaaa"
    assert first == group("hub:/there/lite0", "a" * 64)
    assert first != group("hub:/there/lite0", "b" * 64)


def test_runs_without_the_presets_weights_are_told_apart_by_its_name():
    assert group("hub:/here/a", None, weights="none") != group("hub:/here/b", None, weights="none")
