"""Which groups are compared, and the verdicts."""

from dataclasses import replace

import numpy as np
import pytest

from fgmix.comparison.contrasts import BETTER, NOT_SHOWN, WORSE, compare
from fgmix.comparison.study import open_study
from fgmix.errors import FgmixError
from tests.comparison.answers import draw_answers, edit_config, write_run

IMAGES = 600


def write_groups(runs, means, seeds=3, **settings):
    rng = np.random.default_rng(0)
    for attention, mean in means.items():
        for seed, correct in enumerate(draw_answers(rng, seeds, IMAGES, mean=mean)):
            write_run(runs, correct, attention=attention, seed=seed, **settings)
    return runs


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """`mixed` better than `none`, `channel` equal to it, `cbam` worse."""
    means = {"mixed": 0.8, "none": 0.2, "channel": 0.2, "cbam": -0.4}
    return write_groups(tmp_path_factory.mktemp("runs"), means)


def by_group(comparison):
    return {contrast.group: contrast for contrast in comparison.contrasts}


def test_verdicts(grid):
    found = compare(open_study([grid]))
    assert found.baseline == "none"
    contrasts = by_group(found)
    assert {name: c.verdict for name, c in contrasts.items()} == {
        "channel": NOT_SHOWN,
        "mixed": BETTER,
        "cbam": WORSE,
    }
    assert all(c.level == pytest.approx(0.05 / 3) for c in found.contrasts)
    p_values = sorted(c.found.p_value for c in found.contrasts)
    corrected = sorted(c.corrected_p for c in found.contrasts)
    assert corrected[0] == pytest.approx(3 * p_values[0])
    assert contrasts["mixed"].sentence.startswith("mixed is better than none (+")
    unsure = contrasts["channel"].sentence
    assert unsure.startswith("channel against none: no difference shown (")
    assert (
        f"{100 * contrasts['channel'].detectable:.1f} points or more would have been shown 80 %"
        in unsure
    )
    assert contrasts["channel"].shared_seeds == 3
    assert any("share seeds" in note for note in found.notes)


def write_papers(runs, classes=196, **settings):
    """One seed of `none`, `mixed` and `cbam`, with as many classes as the paper's Cars."""
    for attention in ("none", "mixed", "cbam"):
        run = write_run(runs, np.ones(8, bool), attention=attention, **settings)
        edit_config(run, data={"num_classes": classes})
    return by_group(compare(open_study([runs])))


@pytest.mark.parametrize(
    ("backbone", "points", "model"),
    [
        ("vgg16_bn", 0.91, "VGG16"),
        ("vgg16", 0.91, "VGG16"),
        ("resnet50_torch", 0.66, "ResNet-50"),
        ("resnet50", 0.66, "ResNet-50"),
    ],
)
def test_the_papers_difference_is_what_to_plan_for_on_its_data_and_backbone(
    tmp_path, backbone, points, model
):
    contrasts = write_papers(tmp_path, backbone=backbone)
    [target] = contrasts["mixed"].targets
    assert round(100 * target.difference, 2) == points
    assert target.source == f"the paper's, Stanford Cars-196, {model}"
    assert [t.difference for t in contrasts["cbam"].targets] == [0.01]  # the paper has none


@pytest.mark.parametrize(
    "settings",
    [
        {"backbone": "tiny"},
        {"backbone": "mobilenet_v2"},
        {"backbone": "vgg16", "classes": 4},
        {"backbone": "vgg16", "shots": 5},
        {"backbone": "vgg16", "train_fraction": 0.5},
    ],
)
def test_elsewhere_it_is_one_point(tmp_path, settings):
    for contrast in write_papers(tmp_path, **settings).values():
        assert [(t.source, t.difference) for t in contrast.targets] == [("one point", 0.01)]


def test_a_difference_that_was_asked_for_is_what_to_plan_for(grid):
    targets = compare(open_study([grid]), target=0.05).contrasts[0].targets
    assert [t.difference for t in targets] == [0.05]
    assert all(t.need is not None for t in targets)


def test_another_baseline(grid):
    found = compare(open_study([grid]), "mixed")
    assert [c.group for c in found.contrasts] == ["none", "channel", "cbam"]
    assert by_group(found)["none"].verdict == WORSE
    with pytest.raises(FgmixError, match=r"--baseline nine: .* none; channel; mixed; cbam"):
        compare(open_study([grid]), "nine")


def test_a_single_group_is_measured_and_compared_with_nothing(grid):
    found = compare(open_study(grid.glob("none-*")))
    assert (found.contrasts, found.baseline, found.notes) == ((), "", ())
    assert len(found.accuracies[0].seeds) == 3
    with pytest.raises(FgmixError, match="--baseline mixed: no such group"):
        compare(open_study(grid.glob("none-*")), "mixed")


def test_without_none_the_first_group_is_the_baseline_and_a_note_says_so(grid):
    found = compare(open_study([*grid.glob("mixed-*"), *grid.glob("channel-*")]))
    assert found.baseline == "channel"
    assert any("The baseline is the first group, channel" in note for note in found.notes)


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory):
    """Attention `none` and `mixed`, each from ImageNet's weights and from none."""
    runs = tmp_path_factory.mktemp("runs")
    for weights in ("imagenet", "none"):
        write_groups(runs, {"none": 0.1, "mixed": 0.1}, 1, backbone="vgg16", weights=weights)
    return runs


