"""Parquet shards: splits, columns and classes are found, and nothing is guessed."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fgmix.data.importing.parquet import open_parquet, splits_of
from fgmix.data.importing.run import import_photos
from fgmix.data.importing.source import Columns
from fgmix.data.sources.folder import load_folder
from fgmix.errors import FgmixError
from tests.data.importing.pictures import encode, smooth
from tests.data.importing.shards import write_shard


def read(path, columns=Columns()):  # noqa: B008 (it is frozen)
    source = open_parquet(path, columns)
    return source, list(source.photos(lambda key: False))


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["data/train-00000-of-00002.parquet", "data/validation-0.parquet"], ["train", "val"]),
        (["c/train/0000.parquet", "c/test/0000.parquet"], ["train", "test"]),
        (["c/partial-train/0.parquet", "c/dev/0.parquet"], ["train", "val"]),
        (["trains-0.parquet", "trains-1.parquet"], ["", ""]),
        (["train-0.parquet", "train-1.parquet"], ["", ""]),
        (["a/test/train-0.parquet", "a/test/test-0.parquet"], ["train", "test"]),
        (["train_0.parquet", "test_0.parquet", "extra_0.parquet"], ["train", "test", None]),
        (["train-0.parquet", "unlabelled-0.parquet"], ["", None]),
    ],
)
def test_splits_are_found_in_the_names_of_shards(names, splits):
    assert splits_of(names)[0] == splits


def test_structs_and_class_labels_are_read(tmp_path):
    write_shard(tmp_path / "data/train-0.parquet", [0, 1, 2])
    write_shard(tmp_path / "data/test-0.parquet", [1])
    source, photos = read(tmp_path)
    assert source.total == 4
    assert [(p.key, p.name, p.label, p.split) for p in photos] == [
        ("data/test-0.parquet#0", "photo0.png", "bmw", "test"),
        ("data/train-0.parquet#0", "photo0.png", "audi", "train"),
        ("data/train-0.parquet#1", "photo1.png", "bmw", "train"),
        ("data/train-0.parquet#2", "photo2.png", "C/V", "train"),
    ]
    assert photos[3].content == encode(smooth((32, 24), seed=2), "PNG")
    assert source.notes == ("images are read from the column image, classes from label",)


@pytest.mark.parametrize("dictionary", [False, True])
def test_bytes_and_names_as_text_are_read(tmp_path, dictionary):
    labels = pa.array(["audi", None, "bmw"])
    labels = labels.dictionary_encode() if dictionary else labels
    write_shard(tmp_path / "a.parquet", labels, paths=False, features=False)
    _, photos = read(tmp_path / "a.parquet")
    assert [(p.name, p.label, p.skip) for p in photos] == [
        ("photo-000000", "audi", ""),
        ("photo-000001", None, "without a label"),
        ("photo-000002", "bmw", ""),
    ]


def test_numbers_without_names_are_classes_and_it_is_said(tmp_path):
    write_shard(tmp_path / "a.parquet", [7, 8], features=False)
    source, photos = read(tmp_path / "a.parquet")
    assert [p.label for p in photos] == ["7", "8"]
    assert "holds numbers without names" in source.notes[1]


def test_rows_without_a_class_are_left_out(tmp_path):
    write_shard(tmp_path / "a.parquet", [0, -1, None, 1, 9])
    note = import_photos(str(tmp_path / "a.parquet"), tmp_path / "out").note
    assert (note["photos"], note["left_out"]) == (2, ["3 photos without a label"])


def test_groups_of_rows_that_are_done_are_not_read(tmp_path):
    path = write_shard(tmp_path / "a.parquet", [0, 1, 2, 0], groups=2)
    content = bytearray(path.read_bytes())
    with pq.ParquetFile(path) as file:
        start = file.metadata.row_group(0).column(0).dictionary_page_offset or 4
    content[start : start + 40] = bytes(40)  # reading the first group would fail
    path.write_bytes(content)
    source = open_parquet(path, Columns())
    photos = source.photos(lambda key: key in ("a.parquet#0", "a.parquet#1", "a.parquet#2"))
    assert [photo.key for photo in photos] == ["a.parquet#3"]
    with pytest.raises(FgmixError, match=r"a\.parquet is damaged"):
        list(source.photos(lambda key: False))


def test_the_import_has_splits_and_exact_labels(tmp_path):
    for split in ("train", "test"):
        write_shard(tmp_path / f"s/{split}-0.parquet", [0, 1, 2])
    import_photos(str(tmp_path / "s"), tmp_path / "out")
    found = load_folder(tmp_path / "out")
    assert found.class_names == ("C_V", "audi", "bmw")
    assert [len(found.splits[name]) for name in ("train", "test")] == [3, 3]
    assert "train/C_V/photo2.png,C/V,train" in (tmp_path / "out/labels.csv").read_text()


@pytest.mark.parametrize(
    ("extra", "columns", "message"),
    [
        ({"label": ["x"], "thumb": [b"1"]}, Columns(), "give --image-column, one of photo, thumb"),
        ({"colour": ["red"], "size": [3]}, Columns(), "--label-column, one of colour, size"),
        ({"colour": [0.5]}, Columns(), "has no column of labels; its columns are photo, colour"),
        ({"label": ["x"]}, Columns(label="colr"), "colr is not there .*: give one of label"),
        ({"label": ["x"], "size": [0.5]}, Columns(label="size"), "size holds double"),
    ],
)
def test_columns_that_are_not_clear_are_asked_for(tmp_path, extra, columns, message):
    pq.write_table(pa.table({"photo": [b"0"], **extra}), tmp_path / "a.parquet")
    with pytest.raises(FgmixError, match=message):
        read(tmp_path / "a.parquet", columns)


def test_columns_that_are_given_are_read(tmp_path):
    table = {"photo": [b"0"], "thumb": [b"1"], "colour": ["red"], "size": [3]}
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    _, [photo] = read(tmp_path / "a.parquet", Columns("thumb", "colour"))
    assert (photo.content, photo.label) == (b"1", "red")


def test_a_damaged_shard_is_named(tmp_path):
    write_shard(tmp_path / "train-0.parquet", [0])
    (tmp_path / "train-1.parquet").write_bytes(b"PAR1junk")
    with pytest.raises(FgmixError, match=r"the shard .*train-1\.parquet is damaged"):
        read(tmp_path)


def test_shards_of_different_classes_are_not_mixed(tmp_path):
    write_shard(tmp_path / "train-0.parquet", [0])
    write_shard(tmp_path / "train-1.parquet", [0], names=["bmw", "audi"])
    with pytest.raises(FgmixError, match="has other columns or classes than"):
        read(tmp_path)
