"""Files appear complete under their final name, or not at all."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fgmix.errors import BusyError, FgmixError
from fgmix.files import (
    alone,
    harmless,
    inside,
    is_empty,
    is_locked,
    provide,
    read_csv,
    remove_partial,
    replacing,
    write_csv,
    write_json,
    write_text,
)

ROOT = Path(__file__).parents[1]


def test_the_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "a.txt"
    with replacing(path) as beside:
        beside.write_text("new")
        assert not path.exists()
        assert beside.parent == tmp_path
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_nothing(tmp_path):
    with pytest.raises(OSError, match="disk full"), replacing(tmp_path / "a.txt") as beside:
        beside.write_text("half")
        raise OSError("disk full")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as beside:
        beside.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_file_is_replaced(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old and longer")
    write_text(path, "new")
    assert path.read_text() == "new"


@pytest.mark.parametrize("name", ["model.keras", "a.b.npz", "picture.png"])
def test_the_suffix_is_kept_for_writers_that_go_by_it(tmp_path, name):
    with replacing(tmp_path / name) as beside:
        assert beside.suffix == (tmp_path / name).suffix
        assert beside.name.startswith(".")  # hidden from a listing of the folder in the meantime
        beside.write_text("x")
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_folder_appears_whole(tmp_path):
    with replacing(tmp_path / "1") as beside:
        (beside / "variables").mkdir(parents=True)
        (beside / "variables" / "data").write_text("x")
        assert not (tmp_path / "1").exists()
    assert (tmp_path / "1" / "variables" / "data").read_text() == "x"
    assert [p.name for p in tmp_path.iterdir()] == ["1"]


def test_a_failed_folder_leaves_nothing(tmp_path):
    with pytest.raises(OSError, match="disk full"), replacing(tmp_path / "1") as beside:
        beside.mkdir()
        (beside / "half").write_text("x")
        raise OSError("disk full")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_never_replaced(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "old").write_text("x")
    with pytest.raises(OSError), replacing(tmp_path / "1") as beside:
        beside.mkdir()
        (beside / "new").write_text("y")
    assert [p.name for p in tmp_path.iterdir()] == ["1"]
    assert [p.name for p in (tmp_path / "1").iterdir()] == ["old"]


def test_json_keeps_letters_and_values(tmp_path):
    value = {"Škoda": [1, 0.5, None, True]}
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == value
    assert "Škoda" in text
    assert text.endswith("}\n")


def test_what_a_killed_write_leaves_is_known_and_removed(tmp_path):
    (tmp_path / ".model.partial-1.keras").write_text("half")
    (tmp_path / ".1.partial-1").mkdir()
    (tmp_path / ".1.partial-1" / "saved_model.pb").write_text("half")
    assert is_empty(tmp_path)
    (tmp_path / "thesis.partial-1").write_text("whole")
    assert not is_empty(tmp_path)
    remove_partial(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.partial-1"]


def test_what_is_provided_is_made_once(tmp_path):
    calls = []

    def write(beside):
        calls.append(beside)
        beside.mkdir()
        (beside / "photo").write_text("x")

    folder = tmp_path / "new" / "data-1.2.3"
    assert provide(folder, write) == folder
    assert provide(folder, write) == folder
    assert len(calls) == 1
    assert calls[0].parent == folder.parent
    assert (folder / "photo").read_text() == "x"
    assert [p.name for p in folder.parent.iterdir() if not p.name.startswith(".")] == [folder.name]


def test_of_several_that_want_the_same_one_makes_it(tmp_path):
    made, barrier = [], threading.Barrier(4)

    def write(beside):
        made.append(beside)
        beside.write_text("x")

    def want():
        barrier.wait()
        provide(tmp_path / "file", write)

    threads = [threading.Thread(target=want) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_what_an_interrupted_process_left_is_cleared_before_it_is_made_again(tmp_path):
    folder = tmp_path / "data-1.2.3"
    left = tmp_path / ".data-1.2.partial-1.3"
    other = tmp_path / ".data-1.3.partial-1.0"
    left.mkdir()
    other.mkdir()
    provide(folder, lambda beside: beside.mkdir())
    assert not left.exists()
    assert other.exists()


def test_a_full_disk_is_one_line(tmp_path):
    def write(beside):
        beside.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(FgmixError, match=r"can't make .*file: .*No space left on device"):
        provide(tmp_path / "file", write)
    assert not [p for p in tmp_path.iterdir() if not p.name.endswith(".lock")]


def test_two_do_not_work_on_the_same_at_once(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\nfrom fgmix.files import alone\n"
        "from fgmix.errors import FgmixError\n"
        "try:\n    with alone(Path(sys.argv[1]), 'busy'):\n        print('in')\n"
        "except FgmixError as error:\n    print(error)\n"
    )

    def other():
        command = [sys.executable, "-c", code, str(tmp_path / "run")]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.strip()

    with alone(tmp_path / "run", "busy"):
        assert other() == "busy"
    assert other() == "in"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_formula_gets_an_apostrophe(start):
    assert harmless(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"


@pytest.mark.parametrize(
    "cell", ["-0.5", "+1", "-1e-05", "-.5", -0.5, 3, None, "", "a=b", "'=1", "Škoda"]
)
def test_numbers_and_names_stay_as_they_are(cell):
    assert harmless(cell) == cell


@pytest.mark.parametrize("cell", ["-0.5+cmd", "-1-1", "-", "+1\n=2", "-inf()", "--1"])
def test_what_only_begins_as_a_number_is_no_number(cell):
    assert harmless(cell) == f"'{cell}"


def test_only_csv_files_for_people_are_changed(tmp_path):
    rows = [{"name": "=1+1", "value": -0.5}]
    for for_people, name in ((True, "'=1+1"), (False, "=1+1")):
        write_csv(tmp_path / "a.csv", ("name", "value"), rows, for_people=for_people)
        assert read_csv(tmp_path / "a.csv") == [{"name": name, "value": "-0.5"}]


@pytest.mark.parametrize(
    "path",
    [
        *("../secret.png", "a/../../secret.png", "..", "", "\0.png"),
        *("C:\\secret.png", "\\\\host\\secret.png", "..\\secret.png"),
    ],
)
def test_a_path_that_leaves_its_folder_is_found_out(tmp_path, path):
    assert inside(tmp_path / "photos", path) is None
    assert inside(tmp_path / "photos", str(tmp_path / "secret.png")) is None


def test_the_images_of_a_data_set_may_be_links(tmp_path):
    (tmp_path / "elsewhere.png").touch()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").symlink_to(tmp_path / "elsewhere.png")
    assert inside(tmp_path / "photos", "a.png").is_file()


def test_a_folder_and_its_files_may_be_links_within_it(tmp_path):
    root = tmp_path / "photos"
    (root / "a").mkdir(parents=True)
    (root / "a" / "1..png").touch()
    (root / "b.png").symlink_to("a/1..png")
    (tmp_path / "link").symlink_to(root)
    for folder in (root, tmp_path / "link"):
        for path in ("a/1..png", "b.png"):
            assert inside(folder, path) == folder / path


def test_a_lock_is_seen_without_writing(tmp_path):
    assert not is_locked(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
    with alone(tmp_path / "run", "busy"):
        assert is_locked(tmp_path / "run")
        with pytest.raises(BusyError, match="busy"), alone(tmp_path / "run", "busy"):
            pass
    assert not is_locked(tmp_path / "run")


def test_two_writers_of_a_file_have_files_of_their_own(tmp_path):
    with replacing(tmp_path / "table.md") as one, replacing(tmp_path / "table.md") as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")
    assert (tmp_path / "table.md").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["table.md"]
