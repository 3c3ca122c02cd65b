"""The resized cache: as good as the originals, made once, and never used when stale."""

import os
import signal
import subprocess
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from fgmix.data.augment.registry import AUGMENTATIONS
from fgmix.data.codec.decode import load_image
from fgmix.data.dataset import ImageDataset, Split
from fgmix.data.pipeline import evaluation_batches, training_batches
from fgmix.data.resized_cache.build import build_resized_cache
from fgmix.data.resized_cache.store import INDEX, ResizedCache
from fgmix.errors import FgmixError
from tests.forked import forked
from tests.pictures import write_noise

SIZE = 16
LARGE = (120, 90)
CLASSES = ("one", "two")
ROOT = Path(__file__).parents[3]


def write_smooth(path, seed=0, size=LARGE, **save):
    """An image that survives resizing and that any flip or shift changes."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(path, **save)
    return path


def dataset_of(root, names, crop_bottom=0):
    split = Split(tuple(names), np.arange(len(names), dtype=np.int32) % len(CLASSES))
    return ImageDataset("photos", root, CLASSES, {"train": split}, crop_bottom)


@pytest.fixture(autouse=True)
def data_folder(tmp_path, monkeypatch):
    """Where this test's resized images go."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    return tmp_path / "tfds"


@pytest.fixture
def photos(tmp_path):
    """Twelve large photos of the same number of bytes."""
    names = [f"{i}.bmp" for i in range(12)]
    for i, name in enumerate(names):
        write_smooth(tmp_path / "photos" / name, seed=i)
    return dataset_of(tmp_path / "photos", names)


@pytest.fixture
def made(monkeypatch):
    """The paths of the images that are resized, in order."""
    paths = []
    add = ResizedCache.add

    def remember(self, path, *args):
        paths.append(path)
        add(self, path, *args)

    monkeypatch.setattr(ResizedCache, "add", remember)
    return paths


def resized_of(dataset, augmentation="pad_crop", image_size=SIZE):
    return build_resized_cache(dataset, image_size=image_size, augmentation=augmentation)


def pixels(resized):
    return {path: Path(small.file).read_bytes() for path, small in resized.items()}


def files_in(folder):
    return sorted(p.name for p in folder.iterdir())


def batches(dataset, augmentation, resized=None, epochs=3):
    made = training_batches(
        dataset,
        image_size=SIZE,
        batch_size=4,
        augmentation=augmentation,
        seed=5,
        epochs=epochs,
        resized=resized,
    )
    images, labels = zip(*made.as_numpy_iterator(), strict=True)
    return np.concatenate(images), np.concatenate(labels)


@pytest.mark.parametrize(
    ("original", "resized"),
    [
        # sqrt(0.35 * 0.75 * 1200 * 1600) = 709.9 pixels is the shortest side of a crop.
        ((1200, 1600), (379, 505)),
        ((1600, 1200), (505, 379)),
        ((1000, 1000), (438, 438)),
        # Every crop of a narrow photo may have its whole height.
        ((300, 4000), (224, 2987)),
        ((100, 150), (100, 150)),
    ],
)
def test_a_resized_image_for_crops_is_as_large_as_the_smallest_crop_needs(original, resized):
    resized_shape = AUGMENTATIONS["random_resized_crop"].resized_shape
    assert tuple(resized_shape(tf.constant(original), 224).numpy()) == resized
    several = resized_shape(tf.constant([original, (1000, 1000)]), 224)
    assert several.numpy().tolist() == [list(resized), [438, 438]]


