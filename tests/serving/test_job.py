"""A resumed file of predictions is byte-identical to an uninterrupted one, or is refused."""

import json
import shutil

import pytest

from fgmix.errors import FgmixError
from fgmix.runs.run import Run
from fgmix.serving.answers import describe, describe_failure
from fgmix.serving.job import begin, describe_job, go_on, refuse_existing
from fgmix.serving.lines import LINE_FORMATS

NAMES = ["a.jpg", "b, c.jpg", "d\ne.jpg", "f.jpg"]


def answer(name):
    return (
        describe(name, ["x, y", "z"], [0.75, 0.25]) if "f" not in name else describe_failure(name)
    )


@pytest.fixture(params=LINE_FORMATS)
def lines(request):
    return LINE_FORMATS[request.param](2)


@pytest.fixture
def job(finished, lines):
    return describe_job(Run.open(finished), "csv" if lines.head else "json")


@pytest.fixture
def file(tmp_path, job, lines):
    path = tmp_path / "out"
    begin(path, job, lines)
    with path.open("ab") as sink:
        sink.writelines(lines.encode(answer(name)) for name in NAMES)
    return path


def test_wherever_it_was_cut_whole_lines_stay_and_the_rest_is_to_do(file, job, lines):
    whole = file.read_bytes()
    starts = [len(lines.head)]
    for name in NAMES:
        starts.append(starts[-1] + len(lines.encode(answer(name))))
    for cut in range(0, len(whole) + 1, 3):
        file.write_bytes(whole[:cut])
        paths = iter([None, *NAMES[:2], None, *NAMES[2:]])
        done = go_on(file, job, lines, paths)
        kept = [start for start in starts if start <= max(cut, starts[0])][-1]
        assert file.read_bytes() == whole[:kept]
        assert done.images == starts.index(kept)
        assert done.failed == (done.images == 4)
        assert [path for path in paths if path] == NAMES[done.images :]


def test_there_need_be_no_file_yet(tmp_path, job, lines):
    assert go_on(tmp_path / "new", job, lines, iter(NAMES)) == (0, 0)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a.jpg", "other.jpg"], "photo 2 is 'other.jpg' now, and was 'b, c.jpg'"),
        (["a.jpg"], "there are 1 photos now"),
    ],
)
def test_other_photos_are_refused(file, job, lines, names, said):
    before = file.read_bytes()
    with pytest.raises(FgmixError, match=said):
        go_on(file, job, lines, iter(names))
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fingerprint": "0"}, "another model"),
        ({"format": "xml"}, "it was made with --format xml"),
        ({"versions": {"tensorflow": "1.0"}}, "it was made with tensorflow 1.0"),
        ({"versions": 7}, "out.job.json, which records what made it, is missing or damaged"),
    ],
)
def test_another_making_is_refused(file, job, lines, change, said):
    record = file.with_name("out.job.json")
    record.write_text(json.dumps(json.loads(record.read_text()) | change))
    before = file.read_bytes()
    with pytest.raises(FgmixError, match=said):
        go_on(file, job, lines, iter(NAMES))
    record.unlink()
    with pytest.raises(FgmixError, match=r"out\.job\.json, which records what made it, is missing"):
        go_on(file, job, lines, iter(NAMES))
    assert file.read_bytes() == before


def test_where_the_run_lies_is_of_no_matter(file, job, lines):
    assert go_on(file, job | {"model": "/elsewhere"}, lines, iter(NAMES)).images == len(NAMES)


def test_what_is_no_file_of_ours_is_refused(file, job, lines):
    file.write_bytes(lines.head + b"something else\n")
    with pytest.raises(FgmixError, match="line 1 is damaged"):
        go_on(file, job, lines, iter(NAMES))
    assert file.read_bytes() == lines.head + b"something else\n"


def test_the_model_is_known_by_its_content(finished, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    first, second = (describe_job(Run.open(run), "json") for run in (finished, copy))
    assert first["fingerprint"] == second["fingerprint"]
    (copy / "labels.txt").write_text("blue\ngreen\nRED\n")
    assert describe_job(Run.open(copy), "json")["fingerprint"] != first["fingerprint"]
    with (copy / "model.keras").open("ab") as file:
        file.write(b" ")
    assert describe_job(Run.open(copy), "json")["fingerprint"] != first["fingerprint"]


def test_nothing_is_overwritten_unasked(file, tmp_path):
    with pytest.raises(FgmixError, match="add --resume to continue it, --overwrite to replace"):
        refuse_existing(file)
    refuse_existing(tmp_path / "other")
