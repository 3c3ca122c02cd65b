"""Cars-196 in every layout: small versions made here, and the real one if it is there."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from fgmix.data.sources import cars
from fgmix.data.sources.cars import CHECKSUMS, FOLDERS, MIRROR_VARIABLE, load_cars
from fgmix.data.sources.cars_layouts import official_class_names
from fgmix.data.sources.walk import Kind
from fgmix.errors import FgmixError
from tests.archives import pack, sha256
from tests.pictures import write_plain
from tests.server import serving

REAL = Path(__file__).parents[4] / "shared" / "data" / "cars196"
NAMES = ("AM General Hummer SUV 2000", "Acura RL Sedan 2012", "smart fortwo Convertible 2012")
TRAIN = [("00001.jpg", 3), ("00002.jpg", 1), ("00003.jpg", 2), ("00004.jpg", 1)]
TEST = [("00001.jpg", 2), ("00002.jpg", 3)]
TEST_FILE = "cars_test_annos_withlabels.mat"


def write_annotations(path, rows, with_labels=True):
    path.parent.mkdir(parents=True, exist_ok=True)
    boxes = [f"bbox_{corner}" for corner in ("x1", "y1", "x2", "y2")]
    names = [*boxes, "class", "fname"] if with_labels else [*boxes, "fname"]
    annotations = np.zeros((1, len(rows)), [(name, object) for name in names])
    for i, (file, label) in enumerate(rows):
        values = (1, 1, 12, 10, label, file) if with_labels else (1, 1, 12, 10, file)
        annotations[0, i] = values
    scipy.io.savemat(path, {"annotations": annotations})


def write_meta(path, names=NAMES):
    cells = np.empty((1, len(names)), object)
    cells[0] = names
    scipy.io.savemat(path, {"class_names": cells})


def write_cars(root, train=TRAIN, test=TEST, test_file=f"devkit/{TEST_FILE}"):
    for part, rows in (("train", train), ("test", test)):
        for file, _ in rows:
            write_plain(root / f"cars_{part}" / file)
    write_annotations(root / "devkit" / "cars_train_annos.mat", train)
    write_annotations(root / test_file, test)
    write_meta(root / "devkit" / "cars_meta.mat")
    return root


def refusal(root):
    """The one-line error message of `load_cars` for the folder."""
    with pytest.raises(FgmixError) as caught:
        load_cars(root)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("test_file", [f"devkit/{TEST_FILE}", TEST_FILE])
def test_reads_the_official_layout(tmp_path, test_file):
    data = load_cars(write_cars(tmp_path, test_file=test_file))
    assert data.name == "cars"
    assert data.left_out == ()
    assert data.class_names == NAMES
    assert data.splits["train"].paths == tuple(f"cars_train/{file}" for file, _ in TRAIN)
    assert data.splits["train"].labels.tolist() == [2, 0, 1, 0]
    assert data.splits["test"].paths == ("cars_test/00001.jpg", "cars_test/00002.jpg")
    assert data.splits["test"].labels.tolist() == [1, 2]
    assert all(Path(file).is_file() for file in data.files("train") + data.files("test"))


def test_the_layout_may_lie_in_a_folder_stanford_cars(tmp_path):
    write_cars(tmp_path / "stanford_cars", test_file=TEST_FILE)
    assert load_cars(tmp_path).root == tmp_path / "stanford_cars"


def test_an_annotation_file_may_have_one_row(tmp_path):
    data = load_cars(write_cars(tmp_path, test=[("00007.jpg", 2)]))
    assert data.splits["test"].paths == ("cars_test/00007.jpg",)
    assert data.splits["test"].labels.tolist() == [1]


def test_the_official_layout_may_hold_the_needed_part_alone(tmp_path):
    write_cars(tmp_path)
    shutil.rmtree(tmp_path / "cars_train")
    (tmp_path / "devkit" / "cars_train_annos.mat").unlink()
    data = load_cars(tmp_path, parts=("test",))
    assert data.splits["test"].labels.tolist() == [1, 2]
    assert list(data.splits) == ["test"]
    assert "cars_train" in refusal(tmp_path)


def test_photos_that_the_annotations_do_not_name_are_told_in_one_line(tmp_path, caplog):
    write_cars(tmp_path)
    write_plain(tmp_path / "cars_train" / "extra.jpg")
    write_plain(tmp_path / "cars_train" / "more" / "00001.jpg")
    for name in ("scan.tif", "notes.txt", "._00001.jpg"):
        (tmp_path / "cars_test" / name).write_bytes(b"not read")
    data = load_cars(tmp_path)
    assert {path.as_posix(): kind for path, kind in data.photos_left_out} == {
        "cars_train/extra.jpg": Kind.UNNAMED,
        "cars_train/more/00001.jpg": Kind.UNNAMED,
        "cars_test/scan.tif": Kind.FORMAT,
    }
    assert [record.getMessage() for record in caplog.records] == [
        f"left out of {tmp_path}: 1 photo in formats that are not read (1 .tif), 2 photos that the "
        f"annotations don't name (such as cars_train/extra.jpg)"
    ]
    [scan] = load_cars(tmp_path, ["test"]).photos_left_out
    assert scan.path == Path("cars_test/scan.tif")


def test_an_annotated_photo_that_is_missing_is_named(tmp_path):
    write_cars(tmp_path)
    (tmp_path / "cars_test" / "00002.jpg").unlink()
    message = refusal(tmp_path)
    assert "cars_test/00002.jpg" in message
    assert TEST_FILE in message


def test_a_missing_folder_of_photos_is_named(tmp_path):
    write_cars(tmp_path)
    (tmp_path / "cars_train").rename(tmp_path / "elsewhere")
    assert "cars_train/00001.jpg" in refusal(tmp_path)


@pytest.mark.parametrize("label", [0, 4, -1])
def test_a_class_number_out_of_range_is_named(tmp_path, label):
    message = refusal(write_cars(tmp_path, train=[*TRAIN, ("00005.jpg", label)]))
    assert "cars_train_annos.mat gives 00005.jpg" in message
    assert f"class {label};" in message
    assert "there are 3" in message


@pytest.mark.parametrize("name", ["cars_meta.mat", "cars_train_annos.mat", TEST_FILE])
@pytest.mark.parametrize("damage", ["half", "empty", "another format"])
def test_a_damaged_file_is_named(tmp_path, name, damage):
    path = write_cars(tmp_path) / "devkit" / name
    content = path.read_bytes()
    damaged = {"half": content[: len(content) // 2], "empty": b""}
    path.write_bytes(damaged.get(damage, b"<html>404 Not Found</html>"))
    assert str(path) in refusal(tmp_path)


@pytest.mark.parametrize("name", ["cars_meta.mat", "cars_train_annos.mat", TEST_FILE])
def test_a_missing_file_of_the_devkit_is_named_with_the_layout(tmp_path, name):
    (write_cars(tmp_path) / "devkit" / name).unlink()
    message = refusal(tmp_path)
    assert f"no {name} in {tmp_path / 'devkit'}" in message
    assert "devkit/cars_meta.mat" in message
    assert "--data-dir" in message


@pytest.mark.parametrize("folder", ["", "nowhere"])
def test_without_a_copy_it_says_what_to_download_and_where_to_put_it(tmp_path, folder):
    message = refusal(tmp_path / folder)
    assert f"no Cars-196 in {tmp_path / folder}" in message
    assert all(name in message for name in CHECKSUMS)
    assert "kaggle.com/datasets/" in message
    assert MIRROR_VARIABLE in message
    assert "fgmix import hf://datasets/tanganke/stanford_cars FOLDER" in message


def test_the_devkits_own_test_file_without_labels_is_refused(tmp_path):
    # The devkit's cars_test_annos.mat has no classes; renamed, it takes the place of the other.
    write_cars(tmp_path)
    write_annotations(tmp_path / "devkit" / TEST_FILE, TEST, with_labels=False)
    assert TEST_FILE in refusal(tmp_path)


def test_a_matlab_file_of_something_else_is_refused(tmp_path):
    write_cars(tmp_path)
    scipy.io.savemat(tmp_path / "devkit" / "cars_meta.mat", {"names": [1.0, 2.0]})
    assert "cars_meta.mat" in refusal(tmp_path)


# Names of folders, and the official ones that they stand for. Their order differs.
KAGGLE = {
    "AM General Hummer SUV 2000": "AM General Hummer SUV 2000",
    "Acura Integra Type R 2001": "Acura Integra Type R 2001",
    "Acura RL Sedan 2012": "Acura RL Sedan 2012",
    "Ram C-V Cargo Van Minivan 2012": "Ram C/V Cargo Van Minivan 2012",
}


def write_class_folders(root, names=tuple(KAGGLE)):
    for number, name in enumerate(names):
        write_plain(root / "train" / name / f"{number:05d}.jpg")
        write_plain(root / "train" / name / f"{number + 100:05d}.jpg")
        write_plain(root / "test" / name / f"{number:05d}.jpg")
    return root


@pytest.mark.parametrize("below", ["", "car_data", "car_data/car_data"])
def test_class_folders_get_the_official_names_in_the_official_order(tmp_path, below):
    data = load_cars(write_class_folders(tmp_path / below) and tmp_path)
    assert data.name == "cars"
    assert data.root == tmp_path / below
    assert data.class_names == (
        "AM General Hummer SUV 2000",
        "Acura RL Sedan 2012",
        "Acura Integra Type R 2001",
        "Ram C/V Cargo Van Minivan 2012",
    )
    for split in data.splits.values():
        folders = [path.split("/")[1] for path in split.paths]
        assert [data.class_names[label] for label in split.labels] == [KAGGLE[f] for f in folders]


def test_other_ways_to_write_a_slash_are_known_too(tmp_path):
    names = ["Ram_C_V_Cargo_Van_Minivan_2012", "acura rl sedan 2012"]
    data = load_cars(write_class_folders(tmp_path, names))
    assert data.class_names == ("Acura RL Sedan 2012", "Ram C/V Cargo Van Minivan 2012")


@pytest.mark.parametrize(
    "names", [["zebra", "Acura RL Sedan 2012"], ["Acura RL Sedan 2012", "Acura-RL-Sedan-2012"]]
)
def test_folders_with_other_names_keep_them(tmp_path, names):
    data = load_cars(write_class_folders(tmp_path, names))
    assert data.class_names == tuple(sorted(names))


def test_the_official_layout_comes_before_class_folders(tmp_path):
    write_class_folders(write_cars(tmp_path) / "car_data")
    assert load_cars(tmp_path).class_names == NAMES


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A folder with the published files, made here; their checksums are taken for the real ones."""
    source = write_cars(tmp_path / "source", test_file=TEST_FILE)
    folder = tmp_path / "published"
    sums = {name: pack(source / inside, folder / name) for name, inside in FOLDERS.items()}
    (source / TEST_FILE).rename(folder / TEST_FILE)
    monkeypatch.setattr(cars, "CHECKSUMS", sums | {TEST_FILE: sha256(folder / TEST_FILE)})
    return folder


