"""The scan of a data set and its findings."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fgmix.audit.finding import describe
from fgmix.audit.findings import Duplicates, count_classes, find_duplicates, find_problems
from fgmix.audit.looks import Looks
from fgmix.audit.quality import Quality
from fgmix.audit.scan import ScannedImage, scan_images
from fgmix.data.dataset import ImageDataset, Split
from fgmix.data.sources.demo.dataset import draw_image
from fgmix.data.sources.walk import Found, Kind
from tests.pictures import write_noise, write_plain

CLASSES = ("finch", "wren")
SOUND = Quality(brightest=0.9, darkest=0.1, sharpness=0.6)


def image(path, split="train", class_name="wren", **changes):
    digest = changes.pop("digest", path.encode())
    rng = np.random.default_rng(list(digest))
    one, mirrored = rng.integers(0, 2**64, (2, 8), np.uint64)
    given = {
        "looks": Looks(one, mirrored, rng.integers(0, 256, (64, 64), np.uint8)),
        "quality": SOUND,
        "width": 300,
        "height": 200,
    }
    return ScannedImage(path, split, class_name, digest=digest, **{**given, **changes})


def dataset(**splits):
    made = {
        name: Split(tuple(f"{name}{i}.png" for i in range(len(labels))), np.array(labels, np.int32))
        for name, labels in splits.items()
    }
    return ImageDataset("birds", None, CLASSES, made)


def kinds(images, data=None):
    plenty = [
        image(f"{name}-{split}-{i}", split, name)
        for name in CLASSES
        for split in ("train", "test")
        for i in range(2)
    ]
    images = [*plenty, *images]
    found = find_problems(data or dataset(train=[], test=[]), images, find_duplicates(images))
    return {finding.kind: finding for finding in found}


def test_a_image_is_read_as_training_reads_it(tmp_path):
    noise = write_noise(tmp_path / "a.jpg", size=(40, 30))
    picture = Image.open(noise)
    exif = picture.getexif()
    exif[0x0112] = 6  # to be rotated by a quarter turn
    picture.save(tmp_path / "turned.jpg", exif=exif)
    (tmp_path / "bad.jpg").write_text("nothing")
    write_plain(tmp_path / "plain.png")
    paths = ("a.jpg", "turned.jpg", "bad.jpg", "plain.png")
    splits = {
        "train": Split(paths[:3], np.array([0, 0, 1], np.int32)),
        "test": Split(paths[3:], np.array([1], np.int32)),
    }
    data = ImageDataset("birds", tmp_path, CLASSES, splits, crop_bottom=4)
    a, turned, bad, plain = scan_images(data)
    assert (a.path, a.split, a.class_name) == ("a.jpg", "train", "finch")
    assert (a.format, a.width, a.height, a.problem) == ("JPEG", 40, 26, None)
    assert a.looks.thumbnail.shape == (64, 64)
    assert 0 <= a.quality.darkest < a.quality.brightest <= 1
    assert a.digest == hashlib.sha256(noise.read_bytes()).digest()
    assert (turned.width, turned.height) == (30, 36)
    assert (bad.class_name, bad.problem) == ("wren", "not an image")
    assert (plain.split, plain.format, plain.looks) == ("test", "PNG", None)


def test_nothing_wrong_is_no_finding():
    assert kinds([]) == {}


def test_an_equal_file_in_train_and_test_hurts():
    found = kinds([image("x", "train", digest=b"1"), image("y", "test", digest=b"1")])
    assert list(found) == ["copies-across-splits"]
    finding = found["copies-across-splits"]
    assert finding.hurts
    assert "1 test photo(s) are duplicates of training photos" in finding.summary
    [item] = finding.items
    assert item == {
        "bits": 0,
        "mirrored": False,
        "cropped": False,
        "photos": [
            {"path": "x", "split": "train", "class": "wren"},
            {"path": "y", "split": "test", "class": "wren"},
        ],
    }
    assert describe(item) == "x (train, wren) = y (test, wren)"


def test_one_picture_under_two_labels_hurts():
    found = kinds([image("x", digest=b"1"), image("y", class_name="finch", digest=b"1")])
    assert [f.kind for f in found.values() if f.hurts] == ["two-labels"]


def test_copies_in_one_class_and_split_are_a_note():
    found = kinds([image("x", digest=b"1"), image("y", digest=b"1")])
    assert list(found) == ["copies"]
    assert not found["copies"].hurts


def test_val_and_test_may_not_share_a_picture_either():
    found = kinds([image("x", "val", digest=b"1"), image("y", "test", digest=b"1")])
    assert found["copies-across-splits"].hurts
    assert "copies of training" not in found["copies-across-splits"].summary


def test_near_copies_say_so(tmp_path):
    picture = draw_image(1, np.random.default_rng(3))
    picture.save(tmp_path / "a.png")
    picture.resize((picture.width // 2, picture.height // 2)).save(tmp_path / "b.jpg")
    draw_image(1, np.random.default_rng(4)).save(tmp_path / "c.png")
    splits = {
        "train": Split(("a.png",), np.array([0], np.int32)),
        "test": Split(("c.png", "b.jpg"), np.array([0, 1], np.int32)),
    }
    [duplicates] = find_duplicates(scan_images(ImageDataset("birds", tmp_path, CLASSES, splits)))
    assert [p.path for p in duplicates.images] == ["a.png", "b.jpg"]
    assert 0 < duplicates.bits <= 64
    found = kinds(list(duplicates.images))
    assert describe(found["two-labels"].items[0]).endswith(", nearly")
    assert "copies-across-splits" in found


def test_the_worst_copies_come_first():
    within = [image("a", digest=b"1"), image("b", digest=b"1")]
    labels = [image("c", digest=b"2"), image("d", class_name="finch", digest=b"2")]
    leak = [image("e", digest=b"3"), image("f", "test", digest=b"3")]
    order = [c.images[0].path for c in find_duplicates([*within, *labels, *leak])]
    assert order == ["e", "c", "a"]
    assert isinstance(find_duplicates(within)[0], Duplicates)


def test_an_unreadable_file_hurts_and_is_counted_nowhere_else():
    bad = image("x", problem="truncated")
    found = kinds([bad, image("y", digest=b"x", problem="truncated")])
    assert list(found) == ["unreadable"]
    assert describe(found["unreadable"].items[0]) == "x  truncated"
    assert count_classes(dataset(train=[]), [bad])["wren"] == {"train": 0}


def test_a_class_needs_two_images_to_train_and_one_to_test_on():
    data = dataset(train=[0, 0, 1], test=[0])
    images = [
        image("1", class_name="finch"),
        image("2", class_name="finch"),
        image("3", "test", "finch"),
        image("4"),
    ]
    [finding] = find_problems(data, images, [])
    assert (finding.kind, finding.hurts) == ("too-small", True)
    assert [tuple(item.values()) for item in finding.items] == [
        ("wren", "train", 1),
        ("wren", "test", 0),
    ]


@pytest.mark.parametrize(("largest", "told"), [(9, False), (10, True)])
def test_five_times_the_images_is_an_imbalance(largest, told):
    data = dataset(train=[], test=[])
    images = [image(f"t{i}", "test", name) for i, name in enumerate(CLASSES)]
    images += [image(f"w{i}") for i in range(largest)]
    images += [image(f"f{i}", class_name="finch") for i in range(2)]
    found = find_problems(data, images, [])
    assert [(f.kind, f.hurts) for f in found] == ([("imbalance", False)] if told else [])
    assert ["--class-weights balanced" in f.remedy for f in found] == [True] * told


def test_photos_that_are_left_out_hurt_and_other_files_do_not():
    photo, notes = Found(Path("cars_train/x.jpg"), Kind.UNNAMED), Found(Path("n.txt"), Kind.OTHER)
    sound = dataset(train=[], test=[])
    found = kinds([], replace(sound, left_out=(photo, notes)))
    assert list(found) == ["left-out"]
    assert found["left-out"].hurts
    assert "1 photo that the annotations don't name" in found["left-out"].summary
    assert [item["path"] for item in found["left-out"].items] == ["cars_train/x.jpg"]
    assert kinds([], replace(sound, left_out=(notes,))) == {}


def test_what_hurts_comes_first_and_a_refusal_before_everything():
    data = dataset(train=[], test=[])
    images = [image("x", looks=None), image("y", problem="truncated")]
    found = find_problems(data, images, [], refusal="no test folder")
    assert [f.kind for f in found] == ["refused", "unreadable", "too-small", "blank"]


def test_without_a_readable_image_there_is_no_imbalance():
    found = find_problems(dataset(train=[0]), [image("x", problem="truncated")], [])
    assert [f.kind for f in found] == ["unreadable", "too-small"]
