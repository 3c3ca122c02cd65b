"""The config: defaults, refused values, and names of runs."""

import json
import multiprocessing
from dataclasses import MISSING, asdict, fields
from pathlib import Path

import pytest

from fgmix.config.choices import OPTIMIZERS
from fgmix.config.fields import Decides
from fgmix.config.identity import changes, group_settings, result_settings
from fgmix.config.recipes import BASE, PRESETS, RECIPES
from fgmix.config.train_config import TrainConfig
from fgmix.errors import FgmixError

FIELDS = {f.name: f for f in fields(TrainConfig)}
UNFLAGGED = {"finetune", "few", "few_photos", "val_photos", "recipe_reason"}


def run_name(**settings):
    directory = Path(TrainConfig(**settings).resolve().run_dir)
    assert directory.parent == Path("saved_models")
    return directory.name


def test_the_recipe_paper_is_the_papers_table():
    assert RECIPES["paper"].settings() == {
        "epochs": 300,
        "batch_size": 32,
        "optimizer": "sgd",
        "backbone_lr": 0.01,
        "head_lr": 0.1,
        "weight_decay": 0.0001,
        "warmup_epochs": 0,
        "augmentation": "pad_crop",
        "label_smoothing": 0.0,
        "pooling": "flatten",
        "head": "paper",
        "feature_maps": "last",
        "head_bn": "after",
        "val_fraction": 0.0,
        "val_photos": 0,
        "dropout": 0.0,
        "views": 0,
        "bn": "train",
        "frozen_stride": 0,
        "ema": 0.0,
        "layer_decay": 1.0,
        "interpolation": "none",
        "progressive_share": 0.0,
        "progressive_scale": 1.0,
        "finetune": None,
        "few": None,
        "few_photos": 0,
    }


def test_a_data_set_alone_gives_the_papers_experiment():
    resolved = asdict(TrainConfig(dataset="cars").resolve())
    assert resolved == {
        "dataset": "cars",
        "data_dir": None,
        "columns": None,
        "val_fraction": 0.0,
        "val_photos": 0,
        "recipe_reason": "the default for vgg16",
        "split_seed": 0,
        "shots": None,
        "train_fraction": 1.0,
        "folds": None,
        "fold": None,
        "skip_bad_images": False,
        "prepare": "auto",
        "attention": "mixed",
        "gate": "linear",
        "reduction": 16,
        "backbone": "vgg16",
        "weights": "imagenet",
        "pooling": "flatten",
        "head": "paper",
        "feature_maps": "last",
        "head_bn": "after",
        "image_size": 224,
        "recipe": "paper",
        "epochs": 300,
        "batch_size": 32,
        "augmentation": "pad_crop",
        "accumulate": 1,
        "backbone_lr": 0.01,
        "head_lr": 0.1,
        "views": 0,
        "finetune_epochs": 0,
        "weight_decay": 0.0001,
        "optimizer": "sgd",
        "warmup_epochs": 0,
        "label_smoothing": 0.0,
        "class_weights": "none",
        "dropout": 0.0,
        "bn": "train",
        "frozen_stride": 0,
        "ema": 0.0,
        "layer_decay": 1.0,
        "interpolation": "none",
        "progressive_share": 0.0,
        "progressive_scale": 1.0,
        "finetune": None,
        "few": None,
        "few_photos": 0,
        "precision": "auto",
        "seed": 0,
        "monitor_test": False,
        "run_dir": "saved_models/cars-vgg16-mixed-seed0",
        "overwrite": False,
        "resume": False,
        "cache": "none",
        "checkpoint_every": None,
        "devices": "auto",
        "coordinator": None,
        "processes": None,
        "process": None,
    }


def test_a_flag_beats_the_preset_beats_the_recipe_beats_the_base(monkeypatch):
    monkeypatch.setitem(BASE, "head_lr", 1.0)
    assert TrainConfig(dataset="cars").resolve().head_lr == 0.1
    assert TrainConfig(dataset="cars", recipe="strong").resolve().head_lr == 0.001
    monkeypatch.setitem(PRESETS["demo"], "head_lr", 0.5)
    assert TrainConfig(dataset="demo", recipe="strong").resolve().head_lr == 0.5
    assert TrainConfig(dataset="demo", recipe="strong", head_lr=0.0).resolve().head_lr == 0.0