def test_the_original_archives_are_unpacked_where_they_lie(published):
    data = load_cars(published)
    assert data.root == published
    assert data.class_names == NAMES
    assert data.splits["train"].labels.tolist() == [2, 0, 1, 0]
    for archive in published.glob("*.tgz"):
        archive.unlink()  # not needed any more
    assert load_cars(published).fingerprint() == data.fingerprint()


def test_class_folders_come_before_the_archives(published):
    write_class_folders(published)
    assert load_cars(published).class_names[-1] == "Ram C/V Cargo Van Minivan 2012"
    assert not (published / "devkit").exists()


@pytest.mark.parametrize("name", FOLDERS)
def test_a_damaged_archive_is_named_and_leaves_nothing(published, name):
    (published / name).write_bytes((published / name).read_bytes()[:-20])
    message = refusal(published)
    assert str(published / name) in message
    assert not (published / FOLDERS[name]).exists()


def test_a_missing_archive_is_named_by_its_content(published):
    (published / "cars_train.tgz").unlink()
    assert "cars_train/00001.jpg" in refusal(published)


def test_a_mirror_provides_what_is_missing(published, tmp_path, monkeypatch):
    with serving() as server:
        server.files = {path.name: path.read_bytes() for path in published.iterdir()}
        monkeypatch.setenv(MIRROR_VARIABLE, server.url + "/")
        new = tmp_path / "new"
        new.mkdir()
        (published / "cars_test.tgz").rename(new / "cars_test.tgz")
        data = load_cars(new)
        assert data.class_names == NAMES
        assert len(server.ranges) == 3  # the fourth was there
        assert load_cars(new).fingerprint() == data.fingerprint()
        assert len(server.ranges) == 3


