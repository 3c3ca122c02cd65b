"""Folders of class folders: both layouts, what counts as an image, and what is refused."""

import shutil

import numpy as np
import pytest

from fgmix.data.sources.folder import load_folder
from fgmix.errors import FgmixError
from tests.pictures import write_classes, write_plain


def refusal(root, **kwargs):
    """The one-line error message of `load_folder` for the folder."""
    with pytest.raises(FgmixError) as caught:
        load_folder(root, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_without_split_folders_a_fifth_of_every_class_is_for_testing(tmp_path):
    data = load_folder(write_classes(tmp_path / "birds", {"wren": 10, "finch": 20, "robin": 5}))
    assert data.name == "birds"
    assert data.class_names == ("finch", "robin", "wren")
    assert set(data.splits) == {"train", "test"}
    assert np.bincount(data.splits["test"].labels).tolist() == [4, 1, 2]
    assert np.bincount(data.splits["train"].labels).tolist() == [16, 4, 8]


def test_the_split_seed_decides_the_test_split(tmp_path):
    write_classes(tmp_path, {"a": 20, "b": 20})
    tests = [load_folder(tmp_path, split_seed=seed).splits["test"].paths for seed in (0, 0, 1)]
    assert tests[0] == tests[1] != tests[2]


def test_split_folders_are_taken_as_they_are(tmp_path):
    write_classes(tmp_path / "train", {"b": 3, "a": 2})
    write_classes(tmp_path / "val", {"b": 1, "a": 1})
    write_classes(tmp_path / "test", {"b": 1, "a": 2})
    data = load_folder(tmp_path, name="mine")
    assert data.name == "mine"
    assert data.class_names == ("a", "b")
    assert data.splits["train"].paths == tuple(
        f"train/{file}" for file in ("a/0.png", "a/1.png", "b/0.png", "b/1.png", "b/2.png")
    )
    assert data.splits["train"].labels.tolist() == [0, 0, 1, 1, 1]
    assert data.splits["val"].paths == ("val/a/0.png", "val/b/0.png")
    assert data.splits["test"].labels.tolist() == [0, 0, 1]
    assert data.files("test")[0] == str(tmp_path / "test/a/0.png")


def test_train_and_val_without_test_test_on_val(tmp_path):
    write_classes(tmp_path / "train", {"a": 2, "b": 2})
    write_classes(tmp_path / "val", {"a": 1, "b": 1})
    data = load_folder(tmp_path)
    assert set(data.splits) == {"train", "test"}
    assert data.splits["test"].paths == ("val/a/0.png", "val/b/0.png")


def test_train_and_test_without_val(tmp_path):
    write_classes(tmp_path / "train", {"a": 2, "b": 2})
    write_classes(tmp_path / "test", {"a": 1, "b": 1})
    assert set(load_folder(tmp_path).splits) == {"train", "test"}


def test_a_class_may_be_missing_from_val(tmp_path):
    write_classes(tmp_path / "train", {"a": 2, "b": 2, "c": 2})
    write_classes(tmp_path / "val", {"a": 1, "c": 1})
    write_classes(tmp_path / "test", {"a": 1, "b": 1, "c": 1})
    assert load_folder(tmp_path).splits["val"].labels.tolist() == [0, 2]


def test_images_are_recognized_by_suffix_in_any_case(tmp_path):
    names = ["1.jpg", "2.JPG", "3.Jpeg", "4.png", "5.PNG", "6.bmp", "7.gif", "8.WebP"]
    names += ["9.jfif"]
    for folder in ("train/a", "train/b", "test/a", "test/b"):
        for name in names:
            write_plain(tmp_path / folder / name)
    data = load_folder(tmp_path)
    assert data.splits["train"].paths[:9] == tuple(f"train/a/{name}" for name in names)
    assert len(data.splits["test"]) == 18


def test_hidden_and_other_files_are_ignored(tmp_path):
    write_classes(tmp_path / "train", {"a": 2, "b": 2})
    write_classes(tmp_path / "test", {"a": 1, "b": 1})
    for name in ("Thumbs.db", "notes.txt", "photo.jpg.txt", "photo.tiff", "png", ".DS_Store"):
        (tmp_path / "train" / "a" / name).write_bytes(b"not a photo")
    write_plain(tmp_path / "train" / "a" / "._0.png")
    write_plain(tmp_path / "train" / "lone.png")
    write_plain(tmp_path / "train" / ".cache" / "0.png")
    (tmp_path / "train" / "a" / "folder.png").mkdir()
    data = load_folder(tmp_path)
    assert data.class_names == ("a", "b")
    assert data.splits["train"].paths[:2] == ("train/a/0.png", "train/a/1.png")
    assert len(data.splits["train"]) == 4


def test_names_with_spaces_and_letters_of_any_alphabet(tmp_path):
    names = ("Zaunkönig", "été 2024", "普通翠鸟", "grey heron #2")
    for name in names:
        for number in range(5):
            write_plain(tmp_path / "мои фото" / name / f"photo {number} ü.jpg")
    data = load_folder(tmp_path / "мои фото")
    assert data.name == "мои фото"
    assert data.class_names == tuple(sorted(names))
    for split in data.splits.values():
        for path, label in zip(split.paths, split.labels, strict=True):
            assert path.split("/")[0] == data.class_names[label]
            assert (data.root / path).is_file()


def test_links_to_files_and_to_class_folders_are_followed(tmp_path):
    elsewhere = write_classes(tmp_path / "elsewhere", {"robin": 5, "wren": 5})
    root = tmp_path / "birds"
    (root / "finch").mkdir(parents=True)
    for number in range(5):
        (root / "finch" / f"{number}.png").symlink_to(elsewhere / "wren" / f"{number}.png")
    (root / "robin").symlink_to(elsewhere / "robin", target_is_directory=True)
    data = load_folder(root)
    assert data.class_names == ("finch", "robin")
    assert [len(split) for split in data.splits.values()] == [8, 2]
    plain = tmp_path / "copy"
    shutil.copytree(root, plain)  # follows links
    assert load_folder(plain, "birds").fingerprint() == data.fingerprint()


@pytest.mark.parametrize("target", ["gone", "c"])
@pytest.mark.parametrize("link", ["a/photo.jpg", "c"])
def test_a_broken_link_is_named(tmp_path, link, target):
    write_classes(tmp_path, {"a": 5, "b": 5})
    (tmp_path / link).symlink_to(tmp_path / target)
    if (link, target) == ("a/photo.jpg", "c"):
        (tmp_path / "c").symlink_to(tmp_path / link)  # a circle of links
    message = refusal(tmp_path)
    assert str(tmp_path / link) in message
    assert "is broken: fix or remove it" in message


def test_images_below_a_class_folder_are_of_that_class(tmp_path, caplog):
    write_classes(tmp_path, {"a": 5, "b": 5})
    write_classes(tmp_path / "a" / "2023", {"may": 2, "june": 1})
    (tmp_path / "a" / "up").symlink_to(tmp_path / "a", target_is_directory=True)  # a circle
    data = load_folder(tmp_path)
    paths = [path for split in data.splits.values() for path in split.paths]
    assert sorted(path for path in paths if "2023" in path) == [
        "a/2023/june/0.png",
        "a/2023/may/0.png",
        "a/2023/may/1.png",
    ]
    counts = sum(np.bincount(split.labels) for split in data.splits.values())
    assert counts.tolist() == [8, 5]
    line = "3 photo(s) in folders below a class folder, such as a/2023/june/0.png, are of that"
    assert line in caplog.text


def test_a_word_on_what_is_left_out_and_none_on_files_of_the_system(tmp_path, caplog):
    write_classes(tmp_path, {"a": 5, "b": 5, ".old": 2})
    for name in ("x.tif", "y.HEIC", "z.cr2", "notes.txt", "photo.jpg.txt", "noise"):
        (tmp_path / "a" / name).write_bytes(b"not read")
    write_plain(tmp_path / "lone.png")
    (tmp_path / "README.md").write_text("not in a class folder")
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "a/._x.jpg", "a/Icon\r"):
        (tmp_path / name).write_bytes(b"")
    for folder in ("@eaDir", "__MACOSX", ".git", ".ipynb_checkpoints", "a/@eaDir/0.png"):
        write_plain(tmp_path / folder / "thumb.png")
    data = load_folder(tmp_path)
    assert data.class_names == ("a", "b")
    assert [len(split) for split in data.splits.values()] == [8, 2]
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == (
        f"left out of {tmp_path}: 3 photos in formats that are not read (1 .tif, 1 .heic, 1 .cr2), "
        f"2 photos in hidden folders or with hidden names (such as .old/0.png), "
        f"1 photo in no class folder (such as lone.png), "
        f"3 files that are no photos (2 .txt, 1 without suffix)"
    )