def test_the_demo_is_small_unless_told_otherwise():
    demo = TrainConfig(dataset="demo").resolve()
    assert (demo.backbone, demo.weights, demo.image_size) == ("tiny", "none", 96)
    assert demo.epochs < 100
    for recipe in RECIPES:
        assert TrainConfig(dataset="demo", recipe=recipe).resolve().pooling == "flatten"
    other = TrainConfig(
        dataset="demo", backbone="mobilenet_v2", weights="imagenet", image_size=224, epochs=300
    ).resolve()
    assert (other.backbone, other.weights) == ("mobilenet_v2", "imagenet")
    assert (other.image_size, other.epochs) == (224, 300)


def test_a_preset_may_choose_the_recipe_and_a_flag_another(monkeypatch):
    monkeypatch.setitem(PRESETS, "demo", {"recipe": "strong", "epochs": 7})
    demo = TrainConfig(dataset="demo").resolve()
    assert (demo.recipe, demo.head_lr, demo.val_fraction, demo.epochs) == ("strong", 0.001, 0.1, 7)
    paper = TrainConfig(dataset="demo", recipe="paper").resolve()
    assert (paper.recipe, paper.head_lr, paper.val_fraction, paper.epochs) == ("paper", 0.1, 0.0, 7)


@pytest.mark.parametrize("recipe", RECIPES)
def test_nothing_but_the_data_folder_and_the_protocols_stays_open(recipe):
    resolved = asdict(TrainConfig(dataset="cars", recipe=recipe).resolve())
    unset = {"data_dir", "columns", "shots", "folds", "fold", "checkpoint_every"}
    unset |= {"coordinator", "processes", "process", "finetune", "few"}
    if recipe == "strong":
        unset.remove("few")
    assert {name for name, value in resolved.items() if value is None} == unset


@pytest.mark.parametrize("name", [n for n, f in FIELDS.items() if f.metadata.get("choices")])
def test_an_unknown_choice_is_one_line_with_flag_value_and_choices(name):
    with pytest.raises(FgmixError) as caught:
        TrainConfig(**({"dataset": "cars"} | {name: "bogus"})).resolve()
    assert len(str(caught.value).splitlines()) == 1
    assert f"--{name.replace('_', '-')} bogus" in str(caught.value)
    assert all(choice in str(caught.value) for choice in FIELDS[name].metadata["choices"])


@pytest.mark.parametrize(
    ("name", "value", "type_name"),
    [
        ("epochs", "3", "int"),
        ("epochs", 2.5, "int"),
        ("seed", True, "int"),
        ("shots", "all", "int"),
        ("head_lr", "fast", "float"),
        ("resume", 1, "bool"),
        ("run_dir", 7, "str"),
    ],
)
def test_a_value_of_another_type_is_one_line_with_flag_and_value(name, value, type_name):
    with pytest.raises(FgmixError) as caught:
        TrainConfig(**({"dataset": "cars"} | {name: value})).resolve()
    assert str(caught.value) == f"--{name.replace('_', '-')} {value!r}: must be {type_name}"


def out_of_range():
    for name, f in FIELDS.items():
        minimum, maximum = f.metadata.get("minimum"), f.metadata.get("maximum")
        if minimum is not None:
            yield name, minimum - 1, f"must be at least {minimum}"
            yield name, float("nan"), "must be"
        if maximum is not None:
            yield (
                name,
                maximum + (1 if isinstance(maximum, int) else 0.01),
                f"must be at most {maximum}",
            )


@pytest.mark.parametrize(("name", "value", "message"), list(out_of_range()))
def test_a_value_out_of_range_is_one_line_with_flag_and_value(name, value, message):
    with pytest.raises(FgmixError) as caught:
        TrainConfig(dataset="cars", **{name: value}).resolve()
    assert len(str(caught.value).splitlines()) == 1
    assert f"--{name.replace('_', '-')} {value}" in str(caught.value)
    assert message in str(caught.value)


def test_every_number_has_a_range():
    numbers = [f for f in FIELDS.values() if f.type in (int, float) and f.metadata["group"]]
    assert len(numbers) == 22
    assert [f.name for f in numbers if f.metadata["minimum"] is None] == []