def test_a_mirror_with_another_file_is_refused(published, tmp_path, monkeypatch):
    with serving() as server:
        server.files = {path.name: b"something else" for path in published.iterdir()}
        monkeypatch.setenv(MIRROR_VARIABLE, server.url)
        message = refusal(tmp_path / "new")
    assert "cars_train.tgz is not the published file" in message


def test_the_checksums_are_those_of_tfds():
    import tensorflow_datasets as tfds

    listed = Path(tfds.__file__).parent / "url_checksums" / "cars196.txt"
    rows = [line.split() for line in listed.read_text().splitlines()]
    assert {row[3]: f"sha256:{row[2]}" for row in rows} == CHECKSUMS


@pytest.mark.skipif(not REAL.is_dir(), reason="no copy of Cars-196 at ../shared/data/cars196")
def test_reads_the_real_cars():
    data = load_cars(REAL)
    assert len(data.class_names) == 196
    assert data.class_names[0] == "AM General Hummer SUV 2000"
    assert {part: len(split) for part, split in data.splits.items()} == {
        "train": 4084,
        "test": 2030,
    }
    for split in data.splits.values():
        assert np.unique(split.labels).tolist() == list(range(196))


@pytest.mark.skipif(not REAL.is_dir(), reason="no copy of Cars-196 at ../shared/data/cars196")
def test_the_real_names_are_those_that_class_folders_get():
    assert load_cars(REAL).class_names == official_class_names()
