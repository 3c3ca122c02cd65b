"""Manifests: which tables are read, how photos are found, and what is refused in which words."""

import json
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from fgmix.audit.load import load_subject
from fgmix.data.sources.folder import load_folder
from fgmix.data.sources.manifest.columns import parse_columns
from fgmix.data.sources.manifest.dataset import load_manifest, load_split_of_manifest
from fgmix.data.sources.manifest.survey import read_photos
from fgmix.data.sources.registry import load_dataset, load_split, local_root, require_known
from fgmix.data.sources.walk import Kind, tell_once
from fgmix.errors import FgmixError
from tests.pictures import write_classes, write_plain

COUNTS = {"finch": 3, "wren": 3}
ROWS = [(f"{name}/{i}.png", name) for name in COUNTS for i in range(3)]
SPLITS = ("train", "train", "test")
SPLIT_ROWS = [(*row, SPLITS[i % 3]) for i, row in enumerate(ROWS)]


@pytest.fixture
def birds(tmp_path):
    """A folder of two classes with three photos each."""
    return write_classes(tmp_path / "birds", COUNTS)


@pytest.fixture(autouse=True)
def told_anew():
    """Lines that are told once in a process are told once in a test."""
    tell_once.cache_clear()


def write(folder, rows, header=("path", "label", "split"), name="labels.csv", **kwargs):
    """Writes a table into a folder, as text with the given delimiter and line ends."""
    rows = [header[: len(rows[0])], *rows] if rows and header else rows
    delimiter, end = kwargs.get("delimiter", ","), kwargs.get("end", "\n")
    text = "".join(delimiter.join(map(str, row)) + end for row in rows)
    (folder / name).write_bytes(text.encode(kwargs.get("encoding", "utf-8")))
    return folder / name


def refusal(table, **kwargs):
    """The one-line error message of `load_manifest`; it names the table."""
    with pytest.raises(FgmixError) as caught:
        load_manifest(table, **kwargs)
    message = str(caught.value)
    assert "\n" not in message and str(table) in message
    return message


def content(data):
    """What a data set holds: for each split its paths and the names of their classes."""
    return {
        name: [(p, data.class_names[k]) for p, k in zip(s.paths, s.labels, strict=True)]
        for name, s in data.splits.items()
    }


# What a table makes


def test_a_table_makes_the_data_set_of_the_folder_that_it_names(birds):
    data = load_manifest(write(birds, ROWS[::-1]))
    folder = load_folder(birds)
    assert data.name == "birds"  # as the folder; labels.csv says nothing
    assert data.root == birds
    assert data.class_names == ("finch", "wren")
    assert data.fingerprint() == folder.fingerprint()
    assert content(data) == content(folder)


def test_a_table_with_a_name_of_its_own_gives_it_to_the_data_set(birds, tmp_path, monkeypatch):
    assert load_manifest(write(birds, ROWS, name="best of.tsv")).name == "best of"
    monkeypatch.chdir(birds)
    assert load_manifest(write(Path(), ROWS, name="Labels.csv")).name == "birds"


def test_photos_below_a_class_are_in_the_order_of_folders(tmp_path):
    root = tmp_path / "photos"
    for path in ("a/b/1.png", "a/b-1.png", "a/b.png", "c/1.png", "c/2.png", "c/0/3.png"):
        write_plain(root / path)
    rows = [
        (p.relative_to(root).as_posix(), p.relative_to(root).parts[0]) for p in root.rglob("*.png")
    ]
    assert load_manifest(write(root, rows)).fingerprint() == load_folder(root).fingerprint()


def test_splits_are_those_of_a_column(birds):
    data = load_manifest(write(birds, SPLIT_ROWS))
    assert content(data) == {
        "train": [(p, k) for p, k, split in SPLIT_ROWS if split == "train"],
        "test": [(p, k) for p, k, split in SPLIT_ROWS if split == "test"],
    }


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("training", "Testing", "train"), {"train", "test"}),
        (("TRAIN", "test", "Validation"), {"train", "test", "val"}),
        (("train", " valid ", "val"), {"train", "test"}),  # val is the test split
    ],
)
def test_splits_have_the_names_of_split_folders(birds, names, splits):
    rows = [(*row, names[i % 3]) for i, row in enumerate(ROWS)]
    assert set(load_manifest(write(birds, rows)).splits) == splits