def test_values_at_the_edge_of_a_range_are_allowed():
    edges = {
        name: f.metadata["minimum"]
        for name, f in FIELDS.items()
        if f.metadata.get("minimum") is not None and name != "train_fraction"  # 0 is refused
    }
    resolved = asdict(TrainConfig(dataset="cars", coordinator="host:1", **edges).resolve())
    assert {name: resolved[name] for name in edges} == edges
    assert TrainConfig(dataset="cars", val_fraction=0.9).resolve().val_fraction == 0.9


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shots": 0}, "--shots 0: must be at least 1"),
        ({"train_fraction": 0.0}, "--train-fraction 0: must be more than 0"),
        ({"train_fraction": 1.5}, "--train-fraction 1.5: must be at most 1.0"),
        ({"shots": 5, "train_fraction": 0.5}, "--shots and --train-fraction exclude each other"),
        ({"accumulate": 3}, "--accumulate 3: must divide --batch-size 32"),
        ({"folds": 1, "fold": 0}, "--folds 1: must be at least 2"),
        ({"folds": 3}, "--folds 3 needs --fold: 0 to 2"),
        ({"fold": 0}, "--fold 0 needs --folds"),
        ({"folds": 3, "fold": 3}, "--fold 3: the 3 folds are 0 to 2"),
        ({"folds": 3, "fold": -1}, "--fold -1: must be at least 0"),
    ],
)
def test_a_protocol_that_makes_no_sense_is_one_line(settings, message):
    with pytest.raises(FgmixError) as caught:
        TrainConfig(dataset="cars", **settings).resolve()
    assert str(caught.value).startswith(message)
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_data_set_is_told():
    for nothing in ("", None):
        with pytest.raises(FgmixError, match=r"^--dataset is missing: .*cars.*demo.*folder"):
            TrainConfig(dataset=nothing).resolve()


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"dataset": "cars"}, "cars-vgg16-mixed-seed0"),
        ({"dataset": "cars", "seed": 7}, "cars-vgg16-mixed-seed7"),
        ({"dataset": "aircraft/family"}, "aircraft_family-vgg16-mixed-seed0"),
        ({"dataset": "demo", "attention": "none"}, "demo-tiny-none-seed0"),
        ({"dataset": "demo", "image_size": 64}, "demo-tiny-mixed-image_size_64-seed0"),
        ({"dataset": "demo", "backbone": "vgg16"}, "demo-vgg16-mixed-seed0"),
        ({"dataset": "cars", "shots": 5}, "cars-vgg16-mixed-shots_5-seed0"),
        ({"dataset": "cars", "train_fraction": 0.5}, "cars-vgg16-mixed-train_fraction_0.5-seed0"),
        ({"dataset": "cars", "folds": 5, "fold": 0}, "cars-vgg16-mixed-folds_5-fold_0-seed0"),
        (
            {
                "dataset": "cars",
                "backbone": "resnet50",
                "attention": "spatial",
                "gate": "sigmoid",
                "weights": "elsewhere/rebuilt.weights.h5",
                "recipe": "strong",
                "epochs": 5,
                "head_lr": 0.01,
                "seed": 3,
            },
            "cars-resnet50-spatial-gate_sigmoid-weights_rebuilt-recipe_strong-epochs_5"
            "-head_lr_0.01-seed3",
        ),
    ],
)
def test_a_run_is_named_by_what_is_not_default(settings, name):
    assert run_name(**settings) == name


def test_a_flag_that_says_the_default_adds_nothing_to_the_name():
    explicit = {
        "gate": "linear",
        "reduction": 16,
        "backbone": "vgg16",
        "weights": "imagenet",
        "image_size": 224,
        "pooling": "flatten",
        "recipe": "paper",
        "epochs": 300,
        "val_fraction": 0.0,
        "precision": "auto",
    }
    assert run_name(dataset="cars", **explicit) == "cars-vgg16-mixed-seed0"
    # Defaults depend on recipe and data set.
    assert run_name(dataset="cars", recipe="strong", epochs=30) == (
        "cars-vgg16-mixed-recipe_strong-seed0"
    )
    assert run_name(dataset="demo", backbone="tiny", image_size=96) == "demo-tiny-mixed-seed0"


def test_where_things_lie_is_not_in_the_name(tmp_path):
    assert run_name(dataset="cars", data_dir=str(tmp_path), overwrite=True) == (
        "cars-vgg16-mixed-seed0"
    )
    assert TrainConfig(dataset="cars", run_dir="elsewhere/x").resolve().run_dir == "elsewhere/x"


