"""Data sets that fgmix knows: their own boxes, splits and terms."""

import numpy as np
import pytest
import scipy.io

from fgmix.data.importing.run import Options, import_photos
from fgmix.errors import FgmixError
from tests.data.importing.pictures import decode, encode, smooth


@pytest.fixture
def cars(tmp_path):
    """The official layout of Cars-196 with two classes and two photos in each split."""
    root = tmp_path / "cars"
    (root / "devkit").mkdir(parents=True)
    names = np.array(["Audi A/4", "BMW"], dtype=object)
    scipy.io.savemat(root / "devkit/cars_meta.mat", {"class_names": names})
    sides = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")
    kinds = [(side, "O") for side in sides] + [("class", "O"), ("fname", "O")]
    files = {"train": "cars_train_annos.mat", "test": "cars_test_annos_withlabels.mat"}
    for part, file in files.items():
        (root / f"cars_{part}").mkdir()
        rows = np.array([(11, 6, 30, 20, n + 1, f"0000{n}.jpg") for n in range(2)], kinds)
        scipy.io.savemat(root / "devkit" / file, {"annotations": rows})
        for number in range(2):
            content = encode(smooth((60, 40), seed=number), "JPEG", quality=95)
            (root / f"cars_{part}/0000{number}.jpg").write_bytes(content)
    return root


def test_cars_are_cropped_to_their_own_boxes(cars, tmp_path):
    options = Options(data_dir=str(cars), boxes="own", margin=0.0)
    note = import_photos("cars", tmp_path / "out", options).note
    crop = decode((tmp_path / "out/train/Audi A_4/00000.jpg").read_bytes())
    whole = decode((cars / "cars_train/00000.jpg").read_bytes())
    assert crop.shape == (15, 20, 3)  # pixels are counted from 1 there, the last one included
    assert np.abs(crop - whole[5:20, 10:30]).max() <= 6
    assert (note["photos"], note["splits"]) == (4, {"train": 2, "test": 2})
    assert note["class_folders"] == {"Audi A_4": "Audi A/4"}
    assert "non-commercial research" in note["licence"]
    assert note["crops"] == {"boxes": "the set's own", "margin": 0.0}


def test_missing_data_are_named_as_in_training(tmp_path):
    with pytest.raises(FgmixError, match="no Cars-196 in"):
        import_photos("cars", tmp_path / "out", Options(data_dir=str(tmp_path / "nothing")))
