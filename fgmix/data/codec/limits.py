"""What the decode path accepts, for code that runs without TensorFlow."""

MAX_PIXELS = 100_000_000
"""The number of pixels of the largest image that is decoded: 300 MB of memory on every core that
decodes one. Photos for fine-grained classification are usually far smaller."""

BMP_HEADER_SIZES = (12, 40, 52, 56, 64, 108, 124)
"""Sizes of the second header of a BMP: OS/2 1 (12) and 2 (64), and Windows 3 to 5."""
