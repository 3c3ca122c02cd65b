"""Every row of the sweep is a config, and is known by what decides its result."""

import json
import sys

import pytest

from benchmarks.accuracy import recipe_values


@pytest.fixture
def parse(monkeypatch, tmp_path):
    """Flags as the script reads them."""

    def parsed(recipe, *more):
        given = ["--recipe", recipe, "--data-dir", str(tmp_path), "--weights", "none"]
        given += ["--output", str(tmp_path), *more]
        monkeypatch.setattr(sys, "argv", ["recipe_values", *given])
        return recipe_values.parse()

    return parsed


@pytest.mark.parametrize("recipe", list(recipe_values.ROWS))
def test_every_row_changes_the_config_as_it_says(recipe, parse):
    args = parse(recipe)
    for row in args.rows:
        config = recipe_values.config_of(args, row, 1)
        changed = recipe_values.ROWS[recipe][row]
        assert {name: getattr(config, name) for name in changed} == changed
        assert (config.recipe, config.seed, config.split_seed) == (recipe, 1, 1)
        assert config.image_size == changed.get("image_size", args.image_size)


def test_rows_build_on_the_base(parse):
    args = parse("strong", "--base", "ema 0.99", "one size", "--rows", "batch 16")
    config = recipe_values.config_of(args, "batch 16", 0)
    assert (config.ema, config.progressive_share, config.batch_size) == (0.99, 0.0, 16)


def test_a_row_of_another_recipe_is_refused(parse, capsys):
    with pytest.raises(SystemExit):
        parse("strong", "--rows", "4 views")
    assert "recipe strong has no row '4 views'; it has: base, " in capsys.readouterr().err


def test_what_the_record_has_is_not_trained_again(parse, monkeypatch, tmp_path):
    trained = []
    monkeypatch.setattr(
        recipe_values, "train", lambda args, config, key: trained.append(key) or {"val_accuracy": 1}
    )
    args = parse("strong")
    path = tmp_path / "recipe_values.strong.json"
    path.write_text(json.dumps({"date": "before", "done": [{"row": "mixup", "settings": {}}]}))
    for row in ("base", "dropout 0.2", "base", "trivial"):  # the recipe has trivial itself
        assert recipe_values.provide(args, row, 0)["val_accuracy"] == 1
    assert [key["recipe"]["dropout"] for key in trained] == [0.0, 0.2]
    record = json.loads(path.read_text())
    assert record["date"] == "before"
    assert [done["row"] for done in record["done"]] == ["mixup", "base", "dropout 0.2"]