def pairs_of(comparison):
    return [(contrast.group, contrast.baseline) for contrast in comparison.contrasts]


def test_the_default_baseline_is_the_attention_none_and_no_other_none(random_weights):
    study = open_study([random_weights])
    by_attention = [
        ("mixed, weights imagenet", "none, weights imagenet"),
        ("mixed, weights none", "none, weights none"),
    ]
    found = compare(study)
    assert pairs_of(found) == by_attention
    assert found.baseline == "none"
    assert pairs_of(compare(study, "attention none")) == by_attention
    by_weights = compare(study, "weights none")
    assert pairs_of(by_weights) == [
        ("none, weights imagenet", "none, weights none"),
        ("mixed, weights imagenet", "mixed, weights none"),
    ]
    assert by_weights.baseline == "weights none"


def test_a_baseline_that_may_mean_two_settings_is_one_line(random_weights):
    message = (
        "--baseline none is ambiguous: give 'attention none' or 'weights none', or a group's name: "
        "none, weights imagenet; none, weights none; mixed, weights imagenet; mixed, weights none"
    )
    with pytest.raises(FgmixError, match=f"^{message}$"):
        compare(open_study([random_weights]), "none")


def test_groups_of_one_attention_are_compared_with_the_first(random_weights):
    for attention in ("none", "mixed"):
        found = compare(open_study(random_weights.glob(f"{attention}-*")))
        assert pairs_of(found) == [("weights none", "weights imagenet")]
        assert any("The baseline is the first group" in note for note in found.notes)
    # Among these runs, `none` is unambiguous.
    assert pairs_of(compare(open_study(random_weights.glob("mixed-*")), "none")) == [
        ("weights imagenet", "weights none")
    ]


def test_one_seed_each_is_a_verdict_on_two_runs(grid):
    runs = [grid / f"{name}-seed0" for name in ("none", "mixed", "channel")]
    found = compare(open_study(runs))
    contrasts = by_group(found)
    assert contrasts["mixed"].found.of_runs
    assert contrasts["mixed"].sentence.startswith("this run of mixed is better than this run of")
    assert "does not tell whether this holds for other seeds" in contrasts["mixed"].sentence
    assert contrasts["mixed"].targets[0].need is None
    assert any("McNemar's" in note for note in found.notes)


def test_one_seed_against_several_borrows_their_std(grid):
    found = compare(open_study([grid / "mixed-seed0", *grid.glob("none-*")]))
    assert found.contrasts[0].found.seeds == (1, 3)
    shown = replace(found.contrasts[0], verdict=BETTER).sentence
    assert "assuming that seeds of mixed, which has one, vary as those of none do" in shown
    assert any("mixed has one seed" in note and "from none" in note for note in found.notes)


def test_each_group_is_compared_with_the_baseline_of_its_other_settings(tmp_path):
    for shots in (5, 10):
        write_groups(tmp_path, {"none": 0.1, "mixed": 0.1}, seeds=2, shots=shots)
    write_groups(tmp_path, {"mixed": 0.1}, seeds=2, shots=20)
    found = compare(open_study([tmp_path]))
    assert [(c.group, c.baseline) for c in found.contrasts] == [
        ("mixed, shots 5", "none, shots 5"),
        ("mixed, shots 10", "none, shots 10"),
    ]
    assert found.baseline == "none"
    assert any(note.startswith("mixed, shots 20 is not compared") for note in found.notes)
    whole = compare(open_study([tmp_path]), "none, shots 5")
    assert {c.baseline for c in whole.contrasts} == {"none, shots 5"}
    assert len(whole.contrasts) == 4


def test_a_gate_does_not_part_a_group_from_a_baseline_without_one(tmp_path):
    for attention, gate in (("none", "linear"), ("mixed", "linear"), ("mixed", "softmax")):
        write_groups(tmp_path, {attention: 0.1}, seeds=2, gate=gate)
    found = compare(open_study([tmp_path]))
    assert [c.group for c in found.contrasts] == ["mixed, gate linear", "mixed, gate softmax"]
    assert all(c.differs == ("attention",) for c in found.contrasts)


def test_groups_that_differ_in_two_things_are_not_put_down_to_one(tmp_path):
    write_groups(tmp_path, {"none": 0.0}, seeds=3)
    write_groups(tmp_path, {"mixed": 1.5}, seeds=3, epochs=9)
    found = compare(open_study([tmp_path]))
    assert found.contrasts[0].differs == ("attention", "epochs")
    assert "may be due to either" in found.contrasts[0].sentence
    assert any("attention, epochs" in note for note in found.notes)


def test_significant_alone_and_not_among_many_is_said(grid):
    contrast = by_group(compare(open_study([grid])))["mixed"]
    unsure = replace(
        contrast,
        verdict=NOT_SHOWN,
        found=replace(contrast.found, p_value=0.03),
        corrected_p=0.09,
    )
    assert "p is 0.030 before and 0.090 after correction" in unsure.sentence
    assert "no difference, however large" in replace(unsure, detectable=None).sentence
    same = replace(unsure, detectable=None, found=replace(contrast.found, error=0.0))
    assert "no prediction varied" in same.sentence
