"""The report on runs that were never trained: its text, escaping and size."""

import re
from datetime import date
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from fgmix.cli.report import main
from fgmix.comparison.contrasts import compare
from fgmix.comparison.study import open_study
from fgmix.errors import FgmixError
from fgmix.report import page
from fgmix.report.looks import Looks, obstacle
from tests.comparison.answers import edit_config
from tests.report.fakes import write_grid, write_photos, write_run

EVIL = ('<script>alert("1")</script>', 'a "quoted" & <b>', "$x_1$", "it's")
DAY = date(2026, 1, 2)


class Outline(HTMLParser):
    """Counts elements, and collects accessibility problems."""

    def __init__(self):
        super().__init__()
        self.tags, self.headings, self.ids, self.images, self.refs = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "img":
            self.images.append(found)
        if tag == "svg":
            assert found["role"] == "img"
            assert found["aria-label"]
        for name in ("href", "src", "xlink:href", "action"):
            if name in found:
                self.refs.append(found[name])


def outline(html):
    found = Outline()
    found.feed(html)
    return found


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """Two attentions with two seeds each, with hostile class names, and their images."""
    folder = tmp_path_factory.mktemp("grid")
    root = write_photos(folder / 'photos "<i>', len(EVIL))
    write_grid(folder / "runs", root, EVIL, ("none", "mixed"), 2)
    return folder / "runs"


