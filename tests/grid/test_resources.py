"""How a host is divided among cells: GPUs, cores, memory."""

import os
import re
from pathlib import Path

import pytest

from fgmix.config.train_config import TrainConfig
from fgmix.errors import FgmixError
from fgmix.grid import resources
from fgmix.grid.resources import free_memory, memory_needed, refuse_too_many, slots, visible_gpus

MEMORY = (Path(__file__).parents[2] / "docs/explanation/memory.md").read_text(encoding="utf-8")


@pytest.fixture
def eight_cores(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


def test_one_cell_has_the_whole_host(eight_cores):
    [slot] = slots(1)
    assert (dict(slot.environment), slot.cores) == ({}, ())


def test_cells_share_the_cores_and_keep_the_threads_that_decide_the_bits(eight_cores):
    shares = slots(3)
    assert sorted(core for slot in shares for core in slot.cores) == list(range(8))
    assert [len(slot.cores) for slot in shares] == [2, 3, 3]
    assert {slot.environment["TF_NUM_INTRAOP_THREADS"] for slot in shares} == {"8"}
    assert len(set(shares)) == 3


def test_threads_that_are_given_are_kept(eight_cores, monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "4")
    assert {slot.environment["TF_NUM_INTRAOP_THREADS"] for slot in slots(2)} == {"4"}


def test_each_cell_has_its_own_gpu(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,GPU-abc,5")
    assert visible_gpus() == ["2", "GPU-abc", "5"]
    named = [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots(2)]
    assert named == ["2", "GPU-abc"]
    with pytest.raises(FgmixError, match=r"--jobs 4: a cell needs its own GPU.* has 3 GPUs"):
        slots(4)


def test_gpus_are_counted_by_nvidias_tool(monkeypatch, tmp_path):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: A (UUID: GPU-1)'\necho 'GPU 1: A (UUID: GPU-2)'\n")
    tool.chmod(0o755)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert visible_gpus() == ["0", "1"]
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert visible_gpus() == []


def test_more_cells_than_cores_are_refused(eight_cores):
    with pytest.raises(FgmixError, match=r"--jobs 9: .* this process has 8 cores"):
        slots(9)


def config(**changes):
    return TrainConfig(dataset="cars", backbone="resnet50", weights="none", **changes).resolve()


def test_the_memory_of_cells_grows_with_batch_and_image_size():
    whole = memory_needed(config(), False)
    assert whole == pytest.approx(6.4)
    half = memory_needed(config(batch_size=16), False)
    assert memory_needed(config(accumulate=2), False) == half < whole
    assert memory_needed(config(image_size=112), False) < half
    assert memory_needed(config(recipe="frozen"), False) == pytest.approx(1.8)
    assert memory_needed(config(), True) < whole


def test_more_cells_than_the_memory_holds_are_refused_before_the_first(eight_cores, monkeypatch):
    monkeypatch.setattr(resources, "free_memory", lambda: 20.0)
    cells = [config(seed=seed) for seed in range(6)]
    refuse_too_many(3, cells)
    with pytest.raises(FgmixError, match=r"--jobs 4: 4 cells .* about 26 GiB .* give --jobs 3"):
        refuse_too_many(4, cells)
    refuse_too_many(4, cells[:2])
    monkeypatch.setattr(resources, "free_memory", lambda: None)
    refuse_too_many(4, cells)


def test_free_memory_is_that_of_this_host():
    assert free_memory() is None or 0 < free_memory() < 1 << 20


def test_the_memory_of_a_backbone_is_that_of_the_docs():
    rows = re.findall(r"^\| `(\w+)` \| ([\d.]+) (?:\|[^|]+){2}\| ([\d.]+) \| \d+ \|$", MEMORY, re.M)
    documented = {name: (float(built), float(most)) for name, built, most in rows}
    assert len(documented) > 5
    assert documented == resources.MEASURED
