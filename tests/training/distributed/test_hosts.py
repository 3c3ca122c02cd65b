"""Several processes train one run: equal weights, and a clear error if one of them is lost."""

import json
import os
import signal
import socket
from dataclasses import replace
from pathlib import Path

import keras
import pytest

from fgmix.errors import FgmixError
from fgmix.training.distributed import hosts
from fgmix.training.distributed.hosts import joined, peer_lost, split_address
from tests.apart import finish, free_port, largest_difference, start
from tests.trained_runs import small_config

# `mixed` has all layers of the other attentions.
SETTINGS = {"attention": "mixed", "epochs": 2, "batch_size": 8, "checkpoint_every": 1}
SETTINGS |= {"backbone_lr": 1e-3, "head_lr": 1e-2, "val_fraction": 0.2}


def pair(config, port, **changes):
    """Returns the config of a run for each of two processes."""
    together = replace(config, coordinator=f"127.0.0.1:{port}", processes=2)
    return [replace(together, process=process, **changes) for process in (0, 1)]


@pytest.mark.parametrize("address", ["host", "host:", ":80", "host:0", "host:70000", "host:http"])
def test_an_address_of_another_form_is_refused(address):
    with pytest.raises(FgmixError, match=r"must be HOST:PORT.* or auto"):
        split_address(address)


def test_addresses():
    assert split_address("10.0.0.1:1234") == ("10.0.0.1", 1234)
    assert split_address("[::1]:1234") == ("::1", 1234)


def test_only_jax_joins_processes(photos, tmp_path):
    config = pair(small_config(photos, tmp_path / "run"), 1)[0]
    with pytest.raises(FgmixError, match="set KERAS_BACKEND=jax"), joined(config):
        pass


def test_nobody_listens(monkeypatch):
    monkeypatch.setattr(hosts, "PATIENCE", 0.0)
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(FgmixError, match=f"{address}: no process listens there .*start process 0"):
        hosts.wait_for_listener(address, *split_address(address))


def test_there_is_no_such_host(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", unknown)
    with pytest.raises(FgmixError, match=r"there is no host nowhere\.invalid"):
        hosts.wait_for_listener("nowhere.invalid:1", "nowhere.invalid", 1)


def test_the_port_is_taken():
    with socket.socket(socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET) as other:
        other.bind(("", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(FgmixError, match=r"process 0 can't listen there .* another port"):
            hosts.refuse_taken_port(f"127.0.0.1:{port}", port)


def test_only_a_run_of_several_processes_loses_one():
    error = RuntimeError("Gloo all-reduce failed: Connection closed by peer [127.0.0.1]:1234")
    assert peer_lost(error, several=True)
    assert not peer_lost(error, several=False)
    assert not peer_lost(RuntimeError("out of memory"), several=True)


@pytest.fixture(scope="module")
def two(photos, tmp_path_factory):
    """Returns an uninterrupted run of two processes, and their output."""
    config = small_config(photos, tmp_path_factory.mktemp("hosts") / "two", **SETTINGS)
    said = finish(
        *(start(part, "jax", exported=True, fresh=True) for part in pair(config, free_port()))
    )
    return config, said


@pytest.mark.slow
def test_two_processes_train_what_one_does(two, tmp_path):
    config, said = two
    alone = replace(config, run_dir=str(tmp_path / "one"))
    finish(start(alone, "jax"))
    assert largest_difference(tmp_path / "one", Path(config.run_dir)) <= 1e-5
    metrics = json.loads((tmp_path / "one" / "metrics.json").read_text())
    of_two = json.loads((Path(config.run_dir) / "metrics.json").read_text())
    assert of_two["num_examples"] == metrics["num_examples"] == 12
    assert of_two["loss"] == pytest.approx(metrics["loss"], abs=1e-4)
    # Only the leader writes the run and logs.
    assert "Epoch 2/2" in said[0]
    assert "Epoch" not in said[1]


@pytest.mark.slow
def test_a_run_of_jax_is_served_by_tensorflow(two):
    import tensorflow as tf

    config, _ = two
    served = tf.saved_model.load(f"{config.run_dir}/1")
    assert set(served.signatures) == {"serving_default", "serving_tensor", "explain"}
    photo = next(p for p in sorted(Path(config.dataset).rglob("*.jpg")))
    answer = served.signatures["serving_default"](image_bytes=tf.constant([photo.read_bytes()]))
    assert answer["valid"].numpy().tolist() == [True]
    assert answer["probabilities"].numpy().sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.slow
def test_one_is_lost_and_the_run_goes_on_exactly(two, tmp_path):
    config, _ = two
    killed = replace(config, run_dir=str(tmp_path / "killed"))
    leader, other = pair(killed, free_port())
    processes = [start(leader, "jax"), start(other, "jax", kill_at="step@4")]  # in the 2nd epoch
    _, error = processes[0].communicate(timeout=180)
    processes[1].communicate(timeout=10)
    assert processes[1].returncode == -signal.SIGKILL
    assert processes[0].returncode == 2
    assert "another process of this run has stopped" in error.splitlines()[-1]
    assert not (tmp_path / "killed" / "metrics.json").exists()
    finish(*(start(part, "jax") for part in pair(killed, free_port(), resume=True)))
    assert largest_difference(tmp_path / "killed", Path(config.run_dir)) == 0


@pytest.mark.slow
def test_processes_that_slurm_starts_and_that_differ_are_refused(photos, tmp_path):
    config = small_config(photos, tmp_path / "run", coordinator="auto", **SETTINGS)
    # The environment of srun's tasks. JAX chooses a port from 61440 on by the job's number.
    task = {"SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": "2", "SLURM_LOCALID": "0"}
    task |= {"SLURM_JOB_ID": str(os.getpid()), "SLURM_STEP_NUM_NODES": "1"}
    processes = [
        start(replace(config, seed=number), "jax", SLURM_PROCID=str(number), **task)
        for number in (0, 1)
    ]
    for process in processes:
        _, error = process.communicate(timeout=180)
        assert process.returncode == 2
        assert "--seed of process 1 is 1, of process 0 0" in error.splitlines()[-1]
    assert not (tmp_path / "run").exists()


def test_nothing_has_scheduled_this_process(monkeypatch):
    def initialize():
        raise ValueError("coordinator_address should be defined.")

    monkeypatch.setattr(keras.distribution, "initialize", initialize)
    with pytest.raises(FgmixError, match="by neither Slurm nor Open MPI"):
        hosts.join_as_scheduled()
