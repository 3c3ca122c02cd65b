"""A run's folder: its files at the start, and when it may be written."""

import json

import pytest

import fgmix
from fgmix.config.train_config import TrainConfig
from fgmix.data.resized_cache.store import FORMAT
from fgmix.errors import FgmixError
from fgmix.runs.folder import prepare_run, refuse_existing
from tests.runs.begun import config, one_line

BEGUN = ["config.json", "labels.txt", "splits.csv"]
"""The files of a run before its first epoch."""


def test_a_new_run_records_what_it_is(run_dir, dataset):
    record = json.loads((run_dir / "config.json").read_text(encoding="utf-8"))
    assert TrainConfig(**record["config"]) == config(run_dir)
    assert record["config"]["optimizer"] == "sgd"
    assert record["precision"] == "float32"
    assert record["data"] == {
        "name": "photos",
        "root": str(dataset.root),
        "num_classes": 2,
        "num_images": {"train": 2, "test": 2},
        "crop_bottom": 20,
        "skipped": [],
        "fingerprint": dataset.fingerprint(),
        "fingerprint_of_sizes": dataset.fingerprint_of_sizes(),
        "prepared": {"photos": 0, "format": FORMAT},
    }
    assert record["versions"]["fgmix"] == fgmix.__version__
    assert {"python", "keras", "tensorflow", "numpy"} <= set(record["versions"])
    assert (run_dir / "labels.txt").read_text(encoding="utf-8") == "Škoda\nAlfa, 8C\n"
    assert (run_dir / "splits.csv").read_text(encoding="utf-8") == (
        "path,label,split\n"
        "a.jpg,Škoda,train\n"
        'b.jpg,"Alfa, 8C",train\n'
        "a.jpg,Škoda,test\n"
        'b.jpg,"Alfa, 8C",test\n'
    )
    assert sorted(p.name for p in run_dir.iterdir()) == BEGUN


def test_a_free_place_may_be_used(tmp_path):
    refuse_existing(config(tmp_path / "new"))
    refuse_existing(config(tmp_path / "new", overwrite=True))
    (tmp_path / "empty").mkdir()
    refuse_existing(config(tmp_path / "empty"))


def test_a_run_that_is_there_is_kept_unless_told(run_dir):
    with pytest.raises(FgmixError, match=r"--overwrite.*--resume.*--run-dir") as caught:
        refuse_existing(config(run_dir))
    assert str(run_dir) in one_line(caught)
    refuse_existing(config(run_dir, overwrite=True))
    refuse_existing(config(run_dir, resume=True))


def test_there_must_be_something_to_resume(tmp_path):
    (tmp_path / "empty").mkdir()
    for directory in (tmp_path / "missing", tmp_path / "empty"):
        with pytest.raises(FgmixError, match="nothing to resume") as caught:
            refuse_existing(config(directory, resume=True))
        assert str(directory) in one_line(caught)


def test_a_finished_run_has_nothing_to_resume(run_dir):
    (run_dir / "metrics.json").write_text("{}")
    with pytest.raises(FgmixError, match="finished"):
        refuse_existing(config(run_dir, resume=True))
    refuse_existing(config(run_dir, overwrite=True))


def test_overwrite_and_resume_exclude_each_other(run_dir):
    # Together they would delete the checkpoint to resume from.
    with pytest.raises(FgmixError, match=r"--overwrite.*--resume|--resume.*--overwrite"):
        refuse_existing(config(run_dir, overwrite=True, resume=True))


@pytest.mark.parametrize("flags", [{}, {"overwrite": True}, {"resume": True}])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("thesis.txt", "years of work"),
        ("config.json", '{"model_type": "vit"}'),  # other tools use this name too
        ("config.json", "[1, 2]"),
    ],
)
def test_what_is_not_a_run_is_never_overwritten(tmp_path, name, content, flags):
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / name).write_text(content)
    with pytest.raises(FgmixError, match="not a run"):
        refuse_existing(config(tmp_path / "foreign", **flags))


@pytest.mark.parametrize("flags", [{}, {"overwrite": True}, {"resume": True}])
def test_a_file_is_not_a_run(tmp_path, flags):
    (tmp_path / "file").write_text("x")
    with pytest.raises(FgmixError, match="not a run"):
        refuse_existing(config(tmp_path / "file", **flags))


def test_overwriting_leaves_nothing_of_the_old_run(run_dir, dataset):
    (run_dir / "1").mkdir()
    (run_dir / "1" / "saved_model.pb").write_text("old")
    (run_dir / "metrics.json").write_text("old")
    prepare_run(config(run_dir, overwrite=True, seed=5), dataset, "float32")
    assert sorted(p.name for p in run_dir.iterdir()) == BEGUN
    assert json.loads((run_dir / "config.json").read_text())["config"]["seed"] == 5


def test_resuming_keeps_what_is_there(run_dir, dataset):
    (run_dir / "checkpoint.npz").write_text("old")
    prepare_run(config(run_dir, resume=True), dataset, "float32")
    assert (run_dir / "checkpoint.npz").read_text() == "old"


def test_a_place_where_no_folder_can_be_is_told(tmp_path, dataset):
    (tmp_path / "file").write_text("x")
    with pytest.raises(FgmixError) as caught:
        prepare_run(config(tmp_path / "file" / "run"), dataset, "float32")
    assert str(tmp_path / "file" / "run") in one_line(caught)


def test_a_resumed_run_keeps_its_record(run_dir, dataset):
    before = (run_dir / "config.json").read_text()
    prepare_run(config(run_dir, resume=True), dataset, "float32")
    assert (run_dir / "config.json").read_text() == before


def test_leavings_of_a_killed_write_go_when_a_run_is_resumed(run_dir, dataset):
    (run_dir / ".model.partial-1.keras").write_text("half")
    prepare_run(config(run_dir, resume=True), dataset, "float32")
    assert sorted(p.name for p in run_dir.iterdir()) == BEGUN
