"""HTML pages: names are escaped, and images are embedded."""

import base64
import io

import jinja2
import pytest
from markupsafe import Markup
from PIL import Image

from fgmix.html import picture_url, render


@pytest.fixture
def template(tmp_path):
    def template(text):
        (tmp_path / "page.html").write_text(text)
        return tmp_path / "page.html"

    return template


def test_text_is_escaped_and_markup_is_not(template):
    page = template('<b title="{{ name }}">{{ name }}</b>{{ own }}')
    assert render(page, name='<i>"&', own=Markup("<hr>")) == (
        '<b title="&lt;i&gt;&#34;&amp;">&lt;i&gt;&#34;&amp;</b><hr>'
    )


def test_what_is_not_given_is_an_error(template):
    with pytest.raises(jinja2.UndefinedError, match="name"):
        render(template("{{ name }}"))


def test_a_number_stays_with_its_sign(template):
    assert render(template("{{ text|sentence }}"), text="5 % of 9") == "5\N{NO-BREAK SPACE}% of 9"


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_a_picture_is_a_url_of_its_kind(kind):
    url = picture_url(Image.new("RGB", (3, 2)), kind, quality=80)
    start, _, data = url.partition(",")
    assert start == f"data:image/{kind};base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        assert (picture.format, picture.size) == (kind.upper(), (3, 2))
