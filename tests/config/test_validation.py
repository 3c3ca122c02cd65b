"""What is refused before TensorFlow is imported and before an image is read."""

import re

import pytest

from fgmix.cli import train
from fgmix.cli.main import run
from fgmix.config.train_config import TrainConfig
from fgmix.config.validation import LONGEST_NAME, check_before_training
from fgmix.errors import FgmixError
from tests.pictures import write_classes


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """The line with which `train.py` refuses flags, without TensorFlow and without images."""

    def forbidden(*args, **kwargs):
        raise AssertionError("went on")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train, "import_tensorflow", forbidden)
    monkeypatch.setattr("fgmix.data.sources.folder.survey_folder", forbidden)
    write_classes(tmp_path / "photos", {"a": 5, "b": 5})
    for name in ("file.txt", "file.h5", "file.safetensors"):
        (tmp_path / name).write_bytes(b"")

    def call(*argv):
        assert run(train.main, list(argv)) == 2
        [line] = capsys.readouterr().err.splitlines()
        return line

    return call


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--weights mistyped.h5", "no weights file '.*mistyped.h5'"),
        ("--weights file.txt", "file.txt: weights files end in .weights.h5 or .h5"),
        ("--weights file.safetensors", "tiny reads no .safetensors files: give it a file in .h5"),
        ("--weights .", "no weights file"),
        ("--weights imagenet", "tiny has no ImageNet weights: use --weights none"),
        ("--weights none --image-size 15", "image size 15 is too small for tiny: use .* 16 or"),
        ("--weights none --backbone vgg16 --image-size 31", "31 is too small for vgg16"),
        ("--weights none --pooling max", "--pooling max: choose one of"),
        ("--weights none --batch-size 1", "--batch-size 1: must be at least 2"),
        ("--weights none --run-dir file.txt", "file.txt exists and is not a run"),
        ("--weights none --resume", "nothing to resume"),
        (f"--weights none --run-dir saved/{'x' * 231}", "name is too long .231 bytes, at most 230"),
    ],
)
def test_arguments_are_checked_before_anything_is_read(refused, flags, said):
    backbone = [] if "--backbone" in flags else ["--backbone", "tiny"]
    message = refused("--dataset", "photos", *backbone, *flags.split())
    assert re.search(said, message), message


def test_a_data_set_is_looked_for_before_anything_is_read(refused, tmp_path):
    assert "no data set 'phtos/'" in refused("--dataset", "phtos/")
    (tmp_path / "demo").mkdir()
    assert "give ./demo for the folder" in refused("--dataset", "demo")


def test_a_weights_file_may_be_gone_when_a_run_is_read(tmp_path):
    config = TrainConfig(dataset="demo", weights=str(tmp_path / "gone.h5")).resolve()
    with pytest.raises(FgmixError, match="no weights file"):
        check_before_training(config)


def test_the_name_of_a_run_counts_in_bytes(tmp_path):
    photos = write_classes(tmp_path / ("鳥" * 80), {"a": 1, "b": 1})
    config = TrainConfig(dataset=str(photos), weights="none").resolve()
    with pytest.raises(FgmixError, match=f"at most {LONGEST_NAME}.*give a shorter --run-dir"):
        check_before_training(config)
    named = TrainConfig(dataset=str(photos), weights="none", run_dir=str(tmp_path / "run"))
    check_before_training(named.resolve())
