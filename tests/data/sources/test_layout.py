"""The survey of a folder, however broken it is."""

from fgmix.data.sources.layout import survey_folder
from fgmix.data.sources.walk import Kind
from tests.pictures import write_classes, write_plain


def test_a_whole_folder_is_all_photos(tmp_path):
    layout = survey_folder(write_classes(tmp_path / "birds", {"wren": 2, "finch": 1}))
    assert layout.dataset.name == "birds"
    assert layout.dataset.class_names == ("finch", "wren")
    assert layout.dataset.splits["all"].paths == ("finch/0.png", "wren/0.png", "wren/1.png")
    assert layout.dataset.splits["all"].labels.tolist() == [0, 1, 1]
    assert (layout.empty, layout.strays) == ((), ())


def test_split_folders_may_differ_in_their_classes(tmp_path):
    write_classes(tmp_path / "train", {"a": 1, "b": 1})
    write_classes(tmp_path / "test", {"b": 1, "c": 2})
    dataset = survey_folder(tmp_path).dataset
    assert dataset.class_names == ("a", "b", "c")
    assert dataset.splits["train"].labels.tolist() == [0, 1]
    assert dataset.splits["test"].labels.tolist() == [1, 2, 2]


def test_empty_classes_and_strays_are_named(tmp_path):
    write_classes(tmp_path / "train", {"a": 1, "b": 0})
    write_classes(tmp_path / "test", {"a": 1, "b": 1})
    (tmp_path / "train" / "b" / "readme.txt").write_text("to come")
    (tmp_path / "train" / "a" / "photo.heic").write_bytes(b"")
    write_plain(tmp_path / "lone.png")
    write_plain(tmp_path / "train" / "a" / "more" / "deep.png")
    write_plain(tmp_path / ".hidden" / "0.png")
    (tmp_path / "train" / "a" / ".DS_Store").write_bytes(b"")
    layout = survey_folder(tmp_path)
    assert layout.empty == ("train/b",)
    assert layout.strays == ("train/b/readme.txt",)
    assert {path.as_posix(): kind for path, kind in layout.dataset.photos_left_out} == {
        "lone.png": Kind.OUTSIDE,
        "train/a/photo.heic": Kind.FORMAT,
        ".hidden/0.png": Kind.HIDDEN,
    }
    assert layout.dataset.splits["train"].paths == ("train/a/0.png", "train/a/more/deep.png")


def test_a_folder_without_anything(tmp_path):
    layout = survey_folder(tmp_path)
    assert layout.dataset.class_names == ()
    assert len(layout.dataset.splits["all"]) == 0