@pytest.fixture(scope="module")
def html(grid, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    assert main([str(grid), "--output", str(path)]) == 0
    return path.read_text(encoding="utf-8")


def report_of(folder, **changes):
    study = open_study([folder])
    comparison = compare(study)
    focus = page.find_focus(study)
    return page.make_report(
        comparison, focus, Looks(why_not="none"), page.image_root(study), **changes
    )


@pytest.fixture(scope="module")
def grid_report(grid):
    return report_of(grid)


@pytest.mark.slow
def test_the_questions_come_in_order(html):
    titles = re.findall(r"<h2[^>]*>(.*?)</h2>", html)
    assert titles == [
        "How good is it?",
        "Is the attention worth it?",
        "Where does it look?",
        "Where does it fail?",
        "How was it trained?",
        "How do I run it?",
    ]
    levels = outline(html).headings
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_names_are_escaped(html):
    found = outline(html)
    assert found.tags.count("script") == 1
    assert found.tags.count("i") == 0  # the folder's name contains one
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;" in html
    assert "$x_1$" in html


def test_the_page_needs_no_other_file(html):
    assert all(ref.startswith(("#", "data:")) for ref in outline(html).refs)
    assert "default-src 'none'" in html
    assert "@import" not in html


def test_every_name_in_the_page_is_there_once(html):
    ids = outline(html).ids
    assert len(ids) == len(set(ids))


def test_pictures_say_what_they_show(html):
    images = outline(html).images
    assert len(images) >= 12
    assert all(image["alt"] and image["src"].startswith("data:image/webp") for image in images)


def test_the_verdict_says_what_could_have_been_seen(html):
    assert "No difference between “mixed” and “none” is shown." in html
    assert "would have been shown 80\xa0% of the time" in html


def test_on_other_photos_than_the_papers_its_differences_are_not_on_the_page(html):
    assert "one point" in html
    assert "Stanford" not in html
    assert "FGVC" not in html


def test_without_models_there_is_a_reason(html):
    assert "the model.keras of every run is missing" in html


def test_photos_that_are_gone_are_told(tmp_path):
    write_run(tmp_path / "run", tmp_path / "moved", ("one", "two"))
    report = report_of(tmp_path / "run")
    assert report.failing.missing.startswith(f"None of these photos can be read in {tmp_path}")
    assert report.failing.pairs[0].sides[0].pictures == ()
    assert report.worth.verdict.startswith("Not known: there is nothing to compare with.")


def test_a_single_seed_is_not_spoken_of_as_several(tmp_path):
    run = write_run(tmp_path / "run", tmp_path, ("one", "two"), "mixed", accuracy=0.5)
    report = report_of(run)
    assert report.quality.verdict.startswith("It predicts the correct class for ")
    assert "sd" not in report.quality.table.head
    assert "sd:" not in report.quality.table.note
    assert "dots" not in report.quality.chart.caption
    assert "seeds" not in report.failing.pairs_note
    assert re.search(r": \d of 6 photos", report.failing.pairs[0].sides[0].text)
    assert report.failing.classes.head == ("class", "recognised", "photos", "mostly taken for")
    text = page.render(report, DAY)
    assert 'class="sortable" id="table-classes"' in text
    assert '<table id="table-accuracies">' in text  # a single row can't be sorted


def test_of_fewer_than_five_classes_all_are_counted(tmp_path):
    write_run(tmp_path / "runs" / "a", tmp_path, ["ant", "bee", "cow"])
    table = report_of(tmp_path / "runs").quality.table
    assert "top-3" in table.head
    assert "top-5" not in table.head
    assert "top-3: the correct class is among the 3 most likely." in table.note


def test_folds_are_told_from_seeds(tmp_path):
    for fold in range(2):
        run = write_run(tmp_path / f"run{fold}", tmp_path, ("one", "two"))
        edit_config(run, config={"folds": 2, "fold": fold})
        answers = run / "predictions.csv"
        answers.write_text(answers.read_text().replace("test/", f"fold{fold}/"))
    report = report_of(tmp_path)
    assert report.quality.meaning[-1].startswith(
        "It comes from one seed, trained once for each of 2 folds:"
    )
    assert "run0. It is one of 2 folds, trained without" in report.running.note


@pytest.mark.slow
def test_it_and_none_are_explained(grid_report):
    assert grid_report.quality.verdict.startswith("It (mixed) predicts the correct class")
    assert "“none” is the network without attention." in grid_report.quality.meaning


@pytest.mark.slow
def test_groups_without_a_baseline_are_not_called_alike(tmp_path):
    for attention, epochs in (("none", 1), ("none", 2), ("mixed", 3)):
        run = write_run(tmp_path / f"{attention}-{epochs}", tmp_path, ("one", "two"), attention)
        edit_config(run, config={"epochs": epochs})
    assert report_of(tmp_path).worth.verdict == (
        "Not known: no group has a baseline with otherwise the same settings."
    )


def test_some_photos_that_are_gone_are_counted(tmp_path):
    root = write_photos(tmp_path / "photos", 2)
    for path in (root / "test" / "0").iterdir():
        path.write_bytes(b"no photo")
    write_run(tmp_path / "run", root, ("one", "two"), accuracy=0.2)
    report = report_of(tmp_path / "run")
    assert report.failing.missing.startswith("3 of 6 of these photos can't be read")


def test_without_photos_there_is_no_picture(grid, tmp_path):
    path = tmp_path / "report.html"
    assert main([str(grid), "--output", str(path), "--no-photos"]) == 0
    text = path.read_text(encoding="utf-8")
    assert outline(text).images == []
    assert "Photos are left out of this page." in text


def test_a_run_without_a_history_says_so(tmp_path):
    run = write_run(tmp_path / "run", tmp_path, ("one", "two"))
    (run / "history.csv").unlink()
    training = report_of(run).training
    assert training.charts == ()
    assert "history.csv can't be read" in training.no_charts


@pytest.mark.slow
def test_the_largest_study_stays_small(tmp_path):
    names = [f"A long name of class {i} as cars have it 2012" for i in range(200)]
    root = write_photos(tmp_path / "photos", 200, photos=2)
    attentions = ("none", "channel", "spatial", "mixed", "conv", "cbam")
    write_grid(tmp_path / "runs", root, names, attentions, 5)
    report = report_of(tmp_path / "runs")
    size = page.write_report(tmp_path / "report.html", report, DAY)
    assert size < page.MOST_BYTES / 2
    assert len(report.failing.classes.rows) == 200
    assert report.failing.classes.tall


def test_a_page_that_is_too_large_loses_pictures(grid_report, tmp_path, monkeypatch, caplog):
    report = grid_report
    assert any(side.pictures for pair in report.failing.pairs for side in pair.sides)
    monkeypatch.setattr(page, "MOST_BYTES", 1000)
    page.write_report(tmp_path / "report.html", report, DAY)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert outline(text).images == []
    assert "would have made this page too large" in text
    assert "example photos are left out" in caplog.text


@pytest.mark.slow
def test_the_same_runs_give_the_same_page(grid, grid_report):
    assert page.render(report_of(grid), DAY) == page.render(grid_report, DAY)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--group", "cbam"], "--group cbam: no such group; choose from: none; mixed"),
        (["--heatmaps", "-1"], "--heatmaps -1: give a number of photos"),
        (["--dataset", "nowhere"], "no data set 'nowhere'"),
        (["--output", "report.pdf"], "must end in .html"),
        (["--output", "nowhere/report.html"], "there is no folder 'nowhere'"),
    ],
)
def test_bad_flags_are_one_line(grid, tmp_path, monkeypatch, flags, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FgmixError, match=re.escape(message)):
        main([str(grid), *flags])
    assert list(tmp_path.iterdir()) == []