def test_nothing_is_said_where_nothing_is_left_out(tmp_path, caplog):
    load_folder(write_classes(tmp_path, {"a": 5, "b": 5}))
    assert caplog.text == ""


def test_a_file_without_suffix_is_an_image_by_its_content(tmp_path, caplog):
    write_classes(tmp_path, {"a": 5, "b": 5})
    (tmp_path / "a" / "0.png").rename(tmp_path / "a" / "IMG_0001")
    (tmp_path / "b" / "0.png").rename(tmp_path / "b" / "0.png.bak")
    (tmp_path / "b" / "scan").write_bytes(b"II*\0" + bytes(12))
    (tmp_path / "b" / "BMW").write_text("BM notes on the BMW")
    data = load_folder(tmp_path)
    paths = {path for split in data.splits.values() for path in split.paths}
    assert "a/IMG_0001" in paths
    assert len(paths) == 9
    assert "2 photos in formats that are not read (1 .bak, 1 without suffix)" in caplog.text
    assert "1 file that is no photo (1 without suffix)" in caplog.text


def test_a_class_of_photos_that_are_not_read_says_so(tmp_path):
    write_classes(tmp_path, {"a": 5, "b": 0})
    (tmp_path / "b" / "1.heic").write_bytes(b"")
    message = refusal(tmp_path)
    assert (
        "but 1 photo in formats that are not read (1 .heic): convert them with fgmix import"
        in message
    )


