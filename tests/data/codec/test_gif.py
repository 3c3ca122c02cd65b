"""Only the first frame of a GIF ever reaches the decoder."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from fgmix.data.codec.decode import decode_image
from fgmix.data.codec.gif import MAX_BLOCKS, find_first_frame
from tests.data.codec.test_decode import noise, palette
from tests.data.codec.variants import encode

decode = tf.function(decode_image, input_signature=[tf.TensorSpec([], tf.string)])


def cut(content):
    frame = find_first_frame(tf.constant(content))
    return frame.content.numpy(), frame.screen.numpy().tolist()


def grey(size, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, size[::-1])
    return Image.fromarray(pixels.astype(np.uint8), "L")


def test_a_still_gif_stays_as_it_is():
    content = encode(palette(), "GIF")
    assert cut(content) == (content, list(palette().size))


def test_comments_and_other_extensions_are_skipped():
    content = encode(palette(), "GIF", comment=b"c" * 700, loop=3, duration=70, save_all=True)
    kept, sides = cut(content)
    assert sides == list(palette().size)
    np.testing.assert_array_equal(decode(content), decode(kept))
    with Image.open(io.BytesIO(content)) as image:
        np.testing.assert_array_equal(decode(content), image.convert("RGB"))


def test_a_frame_of_very_many_blocks_is_kept_whole():
    photo = grey((1300, 1100), 0)  # noise takes more blocks than are walked one by one
    content = encode(photo, "GIF")
    assert len(content) > MAX_BLOCKS * 256
    assert cut(content) == (content, [1300, 1100])


def test_later_frames_are_not_decoded():
    first = palette()
    content = encode(first, "GIF", save_all=True, append_images=[palette().rotate(180)])
    frames = [i for i in range(len(content)) if content[i : i + 5] == b"\x2c\0\0\0\0"]
    hostile = bytearray(content)
    # 60,000 x 60,000: TensorFlow would allocate 10.8 GB to return the first frame.
    hostile[frames[1] + 5 : frames[1] + 9] = struct.pack("<HH", 60_000, 60_000)
    np.testing.assert_array_equal(decode(bytes(hostile)), first.convert("RGB"))


@pytest.mark.parametrize("end", [6, 10, 13, 30, -2])
def test_a_gif_without_a_complete_frame_is_refused(end):
    content = encode(Image.fromarray(noise(3)).convert("P"), "GIF")
    with pytest.raises(tf.errors.InvalidArgumentError, match="complete frame"):
        decode(content[:end])


def test_a_chain_that_takes_too_long_to_walk_is_refused():
    comment = b"\x21\xfe" + b"\x01c" * (MAX_BLOCKS + 1) + b"\0"
    content = encode(palette(), "GIF")
    start = content.index(b"\x2c\0\0\0\0")
    with pytest.raises(tf.errors.InvalidArgumentError, match="complete frame"):
        decode(content[:start] + comment + content[start:])