@pytest.mark.parametrize("augmentation", ["none", "pad_crop"])
def test_without_crops_a_resized_image_is_the_final_image_rounded(tmp_path, augmentation):
    # Orientation 6: rotate by 90 degrees clockwise; then 7 rows are cropped at the bottom.
    exif = Image.Exif()
    exif[0x0112] = 6
    names = [
        write_smooth(tmp_path / "turned.jpg", 1, exif=exif).name,
        write_smooth(tmp_path / "plain.png", 2).name,
        write_noise(tmp_path / "noise.png", LARGE).name,
    ]
    dataset = dataset_of(tmp_path, names, crop_bottom=7)
    resized = resized_of(dataset, augmentation)
    assert resized["turned.jpg"].original_shape == (120 - 7, 90)
    assert resized["plain.png"].original_shape == (90 - 7, 120)
    for name in names:
        expected = load_image(tf.io.read_file(str(tmp_path / name)), SIZE, crop_bottom=7)
        small = np.asarray(Image.open(resized[name].file), np.float32)
        assert np.abs(small - expected).max() <= 0.5 + 1e-4


def test_a_resized_image_for_crops_shows_the_upright_cropped_photo(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    write_smooth(tmp_path / "turned.jpg", 1, exif=exif, quality=95)
    dataset = dataset_of(tmp_path, ["turned.jpg"], crop_bottom=7)
    file = resized_of(dataset, "random_resized_crop")["turned.jpg"].file
    with Image.open(tmp_path / "turned.jpg") as photo, Image.open(file) as small:
        upright = photo.transpose(Image.Transpose.ROTATE_270).crop((0, 0, 90, 113))
        expected = upright.resize(small.size, Image.Resampling.BICUBIC)
        assert small.size == (28, 35)  # 90 and 113 times 16 / sqrt(0.35 * 0.75 * 113 * 90), up
        difference = np.abs(np.asarray(small, float) - np.asarray(expected))
    assert difference.mean() < 1.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("augmentation", "mean"), [("none", 0.3), ("pad_crop", 0.3), ("random_resized_crop", 8)]
)
def test_training_on_resized_images_keeps_order_labels_crops_and_flips(photos, augmentation, mean):
    small = write_smooth(photos.root / "small.png", 99, size=(20, 18)).name
    dataset = dataset_of(photos.root, [*photos.splits["train"].paths, small])
    resized = resized_of(dataset, augmentation)
    assert set(resized) == set(photos.splits["train"].paths)
    (images, labels), (from_resized, same_labels) = (
        batches(dataset, augmentation, source) for source in (None, resized)
    )
    np.testing.assert_array_equal(labels, same_labels)
    assert not np.array_equal(images, from_resized)

    def distances(others):
        return np.abs(from_resized[:, None] - others[None]).mean(axis=(2, 3, 4))

    # Each is nearer to its own image than to any other crop of the original, flipped or not.
    own = np.diag(distances(images))
    assert own.max() < mean
    if augmentation == "random_resized_crop":
        others = np.concatenate([distances(images), distances(images[:, :, ::-1])], axis=1)
        np.testing.assert_array_equal(others.argmin(axis=1), np.arange(len(images)))


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_only_photos_with_twice_the_pixels_of_their_resized_image_get_one(tmp_path, augmentation):
    # 16 x 16 pixels for `pad_crop`; 32 x 32 for crops: 16 / sqrt(0.35 * 0.75) = 31.2.
    crops = AUGMENTATIONS[augmentation].cache_name == "random_resized_crop"
    side = 32 if crops else 16
    edge = {"below.png": (2 * side, side - 1), "at.png": (2 * side, side)}
    if crops:  # which keep the photo's aspect
        edge = {"below.png": (44, 44), "at.png": (46, 46)}
    for name, size in edge.items():
        write_noise(tmp_path / name, size)
    assert set(resized_of(dataset_of(tmp_path, edge), augmentation)) == {"at.png"}


def test_where_no_photo_is_large_nothing_is_written(tmp_path, data_folder):
    write_noise(tmp_path / "0.png", (20, 18))
    assert resized_of(dataset_of(tmp_path, ["0.png"])) == {}
    assert not data_folder.exists()


@pytest.mark.slow
def test_resized_images_are_made_once_and_shared_by_splits(photos, made):
    half = replace(photos, splits={"train": photos.splits["train"].take(np.arange(6))})
    resized_of(half)
    assert made == [f"{i}.bmp" for i in range(6)]
    everything = resized_of(photos)
    assert made == [f"{i}.bmp" for i in range(12)]
    relabelled = replace(photos.splits["train"], labels=np.zeros(12, np.int32))
    assert resized_of(replace(photos, splits={"train": relabelled})) == everything
    assert resized_of(half) == {path: everything[path] for path in half.splits["train"].paths}
    assert len(made) == 12


