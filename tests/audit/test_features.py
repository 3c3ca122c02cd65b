"""Pairs of similar features, and an audit that compares images by a backbone."""

import numpy as np
import pytest
from PIL import Image

from fgmix.audit.features import choose_backbone, similar_pairs
from fgmix.audit.load import load_subject
from fgmix.audit.report import audit_dataset
from fgmix.data.sources.demo.dataset import draw_image
from fgmix.errors import FgmixError


def units(*rows):
    rows = np.array(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_only_similar_features_are_paired():
    # Cosines: 0 and 1 have 0.995, 2 has 0.71 with both, 3 is at right angles to all.
    features = units([1, 0, 0], [1, 0.1, 0], [1, 0.5, 0.9], [0, 0, -1])
    assert similar_pairs(features) == [(0, 1)]


def test_each_image_is_paired_with_its_nearest_ones():
    angles = np.deg2rad([0, 1, 3, 6, 10, 15])
    pairs = similar_pairs(np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32))
    # The three nearest of each, written once.
    assert pairs == [
        *[(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3), (2, 4), (2, 5), (3, 4), (3, 5), (4, 5)]
    ]


@pytest.mark.parametrize("count", [0, 1])
def test_one_image_is_in_no_pair(count):
    assert similar_pairs(np.ones((count, 3), np.float32)) == []


def test_a_backbone_is_checked_before_anything_is_read(tmp_path):
    assert choose_backbone(None) is None
    for name, weights, part in (
        (None, "imagenet", "--weights needs --backbone"),
        ("resnet5", None, "--backbone resnet5: choose from"),
        ("tiny", "none", "random weights tell nothing"),
        ("tiny", None, "tiny has no ImageNet weights"),
        ("tiny", str(tmp_path / "none.weights.h5"), "no weights file"),
    ):
        with pytest.raises(FgmixError, match=part):
            choose_backbone(name, weights)


@pytest.mark.slow
def test_an_audit_with_a_backbone_finds_a_smaller_part(tmp_path, monkeypatch):
    from fgmix.models.backbones.registry import BACKBONES

    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    weights = tmp_path / "tiny.weights.h5"
    BACKBONES["tiny"].build(224, None).save_weights(weights)
    for label, name in enumerate(("a", "b")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(4):
            picture = draw_image(label, np.random.default_rng([label, number])).resize((300, 240))
            picture.save(tmp_path / "photos" / name / f"{number}.png")
    with Image.open(tmp_path / "photos" / "a" / "2.png") as picture:
        picture.crop((36, 48, 255, 228)).save(tmp_path / "photos" / "b" / "part.png")
    subject = load_subject(str(tmp_path / "photos"), None, 0)

    def two_labels(**given):
        audit = audit_dataset(subject, None, **given)
        found = [f.items for f in audit.findings if f.kind == "two-labels"]
        return [{p["path"] for p in item["photos"]} for items in found for item in items]

    assert two_labels() == []
    choice = choose_backbone("tiny", str(weights))
    assert two_labels(backbone=choice) == [{"a/2.png", "b/part.png"}]
