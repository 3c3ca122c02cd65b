"""A page of pictures of the photos whose labels are likely wrong."""

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from PIL import Image

from fgmix.audit.label_issues import ClassQuality, Suspect
from fgmix.audit.out_of_fold import OutOfFold
from fgmix.data.codec.diagnose import decodable
from fgmix.files import write_text

LARGE, SMALL = (400, 300), (128, 96)
"""The boxes of a suspect's picture and of the pictures to compare it with, in pixels."""

# `color-scheme` and the system's colours make it light or dark as the reader's device is.
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.4 system-ui, sans-serif; margin: 1rem auto; max-width: 80rem; padding: 0 1rem;
  background: Canvas; color: CanvasText; overflow-wrap: anywhere; }
.cards { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); }
figure { margin: 0; padding: .5rem; border: 1px solid GrayText; border-radius: .5rem; }
figure > img { width: 100%; height: auto; border-radius: .25rem; }
.peers { display: grid; grid-template-columns: 1fr 1fr; gap: .5rem; margin-top: .5rem;
  font-size: .8rem; }
.peers img { height: 5rem; max-width: 100%; object-fit: contain; display: block; }
small { color: color-mix(in srgb, CanvasText 70%, Canvas); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid GrayText; }
td.number, th.number { text-align: right; }
"""


def write_suspect_page(
    path: Path,
    predictions: OutOfFold,
    suspects: Sequence[Suspect],
    classes: Sequence[ClassQuality],
    summary: str,
) -> None:
    """Writes an HTML page that needs no other file.

    Each suspect is shown with two photos to compare it with: the surest one of the class that it
    is labelled, and of the class that it looks like. Below stands a table of the classes.

    Args:
        path: The file.
        predictions: The photos; those that are no longer there are shown as missing.
        suspects: Those to show, in order.
        classes: Those to show, in order.
        summary: A line on what was looked at.
    """
    surest = _surest(predictions)
    peers = [(surest[s.label], surest[s.suggested]) for s in suspects]
    large = _pictures(predictions, (s.index for s in suspects), LARGE)
    small = _pictures(predictions, (i for pair in peers for i in pair), SMALL)
    cards = []
    for suspect, (one, other) in zip(suspects, peers, strict=True):
        label, suggested = (
            escape(predictions.class_names[i]) for i in (suspect.label, suspect.suggested)
        )
        chance = predictions.probabilities[suspect.index]
        cards.append(
            f"<figure>{_img(large.get(suspect.index), 'the photo')}<figcaption>"
            f"labelled <b>{label}</b> ({chance[suspect.label]:.0%}),<br>"
            f"looks like <b>{suggested}</b> ({chance[suspect.suggested]:.0%})<br>"
            f"<small>{escape(predictions.paths[suspect.index])}</small>"
            f'<div class="peers"><div>{_img(small.get(one), label)}a sure {label}</div>'
            f"<div>{_img(small.get(other), suggested)}a sure {suggested}</div></div>"
            f"</figcaption></figure>"
        )
    rows = [
        f'<tr><td>{escape(c.name)}</td><td class="number">{c.photos}</td>'
        f'<td class="number">{c.accuracy:.0%}</td><td>{escape(c.taken_for)}</td>'
        f'<td class="number">{c.suspects}</td></tr>'
        for c in classes
    ]
    title = f"Suspect labels of {escape(predictions.name)}"
    write_text(
        path,
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>{title}</h1>\n<p>{escape(summary)}</p>\n"
        f"<p>The surest first. Percentages are the probabilities given by a model that has not "
        f"seen the photo.</p>\n"
        f'<div class="cards">\n{chr(10).join(cards)}\n</div>\n'
        f"<h2>Classes that need more photos</h2>\n"
        f"<p>They are recognised less often than the average class and have no more photos than "
        f"the middle one.</p>\n"
        f'<div class="wide"><table><tr><th>class</th><th class="number">photos</th>'
        f'<th class="number">recognised</th><th>else mostly taken for</th>'
        f'<th class="number">suspects</th></tr>\n{chr(10).join(rows)}\n</table></div>\n'
        f"</body></html>\n",
    )


def _surest(predictions: OutOfFold) -> dict[int, int]:
    """Of every class the photo that is most probably of it, among those labelled so."""
    found: dict[int, int] = {}
    for index, label in enumerate(predictions.labels.tolist()):
        best = found.setdefault(label, index)
        column = predictions.probabilities[:, label]
        if column[index] > column[best]:
            found[label] = index
    return found


def _pictures(
    predictions: OutOfFold, indices: Iterable[int], box: tuple[int, int]
) -> dict[int, str]:
    """Photos as `data:` URLs of JPEG files that fit into a box; without those that are gone."""
    chosen = sorted(set(indices))
    files = [str(predictions.root / predictions.paths[i]) for i in chosen]
    urls = {}
    for place, image in decodable(files, lambda _, image: (image,), predictions.crop_bottom):
        picture = Image.fromarray(image.numpy())
        picture.thumbnail(box)
        jpeg = io.BytesIO()
        picture.save(jpeg, "JPEG", quality=80)
        text = base64.b64encode(jpeg.getvalue()).decode()
        urls[chosen[int(place)]] = f"data:image/jpeg;base64,{text}"
    return urls


def _img(url: str | None, alt: str) -> str:
    return f'<img src="{url}" alt="{alt}">' if url else "<p>(this photo is gone)</p>"
