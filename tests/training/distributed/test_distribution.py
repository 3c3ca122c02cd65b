"""The devices of a run; several devices give the results of one."""

import csv

import pytest

from fgmix.config.train_config import TrainConfig
from fgmix.errors import FgmixError
from fgmix.training.distributed.distribution import ONE_DEVICE, Distribution, choose_devices
from tests.apart import finish, largest_difference, start
from tests.trained_runs import read_history, small_config


def config(**settings):
    return TrainConfig(dataset="demo", **({"batch_size": 32} | settings)).resolve()


@pytest.mark.parametrize(
    ("available", "batch_size", "processes", "count"),
    [(1, 32, 1, 1), (2, 32, 1, 2), (3, 32, 1, 2), (8, 12, 1, 6), (4, 32, 4, 4), (8, 8, 4, 2)],
)
def test_auto_takes_as_many_as_divide_a_batch(available, batch_size, processes, count):
    assert choose_devices(config(batch_size=batch_size), available, processes) == count


def test_auto_takes_one_where_a_step_is_made_in_parts():
    assert choose_devices(config(accumulate=4), 8) == 1


@pytest.mark.parametrize(
    ("settings", "available", "processes", "words"),
    [
        ({"devices": "2"}, 1, 1, "--devices 2: this machine has 1 device"),
        ({"devices": "4"}, 2, 2, "--devices 4: a process has 2 devices"),
        ({"devices": "3"}, 4, 1, "--batch-size 32 can't be divided among 3 devices"),
        ({"batch_size": 30}, 4, 4, "--batch-size 30 can't be divided among 4 processes"),
    ],
)
def test_what_is_not_there_or_does_not_divide_is_refused(settings, available, processes, words):
    with pytest.raises(FgmixError, match=words):
        choose_devices(config(**settings), available, processes)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"devices": "0"}, "--devices 0: must be auto, or a number from 1 on"),
        ({"devices": "all"}, "--devices all: must be auto"),
        ({"devices": "2", "accumulate": 2}, "--accumulate and --devices exclude each other"),
        ({"processes": 2}, "--processes needs --coordinator HOST:PORT"),
        ({"coordinator": "auto", "process": 0}, "--process needs --coordinator HOST:PORT"),
        ({"coordinator": "a:1", "processes": 2}, "also give --processes, .* and --process"),
        ({"coordinator": "a:1", "processes": 2, "process": 2}, "must be at most 1"),
        ({"coordinator": "auto", "recipe": "frozen"}, "--recipe frozen and --coordinator exclude"),
        ({"coordinator": "auto", "accumulate": 2}, "--accumulate and --coordinator exclude"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(settings, words):
    with pytest.raises(FgmixError, match=words):
        config(**settings)


def test_devices_decide_nothing_of_a_run():
    one = TrainConfig(dataset="demo", devices="2").resolve()
    assert one.run_dir == config(batch_size=None).run_dir


def test_alone_there_is_nothing_to_agree_on():
    def refuse():
        raise FgmixError("no")

    assert ONE_DEVICE.leads
    assert not ONE_DEVICE.divided
    assert ONE_DEVICE.gather({"a": 1}) == [{"a": 1}]
    assert ONE_DEVICE.first_signal(None) is None
    assert ONE_DEVICE.first_signal(15) == 15
    assert ONE_DEVICE.together(lambda: 3) == 3
    with pytest.raises(FgmixError, match="no"):
        ONE_DEVICE.together(refuse)


def test_a_refusal_of_one_process_is_a_refusal_of_all(monkeypatch):
    monkeypatch.setattr(Distribution, "gather", lambda self, value: ["", "the disk is full"])
    with pytest.raises(FgmixError, match=r"^process 1: the disk is full$"):
        Distribution(2, 0, 2).together(lambda: 3)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_devices_train_what_one_does(photos, tmp_path, backend):
    settings = {"epochs": 2, "batch_size": 8, "backbone_lr": 1e-3, "head_lr": 1e-2}
    settings |= {"val_fraction": 0.2, "attention": "mixed"}  # it has the others' layers too
    runs = [small_config(photos, tmp_path / name, **settings) for name in ("one", "two")]
    finish(*(start(run, backend, devices) for run, devices in zip(runs, (1, 2), strict=True)))
    one, two = tmp_path / "one", tmp_path / "two"
    assert largest_difference(one, two) <= 1e-5
    # Every image was measured once: 12 test and 6 validation images, in batches of 8.
    answers = []
    for run in (one, two):
        with (run / "predictions.csv").open(newline="") as file:
            answers.append({row["path"]: float(row["probability"]) for row in csv.DictReader(file)})
    assert len(answers[0]) == 12
    assert answers[0] == pytest.approx(answers[1], abs=1e-4)
    for row, other in zip(read_history(one), read_history(two), strict=True):
        for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
            assert float(row[name]) == pytest.approx(float(other[name]), abs=1e-4)
