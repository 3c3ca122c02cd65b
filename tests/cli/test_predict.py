"""`fgmix predict` as a batch job: lists, files, interrupts."""

import csv
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fgmix.__main__ import main
from fgmix.cli.main import run
from fgmix.console import printable
from fgmix.errors import FgmixError
from fgmix.runs.run import Run
from fgmix.serving import predict as predictions
from tests.trained_runs import CLASSES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def call(finished, capsys):
    def call(*argv):
        argv = ["predict", "--model", str(finished), *map(str, argv)]
        code = run(main, argv, notes=sys.stderr)
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def files(photos):
    return sorted((photos / "train").rglob("photo*"))


def start(finished, *argv):
    """Starts the command in a process that takes a list on standard input."""
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "import runpy; runpy.run_module('fgmix', run_name='__main__')"
    return subprocess.Popen(
        [sys.executable, "-c", code, "predict", "--model", finished, *argv, "-"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    )


@pytest.mark.slow
def test_answers_come_while_the_list_is_still_being_written(finished, files):
    with start(finished) as process:
        for path in files[:2]:
            print(path, file=process.stdin)
        answers = [json.loads(process.stdout.readline()) for _ in range(2)]
        print("gone.jpg", file=process.stdin)
        answers.append(json.loads(process.stdout.readline()))
        assert [answer["path"] for answer in answers] == [*map(str, files[:2]), "gone.jpg"]
        assert answers[2]["error"] == "No such file or directory"
        process.send_signal(signal.SIGINT)
        assert process.wait(300) == 130
        assert process.stderr.read() == "stopped; add --output FILE to make a job resumable\n"


@pytest.mark.slow
def test_a_killed_job_goes_on_to_the_same_bytes(finished, files, call, tmp_path):
    whole, out = tmp_path / "whole.csv", tmp_path / "out.csv"
    (tmp_path / "list, with a comma.jpg").write_text("no photo")
    inputs = [*files[:5], tmp_path / "list, with a comma.jpg", *files[5:]]
    assert call(*inputs, "--output", whole, "--format", "csv")[0] == 1
    with start(finished, "--output", out, "--format", "csv") as process:
        for path in inputs[:7]:
            print(path, file=process.stdin)
        deadline = time.monotonic() + 300
        while not out.exists() or out.read_bytes().count(b"\n") < 8:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.kill()
    assert out.read_bytes() == b"".join(whole.read_bytes().splitlines(keepends=True)[:8])
    with out.open("ab") as file:
        file.write(b'"/torn, in the mid')

    code, printed, _ = call(*inputs, "--output", out, "--format", "csv", "--resume")
    assert (code, printed) == (1, "")
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(("out", "."))) == [
        "out.csv",
        "out.csv.job.json",
    ]
    # A finished file stays unchanged, and the exit code still reports its failed file.
    assert call(*inputs, "--output", out, "--format", "csv", "--resume")[0] == 1
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(files, call, tmp_path, monkeypatch, finished):
    whole, out = tmp_path / "whole.jsonl", tmp_path / "my out.jsonl"
    assert call(*files, "--output", whole)[0] == 0

    def interrupted(*args, **kwargs):
        answers = predictions_of(*args, **kwargs)
        yield from (next(answers) for _ in range(19))
        raise KeyboardInterrupt

    predictions_of = predictions.predict_files
    out.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(predictions, "predict_files", interrupted)
        code, _, err = call(*files, "--output", out, "--overwrite")
    assert code == 130
    assert out.read_bytes() == b"".join(whole.read_bytes().splitlines(keepends=True)[:19])
    said, command = err.splitlines()[-1].split("continue with: ")
    assert said == "stopped; "
    words = shlex.split(command)
    assert words[:2] == ["fgmix", "predict"]
    assert "--overwrite" not in words
    assert run(main, words[1:]) == 0
    assert out.read_bytes() == whole.read_bytes()


def test_csv_quotes_what_needs_it(call, photos, tmp_path, finished):
    code, printed, _ = call(photos / "test" / "red", "--format", "csv")
    assert code == 0
    rows = list(csv.DictReader(printed.splitlines()))
    assert [row["path"] for row in rows] == [
        str(p) for p in sorted((photos / "test" / "red").iterdir())
    ]
    for row in rows:
        assert {row["label"], row["label_2"], row["label_3"]} == set(CLASSES)
        assert float(row["probability"]) >= float(row["probability_2"])


@pytest.mark.parametrize("line_format", ["csv", "json"])
def test_a_terminal_shows_names_escaped(call, photos, tmp_path, monkeypatch, line_format):
    name = "a\x1b[31mb\x7f.jpg"
    shutil.copy(photos / "test" / "red" / "photo1.jpg", tmp_path / name)
    piped = call(tmp_path, "--format", line_format)[1]
    assert ("\x1b" in piped) == (line_format == "csv")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    shown = call(tmp_path, "--format", line_format)[1]
    assert shown == printable(piped)
    assert "a\\u001b[31mb\\u007f.jpg" in shown


def test_a_quoted_pattern_is_expanded(call, photos):
    code, printed, _ = call(photos / "test" / "*" / "photo1.jpg")
    assert code == 0
    assert [Path(json.loads(line)["path"]).parent.name for line in printed.splitlines()] == [
        *CLASSES
    ]


@pytest.mark.slow
def test_the_bar_is_drawn_where_it_is_asked_for(call, photos):
    red = photos / "test" / "red"
    assert call(red)[2] == ""
    assert "4/4" in call(red, "--progress")[2]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--resume"], "give --output FILE"),
        (["--overwrite"], "give --output FILE"),
        (["--output", "o", "--resume", "--overwrite"], "not allowed with"),
        (["--output", "missing/o"], "there is no folder 'missing'"),
        (["--output", "."], "is a folder: give a file's name"),
        (["--output", __file__], "add --resume to continue it, --overwrite to replace it"),
        (["--output", __file__, "--resume"], "which records what made it, is missing"),
        (["--format", "xml"], "invalid choice: 'xml'"),
    ],
)
def test_bad_flags_are_one_line(call, photos, flags, said):
    before = Path(__file__).read_bytes()
    code, printed, err = call(photos / "test", *flags)
    assert (code, printed) == (2, "")
    [line] = err.splitlines()
    assert said in line
    assert Path(__file__).read_bytes() == before


def test_an_old_file_outlives_a_model_that_can_not_be_loaded(call, photos, tmp_path, monkeypatch):
    out = tmp_path / "out.jsonl"
    out.write_text("old")

    def refuse(run):
        raise FgmixError("damaged")

    monkeypatch.setattr(Run, "load_model", refuse)
    assert call(photos / "test", "--output", out, "--overwrite")[0] == 2
    assert out.read_text() == "old"
