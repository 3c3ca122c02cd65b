"""Label issues and hard classes: by hand, planted, and against cleanlab."""

import numpy as np
import pytest

from fgmix.audit.label_issues import LabelIssue, find_label_issues, rate_classes

# Mean probability of class 0 over the photos labelled 0: (0.9 + 0.2 + 0.7) / 3 = 0.6; of class 1
# over those labelled 1: (0.6 + 0.4) / 2 = 0.5.
PROBABILITIES = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6], [0.6, 0.4]])
LABELS = np.array([0, 0, 0, 1, 1])


def planted(images=400, classes=6, share=0.1, seed=0):
    """Returns probabilities of a model with 95 % accuracy, and partly incorrect labels."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, images)
    seen = np.where(rng.random(images) < 0.95, truth, rng.integers(0, classes, images))
    logits = rng.normal(0, 1, (images, classes)) + 4 * np.eye(classes)[seen]
    chance = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wrong = rng.random(images) < share
    return (
        chance,
        np.where(wrong, (truth + rng.integers(1, classes, images)) % classes, truth),
        wrong,
    )


def test_by_hand():
    found = find_label_issues(PROBABILITIES, LABELS)
    # Photo 1 has 0.8 for class 1, at least 0.5; photo 4 has 0.6 for class 0, at least 0.6.
    assert [(s.index, s.label, s.suggested) for s in found] == [(1, 0, 1), (4, 1, 0)]
    assert [s.score for s in found] == pytest.approx([-0.6, -0.2])


def test_a_class_the_model_is_less_sure_of_needs_less_to_be_suggested():
    # Class 2 is never given more than 0.5, class 0 always 0.9: 0.45 for class 2 is confident.
    chance = np.array([[0.9, 0.05, 0.05]] * 3 + [[0.2, 0.3, 0.5]] * 2 + [[0.35, 0.2, 0.45]])
    chance = np.vstack([chance, [[0.3, 0.6, 0.1]], [[0.3, 0.5, 0.2]]])
    labels = np.array([0, 0, 0, 2, 2, 0, 1, 1])
    chance[3:5, 2] = 0.45
    assert [(s.index, s.suggested) for s in find_label_issues(chance, labels)] == [(5, 2)]


def test_a_label_that_is_the_likeliest_class_is_no_issue():
    # The mean of class 1 is 0.4: image 1 confidently belongs to it, but more probably to its own.
    chance = np.array([[0.95, 0.05], [0.55, 0.45], [0.6, 0.4]])
    assert find_label_issues(chance, np.array([0, 0, 1])) == []


def test_sound_labels_give_no_issues():
    assert find_label_issues(np.eye(4, dtype=np.float32)[[0, 1, 2, 3]], np.arange(4)) == []


def test_a_class_without_images_is_never_suggested():
    chance = np.array([[0.1, 0.0, 0.9], [0.2, 0.0, 0.8], [0.4, 0.6, 0.0]])
    assert find_label_issues(chance, np.array([0, 0, 1])) == []


def test_planted_errors_are_found_first():
    chance, labels, wrong = planted()
    first = [s.index for s in find_label_issues(chance, labels)[: wrong.sum()]]
    # By chance a tenth of them would be incorrect.
    assert wrong[first].mean() > 0.6


@pytest.mark.peers
@pytest.mark.parametrize("seed", range(5))
def test_cleanlab_finds_the_same(seed):
    cleanlab = pytest.importorskip("cleanlab.filter")
    chance, labels, _ = planted(seed=seed)
    theirs = cleanlab.find_label_issues(
        labels,
        chance,
        filter_by="confident_learning",
        return_indices_ranked_by="normalized_margin",
        n_jobs=1,
    )
    assert [s.index for s in find_label_issues(chance, labels)] == theirs.tolist()


def test_classes_are_rated_by_hand():
    # Class 0: 3 images, 1 correct, 2 taken for 1. Class 1: 2 images, 1 correct. Class 2: 5, all.
    guesses = np.array([0, 1, 1, 1, 0, 2, 2, 2, 2, 2])
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 2])
    issues = [LabelIssue(1, 0, 1, -0.5), LabelIssue(4, 1, 0, -0.1)]
    rated = rate_classes(np.eye(3)[guesses], labels, ("crow", "dove", "heron"), issues)
    told = [(c.name, c.images, c.accuracy, c.taken_for, c.issues, c.needs_images) for c in rated]
    # The mean of the accuracies is 0.61, the median number of photos 3.
    assert told == [
        ("crow", 3, pytest.approx(1 / 3), "dove", 1, True),
        ("dove", 2, 0.5, "crow", 1, True),
        ("heron", 5, 1.0, "", 0, False),
    ]


def test_a_hard_class_with_many_images_does_not_need_more():
    guesses = np.array([1, 1, 1, 0, 1, 1, 2])
    labels = np.array([0, 0, 0, 0, 1, 1, 2])
    rated = rate_classes(np.eye(3)[guesses], labels, ("crow", "dove", "heron"), [])
    assert [c.name for c in rated] == ["crow", "heron", "dove"]
    assert not any(c.needs_images for c in rated)
