"""Settings read from a file: a run's record, or a file by a user."""

import json
from dataclasses import replace

import pytest

from fgmix.config.recipes import RECIPES
from fgmix.config.train_config import TrainConfig
from fgmix.errors import FgmixError
from fgmix.runs.record import comparable_fingerprints, read_config
from tests.old_records import as_written_by_0_1


@pytest.fixture
def record(tmp_path):
    """Returns the file of a record with many non-default settings."""
    own = RECIPES["frozen"].replace(dropout=0.25, ema=0.9)
    config = TrainConfig(
        dataset="cars", recipe=own, seed=4, shots=5, finetune_epochs=3, run_dir="elsewhere/x"
    ).resolve()
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"config": config.record(), "data": {}, "versions": {}}))
    return path, config


def test_a_record_gives_the_config_that_it_was_written_from(record):
    path, config = record
    again = read_config(path, {"run_dir": config.run_dir}).resolve()
    assert again == config


def test_the_folder_of_the_run_is_named_anew(record):
    path, config = record
    again = read_config(path, {}).resolve()
    assert again.run_dir.startswith("saved_models/cars-vgg16-mixed-shots_5-recipe_frozen")
    assert replace(again, run_dir=config.run_dir) == config


def test_a_flag_beside_the_file_wins(record):
    path, config = record
    again = read_config(path, {"seed": 9, "ema": 0.0, "attention": "none"}).resolve()
    assert (again.seed, again.ema, again.attention) == (9, 0.0, "none")
    assert (again.dropout, again.shots) == (config.dropout, config.shots)


def test_another_recipe_beside_the_file_brings_its_own_settings(record):
    path, _ = record
    again = read_config(path, {"recipe": "strong", "finetune_epochs": 0}).resolve()
    strong = RECIPES["strong"]
    assert (again.views, again.dropout, again.ema) == (0, strong.dropout, strong.ema)
    assert (again.epochs, again.shots, again.seed) == (strong.epochs, 5, 4)


def test_a_record_of_0_1_gives_the_same_config(record):
    path, config = record
    old = as_written_by_0_1(json.loads(path.read_text()))
    path.write_text(json.dumps(old))
    assert read_config(path, {"run_dir": config.run_dir}).resolve() == config


def test_a_file_of_ones_own_needs_only_what_differs(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"dataset": "cars", "recipe": "strong", "ema": 0.99}))
    assert read_config(path, {}) == TrainConfig(dataset="cars", recipe="strong", ema=0.99)
    assert read_config(path, {"ema": 0.5}).ema == 0.5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "can't be read: No such file"),
        ("", "it is not JSON"),
        ("[]", "it has no settings by name"),
        ("{}", "it has no settings by name"),
        ('{"dataset": "cars", "epoch": 3}', "has an unknown setting epoch: did you mean epochs?"),
        ('{"config": {"dataset": "cars", "later": 1}}', "has an unknown setting later"),
    ],
)
def test_a_file_without_settings_is_one_line(tmp_path, content, message):
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(FgmixError) as caught:
        read_config(path, {})
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_fingerprints_are_compared_by_content_or_else_by_size():
    new = [{"fingerprint": f"content:{n}", "fingerprint_of_sizes": "same"} for n in "ab"]
    assert comparable_fingerprints(new) == ["content:a", "content:b"]
    # A run of version 0.1 among them knows no contents.
    old = [{"fingerprint": "same"}, {"fingerprint": "other"}]
    assert comparable_fingerprints([*new, *old]) == ["same", "same", "same", "other"]
    assert comparable_fingerprints([]) == []