def test_a_split_column_may_be_empty_or_left_unread(birds):
    rows = [(*row, "") for row in ROWS]
    unsplit = content(load_manifest(write(birds, ROWS)))
    assert content(load_manifest(write(birds, rows))) == unsplit
    data = load_manifest(write(birds, SPLIT_ROWS), columns="split=")
    assert content(data) == unsplit


def test_the_split_seed_decides_the_test_split(tmp_path):
    write_classes(tmp_path, {"a": 20, "b": 20})
    table = write(tmp_path, [(f"{name}/{i}.png", name) for name in "ab" for i in range(20)])
    tests = [load_manifest(table, split_seed=seed).splits["test"].paths for seed in (0, 0, 1)]
    assert tests[0] == tests[1] != tests[2]


def test_labels_need_not_be_folders_and_may_be_numbers(birds):
    rows = [(path, 10 if label == "wren" else 9) for path, label in ROWS]
    data = load_manifest(write(birds, rows))
    assert data.class_names == ("10", "9")  # sorted as texts, as folders are
    assert set(dict(content(data)["train"]).values()) == {"10", "9"}


def test_the_photos_may_be_in_another_folder(birds, tmp_path):
    table = write(tmp_path, ROWS)
    assert load_manifest(table, data_dir=birds).fingerprint() == load_folder(birds).fingerprint()
    assert load_dataset(str(table), str(birds)).root == birds
    assert local_root(str(table), str(birds)) == birds
    with pytest.raises(FgmixError, match=r"there is no folder .*gone: give .* as --data-dir"):
        load_manifest(table, tmp_path / "gone")


# How it is written


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_any_line_end_and_any_encoding_with_a_mark(birds, end, encoding):
    table = write(birds, SPLIT_ROWS, end=end, encoding=encoding)
    assert len(load_manifest(table).splits["train"]) == 4


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le"])
def test_utf_16_without_a_mark_is_refused(birds, encoding):
    assert "save it as UTF-8" in refusal(write(birds, ROWS, encoding=encoding))


def test_bytes_of_another_encoding_are_told_with_their_line(birds):
    message = refusal(write(birds, [*ROWS, ("a.png", "Zaunkönig")], encoding="latin-1"))
    assert "line 8: byte 0xf6 is not UTF-8: save the table as UTF-8" in message


@pytest.mark.parametrize("delimiter", list(",;\t|"))
@pytest.mark.parametrize("name", ["labels.csv", "labels.tsv", "LABELS.CSV"])
def test_any_usual_delimiter(birds, delimiter, name):
    table = write(birds, SPLIT_ROWS, delimiter=delimiter, name=name)
    assert set(load_manifest(table).splits) == {"train", "test"}


def test_a_line_for_excel_names_the_delimiter(birds):
    table = write(birds, ROWS, delimiter=";")
    table.write_text("sep=;\n" + table.read_text())
    assert len(load_manifest(table).splits["train"]) == 4


def test_quoted_cells_hold_delimiters_quotation_marks_and_spaces(tmp_path):
    for name in ("a, b.png", 'c "d".png', "e;f.png", "g.png"):
        write_plain(tmp_path / name)
    table = tmp_path / "labels.csv"
    table.write_text(
        'path, label\n"a, b.png","Wren, small"\n"c ""d"".png", "Wren, small"\ne;f.png,finch\n'
        "\n  g.png ,  finch \n,\n"
    )
    data = load_manifest(table)
    assert data.class_names == ("Wren, small", "finch")
    assert set(data.paths()) == {"a, b.png", 'c "d".png', "e;f.png", "g.png"}


