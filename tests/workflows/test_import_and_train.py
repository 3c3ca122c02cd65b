"""From photos as people have them to predictions: import, check, train, predict."""

import json

import pytest

from fgmix.__main__ import main
from fgmix.cli.main import run
from tests.data.importing.pictures import encode, exif_of
from tests.data.importing.test_archive import write_archive
from tests.trained_runs import draw_photos


@pytest.mark.slow
def test_a_zip_of_tiffs_and_avifs_becomes_a_model_that_predicts(tmp_path, capsys):
    from PIL import Image

    drawn = draw_photos(tmp_path / "drawn", {"train": 4, "test": 2})
    files = {}
    for number, path in enumerate(sorted(drawn.rglob("photo*"))):
        kind, suffix = (("TIFF", "tif"), ("AVIF", "avif"))[number % 2]
        name = path.relative_to(drawn).with_suffix(f".{suffix}").as_posix()
        with Image.open(path) as image:
            files[name] = encode(image, kind, exif=exif_of(1).tobytes())
    write_archive(tmp_path / "photos.zip", files)
    photos, model = str(tmp_path / "photos"), str(tmp_path / "run")
    assert run(main, ["import", str(tmp_path / "photos.zip"), photos]) == 0
    assert run(main, ["check", "--dataset", photos, "--output", str(tmp_path / "audit")]) in (0, 1)
    checked = capsys.readouterr().out
    assert "readable photos: 12 train, 6 test" in checked
    assert "no photos" not in checked
    settings = "--backbone tiny --weights none --recipe paper --image-size 32 --epochs 1"
    assert run(main, ["train", "--dataset", photos, "--run-dir", model, *settings.split()]) == 0
    capsys.readouterr()
    new = str(tmp_path / "photos/test/red")
    assert run(main, ["predict", "--model", model, new]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 2
    assert {line["label"] for line in lines} <= {"blue", "green", "red"}
