"""Small pictures of image files, for pages."""

from collections.abc import Sequence

from PIL import Image

from fgmix.data.codec.diagnose import decodable
from fgmix.html import picture_url


def thumbnails(files: Sequence[str], box: tuple[int, int], crop_bottom: int = 0) -> dict[int, str]:
    """Returns images as `data:` URLs of JPEGs, by their place in `files`.

    Args:
        files: The files. Those that can't be decoded have no thumbnail.
        box: Width and height that an image is made to fit into, in pixels.
        crop_bottom: Pixel rows to remove from the bottom of every image.
    """
    urls = {}
    for place, image in decodable(list(files), lambda _, image: (image,), crop_bottom):
        picture = Image.fromarray(image.numpy())
        picture.thumbnail(box)
        urls[int(place)] = picture_url(picture, "jpeg", quality=80)
    return urls