def test_every_setting_that_changes_a_run_changes_its_name():
    others = {
        "val_fraction": 0.3,
        "split_seed": 9,
        "shots": 9,
        "train_fraction": 0.9,
        "skip_bad_images": True,
        "prepare": "never",
        "attention": "none",
        "gate": "softmax",
        "reduction": 9,
        "backbone": "tiny",
        "weights": "none",
        "pooling": "avg",
        "head_bn": "both",
        "image_size": 99,
        "recipe": "strong",
        "epochs": 9,
        "batch_size": 9,
        "augmentation": "none",
        "accumulate": 2,
        "backbone_lr": 0.9,
        "head_lr": 0.9,
        "weight_decay": 0.9,
        "optimizer": "adamw",
        "warmup_epochs": 9,
        "label_smoothing": 0.9,
        "class_weights": "balanced",
        "dropout": 0.9,
        "bn": "frozen",
        "frozen_stride": 9,
        "ema": 0.9,
        "layer_decay": 0.9,
        "interpolation": "auto",
        "progressive_share": 0.9,
        "progressive_scale": 0.9,
        "precision": "float16",
        "seed": 9,
    }
    elsewhere = {"dataset", "data_dir", "columns", "monitor_test", "run_dir", "overwrite", "resume"}
    elsewhere |= {"checkpoint_every", "cache", "devices", "coordinator", "processes", "process"}
    folds = [{"folds": 3, "fold": 0}, {"folds": 3, "fold": 1}, {"folds": 9, "fold": 0}]
    elsewhere |= {"views", "finetune_epochs", *UNFLAGGED}  # of recipe frozen only
    elsewhere |= {"head", "feature_maps"}  # linear, for average pooling only
    assert set(others) | set(folds[0]) >= set(FIELDS) - elsewhere
    frozen = [{"recipe": "frozen"} | more for more in ({}, {"views": 9}, {"finetune_epochs": 9})]
    linear = {"pooling": "avg", "head": "linear"}
    levels = linear | {"feature_maps": "levels"}
    settings = [
        {},
        linear,
        levels,
        *folds,
        *frozen,
        *({name: value} for name, value in others.items()),
    ]
    assert len({run_name(dataset="cars", **each) for each in settings}) == len(settings)


def test_a_folder_gives_its_own_name_and_becomes_absolute(tmp_path, monkeypatch):
    folder = tmp_path / "my photos"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    for given in ("my photos", "my photos/", "./my photos", str(folder)):
        resolved = TrainConfig(dataset=given).resolve()
        assert resolved.run_dir == "saved_models/my_photos-vgg16-mixed-seed0"
        assert resolved.dataset == str(folder)
    monkeypatch.chdir(folder)
    resolved = TrainConfig(dataset=".", data_dir="x").resolve()
    assert resolved.run_dir == "saved_models/my_photos-vgg16-mixed-seed0"
    assert (resolved.dataset, resolved.data_dir) == (str(folder), str(folder / "x"))


def test_a_table_gives_its_own_name_and_becomes_absolute(tmp_path, monkeypatch):
    (tmp_path / "my birds.csv").touch()
    monkeypatch.chdir(tmp_path)
    resolved = TrainConfig(dataset="my birds.csv", data_dir="x", columns="path=file").resolve()
    assert resolved.run_dir == "saved_models/my_birds-vgg16-mixed-seed0"
    assert resolved.dataset == str(tmp_path / "my birds.csv")
    assert resolved.data_dir == str(tmp_path / "x")
    (tmp_path / "my photos").mkdir()
    (tmp_path / "my photos" / "labels.csv").touch()
    resolved = TrainConfig(dataset="my photos/labels.csv").resolve()
    assert resolved.run_dir == "saved_models/my_photos-vgg16-mixed-seed0"


def test_columns_are_those_of_a_table():
    with pytest.raises(FgmixError, match="--columns is for tables, and --dataset cars is none"):
        TrainConfig(dataset="cars", columns="path=file").resolve()
    with pytest.raises(FgmixError, match="--columns file: give path=COLUMN"):
        TrainConfig(dataset="birds.csv", columns="file").resolve()


def test_the_home_folder_may_be_a_tilde(tmp_path, monkeypatch):
    # A shell does not expand it in `--data-dir=~/cars`.
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "photos").mkdir()
    assert TrainConfig(dataset="cars", data_dir="~/x").resolve().data_dir == str(tmp_path / "x")
    assert TrainConfig(dataset="~/photos").resolve().dataset == str(tmp_path / "photos")