@pytest.mark.slow
def test_a_replaced_photo_of_the_same_size_is_resized_again(photos, made):
    before = pixels(resized_of(photos))
    photo = photos.root / "3.bmp"
    status = photo.stat()
    write_smooth(photo, seed=77)
    os.utime(photo, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert photo.stat().st_size == status.st_size
    del made[:]
    after = pixels(resized_of(photos))
    assert made == ["3.bmp"]
    assert [path for path in before if before[path] != after[path]] == ["3.bmp"]


@pytest.mark.slow
def test_photos_that_swap_names_are_resized_again(photos, made):
    for path in photos.splits["train"].paths:
        os.utime(photos.root / path, (315532800, 315532800))
    before = pixels(resized_of(photos))
    for old, new in (("3.bmp", "x"), ("5.bmp", "3.bmp"), ("x", "5.bmp")):
        (photos.root / old).rename(photos.root / new)
    del made[:]
    after = pixels(resized_of(photos))
    assert made == ["3.bmp", "5.bmp"]
    assert (after["3.bmp"], after["5.bmp"]) == (before["5.bmp"], before["3.bmp"])


@pytest.mark.slow
def test_an_added_photo_is_resized_and_the_file_of_a_removed_one_goes(photos, made):
    folder = Path(resized_of(photos)["0.bmp"].file).parent
    (photos.root / "0.bmp").unlink()
    write_smooth(photos.root / "new.bmp", seed=50)
    del made[:]
    names = [*photos.splits["train"].paths[1:], "new.bmp"]
    resized = resized_of(dataset_of(photos.root, names))
    assert made == ["new.bmp"]
    assert files_in(folder) == sorted([INDEX, *(Path(c.file).name for c in resized.values())])


@pytest.mark.slow
def test_another_size_augmentation_crop_or_root_has_a_cache_of_its_own(photos, tmp_path):
    (photos.root / "link").symlink_to(photos.root)
    folders = {
        Path(next(iter(resized.values())).file).parent
        for resized in (
            resized_of(photos),
            resized_of(photos, image_size=SIZE + 1),
            resized_of(photos, "random_resized_crop"),
            resized_of(replace(photos, crop_bottom=3)),
            resized_of(replace(photos, root=photos.root / "link")),  # the same photos
        )
    }
    assert len(folders) == 4


def truncate(folder, small):
    small.write_bytes(small.read_bytes()[:-10])


def remove(folder, small):
    small.unlink()


@pytest.mark.slow
@pytest.mark.parametrize("damage", [truncate, remove])
def test_a_damaged_resized_image_is_noticed_and_made_again(photos, made, damage):
    resized = resized_of(photos)
    before = pixels(resized)
    small = Path(resized["4.bmp"].file)
    damage(small.parent, small)
    del made[:]
    assert pixels(resized_of(photos)) == before
    assert made == ["4.bmp"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "content", [b"", b"path,bytes\n0.bmp,many\n", b"\xff\xfe\x00", b'"unclosed'], ids=str
)
def test_a_damaged_index_costs_a_new_cache_and_nothing_else(photos, made, content):
    resized = resized_of(photos)
    before = pixels(resized)
    (Path(resized["0.bmp"].file).parent / INDEX).write_bytes(content)
    assert pixels(resized_of(photos)) == before
    assert len(made) == 24


@pytest.mark.slow
def test_a_photo_that_cannot_be_decoded_is_not_resized(photos):
    whole = write_noise(photos.root / "bad.png", LARGE).read_bytes()
    (photos.root / "bad.png").write_bytes(whole[: len(whole) // 2])
    (photos.root / "text.jpg").write_text("not a photo")
    names = ["text.jpg", *photos.splits["train"].paths, "bad.png"]
    assert set(resized_of(dataset_of(photos.root, names))) == set(photos.splits["train"].paths)


@pytest.mark.slow
def test_evaluation_reads_the_photos_whatever_the_cache_shows(photos):
    def evaluated():
        made = evaluation_batches(photos, "train", image_size=SIZE, batch_size=4)
        return np.concatenate([images for images, _ in made.as_numpy_iterator()])

    before = evaluated()
    for small in resized_of(photos).values():
        Path(small.file).write_bytes(b"wrong")
    np.testing.assert_array_equal(evaluated(), before)


@pytest.mark.slow
def test_an_interrupted_build_is_resumed(photos, monkeypatch, made):
    def interrupt(self, path, *args):
        if path == "5.bmp":
            raise KeyboardInterrupt
        remember(self, path, *args)

    remember = ResizedCache.add
    monkeypatch.setattr(ResizedCache, "add", interrupt)
    with pytest.raises(KeyboardInterrupt):
        resized_of(photos)
    monkeypatch.setattr(ResizedCache, "add", remember)
    assert len(resized_of(photos)) == 12
    assert made == [f"{i}.bmp" for i in range(12)]


@pytest.mark.parametrize("during", ["write_bytes", "write_text"])
def test_a_full_disk_is_one_line_that_says_how_to_train_without_the_cache(
    photos, data_folder, monkeypatch, during
):
    def fail(self, *args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, during, fail)
    with pytest.raises(FgmixError, match="No space left on device") as caught:
        resized_of(photos)
    assert len(str(caught.value).splitlines()) == 1
    assert str(data_folder) in str(caught.value)
    assert "--prepare never" in str(caught.value)


def test_a_folder_that_cannot_be_written_to_is_one_line(photos, data_folder):
    data_folder.write_text("a file, where a folder should be")
    with pytest.raises(FgmixError, match="--prepare never") as caught:
        resized_of(photos)
    assert len(str(caught.value).splitlines()) == 1
    assert str(data_folder) in str(caught.value)


# Prints how many images it resized; dies when it is about to resize one more than its limit.
SCRIPT = """
    import os, signal, sys
    from pathlib import Path

    from fgmix.data.resized_cache import build
    from tests.data.resized_cache.test_build import resized_of, dataset_of

    build.SAVE_EVERY = 2
    root, limit, made, add = Path(sys.argv[1]), int(sys.argv[2]), 0, build.ResizedCache.add

    def count(self, *args):
        global made
        if made == limit:
            os.kill(os.getpid(), signal.SIGKILL)
        made += 1
        add(self, *args)

    build.ResizedCache.add = count
    resized_of(dataset_of(root, [f"{i}.bmp" for i in range(12)]))
    print("made", made)
"""


def start(photos, limit=-1):
    command = [*forked(), "-c", textwrap.dedent(SCRIPT), str(photos.root), str(limit)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.parametrize(("limit", "saved"), [(1, 0), (5, 4)])
def test_a_killed_build_keeps_what_was_saved(photos, data_folder, limit, saved, made):
    killed = start(photos, limit)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    [folder] = [p for p in (data_folder / "fgmix" / "prepared").iterdir() if p.is_dir()]
    (folder / ".left.partial-123.png").write_bytes(b"half")  # as if killed while writing
    resized = resized_of(photos)
    assert made == [f"{i}.bmp" for i in range(saved, 12)]
    assert files_in(folder) == sorted([INDEX, *(Path(c.file).name for c in resized.values())])
    for path, small in resized.items():
        expected = load_image(tf.io.read_file(str(photos.root / path)), SIZE)
        assert np.abs(np.asarray(Image.open(small.file), np.float32) - expected).max() < 0.51


@pytest.mark.slow
def test_of_two_processes_at_once_one_makes_the_cache(photos, made):
    both = [start(photos), start(photos)]
    outputs = [process.communicate()[0].splitlines()[-1] for process in both]
    assert sorted(outputs) == ["made 0", "made 12"]
    assert len(resized_of(photos)) == 12
    assert made == []
