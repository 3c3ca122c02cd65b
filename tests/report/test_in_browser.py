"""The report in Chromium; `finished` is a trained run with its images."""

import shutil

import pytest

from fgmix.cli.report import main
from tests.browser import DESKTOP, PHONE, browsing, open_page
from tests.report.fakes import write_grid, write_photos

pytestmark = pytest.mark.peers

CLASSES = tuple(f"class {i}" for i in range(40))


@pytest.fixture(scope="module")
def pages(finished, tmp_path_factory):
    """The page of one trained run, and that of six attentions with forty classes."""
    folder = tmp_path_factory.mktemp("pages")
    assert main([str(finished), "--output", str(folder / "one.html")]) == 0
    root = write_photos(folder / "photos", len(CLASSES), photos=2)
    attentions = ("none", "channel", "spatial", "mixed", "conv", "cbam")
    write_grid(folder / "runs", root, CLASSES, attentions, 2)
    assert main([str(folder / "runs"), "--output", str(folder / "many.html")]) == 0
    shutil.rmtree(root)  # the page embeds its pictures
    return folder


@pytest.fixture(scope="module")
def browser():
    with browsing() as running:
        yield running


@pytest.mark.parametrize("name", ["one", "many"])
@pytest.mark.parametrize(("size", "dark"), [(PHONE, False), (DESKTOP, True)])
def test_the_page_is_whole(pages, browser, name, size, dark):
    url = (pages / f"{name}.html").as_uri()
    tab = open_page(browser, url, size, dark)
    pictures = tab.page.locator("img")
    assert pictures.count() >= 12
    for picture in pictures.all():
        assert picture.evaluate("image => image.complete && image.naturalWidth") > 0
        assert picture.get_attribute("alt")
    assert tab.page.locator("svg[role=img]").count() >= 3
    assert not tab.is_wider_than_its_window()
    assert tab.errors == []
    assert tab.requests == [url]
    tab.page.close()


def test_heat_maps_of_a_trained_run(pages, browser):
    tab = open_page(browser, (pages / "one.html").as_uri())
    assert tab.page.locator("#looks .views").count() == 4
    assert "energy after attention" in tab.page.inner_text("#looks")
    tab.page.close()


def column(tab, number):
    rows = tab.page.locator("#table-classes tbody tr")
    return rows.evaluate_all("(rows, i) => rows.map(row => row.cells[i].innerText)", number)


def test_tables_sort_by_click_and_by_keyboard(pages, browser):
    tab = open_page(browser, (pages / "many.html").as_uri())
    heads = tab.page.locator("#table-classes thead th")
    assert [head.get_attribute("aria-sort") for head in heads.all()] == [None] * heads.count()
    heads.nth(4).locator("button").click()
    values = [float(text) for text in column(tab, 4)]
    assert values == sorted(values)
    assert heads.nth(4).get_attribute("aria-sort") == "ascending"
    heads.nth(4).locator("button").focus()
    tab.page.keyboard.press("Enter")
    assert [float(text) for text in column(tab, 4)] == sorted(values, reverse=True)
    assert heads.nth(4).get_attribute("aria-sort") == "descending"
    heads.nth(0).locator("button").focus()
    tab.page.keyboard.press("Space")
    assert column(tab, 0) == sorted(CLASSES)
    assert heads.nth(4).get_attribute("aria-sort") is None
    # Empty cells are last in both directions.
    last = heads.count() - 1
    tab.page.locator("#table-classes tbody tr").first.evaluate(
        "(row, i) => { row.cells[i].dataset.key = row.cells[i].innerText = ''; }", last
    )
    for _ in ("ascending", "descending"):
        heads.nth(last).locator("button").click()
        assert column(tab, last).index("") == len(CLASSES) - 1
    tab.page.close()


def test_the_first_tab_leads_past_the_contents(pages, browser):
    tab = open_page(browser, (pages / "one.html").as_uri())
    tab.page.keyboard.press("Tab")
    focused = tab.page.locator(":focus")
    assert focused.get_attribute("class") == "skip"
    assert focused.bounding_box()["x"] >= 0
    tab.page.close()


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_enough_contrast(pages, browser, dark):
    tab = open_page(browser, (pages / "one.html").as_uri(), dark=dark)
    ratios = tab.page.evaluate("""() => {
      const style = getComputedStyle(document.documentElement);
      const light = (name) => {
        const hex = style.getPropertyValue(name).trim();
        const full = hex.length === 4 ? hex.replace(/[^#]/g, "$&$&") : hex;
        const [r, g, b] = [1, 3, 5].map((i) => parseInt(full.slice(i, i + 2), 16) / 255)
          .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const ratio = (one, other) => {
        const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
      };
      return ["--ink", "--faint", "--link", "--good", "--bad"].flatMap((name) =>
        ["--paper", "--panel"].map((ground) => ratio(name, ground)));
    }""")
    assert len(ratios) == 10
    assert min(ratios) >= 4.5
    tab.page.close()


def test_print_shows_everything_on_white(pages, browser):
    tab = open_page(browser, (pages / "many.html").as_uri(), dark=True)
    tab.page.emulate_media(media="print", color_scheme="dark")
    assert (
        tab.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    )
    box = tab.page.locator(".tall").first
    assert box.evaluate("e => e.scrollHeight - e.clientHeight") <= 1
    assert tab.page.locator("nav").is_hidden()
    assert tab.page.pdf()[:5] == b"%PDF-"
    tab.page.close()