def test_a_folder_called_like_a_data_set_does_not_hide_it(tmp_path, monkeypatch):
    for name in ("cars", "aircraft/family"):
        (tmp_path / name).mkdir(parents=True)
        monkeypatch.chdir(tmp_path)
        resolved = TrainConfig(dataset=name).resolve()
        assert resolved.dataset == name
        assert Path(resolved.run_dir).name.startswith(name.replace("/", "_") + "-vgg16")


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_explains_itself(name):
    f = FIELDS[name]
    assert len(f.metadata["text"]) > 8
    assert f.metadata["group"] or name in UNFLAGGED
    if f.default is None and name not in UNFLAGGED:
        assert f.metadata["shown"]
    assert f.default is not MISSING or name == "dataset"


@pytest.mark.parametrize(
    "settings",
    [
        {"dataset": "cars"},
        {"dataset": "demo", "recipe": "strong", "val_fraction": 0.25, "seed": 4},
        {"dataset": "photos", "data_dir": "x", "weights": "w.weights.h5", "overwrite": True},
    ],
)
def test_a_resolved_config_survives_json(settings):
    resolved = TrainConfig(**settings).resolve()
    again = TrainConfig(**json.loads(json.dumps(asdict(resolved))))
    assert again == resolved
    assert again.resolve() == resolved


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_setting_of_a_recipe_is_a_setting_of_a_run(recipe):
    resolved = TrainConfig(dataset="cars", recipe=recipe).resolve()
    settings = RECIPES[recipe].settings()
    settings["finetune"] = None  # nothing is fine-tuned without --finetune-epochs
    assert {name: getattr(resolved, name) for name in settings} == settings


def test_an_unknown_recipe_is_one_line_with_the_recipes():
    with pytest.raises(FgmixError) as caught:
        TrainConfig(dataset="cars", recipe="stronk").resolve()
    assert str(caught.value) == "--recipe stronk: choose one of paper, strong, frozen"


def test_a_recipe_of_ones_own_is_a_value_that_is_passed():
    own = RECIPES["strong"].replace(ema=0.99, epochs=7)
    resolved = TrainConfig(dataset="cars", recipe=own).resolve()
    assert (resolved.recipe, resolved.ema, resolved.epochs) == ("strong", 0.99, 7)
    assert resolved.optimizer == RECIPES["strong"].optimizer
    assert Path(resolved.run_dir).name == "cars-vgg16-mixed-recipe_strong-epochs_7-ema_0.99-seed0"
    assert RECIPES["strong"].ema == 0
    assert TrainConfig(dataset="cars", recipe=own, ema=0.5).resolve().ema == 0.5


def test_a_recipe_of_another_name_is_resolved_again_from_its_settings():
    own = RECIPES["frozen"].replace(name="mine", views=5)
    resolved = TrainConfig(dataset="cars", recipe=own, finetune_epochs=2).resolve()
    assert (resolved.recipe, resolved.views) == ("mine", 5)
    assert resolved.finetune == RECIPES["strong"]
    again = TrainConfig(**json.loads(json.dumps(asdict(resolved))))
    assert again.resolve() == resolved
    with pytest.raises(FgmixError, match="--recipe mine: choose one of paper"):
        TrainConfig(dataset="cars", recipe="mine", views=5).resolve()


def _resolve_elsewhere(record, answers):
    config = TrainConfig(**record).resolve()
    answers.put((config.record(), result_settings(config)))


@pytest.mark.parametrize("settings", [{"recipe": "strong", "ema": 0.9}, {"recipe": "frozen"}])
def test_a_resolved_config_is_the_same_in_a_new_process(settings):
    own = RECIPES[settings["recipe"]].replace(dropout=0.3, weight_decay=0.01)
    config = TrainConfig(
        dataset="cars", **(settings | {"recipe": own}), seed=3, label_smoothing=0.25
    ).resolve()
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=_resolve_elsewhere, args=(config.record(), answers))
    process.start()
    record, decisive = answers.get(timeout=60)
    process.join()
    assert record == config.record()
    assert decisive == result_settings(config)