def test_a_line_break_in_a_cell_is_part_of_it(birds):
    table = birds / "labels.csv"
    rows = "".join(f"{path},{label},ok\n" for path, label in ROWS)
    table.write_text(f'path,label,note\n{rows}wren/0.png,wren,"two\nlines"\nwren/0.png,,\n')
    assert "row 9: its label is empty" in refusal(table)
    table.write_text('path,label\nwren/0.png,wren\nwren/1.png,"a\nb"\n')
    assert "its name has a line break or is not UTF-8 (row 3)" in refusal(table)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("\ufeff \n", "is empty"),
        ("path,label\n", "has no rows: add a row for every photo"),
        ("path,label\n,\n", "has no rows"),
        ('path,label\na.png,"wren\nb.png,wren\n', "row 2: a quotation mark opens a cell"),
        ('path,label\n"a.png"x,wren\n', "row 2: "),
        ("path,label\na.png,wren,small\n", "row 2: it has 3 cells and the first row 2"),
        (
            "wren/0.png,wren\nwren/1.png,wren\n",
            "its columns are wren/0.png, wren; name the columns",
        ),
        ("path,label,path\na,b,c\n", "has 2 columns 'path' and 'path'"),
        ("Path,LABEL,path \na,b,c\n", ""),  # the exact name is taken
        ("file;Species;part\na;b;c\n", "--columns path=file,label=Species"),
        ("path,lable\na,b\n", "no column 'label': its columns are path, lable"),
        ("path,lable\na,b\n", "--columns label=lable"),
        ("a,b\n1,2\n", "--columns path=COLUMN,label=COLUMN"),
    ],
)
def test_a_table_that_is_not_one_is_told_with_the_way_out(tmp_path, text, told):
    table = tmp_path / "labels.csv"
    table.write_text(text)
    assert told in refusal(table)


def test_columns_of_other_names_are_given(birds):
    header = ("File", "species", "part")
    table = write(birds, SPLIT_ROWS, header)
    data = load_manifest(table, columns="path=file,label=species,split=part")
    assert content(data) == content(load_manifest(write(birds, SPLIT_ROWS, name="own.csv")))
    assert set(load_manifest(table, columns="path=file, label=species").splits) == {"train", "test"}
    message = refusal(table, columns="path=file,label=species,split=fold")
    assert "no column 'fold'" in message and "split=COLUMN" in message


@pytest.mark.parametrize("text", ["file", "path=", "paths=x", "path=a,path=b", "label=a,=b"])
def test_a_wrong_choice_of_columns_is_refused(text):
    with pytest.raises(FgmixError, match="give path=COLUMN,label=COLUMN,split=COLUMN"):
        parse_columns(text)


def write_lines(folder, objects, name="labels.jsonl"):
    (folder / name).write_text("".join(f"{json.dumps(o)}\n" for o in objects))
    return folder / name


def test_json_lines(birds):
    objects = [{"label": k, "path": p, "boxes": [1, 2]} for p, k in ROWS]
    table = write_lines(birds, objects)
    assert content(load_manifest(table)) == content(load_manifest(write(birds, ROWS)))
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes().replace(b"\n", b"\r\n\r\n"))
    assert len(load_manifest(table).splits["train"]) == 4


def test_values_of_json_lines_are_read_as_texts(birds):
    labels = {"finch": 3.0, "wren": False}
    table = write_lines(birds, [{"path": p, "label": labels[k], "split": None} for p, k in ROWS])
    assert load_manifest(table).class_names == ("3", "false")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"path": "a.png", "label": "wren"', "line 2 is not JSON"),
        ('["a.png", "wren"]', "line 2 is no object: every line must be an object"),
        ("[]", "line 2 is no object"),
        ("3", "line 2 is no object"),
        ('{"path": "a", "path": "b", "label": "c"}', "line 2 has 'path' twice"),
        ('{"path": "a.png"}', "row 2: its label is empty"),
        ('{"path": "a.png", "label": ["wren", "finch"]}', "row 2: 'label' holds no text"),
        ('{"path": "a.png", "label": 0.5}', "row 2: 'label' holds no text"),
        ('{"path": "a\\u0000.png", "label": "wren"}', "1 of its 2 photos are not in"),
    ],
)
def test_a_broken_line_is_named(birds, line, told):
    table = birds / "labels.jsonl"
    table.write_text('{"path": "wren/0.png", "label": "wren"}\n' + line + "\n")
    assert told in refusal(table)


