"""Boxes: those of the published annotations, and the demo's tails where they are drawn."""

import numpy as np
import pytest
import scipy.io

from fgmix.data.box import Box
from fgmix.data.sources.aircraft import read_boxes as read_aircraft_boxes
from fgmix.data.sources.boxes import find_box_source
from fgmix.data.sources.cars_layouts import read_boxes as read_cars_boxes
from fgmix.data.sources.demo import dataset as demo
from fgmix.errors import FgmixError


def test_a_box_on_a_square_by_hand():
    mask = Box(10, 0, 20, 15).mask((20, 40), 4)  # pixels of the square are 5 high and 10 wide
    expected = np.zeros((4, 4), bool)
    expected[0:3, 1] = True
    np.testing.assert_array_equal(mask, expected)


def test_a_box_is_clipped_to_the_image():
    assert Box(-5, -5, 900, 900).mask((20, 40), 3).all()


def test_aircraft_boxes_are_counted_from_one(tmp_path):
    (tmp_path / "images_box.txt").write_text("0000007 3 1 10 8\n0000012 1 1 5 5\n")
    assert read_aircraft_boxes(tmp_path)["images/0000007.jpg"] == Box(2, 0, 10, 8)
    source = find_box_source("aircraft/family")
    assert source.read(tmp_path, ["images/0000012.jpg", "images/1.jpg"]) == {
        "images/0000012.jpg": Box(0, 0, 5, 5)
    }


@pytest.mark.parametrize("line", ["0000007 3 1 10", "0000007 3 1 10 x"])
def test_a_damaged_list_of_boxes_is_one_line(tmp_path, line):
    (tmp_path / "images_box.txt").write_text(line + "\n")
    with pytest.raises(FgmixError, match=r"images_box\.txt"):
        read_aircraft_boxes(tmp_path)


def write_annotations(folder, columns):
    (folder / "devkit").mkdir()
    for name in ("cars_train_annos.mat", "cars_test_annos_withlabels.mat"):
        rows = np.array([(2, 3, 20, 30, 1, "00001.jpg")], [(c, "O") for c in columns])
        scipy.io.savemat(folder / "devkit" / name, {"annotations": rows})


SIDES = ["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2"]


def test_cars_boxes_are_counted_from_one(tmp_path):
    write_annotations(tmp_path, [*SIDES, "class", "fname"])
    expected = Box(1, 2, 20, 30)
    assert read_cars_boxes(tmp_path) == {
        "cars_train/00001.jpg": expected,
        "cars_test/00001.jpg": expected,
    }


def test_annotations_without_boxes_and_class_folders_have_none(tmp_path):
    assert read_cars_boxes(tmp_path) == {}
    write_annotations(tmp_path, ["a", "b", "c", "d", "class", "fname"])
    assert read_cars_boxes(tmp_path) == {}


def test_folders_have_no_boxes():
    assert find_box_source("/photos/demo") is None
    assert find_box_source("oxford_flowers102") is None


@pytest.mark.parametrize("key", range(6))
def test_two_classes_differ_only_where_their_tails_are(key):
    one, other = key % 8, (key + 3) % 8

    def draw(index):
        return np.asarray(demo.draw_image(index, np.random.default_rng(key)), int)

    def box(index):
        return demo.tail_box(index, np.random.default_rng(key))

    differ = (draw(one) != draw(other)).any(axis=2)
    shape = (demo.HEIGHT, demo.WIDTH)
    y, x = np.nonzero(differ)
    boxes = [box(one), box(other)]
    # The blur of the lens carries a difference two pixels further.
    assert x.min() >= min(b.left for b in boxes) - 2
    assert x.max() < max(b.right for b in boxes) + 2
    assert y.min() >= min(b.top for b in boxes) - 2
    assert y.max() < max(b.bottom for b in boxes) + 2
    for b in boxes:
        assert 0 <= b.left < b.right <= shape[1]
        assert 0 <= b.top < b.bottom <= shape[0]
        assert (b.right - b.left) * (b.bottom - b.top) < 0.3 * shape[0] * shape[1]


def test_a_written_image_has_the_box_it_was_drawn_with(tmp_path):
    demo.write_demo(tmp_path / "demo", train_per_class=1, test_per_class=1)
    [path] = list((tmp_path / "demo").glob("test/t-tail/*"))
    name = path.relative_to(tmp_path / "demo").as_posix()
    index = demo.CLASS_NAMES.index("t-tail")
    box = demo.tail_box(index, np.random.default_rng([0, demo.SPLIT_KEYS["test"], index, 0]))
    assert find_box_source("demo").read(tmp_path / "demo", [name]) == {name: box}
