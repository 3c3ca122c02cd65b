"""FGVC-Aircraft in its official layout: small versions made here, unpacked, packed and served."""

import numpy as np
import pytest
from PIL import Image

from fgmix.data.sources import aircraft
from fgmix.data.sources.aircraft import LEVELS, PARTS, load_aircraft, read_class_names, read_part
from fgmix.errors import FgmixError
from tests.archives import pack
from tests.pictures import write_plain
from tests.server import serving

PLANES = {  # variant -> family, manufacturer
    "707-320": ("Boeing 707", "Boeing"),
    "737-200": ("Boeing 737", "Boeing"),
    "F-16A/B": ("F-16", "Lockheed Corporation"),
    "F/A-18": ("F/A-18", "McDonnell Douglas"),
}
COUNTS = {"train": 2, "val": 1, "test": 2}
HEIGHT, WIDTH = 44, 48


def write_aircraft(data, newline="\n", counts=COUNTS):
    """Writes the layout with white photos over black banners; returns the folder `data`."""
    (data / "images").mkdir(parents=True)
    for level, names in enumerate(zip(*((v, *rest) for v, rest in PLANES.items()), strict=True)):
        write_lines(data / list(LEVELS.values())[level], sorted(set(names)), newline)
    number = 34309
    rows = {part: [] for part in counts}
    for part, count in counts.items():
        for index in range(count * len(PLANES)):
            number += 7
            variant = list(PLANES)[index % len(PLANES)]
            rows[part].append((f"{number:07d}", (variant, *PLANES[variant])))
            pixels = np.full((HEIGHT, WIDTH, 3), 40 + 50 * (index % len(PLANES)), np.uint8)
            pixels[-20:] = 0
            Image.fromarray(pixels).save(data / "images" / f"{number:07d}.jpg", quality=95)
    rows["trainval"] = sorted(rows["train"] + rows["val"])
    for part, entries in rows.items():
        for index, level in enumerate(LEVELS):
            lines = [f"{number} {names[index]}" for number, names in entries]
            write_lines(data / f"images_{level}_{part}.txt", lines, newline)
    return data


