"""Contrasts: each group against its baseline, with a verdict in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from fgmix.comparison.baselines import name_baseline, pair_groups
from fgmix.comparison.names import differing
from fgmix.comparison.power import POWER, Need, detectable_difference, seeds_needed
from fgmix.comparison.published import KIN, PUBLISHED
from fgmix.comparison.statistics import (
    LEVEL,
    Accuracy,
    Difference,
    compare_accuracies,
    holm,
    measure_accuracy,
)
from fgmix.comparison.study import Group, Study
from fgmix.errors import FgmixError
from fgmix.tables import interval, percent, points

BETTER, WORSE, NOT_SHOWN = "better", "worse", "no difference shown"
PLAIN_TARGET = 0.01
"""The difference to plan for if the paper reports none, as a fraction."""


@dataclass(frozen=True)
class Target:
    """A difference to plan for, and what it takes to show it.

    Attributes:
        source: Where the difference comes from, in words.
        difference: As a fraction.
        need: The seeds and images needed; None if one seed each gives no estimate.
    """

    source: str
    difference: float
    need: Need | None


@dataclass(frozen=True)
class Contrast:
    """The difference between a group and its baseline.

    Attributes:
        group: The group's name.
        baseline: The baseline's name.
        found: Their difference.
        corrected_p: The p-value after Holm's correction over all contrasts of the comparison.
        verdict: `BETTER`, `WORSE` or `NOT_SHOWN`, by `corrected_p`.
        detectable: The smallest true difference that would have been shown with probability
            `POWER` at `level`; None if none would.
        level: The Bonferroni level, `LEVEL` divided by the number of contrasts: a smaller p shows
            the difference whatever the other contrasts are.
        targets: Differences to plan for.
        differs: The settings in which the two differ.
        shared_seeds: The number of seeds that both have.
    """

    group: str
    baseline: str
    found: Difference
    corrected_p: float
    verdict: str
    detectable: float | None
    level: float
    targets: tuple[Target, ...]
    differs: tuple[str, ...]
    shared_seeds: int

    @property
    def sentence(self) -> str:
        """The verdict as a sentence."""
        f = self.found
        measured = f"{points(f.mean)} points, 95 % interval {interval(f.low, f.high, '+.2f')}"
        if self.verdict == NOT_SHOWN:
            text = f"{self.group} against {self.baseline}: no difference shown ({measured})"
            if f.p_value < LEVEL:
                text += f"; p is {f.p_value:.3f} before and {self.corrected_p:.3f} after correction"
            if self.detectable is None:
                return f"{text}; {self.why_none}."
            return (
                f"{text}; only a true difference of {percent(self.detectable, 1)} points or more "
                f"would have been shown {percent(POWER, 0)} % of the time."
            )
        if f.of_runs:
            return (
                f"this run of {self.group} is {self.verdict} than this run of {self.baseline} "
                f"({measured}); one seed each does not tell whether this holds for other seeds."
            )
        text = f"{self.group} is {self.verdict} than {self.baseline} ({measured})"
        if len(self.differs) > 1:
            which = "either" if len(self.differs) == 2 else "any of them"
            text += f"; they differ in {' and '.join(self.differs)}, so it may be due to {which}"
        return text + self.proviso + "."

    @property
    def why_none(self) -> str:
        """The reason why no difference is `detectable`."""
        if self.found.of_runs:
            return "too few photos are predicted differently to show any difference"
        if not self.found.error:
            return "no prediction varied, so the detectable difference is unknown"
        return "no difference, however large, would have been shown reliably"

    @property
    def proviso(self) -> str:
        """The assumption behind comparing one seed with several; `""` if there is none."""
        if self.found.of_runs or 1 not in self.found.seeds:
            return ""
        single, other = (self.group, self.baseline)[:: 1 if self.found.seeds[0] == 1 else -1]
        return f", assuming that seeds of {single}, which has one, vary as those of {other} do"


@dataclass(frozen=True, repr=False)
class Comparison:
    """The results of a study.

    Attributes:
        study: The runs.
        accuracies: The accuracy of each group, in the order of the study's groups.
        contrasts: The contrast of each group that has a baseline.
        baseline: The name of the baseline group, or the value of a setting if each group is
            compared with the one that differs from it only in that setting; `""` for a single
            group.
        notes: The notes of the study, and notes on the contrasts.
    """

    study: Study
    accuracies: tuple[Accuracy, ...]
    contrasts: tuple[Contrast, ...]
    baseline: str
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        """The accuracies in percent and the verdicts, a line each."""
        lines = [
            f"{group.name}: top-1 {percent(accuracy.mean, 1)} %, seeds {len(group.seeds)}"
            for group, accuracy in zip(self.study.groups, self.accuracies, strict=True)
        ]
        return "\n".join([*lines, *(contrast.sentence for contrast in self.contrasts)])


def as_fraction(difference: float | None) -> float | None:
    """Returns a difference to plan for, given in points, as `compare` takes it.

    Raises:
        FgmixError: If it is not between 0 and 100.
    """
    if difference is None:
        return None
    if not 0 < difference < 100:
        raise FgmixError(f"--difference {difference}: give points, above 0 and below 100")
    return difference / 100


def compare(study: Study, baseline: str | None = None, target: float | None = None) -> Comparison:
    """Measures every group and compares it with its baseline.

    Args:
        study: From `open_study`.
        baseline: The name of a group, or a value of a setting: with `none`, each group is compared
            with the group that has `none` for that setting and otherwise the same settings. By
            default attention `none` if attentions vary and one is `none`, otherwise the first
            group.
        target: A difference to plan for, as a fraction. By default the paper's difference between
            the two attentions on the data set and backbone, or one point if it reports none.

    Raises:
        FgmixError: If no group matches the baseline's name, or the name is ambiguous.
    """
    pairs, pair_notes = pair_groups(study.groups, baseline)
    differences = [compare_accuracies(group.correct, other.correct) for group, other in pairs]
    corrected = holm([found.p_value for found in differences])
    level = LEVEL / max(1, len(pairs))
    contrasts = tuple(
        _contrast(group, other, found, p, level, target)
        for (group, other), found, p in zip(pairs, differences, corrected, strict=True)
    )
    notes = (*study.notes, *pair_notes, *_contrast_notes(contrasts))
    return Comparison(
        study,
        tuple(measure_accuracy(group.correct) for group in study.groups),
        contrasts,
        name_baseline(pairs),
        notes,
    )


def _contrast(
    group: Group,
    other: Group,
    found: Difference,
    corrected_p: float,
    level: float,
    target: float | None,
) -> Contrast:
    verdict = NOT_SHOWN
    if corrected_p < LEVEL:
        verdict = BETTER if found.mean > 0 else WORSE
    targets = (
        [("the given difference", target)]
        if target is not None
        else _published(group, other) or [("one point", PLAIN_TARGET)]
    )
    return Contrast(
        group.name,
        other.name,
        found,
        corrected_p,
        verdict,
        detectable_difference(found, level),
        level,
        tuple(Target(name, size, seeds_needed(found, size, level)) for name, size in targets),
        tuple(differing(group, other)),
        len(set(group.seeds) & set(other.seeds)),
    )


def _published(group: Group, other: Group) -> list[tuple[str, float]]:
    """Returns the paper's difference between two attentions on its data set and base model.

    Empty for other images or another backbone, and for groups that were trained on a part of the
    training images or measured on folds.
    """
    one, two = group.settings["attention"], other.settings["attention"]
    published = PUBLISHED.get(group.settings["dataset"])
    model = KIN.get(group.settings["backbone"], "")
    data = group.runs[0][0].data
    # A folder may have the name of the paper's data set.
    if published is None or data["num_classes"] != published.classes or one == two:
        return []
    limits = {name: group.settings[name] for name in ("shots", "folds", "train_fraction")}
    if limits != {"shots": None, "folds": None, "train_fraction": 1.0}:
        return []
    top1 = published.top1
    if (model, one) not in top1 or (model, two) not in top1:
        return []
    size = (top1[model, one] - top1[model, two]) / 100
    return [(f"the paper's, {published.title}, {model}", size)]


def _contrast_notes(contrasts: Sequence[Contrast]) -> list[str]:
    notes = []
    for c in contrasts:
        if len(c.differs) > 1:
            notes.append(
                f"{c.group} and {c.baseline} differ in {', '.join(c.differs)}: a difference "
                f"between them may be due to any of these."
            )
    if any(c.found.of_runs for c in contrasts):
        notes.append(
            "With one seed each, the test (McNemar's, exact) compares two trained models. It can't "
            "tell whether training with other seeds would give the same difference: that takes "
            "several seeds."
        )
    for c in contrasts:
        if not c.found.of_runs and 1 in c.found.seeds:
            names = c.group, c.baseline
            single, several = names if c.found.seeds[0] == 1 else names[::-1]
            notes.append(
                f"{single} has one seed: its variance between seeds is taken from {several}."
            )
    if any(c.shared_seeds and not c.found.of_runs for c in contrasts):
        notes.append(
            "Groups share seeds, and so the order and augmentation of the photos. The test treats "
            "them as independent: if shared seeds correlate the accuracies, it is conservative."
        )
    return notes
