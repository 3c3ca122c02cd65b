import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fgmix.data.sources.demo import airliner
from fgmix.data.sources.demo import dataset as demo


def pixels(class_index: int, key: int) -> np.ndarray:
    return np.asarray(demo.draw_image(class_index, np.random.default_rng(key)), dtype=int)


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("data") / "nested" / "demo"
    demo.write_demo(directory, train_per_class=3, test_per_class=2)
    return directory


def test_class_names_are_sorted_and_each_has_its_own_drawing() -> None:
    assert list(demo.CLASS_NAMES) == sorted(set(demo.CLASS_NAMES))
    assert len(demo.CLASS_NAMES) == len(set(airliner.TAILS.values())) == 8


def test_image_has_the_documented_size_and_mode() -> None:
    image = demo.draw_image(0, np.random.default_rng(0))
    assert (image.size, image.mode) == ((demo.WIDTH, demo.HEIGHT), "RGB")


@pytest.mark.parametrize("class_index", range(len(demo.CLASS_NAMES)))
def test_same_seed_draws_the_same_pixels(class_index: int) -> None:
    np.testing.assert_array_equal(pixels(class_index, 5), pixels(class_index, 5))
    assert (pixels(class_index, 5) != pixels(class_index, 6)).any()


@pytest.mark.parametrize("key", range(6))
def test_classes_differ_only_around_the_tail(key: int) -> None:
    drawn = [pixels(class_index, key) for class_index in range(len(demo.CLASS_NAMES))]
    for one, other in itertools.combinations(drawn, 2):
        rows, columns = np.nonzero((one != other).any(axis=-1))
        assert 20 < rows.size < 0.15 * demo.WIDTH * demo.HEIGHT
        assert np.ptp(columns) < 0.5 * demo.WIDTH
        # One side of the picture: the tail's, whichever way the aircraft is facing.
        assert columns.max() < 0.5 * demo.WIDTH or columns.min() > 0.5 * demo.WIDTH


@pytest.mark.parametrize("key", range(6))
def test_class_takes_no_part_in_random_draws(key: int) -> None:
    following = set()
    for class_index in range(len(demo.CLASS_NAMES)):
        rng = np.random.default_rng(key)
        demo.draw_image(class_index, rng)
        following.add(rng.random())
    assert len(following) == 1


def test_layout_and_counts(written: Path) -> None:
    for split, count in (("train", 3), ("test", 2)):
        folders = sorted(folder.name for folder in (written / split).iterdir())
        assert folders == list(demo.CLASS_NAMES)
        for name in folders:
            files = sorted(file.name for file in (written / split / name).iterdir())
            assert files == [f"{number:04d}.jpg" for number in range(count)]


def test_nothing_is_left_next_to_the_data(written: Path) -> None:
    assert list(written.parent.iterdir()) == [written]


def test_existing_directory_is_left_alone(tmp_path: Path) -> None:
    kept = tmp_path / "demo"
    kept.mkdir()
    (kept / "note").touch()
    demo.write_demo(kept, train_per_class=1, test_per_class=1)
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    assert [path.name for path in kept.iterdir()] == ["note"]


def test_image_does_not_depend_on_the_number_of_others(written: Path, tmp_path: Path) -> None:
    fewer = tmp_path / "demo"
    demo.write_demo(fewer, train_per_class=1, test_per_class=1)
    files = sorted(fewer.rglob("*.jpg"))
    assert len(files) == 2 * len(demo.CLASS_NAMES)
    for file in files:
        np.testing.assert_array_equal(read(file), read(written / file.relative_to(fewer)))


def test_every_image_is_different(written: Path) -> None:
    files = sorted(written.rglob("*.jpg"))
    assert len({read(file).tobytes() for file in files}) == len(files)


def test_seed_changes_the_images(written: Path, tmp_path: Path) -> None:
    other = tmp_path / "demo"
    demo.write_demo(other, train_per_class=1, test_per_class=0, seed=1)
    file = Path("train", demo.CLASS_NAMES[0], "0000.jpg")
    assert (read(other / file) != read(written / file)).any()


def test_loser_of_a_race_keeps_the_winners_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "demo"
    draw = demo.draw_image

    def draw_while_another_finishes(class_index: int, rng: np.random.Generator) -> Image.Image:
        directory.mkdir(exist_ok=True)
        (directory / "winner").touch()
        return draw(class_index, rng)

    monkeypatch.setattr(demo, "draw_image", draw_while_another_finishes)
    demo.write_demo(directory, train_per_class=1, test_per_class=0)
    assert list(tmp_path.iterdir()) == [directory]
    assert [path.name for path in directory.iterdir()] == ["winner"]


def test_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(class_index: int, rng: np.random.Generator) -> Image.Image:
        raise RuntimeError("no ink")

    monkeypatch.setattr(demo, "draw_image", fail)
    with pytest.raises(RuntimeError, match="no ink"):
        demo.write_demo(tmp_path / "demo", train_per_class=1, test_per_class=1)
    assert list(tmp_path.iterdir()) == []