def write_lines(path, lines, newline):
    path.write_bytes("".join(line + newline for line in lines).encode())


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The folder that the published archive holds."""
    return write_aircraft(tmp_path_factory.mktemp("copy") / "fgvc-aircraft-2013b" / "data").parent


@pytest.fixture
def archive(copy, tmp_path, monkeypatch):
    """The archive in a folder of its own, as the published one."""
    path = tmp_path / "archive" / aircraft.ARCHIVE
    monkeypatch.setattr(aircraft, "CHECKSUM", pack(copy, path))
    return path


def refusal(folder, level="variant"):
    with pytest.raises(FgmixError) as caught:
        load_aircraft(folder, level)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("below", ["", "data", "fgvc-aircraft-2013b/data"])
def test_an_unpacked_copy_is_read_where_it_lies(tmp_path, below):
    write_aircraft(tmp_path / below)
    data = load_aircraft(tmp_path)
    assert data.name == "aircraft"
    assert data.root == tmp_path / below
    assert data.class_names == tuple(sorted(PLANES))
    assert len(data.splits["train"]) == 12
    assert len(data.splits["test"]) == 8
    assert data.crop_bottom == 20
    assert data.splits["train"].paths[0] == "images/0034316.jpg"
    assert data.splits["train"].labels[:4].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(("level", "names"), [("family", 4), ("manufacturer", 3)])
def test_the_other_levels_have_their_own_classes(copy, level, names):
    data = load_aircraft(copy, level)
    assert data.name == f"aircraft/{level}"
    assert len(data.class_names) == names
    variants = load_aircraft(copy)
    above = {v: rest[list(LEVELS).index(level) - 1] for v, rest in PLANES.items()}
    for split, other in zip(data.splits.values(), variants.splits.values(), strict=True):
        assert split.paths == other.paths
        expected = [above[variants.class_names[label]] for label in other.labels]
        assert [data.class_names[label] for label in split.labels] == expected


def test_the_official_train_and_val_make_up_trainval(copy):
    root = copy / "data"
    names = read_class_names(root, "variant")
    found = {part: read_part(root, "variant", part, names) for part in PARTS}
    assert {part: len(split) for part, split in found.items()} == {
        "train": 8,
        "val": 4,
        "trainval": 12,
        "test": 8,
    }
    both = set(found["train"].paths) | set(found["val"].paths)
    assert both == set(found["trainval"].paths)
    assert not set(found["train"].paths) & set(found["val"].paths)


def test_line_endings_and_blanks_do_not_matter(copy, tmp_path):
    write_aircraft(tmp_path, newline=" \r\n")
    with (tmp_path / "images_variant_test.txt").open("a") as file:
        file.write("\n\n")
    data, plain = load_aircraft(tmp_path), load_aircraft(copy)
    assert data.class_names == plain.class_names
    for name, split in plain.splits.items():
        assert data.splits[name].paths == split.paths
        assert data.splits[name].labels.tolist() == split.labels.tolist()


def test_the_archive_is_unpacked_beside_itself(archive):
    data = load_aircraft(archive.parent)
    assert data.root == archive.parent / "fgvc-aircraft-2013b" / "data"
    assert len(data.splits["test"]) == 8
    archive.unlink()  # not needed any more
    assert load_aircraft(archive.parent).fingerprint() == data.fingerprint()


def test_the_archive_itself_may_be_named(archive):
    assert len(load_aircraft(archive).splits["train"]) == 12


def test_a_damaged_archive_is_refused_and_leaves_nothing(archive):
    archive.write_bytes(archive.read_bytes()[:-50])
    message = refusal(archive.parent)
    assert str(archive) in message
    assert "not the published archive" in message
    assert not (archive.parent / "fgvc-aircraft-2013b").exists()


def test_without_a_copy_the_archive_is_downloaded_checked_and_unpacked(
    archive, tmp_path, monkeypatch
):
    with serving() as server:
        server.files[aircraft.ARCHIVE] = archive.read_bytes()
        monkeypatch.setattr(aircraft, "URL", f"{server.url}/{aircraft.ARCHIVE}")
        server.stop_after = [1000]
        data = load_aircraft(tmp_path / "new")
    assert data.root.is_relative_to(tmp_path / "new")
    assert len(data.splits["train"]) == 12


def test_a_download_that_fails_says_where_to_put_the_archive(tmp_path, monkeypatch):
    with serving() as server:
        monkeypatch.setattr(aircraft, "URL", f"{server.url}/{aircraft.ARCHIVE}")
        message = refusal(tmp_path)
    assert "HTTP 404" in message
    assert str(tmp_path / aircraft.ARCHIVE) in message


@pytest.mark.parametrize(
    ("file", "line", "named"),
    [
        ("images_variant_test.txt", "0034309 F/A-19", "'0034309 F/A-19'"),
        ("images_variant_test.txt", "0000001 F/A-18", "images/0000001.jpg"),
        ("images_variant_trainval.txt", "0034309", "'0034309'"),
    ],
)
def test_an_invalid_line_is_named(tmp_path, file, line, named):
    write_aircraft(tmp_path)
    with (tmp_path / file).open("a") as annotations:
        annotations.write(line + "\n")
    message = refusal(tmp_path)
    assert file in message
    assert named in message


@pytest.mark.parametrize("file", ["families.txt", "images_family_test.txt"])
def test_a_list_that_is_missing_or_empty_is_named(tmp_path, file):
    write_aircraft(tmp_path)
    (tmp_path / file).write_text("\n")
    assert file in refusal(tmp_path, "family")
    (tmp_path / file).unlink()
    assert file in refusal(tmp_path, "family")


def test_images_that_the_annotations_do_not_name_are_told_in_one_line(tmp_path, caplog):
    write_aircraft(tmp_path)
    assert load_aircraft(tmp_path).left_out == ()
    assert caplog.text == ""
    for number in (1, 2):
        write_plain(tmp_path / "images" / f"000000{number}.jpg")
    found = load_aircraft(tmp_path, "family").photos_left_out
    assert [path.as_posix() for path, _ in found] == ["images/0000001.jpg", "images/0000002.jpg"]
    assert [record.getMessage() for record in caplog.records] == [
        f"left out of {tmp_path}: 2 photos that the annotations don't name (such as "
        f"images/0000001.jpg)"
    ]


def test_missing_images_are_named(tmp_path):
    write_aircraft(tmp_path)
    (tmp_path / "images").rename(tmp_path / "elsewhere")
    assert "images/0034316.jpg" in refusal(tmp_path)
