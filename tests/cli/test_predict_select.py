"""`fgmix predict --select`: a table to fill in and a page of the photos."""

import shutil
import sys

import pytest

from fgmix.__main__ import main
from fgmix.cli.main import run
from fgmix.data.sources.registry import load_dataset
from fgmix.files import read_csv
from tests.trained_runs import CLASSES


@pytest.fixture
def unlabelled(photos, tmp_path):
    folder = tmp_path / "unlabelled"
    folder.mkdir()
    for file in sorted((photos / "train").rglob("photo*")):
        shutil.copy(file, folder / f"{file.parent.name}-{file.name}")
    return folder


@pytest.fixture
def call(finished, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def call(*argv):
        argv = ["predict", "--model", str(finished), *map(str, argv)]
        code = run(main, argv, notes=sys.stderr)
        return code, capsys.readouterr().err.strip()

    return call


def test_the_table_trains_once_its_labels_are_there(call, unlabelled, tmp_path, capsys):
    code, _ = call(unlabelled, "--select", "18")
    assert code == 0
    rows = read_csv(tmp_path / "to_label.csv")
    assert list(rows[0]) == ["path", "label", "predicted", "probability"]
    assert len({row["path"] for row in rows}) == 18
    assert {row["predicted"] for row in rows} <= set(CLASSES)
    assert all(1 / 3 <= float(row["probability"]) <= 1 for row in rows)
    lines = [
        line.replace(",,", f",{line.partition('/')[2].partition('-')[0]},", 1)
        for line in (tmp_path / "to_label.csv").read_text().splitlines()
    ]
    (tmp_path / "to_label.csv").write_text("\n".join(lines) + "\n")
    loaded = load_dataset("to_label.csv", columns="split=")
    assert sum(len(split.paths) for split in loaded.splits.values()) == 18


def test_the_page_shows_each_photo_with_what_the_model_takes_it_for(call, unlabelled, tmp_path):
    broken = unlabelled / "broken.jpg"
    broken.write_bytes(b"no photo")
    code, said = call(unlabelled, "--select", "4", "--output", "next.csv")
    assert code == 1
    assert f"{broken}: not a readable image" in said
    page = (tmp_path / "next.html").read_text()
    assert page.count('<img src="data:image/jpeg;base64,') == 4
    assert "4 of 24 photos" in page
    assert "next.csv" in page
    assert all(row["path"].startswith("unlabelled/") for row in read_csv(tmp_path / "next.csv"))


def test_nothing_is_overwritten_unasked(call, unlabelled, tmp_path):
    (tmp_path / "to_label.html").write_text("mine")
    assert call(unlabelled, "--select", "2")[0] == 2
    assert (tmp_path / "to_label.html").read_text() == "mine"
    assert call(unlabelled, "--select", "200", "--overwrite")[0] == 0
    assert len(read_csv(tmp_path / "to_label.csv")) == 24


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--select", "0"], "--select 0: give at least 1"),
        (["--select", "2", "--output", "a.json"], "--select writes a table, FILE.csv"),
        (["--select", "2", "--output", "a.csv", "--resume"], "--select and --resume exclude"),
        (["--select", "2", "--format", "csv"], "--select and --format exclude each other"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(call, unlabelled, flags, words):
    code, said = call(unlabelled, *flags)
    assert code == 2
    assert words in said


def test_ctrl_c_names_no_command_that_would_be_refused(call, unlabelled, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("fgmix.workflows.select.select_to_label", interrupt)
    assert call(unlabelled, "--select", "2") == (130, "stopped; nothing was written")
    assert not (tmp_path / "to_label.csv").exists()


def test_files_without_a_photo_are_an_error(call, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no photo")
    code, said = call("a.jpg", "--select", "2")
    assert code == 2
    assert "no photo to choose from" in said
    assert not (tmp_path / "to_label.csv").exists()
