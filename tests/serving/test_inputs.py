"""Inputs of predictions: files, folders, patterns, and lists that arrive over time."""

import json
import os
from pathlib import Path

import pytest

from fgmix.errors import FgmixError
from fgmix.serving.inputs import find_images, open_inputs, read_list

FILES = ("b/2.PNG", "b/1.jpg", "a/deep/er/3.webp", "c.gif", "notes.txt", "b/x.json", ".d/4.jpg")


@pytest.fixture
def folder(tmp_path):
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "a folder.jpg").mkdir()
    return tmp_path


def names(folder, *inputs):
    return [p.relative_to(folder).as_posix() for p in find_images(map(str, inputs))]


def test_a_table_stands_for_the_photos_that_it_names(folder):
    images = find_images([str(folder)])
    table = folder / "new.jsonl"
    lines = [json.dumps({"path": str(p.relative_to(folder)), "note": 1}) for p in images[::-1]]
    table.write_text("\n".join(lines))
    assert find_images([str(table)]) == images[::-1]


def test_folders_are_searched_to_the_bottom_and_in_order(folder):
    assert names(folder, folder) == ["a/deep/er/3.webp", "b/1.jpg", "b/2.PNG", "c.gif"]
    assert find_images([str(folder)]) == sorted(find_images([str(folder)]))


def test_what_is_named_is_taken_as_it_is_named(folder):
    # In that order, whatever their suffix.
    assert names(folder, folder / "notes.txt", folder / "b") == ["notes.txt", "b/1.jpg", "b/2.PNG"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*/*.jpg", ["b/1.jpg"]),
        ("*", ["c.gif"]),
        ("**", ["a/deep/er/3.webp", "b/1.jpg", "b/2.PNG", "c.gif"]),
        ("b/[12].*", ["b/1.jpg", "b/2.PNG"]),
        ("?/?.jpg", ["b/1.jpg"]),
    ],
)
def test_patterns_give_the_images_that_match(folder, pattern, found):
    assert names(folder, folder / pattern) == found


def test_what_is_left_out_is_told_in_one_line(folder, caplog):
    for name in ("b/4.heic", "c.tif", "b/5.avif", "b/6.jfif", ".DS_Store", "Thumbs.db"):
        (folder / name).write_bytes(b"")
    (folder / "b" / "gone.jpg").symlink_to(folder / "nowhere")
    paths, total = open_inputs([str(folder), str(folder / "b" / "*")])
    assert total == len(list(paths)) == 8
    [record] = caplog.records
    assert record.getMessage() == (
        "left out: 5 photos in formats that are not read (2 .heic, 2 .avif, 1 .tif), "
        f"1 photo in hidden folders or with hidden names (such as {folder / '.d/4.jpg'}), "
        "2 broken links, 3 files that are no photos (2 .json, 1 .txt)"
    )


def test_a_folder_of_photos_that_are_not_read_says_so(folder):
    (folder / "a folder.jpg" / "x.heic").write_bytes(b"")
    with pytest.raises(FgmixError, match=r"holds no image .*, but 1 photo in formats .*1 \.heic"):
        find_images([str(folder / "a folder.jpg")])


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(folder):
    (folder / "photo[1].jpg").write_bytes(b"")
    assert names(folder, folder / "photo[1].jpg") == ["photo[1].jpg"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gone.jpg", "no such file or folder: .*gone.jpg"),
        ("*.txt", "no image matches '.*txt' .*reaches into folders"),
        ("a folder.jpg", "a folder.jpg holds no image"),
    ],
)
def test_what_holds_no_image_is_told(folder, name, said):
    with pytest.raises(FgmixError, match=said):
        find_images([str(folder / "b"), str(folder / name)])


def test_links_are_followed_and_circles_are_not(folder):
    (folder / "a" / "up").symlink_to(folder, target_is_directory=True)
    (folder / "b" / "other").symlink_to(folder / "a", target_is_directory=True)
    assert names(folder, folder / "b") == [
        "b/1.jpg",
        "b/2.PNG",
        "b/other/deep/er/3.webp",
        "b/other/up/c.gif",
    ]


@pytest.fixture
def pipe():
    read, write = os.pipe()
    yield read, write
    os.close(read)


def test_a_list_comes_as_it_is_written(pipe):
    read, write = pipe
    paths = read_list(read)
    os.write(write, b"one.jpg\nphotos/two.j")
    assert next(paths) == Path("one.jpg")
    assert next(paths) is None
    os.write(write, b"pg\r\n\n\xff bytes.jpg\nlast.jpg")
    assert next(paths) == Path("photos/two.jpg")
    os.close(write)
    rest = [path for path in paths if path is not None]
    assert [os.fsencode(path) for path in rest] == [b"\xff bytes.jpg", b"last.jpg"]


@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_a_list_may_be_windows(pipe, end):
    read, write = pipe
    os.write(write, "\ufeff\xfc.jpg\r\n\ufefftwo.jpg".encode() + end)
    os.close(write)
    paths = [path for path in read_list(read) if path is not None]
    assert paths == [Path("\xfc.jpg"), Path("\ufefftwo.jpg")]


def test_a_list_of_one_path_may_begin_with_a_mark(pipe):
    read, write = pipe
    os.write(write, "\ufeffone.jpg".encode())
    os.close(write)
    assert [path for path in read_list(read) if path is not None] == [Path("one.jpg")]


def test_a_list_is_not_read_far_ahead(pipe, monkeypatch):
    read, write = pipe
    monkeypatch.setattr("fgmix.serving.inputs.QUEUED_LINES", 4)
    paths = read_list(read)
    os.set_blocking(write, False)
    sent = 0
    try:
        while sent < 1 << 22:
            sent += os.write(write, b"a.jpg\n" * 1000)
    except BlockingIOError:
        pass
    assert next(paths) == Path("a.jpg")
    assert sent < 1 << 21  # the capacity of a pipe and one read
    os.close(write)


def test_a_list_that_can_not_be_read_is_an_error(pipe):
    _, write = pipe
    with pytest.raises(OSError, match="Bad file descriptor"):
        list(read_list(write))
    os.close(write)


def test_files_are_counted_where_they_can_be(folder):
    paths, total = open_inputs([str(folder / "b"), str(folder / "c.gif")])
    assert (len(list(paths)), total) == (3, 3)
    assert open_inputs([str(folder / "b"), "-"])[1] is None
