"""A comparison of two groups whose trainings are pairs: same photos, same start, same batches."""

import numpy as np

from fgmix.comparison.statistics import LEVEL, Difference, mcnemar
from fgmix.comparison.variance import SeedTerm, crossed_error, image_variance_of


def compare_paired(correct: np.ndarray, baseline: np.ndarray) -> Difference:
    """Compares two groups draw by draw.

    As `fgmix.comparison.statistics.compare_accuracies`, with draws and images as crossed random
    effects, but of the difference of each pair. What the trainings of a draw share, such as easy
    shots, is then no part of the error.

    Args:
        correct: bool `(n, N)`, a row a draw, of the group.
        baseline: bool `(n, N)`, of the same draws.
    """
    from scipy.stats import t

    draws, images = correct.shape
    if draws == 1:
        return mcnemar(correct[0], baseline[0])
    difference = correct.astype(np.float64) - baseline
    mean = float(difference.mean())
    by_image, by_draw = difference.mean(axis=0), difference.mean(axis=1)
    rest = difference - by_image - by_draw[:, None] + mean
    residual = float((rest**2).sum()) / ((draws - 1) * (images - 1))
    image_variance = image_variance_of(by_image, residual / draws)
    term = SeedTerm(float(by_draw.var(ddof=1)), draws, residual / images)
    error, freedom = crossed_error([term], image_variance, images)
    half = float(t.ppf(1 - LEVEL / 2, freedom)) * error
    return Difference(
        mean,
        mean - half,
        mean + half,
        float(2 * t.sf(abs(mean) / error, freedom)) if error else 1.0,
        images,
        (draws, draws),
        float((correct & ~baseline).sum() / draws),
        float((baseline & ~correct).sum() / draws),
        error,
        freedom,
        None,
        image_variance,
    )