def test_every_setting_says_what_it_decides():
    assert all(isinstance(f.metadata["decides"], Decides) for f in FIELDS.values())
    place = {name for name, f in FIELDS.items() if f.metadata["decides"] is Decides.PLACE}
    assert place == {"dataset", "data_dir", "columns", "run_dir"}


def test_whatever_decides_the_result_names_groups_and_refuses_to_resume():
    one = TrainConfig(dataset="cars", recipe="strong", attention="mixed").resolve()
    record = {"data": {"name": "cars", "prepared": {"photos": 3}}}
    for other in (
        TrainConfig(dataset="cars", recipe="strong", prepare="never"),
        TrainConfig(dataset="cars", recipe="strong", ema=0.9),
        TrainConfig(dataset="cars", recipe="strong", accumulate=2),
        TrainConfig(dataset="cars", recipe="strong", class_weights="balanced"),
    ):
        other = other.resolve()
        assert changes(one.record(), other)
        assert group_settings(one, record) != group_settings(other, record)
        assert one.run_dir != other.run_dir
    cached = TrainConfig(dataset="cars", recipe="strong", cache="memory", data_dir="x").resolve()
    assert changes(one.record(), cached) == []
    assert changes(one.record(), cached, Decides.SPEED) == ["--cache was none"]
    assert group_settings(one, record) == group_settings(cached, record)
    assert one.run_dir == cached.run_dir


def test_the_optimizers_are_those_that_can_be_built():
    from fgmix.training.optimizer import OPTIMIZERS as MAKERS

    assert tuple(MAKERS) == OPTIMIZERS


@pytest.mark.parametrize(
    ("settings", "recipe", "reason"),
    [
        ({"dataset": "cars"}, "paper", "the default for vgg16"),
        ({"dataset": "cars", "backbone": "resnet50_torch"}, "paper", "the default for resnet50"),
        ({"dataset": "cars", "backbone": "mobilenet_v2"}, "strong", "the default for mobilenet_v2"),
        ({"dataset": "cars", "recipe": "strong"}, "strong", "given"),
        ({"dataset": "demo"}, "strong", "the default for demo"),
    ],
)
def test_the_default_recipe_follows_from_the_backbone(settings, recipe, reason):
    resolved = TrainConfig(**settings).resolve()
    assert resolved.recipe == recipe
    assert resolved.recipe_reason.startswith(reason)
    # A complete config, read in another process, keeps its reason.
    assert TrainConfig(**asdict(resolved)).resolve() == resolved


def test_the_default_recipe_is_not_part_of_a_runs_name():
    assert run_name(dataset="cars", backbone="mobilenet_v2") == "cars-mobilenet_v2-mixed-seed0"
    paper = run_name(dataset="cars", backbone="mobilenet_v2", recipe="paper")
    assert paper == "cars-mobilenet_v2-mixed-recipe_paper-seed0"


def test_few_photos_are_all_trained_on_unless_validation_is_asked_for():
    strong = TrainConfig(dataset="cars", recipe="strong").resolve()
    assert (strong.val_fraction, strong.val_photos) == (0.1, 100)
    asked = TrainConfig(dataset="cars", recipe="strong", val_fraction=0.1).resolve()
    assert (asked.val_fraction, asked.val_photos) == (0.1, 0)


def test_few_photos_are_trained_by_settings_of_their_own():
    config = TrainConfig(dataset="cars", recipe="strong", epochs=7).resolve()
    few = config.for_photos(config.few_photos - 1)
    assert (few.head, few.bn, few.interpolation, few.epochs) == ("linear", "frozen", "auto", 7)
    assert few.run_dir == config.run_dir
    assert config.for_photos(config.few_photos) is config
    # Read again from `config.json`, it decides the same.
    again = TrainConfig(**asdict(config)).resolve()
    assert again == config
    assert again.for_photos(100) == few


@pytest.mark.parametrize(
    "settings",
    [{"weights": "none"}, {"head": "paper"}, {"pooling": "flatten"}, {"recipe": "paper"}],
)
def test_without_a_probe_there_are_no_settings_for_few_photos(settings):
    config = TrainConfig(**{"dataset": "cars", "recipe": "strong"} | settings).resolve()
    assert config.for_photos(10) is config


def test_a_batch_for_few_photos_can_be_accumulated():
    config = TrainConfig(dataset="cars", recipe="strong", accumulate=32).resolve()
    assert config.for_photos(100).batch_size == 32