def test_folders_beside_the_splits_are_left_out_with_a_word(tmp_path, caplog):
    for split in ("train", "test", "extra"):
        write_classes(tmp_path / split, {"a": 2, "b": 2})
    data = load_folder(tmp_path)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 4, "test": 4}
    assert "4 photos in folders that are no split (such as extra/a/0.png)" in caplog.text


def test_skipped_images_are_left_out_before_the_test_split_is_drawn(tmp_path):
    write_classes(tmp_path, {"a": 6, "b": 6})
    clean = {name: split.paths for name, split in load_folder(tmp_path).splits.items()}
    write_plain(tmp_path / "a" / "bad.png")
    for seed in range(6):
        bad = load_folder(tmp_path, split_seed=seed, skipped=["a/bad.png"])
        assert bad.skipped == ("a/bad.png",)
        assert [len(split) for split in bad.splits.values()] == [10, 2]
        if seed == 0:
            assert {name: split.paths for name, split in bad.splits.items()} == clean


def test_a_missing_folder_is_named(tmp_path):
    assert str(tmp_path / "nowhere") in refusal(tmp_path / "nowhere")


def test_a_file_is_not_a_folder(tmp_path):
    photo = write_plain(tmp_path / "photo.jpg")
    assert str(photo) in refusal(photo)


@pytest.mark.parametrize("counts", [{}, {"only": 5}])
def test_a_data_set_needs_two_classes(tmp_path, counts):
    write_classes(tmp_path, counts)
    message = refusal(tmp_path)
    assert f"holds {len(counts)} class folder(s)" in message
    assert "at least 2" in message


def test_an_empty_class_folder_is_named(tmp_path):
    write_classes(tmp_path, {"a": 5, "b": 0})
    (tmp_path / "b" / "readme.txt").write_text("photos to come")
    message = refusal(tmp_path)
    assert str(tmp_path / "b") in message
    assert ".jpg" in message


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_class_without_photos_in_a_split_is_named(tmp_path, part):
    write_classes(tmp_path / "train", {"a": 2, "b": 2, "c": 2})
    write_classes(tmp_path / "test", {"a": 1, "b": 1, "c": 1})
    for photo in (tmp_path / part / "b").iterdir():
        photo.unlink()
    assert str(tmp_path / part / "b") in refusal(tmp_path)


def test_a_class_missing_from_val_is_refused_where_val_is_the_test_split(tmp_path):
    write_classes(tmp_path / "train", {"a": 2, "b": 2, "c": 2})
    write_classes(tmp_path / "val", {"a": 1, "c": 1})
    assert str(tmp_path / "val" / "b") in refusal(tmp_path)


def test_classes_that_train_lacks_are_named(tmp_path):
    write_classes(tmp_path / "train", {"a": 2, "b": 2})
    write_classes(tmp_path / "test", {"a": 1, "b": 1, "crow": 1, "dove": 1})
    message = refusal(tmp_path)
    assert str(tmp_path / "test") in message
    assert "crow, dove" in message


def test_train_alone_is_refused(tmp_path):
    write_classes(tmp_path / "train", {"a": 2, "b": 2})
    assert "no test folder" in refusal(tmp_path)


def test_a_class_too_small_to_divide_is_named(tmp_path):
    write_classes(tmp_path, {"common": 5, "rare bird": 1})
    message = refusal(tmp_path)
    assert "'rare bird' has 1 training image(s)" in message
    assert "testing" in message