def write_parquet(folder, columns, name="labels.parquet"):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), folder / name)
    return folder / name


def test_parquet(birds):
    import pyarrow as pa

    paths, labels = zip(*ROWS, strict=True)
    extra = [{"bytes": b"x"}] * len(ROWS)
    for values in (labels, pa.array(labels).dictionary_encode(), [k.encode() for k in labels]):
        table = write_parquet(birds, {"image": extra, "label": values, "path": paths})
        assert content(load_manifest(table)) == content(load_manifest(write(birds, ROWS)))
    numbers = [float(k == "wren") for k in labels]
    table = write_parquet(birds, {"path": paths, "label": numbers})
    assert load_manifest(table).class_names == ("0", "1")


def test_a_parquet_file_that_is_none_or_holds_images_is_refused(birds):
    table = birds / "labels.parquet"
    table.write_bytes(b"PAR1 and no more")
    assert "as Parquet" in refusal(table)
    table.write_bytes(b"")
    assert "as Parquet" in refusal(table)
    write_parquet(birds, {"path": [{"bytes": b"x"}], "label": ["wren"]})
    assert "row 1: 'path' holds no text" in refusal(table)
    write_parquet(birds, {"path": [], "label": []})
    assert "has no rows" in refusal(table)
    write_parquet(birds, {"file": ["a"], "label": ["wren"]})
    assert "--columns path=file" in refusal(table)


# How photos are found


@pytest.mark.parametrize(
    "spell",
    [
        lambda path, root: str(root / path),
        lambda path, root: f"./{path}",
        lambda path, root: path.replace("/", "\\"),
        lambda path, root: f" {path} ",
        lambda path, root: f"../{root.name}/{path}",
        lambda path, root: f"wren/../{path}",
        lambda path, root: path.removesuffix(".png"),
    ],
    ids=["absolute", "dot", "Windows", "spaces", "up", "through", "without suffix"],
)
def test_paths_are_found_however_they_are_written(birds, spell):
    data = load_manifest(write(birds, [(spell(path, birds), label) for path, label in ROWS]))
    assert data.root == birds
    assert data.fingerprint() == load_folder(birds).fingerprint()


