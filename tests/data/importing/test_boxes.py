"""Boxes: tables, COCO and the sets' own; which photo each belongs to."""

import json

import pytest

from fgmix.data.box import Box
from fgmix.data.importing.boxes import LabelledBox, own_boxes, read_boxes
from fgmix.data.importing.run import Options, import_photos
from fgmix.data.importing.source import SourcePhoto
from fgmix.errors import FgmixError
from tests.data.importing.pictures import decode, encode, smooth


def photo(key):
    return SourcePhoto(key, key.rpartition("/")[2], b"")


def table(tmp_path, text, name="boxes.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "path,x1,y1,x2,y2\na/1.jpg,1,2,3.5,4\n",
        "\ufefffilename;xmin;ymin;xmax;ymax\r\na/1.jpg;1;2;3.5;4\r\n",
        "x\ty\twidth\theight\tImage\n1\t2\t2.5\t2\ta/1.jpg\n\n",
        '{"images": [{"id": 5, "file_name": "a/1.jpg"}],'
        ' "annotations": [{"image_id": 5, "bbox": [1, 2, 2.5, 2]}]}',
    ],
)
def test_tables_and_coco_give_the_same_boxes(tmp_path, text):
    boxes = read_boxes(table(tmp_path, text))
    assert boxes.of(photo("a/1.jpg")) == [LabelledBox(Box(1, 2, 3.5, 4))]
    assert boxes.unused == []


def test_classes_and_several_boxes_of_a_photo_are_read(tmp_path):
    rows = "path,label,x1,y1,x2,y2\n1.jpg,audi,0,0,2,2\n1.jpg,bmw,1,1,4,4\n"
    coco = {
        "images": [{"id": 1, "file_name": "1.jpg"}],
        "categories": [{"id": 7, "name": "audi"}, {"id": 8, "name": "bmw"}],
        "annotations": [
            {"image_id": 1, "category_id": 7, "bbox": [0, 0, 2, 2]},
            {"image_id": 1, "category_id": 8, "bbox": [1, 1, 3, 3]},
        ],
    }
    for text in (rows, json.dumps(coco)):
        boxes = read_boxes(table(tmp_path, text))
        assert boxes.of(photo("1.jpg")) == [
            LabelledBox(Box(0, 0, 2, 2), "audi"),
            LabelledBox(Box(1, 1, 4, 4), "bmw"),
        ]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("a/1.jpg", "set/a/1.jpg"),
        ("1.jpg", "set/a/1.jpg"),
        ("/home/me/set/a/1.jpg", "a/1.jpg"),
        ("C:\\photos\\a\\1.jpg", "a/1.jpg"),
        ("./a/1.jpg", "a/1.jpg"),
    ],
)
def test_a_path_fits_a_photo_if_one_is_the_end_of_the_other(tmp_path, path, key):
    boxes = read_boxes(table(tmp_path, f"path,x1,y1,x2,y2\n{path},0,0,1,1\n"))
    assert boxes.of(photo(key)) == [LabelledBox(Box(0, 0, 1, 1))]


def test_a_path_of_another_folder_does_not_fit(tmp_path):
    boxes = read_boxes(table(tmp_path, "path,x1,y1,x2,y2\nb/1.jpg,0,0,1,1\n"))
    assert boxes.of(photo("a/1.jpg")) == ()
    assert boxes.unused == ["b/1.jpg"]


