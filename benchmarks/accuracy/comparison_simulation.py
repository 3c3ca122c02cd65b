"""The false alarm rate of `compare`, and the coverage of its intervals.

    python -m benchmarks.accuracy.comparison_simulation

Two groups of runs are drawn many times from a model whose truth is known: a run predicts an image
correctly with probability `Phi(a + b_photo + c_photo,group + s_seed)`, where all terms but `a` are
normal. Images differ in difficulty, groups in which images they find difficult, and seeds in how
well they train. The groups are equally good, or differ by a known amount. For comparison with
`fgmix.comparison`, obvious alternatives are tried: a bootstrap over images and seeds, Welch's test
of the seeds' accuracies, and a paired test over images.
"""

from dataclasses import asdict, dataclass
from time import perf_counter

import numpy as np
from scipy.stats import norm, t

from benchmarks.lib.machine import circumstances
from benchmarks.lib.records import script_parser, write
from fgmix.comparison.statistics import LEVEL, compare_accuracies, measure_accuracy
from fgmix.comparison.variance import SeedTerm, crossed_error

BOOTSTRAPS = 500
"""Draws of the bootstrap, which is slow and therefore used in a quarter of the repetitions."""


@dataclass(frozen=True)
class World:
    """A truth to draw runs from.

    Attributes:
        name: What is special about it.
        seeds: The numbers of seeds of the two groups.
        photos: The number of test images.
        accuracy: The accuracy of the first group.
        difference: The second group's accuracy minus the first's, in points.
        seed_points: Standard deviation of the accuracy between seeds, in points, of the two groups.
        photo_sd: Standard deviation of `b + c`, on the scale of `Phi`'s argument.
        own_share: The fraction of `c` in their variance.
        together: Correlation of the two groups' seeds.
    """

    name: str
    seeds: tuple[int, int] = (5, 5)
    photos: int = 2030
    accuracy: float = 0.53
    difference: float = 0.0
    seed_points: tuple[float, float] = (0.5, 0.5)
    photo_sd: float = 1.55
    own_share: float = 0.05
    together: float = 0.0


WORLDS = (
    *(World(f"{n} seeds", (n, n)) for n in (2, 3, 5, 10)),
    World("3 seeds, groups alike on each photo", (3, 3), own_share=0.0),
    *(World(f"{n} seeds, far apart", (n, n), seed_points=(1.0, 1.0)) for n in (2, 3, 5)),
    World("3 seeds, very far apart", (3, 3), seed_points=(3.0, 3.0)),
    World("5 seeds, that make no difference", seed_points=(0.0, 0.0)),
    World("5 seeds, one group's twice as far apart", seed_points=(0.5, 1.0)),
    World("5 seeds, groups very unlike on each photo", own_share=0.2),
    World("5 seeds, moving together", together=0.8, seed_points=(1.0, 1.0)),
    World("3 and 10 seeds", (3, 10)),
    World("1 and 5 seeds", (1, 5)),
    World("1 seed", (1, 1)),
    World("1 seed, far apart", (1, 1), seed_points=(1.0, 1.0)),
    World("1 seed, that makes no difference, alike", (1, 1), seed_points=(0, 0), own_share=0.0),
    World("5 seeds, 88 % right", accuracy=0.88),
    World("5 seeds, 98 % right", accuracy=0.98, seed_points=(0.2, 0.2)),
    World("5 seeds, 200 photos", photos=200),
    World("3 seeds, 40 photos", (3, 3), photos=40, seed_points=(2.0, 2.0)),
    World("5 seeds, 2 points apart", difference=2.0),
    World("5 seeds, 10 points apart", difference=10.0),
    World("1 seed, 10 points apart", (1, 1), difference=10.0, seed_points=(0.0, 0.0)),
)


class Sampler:
    """Draws the predictions of two groups in a world.

    Attributes:
        truth: The two groups' accuracies over all images and seeds.
    """

    def __init__(self, world: World):
        self.world = world
        self.truth = [world.accuracy, world.accuracy + world.difference / 100]
        self.means, self.spreads = [], []
        for accuracy, points in zip(self.truth, world.seed_points, strict=True):
            # The slope of the accuracy in the argument converts points to units of the argument.
            slope = norm.pdf(norm.ppf(accuracy)) / np.sqrt(1 + world.photo_sd**2)
            spread = points / 100 / slope
            self.spreads.append(spread)
            scale = np.sqrt(1 + world.photo_sd**2 + spread**2)
            self.means.append(norm.ppf(accuracy) * scale)

    def draw(self, rng: np.random.Generator) -> list[np.ndarray]:
        """Returns the correctness of both groups, bool `(n, N)` each."""
        world = self.world
        own = world.photo_sd * np.sqrt(world.own_share)
        shared = world.photo_sd * np.sqrt(1 - world.own_share)
        photos = rng.normal(0, shared, world.photos)
        common = rng.normal(size=max(world.seeds))
        groups = []
        for n, mean, spread in zip(world.seeds, self.means, self.spreads, strict=True):
            alone = rng.normal(size=n)
            seeds = np.sqrt(world.together) * common[:n] + np.sqrt(1 - world.together) * alone
            argument = mean + photos + rng.normal(0, own, world.photos) + spread * seeds[:, None]
            groups.append(rng.normal(size=argument.shape) < argument)
        return groups


