"""What the report says of how runs were trained."""

from dataclasses import asdict

from fgmix.comparison.study import open_study
from fgmix.config.recipes import FEW
from fgmix.report.training import describe_training
from tests.comparison.answers import edit_config
from tests.report.fakes import write_run


def told(folder, **settings):
    run = write_run(folder / "run", folder / "photos", ("a", "b"))
    edit_config(run, config=settings)
    return " ".join(describe_training(open_study([run])).summary)


def test_the_settings_for_few_photos_are_told(tmp_path):
    text = told(tmp_path, backbone="mobilenet_v2", few=asdict(FEW), few_photos=2000)
    assert "Runs with fewer than 2,000 training photos (1 of 1) took other settings" in text
    assert f"batch-size {FEW.batch_size}" in text


def test_a_recipe_without_such_settings_tells_none(tmp_path):
    assert "fewer than" not in told(tmp_path)