def test_paths_that_fit_several_photos_are_refused(tmp_path):
    boxes = read_boxes(table(tmp_path, "path,x1,y1,x2,y2\n1.jpg,0,0,1,1\n"))
    boxes.of(photo("a/1.jpg"))
    with pytest.raises(FgmixError, match=r"names 1\.jpg, which may be a/1\.jpg or b/1\.jpg"):
        boxes.of(photo("b/1.jpg"))
    text = "path,x1,y1,x2,y2\na/1.jpg,0,0,1,1\nb/1.jpg,0,0,1,1\n"
    with pytest.raises(FgmixError, match=r"the photo 1\.jpg may be a/1\.jpg or b/1\.jpg"):
        read_boxes(table(tmp_path, text)).of(photo("1.jpg"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,left,top\n", r"needs the columns path,x1,y1,x2,y2 .*; it has path,left,top"),
        ("path,x1,y1,x2,y2\n", "has no boxes"),
        ("path,x1,y1,x2,y2\na,1,2,3\n", r"line 2: not a path and four numbers"),
        ("path,x1,y1,x2,y2\na,1,2,3,4\nb,1,2,3,x\n", r"line 3: not a path and four numbers"),
        ("path,x1,y1,x2,y2\na,1,2,3,nan\n", r"line 2: a box has four numbers"),
        ('{"images": []}', r"is no COCO file: it needs images"),
        ("{", r"is no COCO file: it needs images"),
        ('{"images": [], "annotations": [{"image_id": 1, "bbox": []}]}', "annotation 0: no image"),
    ],
)
def test_what_is_no_file_of_boxes_is_one_line(tmp_path, text, message):
    with pytest.raises(FgmixError, match=message) as caught:
        read_boxes(table(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_source_without_boxes_of_its_own_is_refused():
    with pytest.raises(FgmixError, match="photos has no boxes of its own; cars and aircraft have"):
        own_boxes("photos", None)


@pytest.fixture
def source(tmp_path):
    """A folder of two classes and a table with boxes of two of three photos."""
    for name in ("a/1.png", "a/2.png", "b/3.png"):
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(smooth((60, 40), seed=int(path.stem)), "PNG"))
    return tmp_path / "source"


def test_photos_are_cropped_to_their_boxes_and_it_is_recorded(source, tmp_path):
    text = "path,x1,y1,x2,y2\na/1.png,10,10,30,20\nb/3.png,0,0,20,20\nb/4.png,0,0,1,1\n"
    boxes = table(tmp_path, text)
    imported = import_photos(str(source), tmp_path / "out", Options(boxes=str(boxes), margin=0.5))
    crop = decode((tmp_path / "out/a/1.png").read_bytes())
    assert (crop == decode((source / "a/1.png").read_bytes())[5:25, 0:40]).all()
    note = imported.note
    assert note["crops"] == {"boxes": str(boxes), "margin": 0.5}
    assert note["done_to_photos"] == {"cropped": 2}
    assert note["left_out"] == ["1 photo without a box"]
    assert note["notes"] == [f"no photo here for 1 path of {boxes} (such as b/4.png)"]


def test_the_classes_of_boxes_win_and_each_box_is_a_photo(source, tmp_path):
    text = "path,label,x1,y1,x2,y2\na/1.png,x,0,0,9,9\na/1.png,y,9,9,30,20\na/2.png,y,0,0,9,9\n"
    import_photos(str(source), tmp_path / "out", Options(boxes=str(table(tmp_path, text))))
    assert (tmp_path / "out/labels.csv").read_text().splitlines()[1:] == [
        "x/1.png,x,",
        "y/1.png,y,",
        "y/2.png,y,",
    ]


def test_other_boxes_do_not_go_on_with_an_import(source, tmp_path):
    boxes = table(tmp_path, "path,x1,y1,x2,y2\na/1.png,10,10,30,20\n")
    import_photos(str(source), tmp_path / "out", Options(boxes=str(boxes)))
    assert import_photos(str(source), tmp_path / "out", Options(boxes=str(boxes))).was_there
    boxes.write_text(boxes.read_text() + "a/2.png,0,0,9,9\n")
    with pytest.raises(FgmixError, match="was imported from other flags"):
        import_photos(str(source), tmp_path / "out", Options(boxes=str(boxes)))


def test_boxes_of_other_photos_are_refused(source, tmp_path):
    boxes = table(tmp_path, "path,x1,y1,x2,y2\nz/9.png,10,10,30,20\n")
    with pytest.raises(FgmixError, match=r"no photo .* has a box in .*, such as z/9\.png|z/9\.png"):
        import_photos(str(source), tmp_path / "out", Options(boxes=str(boxes)))
    assert not (tmp_path / ".out.importing").exists()