class Bootstrap:
    """Percentile intervals of a bootstrap over images and seeds, with the draws made once."""

    def __init__(self, world: World, rng: np.random.Generator):
        share = np.full(world.photos, 1 / world.photos)
        draws = rng.multinomial(world.photos, share, BOOTSTRAPS)
        self.photos = (draws / world.photos).astype(np.float32)
        self.seeds = [rng.multinomial(n, np.full(n, 1 / n), BOOTSTRAPS) / n for n in world.seeds]

    def interval(self, right: list[np.ndarray]) -> np.ndarray:
        """Returns the interval of the second group's accuracy minus the first's."""
        first, second = (
            (self.photos @ group.T.astype(np.float32) * seeds).sum(axis=1)
            for group, seeds in zip(right, self.seeds, strict=True)
        )
        return np.quantile(second - first, [LEVEL / 2, 1 - LEVEL / 2])


def simulate(world: World, repetitions: int, seed: int) -> dict[str, float]:
    """Returns how often each method's interval misses the truth and a difference is shown."""
    rng = np.random.default_rng(seed)
    sampler, bootstrap = Sampler(world), Bootstrap(world, rng)
    difference = sampler.truth[1] - sampler.truth[0]
    misses: dict[str, list[bool]] = {}
    errors, differences, widths = [], [], []

    def note(name: str, missed: bool) -> None:
        misses.setdefault(name, []).append(bool(missed))

    for repetition in range(repetitions):
        right = sampler.draw(rng)
        found = compare_accuracies(right[1], right[0])
        note("difference_missed", not found.low <= difference <= found.high)
        note("shown", found.p_value < LEVEL)
        note("shown_at_1_percent", found.p_value < 0.01)
        accuracy = measure_accuracy(right[0])
        note("accuracy_missed", not accuracy.low <= sampler.truth[0] <= accuracy.high)
        differences.append(found.mean)
        if found.error is not None:
            errors.append(found.error)
        if min(world.seeds) > 1:
            # Without the floor of the seeds' variance, Welch's test, a paired test over images.
            far = abs(found.mean - difference)
            terms = [SeedTerm(float(g.mean(axis=1).var(ddof=1)), len(g)) for g in right]
            for name, photo_variance in (("no_floor", found.image_variance or 0.0), ("welch", 0.0)):
                error, freedom = crossed_error(terms, photo_variance, world.photos)
                p_value = 2 * t.sf(far / error, freedom) if error else float(not far)
                note(f"{name}_missed", p_value < LEVEL)
                note(f"{name}_missed_at_1_percent", p_value < 0.01)
                if name == "no_floor" and error:
                    ratio = (found.high - found.low) / 2 / error / t.ppf(1 - LEVEL / 2, freedom)
                    widths.append(ratio)
            by_photo = right[1].mean(axis=0) - right[0].mean(axis=0)
            error = by_photo.std(ddof=1) / np.sqrt(world.photos)
            note("photos_missed", far > norm.ppf(1 - LEVEL / 2) * error)
            if repetition < repetitions // 4:
                low, high = bootstrap.interval(right)
                note("bootstrap_missed", not low <= difference <= high)
    rates = {name: float(np.mean(values)) for name, values in misses.items()}
    rates["true_error_points"] = 100 * float(np.std(differences))
    if widths:
        rates["median_width_over_no_floor"] = float(np.median(widths))
    if errors:
        rates["mean_error_points"] = 100 * float(np.mean(errors))
    return rates


def main() -> None:
    """Simulates every world, prints the table and writes the record."""
    parser = script_parser(__doc__)
    parser.add_argument("--repetitions", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    columns = (
        *("difference_missed", "accuracy_missed", "no_floor_missed", "bootstrap_missed"),
        *("welch_missed", "photos_missed", "shown_at_1_percent", "no_floor_missed_at_1_percent"),
        "shown",
    )
    print(f"truth missed, % of {args.repetitions:,} repetitions (ought to be 5; at 0.01, 1)\n")
    heads = [c.replace("_missed", "").replace("_", " ") for c in columns]
    print(f"| world | {' | '.join(heads)} |")
    print("|---|" + "---:|" * len(columns))
    rows, started = [], perf_counter()
    for number, world in enumerate(WORLDS):
        rates = simulate(world, args.repetitions, args.seed + number)
        rows.append({"world": asdict(world), "rates": rates})
        cells = [rates.get(column) for column in columns]
        shown = ["" if cell is None else f"{100 * cell:.1f}" for cell in cells]
        print(f"| {world.name} | {' | '.join(shown)} |", flush=True)
    record = circumstances(args.note, "numpy", "scipy") | {
        "repetitions": args.repetitions,
        "seed": args.seed,
        "bootstraps": BOOTSTRAPS,
        "seconds": perf_counter() - started,
        "rows": rows,
    }
    write("comparison_simulation", record, args.output)


if __name__ == "__main__":
    main()