def test_an_unfinished_run_is_one_line(tmp_path):
    run = write_run(tmp_path / "run", tmp_path, ("one", "two"))
    (run / "metrics.json").unlink()
    with pytest.raises(FgmixError, match="has not finished training"):
        main([str(run), "--output", str(tmp_path / "report.html")])
    assert not (tmp_path / "report.html").exists()


def test_the_focus_is_not_chosen_by_accuracy(tmp_path):
    for attention, accuracy in (("none", 0.9), ("mixed", 0.3), ("cbam", 0.95)):
        write_run(tmp_path / attention, tmp_path, ("one", "two"), attention, accuracy=accuracy)
    study = open_study([tmp_path])
    assert page.find_focus(study).name == "mixed"
    assert page.find_focus(study, "cbam").name == "cbam"


def test_heat_maps_need_models_and_photos(grid, tmp_path):
    study = open_study([grid])
    assert obstacle(study, tmp_path, 0) == "Heat maps are left out of this page."
    (grid / "none-0" / "model.keras").touch()
    try:
        assert "no longer in" in obstacle(study, tmp_path, 4)
        assert obstacle(study, page.image_root(study), 4) == ""
    finally:
        (grid / "none-0" / "model.keras").unlink()


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["--dataset", "--data-dir"])
def test_photos_that_have_moved_are_shown(tmp_path, flag):
    photos = write_photos(tmp_path / "photos", 2)
    write_run(tmp_path / "run", photos, ("one", "two"))
    moved = photos.rename(tmp_path / "moved")
    argv = [str(tmp_path / "run"), "--output", str(tmp_path / "report.html")]
    main(argv)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert outline(text).images == []
    assert f"None of these photos can be read in {photos}." in text
    assert "give their folder with --dataset" in text
    main([*argv, flag, str(moved)])
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert outline(text).images
    assert "can be read in" not in text


@pytest.mark.slow
def test_files_outside_the_data_set_are_not_read(tmp_path):
    photos = write_photos(tmp_path / "photos", 2)
    run = write_run(tmp_path / "run", photos, ("one", "two"))
    argv = [str(run), "--output", str(tmp_path / "report.html")]
    outside = (photos / "test").rename(tmp_path / "private")
    (photos / "test").symlink_to(outside)  # a data set may be made of links
    main(argv)
    assert outline((tmp_path / "report.html").read_text(encoding="utf-8")).images
    predictions = (run / "predictions.csv").read_text()
    for prefix in ("../private", str(outside)):
        (run / "predictions.csv").write_text(predictions.replace("test/", f"{prefix}/"))
        with pytest.raises(FgmixError, match="is outside the folder of the photos"):
            main(argv)
