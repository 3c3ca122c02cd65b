"""Blank, blurred, dark, bright, tiny and odd-shaped images are named, sound ones are not."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy.ndimage import uniform_filter1d

from fgmix.audit.finding import describe
from fgmix.audit.looks import see
from fgmix.audit.photo_findings import find_poor
from fgmix.audit.quality import SIDE, Quality, measure, shrink
from fgmix.audit.scan import ScannedImage
from fgmix.data.sources.demo.dataset import draw_image


def drawn(number):
    return draw_image(number % 4, np.random.default_rng([3, number])).resize((300, 240))


def scanned(path, picture):
    grey = shrink(np.asarray(picture.convert("RGB")))
    width, height = picture.size
    return ScannedImage(
        path, "train", "wren", width=width, height=height, looks=see(grey), quality=measure(grey)
    )


SOUND = [scanned(f"sound{number}.png", drawn(number)) for number in range(6)]


def found(*images):
    findings = [finding for finding in find_poor([*SOUND, *images]) if finding.items]
    assert not any(finding.hurts for finding in findings)
    return {f.kind: [item["path"] for item in f.items] for f in findings}


def moved(picture):
    pixels = np.asarray(picture, np.float32)
    return Image.fromarray(uniform_filter1d(pixels, 15, axis=1).astype(np.uint8))


POOR = {
    "blank": lambda p: Image.new("RGB", p.size, "white"),
    "blurred": lambda p: p.filter(ImageFilter.GaussianBlur(4)),
    "dark": lambda p: p.point(lambda v: v // 4),
    "bright": lambda p: p.point(lambda v: 255 if v > 180 else 244),
    "tiny": lambda p: p.resize((60, 48)),
    "odd-shape": lambda p: p.crop((0, 80, 300, 160)),
}


def test_sound_images_are_not_named():
    assert found() == {}
    assert find_poor([]) == []
    assert find_poor([ScannedImage("x", "train", "wren", problem="truncated")]) == []


@pytest.mark.parametrize("kind", POOR)
def test_a_poor_image_is_named(kind):
    assert found(scanned("poor.png", POOR[kind](drawn(2)))) == {kind: ["poor.png"]}


@pytest.mark.parametrize("turn", [0, 90])
def test_motion_blur_is_blur_in_either_direction(turn):
    assert found(scanned("poor.png", moved(drawn(1)).rotate(turn))) == {"blurred": ["poor.png"]}


def test_the_most_blurred_comes_first():
    images = [
        replace(SOUND[0], path=f"{sharpness}.png", quality=Quality(0.9, 0.1, sharpness))
        for sharpness in (0.3, 0.1, 0.34, 0.2)
    ]
    assert found(*images) == {"blurred": ["0.1.png", "0.2.png", "0.3.png"]}


def test_blur_that_vanishes_at_the_size_of_a_network_does_not_matter():
    large = drawn(1).resize((3000, 2400), Image.Resampling.BICUBIC)
    assert shrink(np.asarray(large)).size == (280, SIDE)
    assert found(scanned("large.png", large)) == {}


def test_brightness_by_hand():
    pixels = np.zeros((10, 10), np.uint8)
    pixels[0, 0], pixels[0, 1:4] = 204, 51
    quality = measure(Image.fromarray(pixels))
    # The percentile 99 of 100 pixels lies between the last two, 0.01 of the way from 51 to 204.
    assert quality.brightest == pytest.approx((51 + 0.01 * 153) / 255)
    assert quality.darkest == 0


def test_sharpness_is_what_blurring_takes_away():
    step = np.repeat(np.array([[0, 100]], np.uint8), 20, axis=1).repeat(12, axis=0)
    # The mean of 5 pixels rises by 20 where the step of 100 was.
    assert measure(Image.fromarray(step)).sharpness == pytest.approx(0.8)
    assert measure(Image.fromarray(step.T)).sharpness == pytest.approx(0.8)
    slope = np.tile(np.arange(0, 200, 2, dtype=np.uint8), (8, 1))
    assert measure(Image.fromarray(slope)).sharpness < 0.05
    gradient = np.tile(np.arange(100, dtype=np.uint8), (8, 1))
    assert measure(Image.fromarray(gradient)).sharpness == 0


def test_tiny_is_also_relative_to_the_other_images():
    large = [scanned(f"large{n}.png", Image.new("RGB", (2000, 2000), "red")) for n in range(9)]
    small = scanned("small.png", drawn(0).resize((200, 160)))
    kinds = {finding.kind: finding for finding in find_poor([*large, small])}
    assert "fewer than 224 pixels" in kinds["tiny"].summary
    assert [describe(item) for item in kinds["tiny"].items] == ["small.png  train  wren  200 x 160"]
    assert found(small) == {}


def test_a_common_shape_is_not_odd():
    long = [scanned(f"long{n}.png", Image.new("RGB", (900, 300), "red")) for n in range(9)]
    high = scanned("high.png", Image.new("RGB", (300, 400), "red"))
    higher = scanned("higher.png", Image.new("RGB", (300, 800), "red"))
    kinds = {finding.kind: finding for finding in find_poor([*long, high, higher])}
    assert [item["path"] for item in kinds["odd-shape"].items] == ["higher.png"]