@pytest.mark.parametrize(("written", "kept"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_name_in_the_other_normal_form_is_found(tmp_path, written, kept):
    names = ["kö.png", "zö.png", "a.png", "b.png"]
    for name in names:
        write_plain(tmp_path / unicodedata.normalize(kept, name))
    rows = [(unicodedata.normalize(written, n), "xy"[i // 2]) for i, n in enumerate(names)]
    data = load_manifest(write(tmp_path, rows))
    assert data.paths() == sorted(unicodedata.normalize(kept, name) for name in names)


def test_photos_outside_the_folder_of_the_table_are_relative_to_their_common_folder(
    birds, tmp_path
):
    (tmp_path / "tables").mkdir()
    for path in ("../birds/{}", str(birds / "{}")):
        rows = [(path.format(photo), label) for photo, label in ROWS]
        data = load_manifest(write(tmp_path / "tables", rows))
        assert data.root == birds
        assert data.fingerprint() == load_folder(birds).fingerprint()
    write_plain(tmp_path / "elsewhere" / "3.png")
    data = load_manifest(write(tmp_path / "tables", [*rows, ("../elsewhere/3.png", "wren")]))
    assert data.root == tmp_path
    assert {"birds/wren/0.png", "elsewhere/3.png"} <= set(data.paths())


def test_up_from_a_link_is_beside_what_it_points_to(birds, tmp_path):
    (tmp_path / "far" / "tables").mkdir(parents=True)
    write_classes(tmp_path / "far" / "birds", COUNTS)
    (birds / "tables").symlink_to(tmp_path / "far" / "tables")
    write(tmp_path / "far" / "tables", [(f"../birds/{path}", label) for path, label in ROWS])
    data = load_manifest(birds / "tables" / "labels.csv")
    assert data.root == tmp_path / "far" / "birds"


def test_links_are_followed_and_broken_ones_are_missing(birds):
    (birds / "link.png").symlink_to(birds / "wren" / "0.png")
    (birds / "broken.png").symlink_to(birds / "gone.png")
    assert "link.png" in load_manifest(write(birds, [*ROWS, ("link.png", "wren")])).paths()
    assert "broken.png (row 8)" in refusal(write(birds, [*ROWS, ("broken.png", "wren")]))


def test_missing_photos_are_counted_and_named(birds):
    rows = [*ROWS, *((f"wren/{i}.jpg", "wren") for i in range(7, 12))]
    message = refusal(write(birds, rows))
    assert (
        f"5 of its 11 photos are not in {birds}: wren/7.jpg (row 8), wren/8.jpg (row 9)" in message
    )
    assert "--data-dir" in message and "--skip-bad-images trains without them" in message


@pytest.mark.parametrize("strays", [0, 1])
def test_a_folder_beside_the_table_that_has_the_photos_is_named(birds, tmp_path, strays):
    rows = [*ROWS, ("gone.png", "wren")][: len(ROWS) + strays]
    message = refusal(write(tmp_path, rows))
    assert f"it is in {birds}: add --data-dir {birds}" in message
    assert "--skip-bad-images" not in message  # it would train on nothing


def test_a_name_in_another_case_is_told(birds):
    message = refusal(write(birds, [*ROWS, ("wren/1.PNG", "wren")]))
    assert "there is '1.png': write it in the same case" in message


def test_missing_photos_may_be_skipped(birds):
    table = write(birds, [*ROWS, ("wren/gone.png", "wren")])
    lenient = load_manifest(table, missing_ok=True)
    assert "wren/gone.png" in lenient.paths()
    data = load_manifest(table, skipped=["wren/gone.png"])
    assert data.fingerprint() == load_folder(birds).fingerprint()
    assert data.skipped == ("wren/gone.png",)


def test_a_suffix_that_two_images_have_is_not_guessed(birds):
    write_plain(birds / "wren" / "2.jpg")
    rows = [(path.removesuffix(".png"), label) for path, label in ROWS]
    assert "1 of its 6 photos are not in" in refusal(write(birds, rows))


def test_a_folder_where_a_photo_is_meant_is_refused(birds):
    assert "row 8: " in (message := refusal(write(birds, [*ROWS, ("wren", "wren")])))
    assert f"{birds / 'wren'} is a folder" in message
    refusal(write(birds, [*ROWS, (".", "wren")]))
    refusal(write(birds, [*ROWS, ("wren/..", "wren")]))


def test_files_that_are_not_read_are_left_out_and_counted(birds, caplog):
    for name in ("x.heic", "y.tif", "notes.txt"):
        (birds / name).write_bytes(b"no photo")
    table = write(birds, [*ROWS, ("x.heic", "wren"), ("y.tif", "wren"), ("notes.txt", "wren")])
    data = load_manifest(table)
    assert data.fingerprint() == load_folder(birds).fingerprint()
    assert [found.kind for found in data.left_out] == [Kind.FORMAT, Kind.FORMAT, Kind.OTHER]
    assert (
        f"left out of {table}: 2 photos in formats that are not read (1 .heic, 1 .tif)"
        in caplog.text
    )
    message = refusal(write(birds, [*ROWS, ("x.heic", "robin")]))
    assert "row 8: class 'robin' has no image that is read" in message
    assert "names no image, but 1 photo" in refusal(write(birds, [("x.heic", "robin")]))


def test_photos_that_the_table_does_not_name_are_counted(birds, caplog):
    write_plain(birds / "elsewhere" / "0.png")
    (birds / "wren" / "notes.txt").write_text("no photo")
    load_manifest(write(birds, ROWS))
    assert not caplog.records
    for number in (3, 4):
        write_plain(birds / "wren" / f"{number}.png")
    table = write(birds, ROWS)
    load_manifest(table)
    load_manifest(table)
    assert [r.message for r in caplog.records] == [
        f"{table} names 6 of the 8 images in their folders"
    ]


# What contradicts itself


def test_a_row_that_is_repeated_counts_once(birds, caplog):
    table = write(birds, [*ROWS, ("./wren/0.png", "wren"), ("finch/1.png", "finch ")])
    assert load_manifest(table).fingerprint() == load_folder(birds).fingerprint()
    assert "2 row(s) say the same as an earlier one" in caplog.text
    assert "row 8, wren/0.png" in caplog.text


def test_a_photo_with_two_labels_is_refused(birds):
    message = refusal(write(birds, [*ROWS, ("wren/0.png", "finch"), ("wren/1.png", "finch")]))
    assert "row 8: wren/0.png has the label 'finch', and in row 5 'wren' (and 1 more)" in message


def test_a_photo_in_two_splits_is_refused(birds):
    message = refusal(write(birds, [*SPLIT_ROWS, ("wren/0.png", "wren", "test")]))
    assert "row 8: wren/0.png has the split 'test', and in row 5 'train': keep one" in message


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (("", "wren"), "row 8: its path is empty: fill it in, or remove the row"),
        (("wren/0.png", " "), "row 8: its label is empty"),
        (("wren/0.png", "Wren"), "differ only in upper and lower case"),
        (("wren/0.png", "wr\u200ben"), "differ only in spaces or invisible characters"),
        (("wren/0.png", "\u200b"), "its name is blank"),
    ],
)
def test_a_wrong_row_is_named(birds, row, told):
    rows = [r for r in ROWS if r[0] != "wren/0.png"]
    message = refusal(write(birds, [*rows, ("wren/1.png", "wren"), row]))
    assert told in message
    assert "row" in message


def test_labels_that_differ_in_normal_form_alone_are_refused(birds):
    labels = [unicodedata.normalize(form, "kö") for form in ("NFC", "NFD")]
    message = refusal(write(birds, [(path, labels[i % 2]) for i, (path, _) in enumerate(ROWS)]))
    assert "Unicode normal form" in message and "(row 2 and 3)" in message


@pytest.mark.parametrize(
    ("splits", "told"),
    [
        (("train", "test", "dev"), "row 4: no split is called 'dev' (and 1 more): write one of"),
        (("train", "test", "3"), "row 4: no split is called '3'"),
        (("train", "test", ""), "row 4: its split is empty (and 1 more)"),
        (("test", "test", "test"), "has 6 test rows and no others: add train rows"),
        (("val", "test", "test"), "add train rows, or read no splits: --columns split="),
        (("train", "train", "train"), "has 6 train rows and no others: add test (or val) rows"),
    ],
)
def test_splits_that_make_no_data_set_are_refused(birds, splits, told):
    assert told in refusal(write(birds, [(*row, splits[i % 3]) for i, row in enumerate(ROWS)]))


def test_splits_have_the_classes_of_train(birds):
    test = [(*row, "test" if row[1] == "wren" else "train") for row in ROWS]
    assert "row 5: its class 'wren' is in test and not in train" in refusal(write(birds, test))
    train = [(path, k, "test" if path == "finch/0.png" else "train") for path, k in ROWS]
    assert "class 'wren' has no test row" in refusal(write(birds, train))
    both = [(*row[:2], "val") if row[0] == "wren/1.png" else row for row in SPLIT_ROWS]
    assert load_manifest(write(birds, both)).splits["val"].paths == ("wren/1.png",)


def test_a_table_of_one_class_is_refused(birds):
    assert "has 1 class, 'wren'" in refusal(write(birds, [(path, "wren") for path, _ in ROWS]))


def test_a_class_of_one_photo_can_not_be_split(birds):
    with pytest.raises(FgmixError, match="'robin' has 1 training image"):
        load_manifest(write(birds, [*ROWS[1:], ("finch/0.png", "robin")]))


# Measuring, auditing and predicting


def test_one_split_is_enough_to_measure_a_model(birds, caplog):
    table = write(birds, [(*row, "test") for row in ROWS[:2]])
    data = load_split(str(table), "test")
    assert not caplog.records
    assert content(data) == {"test": ROWS[:2]}
    assert load_split_of_manifest(table, "val") is None
    assert content(load_split(str(write(birds, SPLIT_ROWS)), "all"))["all"] == [
        *(row[:2] for row in SPLIT_ROWS if row[2] == "train"),
        *(row[:2] for row in SPLIT_ROWS if row[2] == "test"),
    ]
    unsplit = write(birds, ROWS)
    assert load_split(str(unsplit), "test").splits["test"].paths == (
        load_manifest(unsplit).splits["test"].paths
    )
    with pytest.raises(FgmixError, match="1 of its 2 photos are not in"):
        load_split(str(write(birds, [*ROWS[:1], ("gone.png", "wren")])), "all")


def test_as_much_as_can_be_is_audited(birds):
    table = write(
        birds, [*SPLIT_ROWS, ("wren/0.png", "finch", "test"), ("gone.png", "wren", "train")]
    )
    subject = load_subject(str(table), None, 0)
    assert "has the label 'finch'" in subject.refusal
    assert len(subject.dataset.splits["train"]) == 5
    assert subject.dataset.splits["test"].paths.count("wren/0.png") == 1
    whole = load_subject(str(write(birds, ROWS)), None, 0)
    assert whole.refusal is None
    assert set(whole.dataset.splits) == {"train", "test"}


def test_the_photos_of_a_table_are_predicted_in_its_order(birds, monkeypatch):
    rows = [("wren/0.png",), ("gone.png",), ("finch\\1.png",), ("wren/0.png",)]
    photos = read_photos(write(birds, rows))
    assert photos == [birds / "wren/0.png", birds / "gone.png", birds / "finch/1.png"]
    monkeypatch.chdir(birds)
    assert read_photos(Path("labels.csv"))[0] == Path("wren/0.png")
    told = "no column 'path': its columns are file; name the columns in the first row$"
    with pytest.raises(FgmixError, match=told):
        read_photos(write(birds, rows, header=("file",)))


# Which data sets are tables


def test_a_table_is_known_by_its_suffix(birds, tmp_path):
    require_known(str(write(birds, ROWS)))
    for name, told in (
        ("gone.csv", "there is no file"),
        ("photos/gone.csv", "there is no file"),  # also the form of a name of TFDS
        ("labels.xlsx", "is a file: give a folder .* or a table of labels"),
    ):
        (tmp_path / "labels.xlsx").touch()
        with pytest.raises(FgmixError, match=told):
            require_known(str(tmp_path / name))
    with pytest.raises(FgmixError, match=r"there is no file photos/gone\.csv"):
        require_known("photos/gone.csv")


@pytest.mark.parametrize("name", ["photos", "labels.parquet"])
def test_a_table_in_a_folder_without_classes_is_pointed_at(tmp_path, name):
    table = tmp_path / name / "part-0.parquet"
    write_plain(tmp_path / name / "a.png")
    table.touch()
    with pytest.raises(
        FgmixError, match=f"0 class folder.*or give {table}, if it names the photos"
    ):
        load_dataset(str(tmp_path / name))


def test_a_folder_of_that_name_is_a_folder(birds, tmp_path):
    folder = Path(shutil.copytree(birds, tmp_path / "birds.csv"))
    data = load_dataset(str(folder))
    assert data.name == "birds.csv"
    assert np.bincount(data.splits["train"].labels).tolist() == [2, 2]
