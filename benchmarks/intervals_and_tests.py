"""Coverage of the intervals, and size of the tests, by simulation.

Corpora are made up of people, with 1 to about 15 clips each, three unequal classes that people show
in unequal shares, and methods that do better on some people than on others. The score that an
interval has to cover is that of 400,000 people of the same kind, pooled.

Printed as markdown: how often intervals of 95 % cover (beside those of plain percentiles), how
often tests at 5 % reject when methods are alike, and how often Holm's correction rejects anything
when all of five methods are alike. Experiments test the same people; methods with seeds have three.
"""

import argparse
import time
from itertools import combinations

import numpy as np

from cdmer.evaluation._metrics.known import CLASS_METRICS
from cdmer.evaluation.statistics import holm
from cdmer.evaluation.statistics._clusters import Pool
from cdmer.evaluation.statistics._permutation import permutation_tests, random_exchanges
from cdmer.evaluation.statistics._pooled import Pooled

SHARES = np.array([0.55, 0.27, 0.18])
# Recall of a person in the middle, by class; and how far people differ, in logits.
METHODS = {
    "weak": ([0.55, 0.35, 0.30], 0.8),
    "fair": ([0.75, 0.55, 0.50], 0.8),
    "good": ([0.92, 0.80, 0.75], 1.0),
    "majority": ([0.90, 0.20, 0.15], 0.8),
}
MANY = 200_000


def simulate(rng, n_people, methods, *, n_experiments=1, n_seeds=1, mean=5.0):
    """Confusion matrices, shape (n_methods, n_experiments, n_seeds, n_people, 3, 3).

    Clips are the same for all methods, experiments and seeds. People differ, for all methods alike,
    for each method, and for each class.
    """
    clips = 1 + rng.negative_binomial(2, 2 / (1 + mean), n_people)
    true = rng.multinomial(clips, rng.dirichlet(4 * SHARES, n_people))
    hardness = rng.standard_normal((n_people, 1))
    counts = np.empty((len(methods), n_experiments, n_seeds, n_people, 3, 3))
    for i, name in enumerate(methods):
        recall, spread = METHODS[name]
        own = rng.standard_normal((n_people, 1))
        for e in range(n_experiments):
            classes = rng.standard_normal((n_people, 3))
            logits = np.log(recall) - np.log1p(-np.array(recall))
            logits = logits + spread * (0.8 * hardness + 0.6 * own + 0.5 * classes)
            chances = _chances(1 / (1 + np.exp(-logits)), rng)
            for s in range(n_seeds):
                counts[i, e, s] = rng.multinomial(true, chances)
    return counts


def _chances(recall, rng):
    wrong = rng.dirichlet([1.5, 1.0], recall.shape) * (1 - recall)[..., None]
    chances = np.empty((*recall.shape, 3))
    for c in range(3):
        chances[:, c, c] = recall[:, c]
        chances[:, c, [k for k in range(3) if k != c]] = wrong[:, c]
    return chances


def population(name, metric):
    """The score of very many people."""
    rng = np.random.default_rng(1)
    counts = sum(simulate(rng, MANY, [name])[0, 0, 0].sum(axis=0) for _ in range(2))
    return float(metric(counts))


def pooled(counts, metric, n_resamples, seed):
    """What the library draws from, for one simulated table of counts."""
    n_methods, n_experiments, _, n_people = counts.shape[:4]
    pools = [
        Pool({}, np.arange(n_people), "person", {m: counts[m, e] for m in range(n_methods)})
        for e in range(n_experiments)
    ]
    return Pooled(pools, metric, n_people, n_resamples, seed)


def percentiles(counts, metric, n_resamples, rng):
    """Interval of the plain bootstrap over people, for one method, experiment and seed."""
    n = len(counts)
    weights = rng.multinomial(n, np.full(n, 1 / n), n_resamples)
    return np.quantile(metric(np.tensordot(weights, counts, axes=(1, 0))), [0.025, 0.975])


def coverage(name, metric, n_people, runs, *, n_experiments=1, n_seeds=1, n_resamples=1000):
    """Shares of intervals below and above the truth, mean width; and coverage of percentiles."""
    truth = population(name, metric)
    rng = np.random.default_rng(n_people)
    below = above = plain = width = 0
    for run in range(runs):
        counts = simulate(rng, n_people, [name], n_experiments=n_experiments, n_seeds=n_seeds)
        _, low, high = pooled(counts, metric, n_resamples, run).score_interval(0, 0.95)
        below, above, width = below + (high < truth), above + (low > truth), width + high - low
        low, high = percentiles(counts[0, 0, 0], metric, n_resamples, rng)
        plain += low <= truth <= high
    return below / runs, above / runs, width / runs, plain / runs


def coverage_of_differences(names, metric, n_people, runs, *, n_experiments=1, n_resamples=1000):
    """Share of intervals of the paired difference that cover."""
    truth = population(names[0], metric) - population(names[1], metric)
    rng = np.random.default_rng(n_people)
    covered = 0
    for run in range(runs):
        counts = simulate(rng, n_people, names, n_experiments=n_experiments)
        table = pooled(counts, metric, n_resamples, run)
        _, low, high = table.difference_interval(0, 1, 0.95)
        covered += low <= truth <= high
    return covered / runs


def rejections(
    name, metric, n_people, runs, *, n_methods=2, n_experiments=1, n_seeds=1, n_permutations=999
):
    """Share of runs with any corrected p-value at most 0.05, all methods being alike."""
    rng = np.random.default_rng(n_people)
    rejected = 0
    for run in range(runs):
        counts = simulate(
            rng, n_people, [name] * n_methods, n_experiments=n_experiments, n_seeds=n_seeds
        )
        exchanges = random_exchanges(n_people, n_permutations, run)
        pools = pooled(counts, metric, 2, run).pools
        tests = [(pools, *pair) for pair in combinations(range(n_methods), 2)]
        p_values = [p_value for p_value, _ in permutation_tests(tests, metric, exchanges)]
        rejected += min(holm(p_values)) <= 0.05
    return rejected / runs


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=2000, help="simulated corpora per row")
    parser.add_argument("--people", type=int, nargs="+", default=[16, 24, 30])
    arguments = parser.parse_args()
    runs, started = arguments.runs, time.perf_counter()
    error = 100 * np.sqrt(0.05 * 0.95 / runs)
    print(f"{runs} corpora per row: ± {error:.1f} points (one standard error)\n")
    print(
        "| people | method | what | metric | covers % | misses below, above % | width "
        "| percentiles cover % |\n|---|---|---|---|---|---|---|---|"
    )
    for n_people in arguments.people:
        for name in METHODS:
            for label, metric in CLASS_METRICS.items():
                row = coverage(name, metric, n_people, runs)
                _print_coverage(n_people, name, "one experiment", label, row)
        for name in ("fair", "majority"):
            row = coverage(name, CLASS_METRICS["UF1"], n_people, runs, n_experiments=4, n_seeds=3)
            _print_coverage(n_people, name, "mean of 4, 3 seeds", "UF1", row)
    print("\n| people | difference of | covers %, one experiment | mean of 4 |\n|---|---|---|---|")
    for n_people in arguments.people:
        for names in (["fair", "fair"], ["fair", "weak"], ["good", "majority"]):
            shares = [
                coverage_of_differences(
                    names, CLASS_METRICS["UF1"], n_people, runs, n_experiments=n
                )
                for n in (1, 4)
            ]
            print(
                f"| {n_people} | {names[0]}, {names[1]} | "
                + " | ".join(f"{100 * s:.1f}" for s in shares)
                + " |",
                flush=True,
            )
    print(
        "\n| people | method | metric | rejects %, one experiment | 4 experiments, 3 seeds "
        "| any of 10 pairs, 4 experiments |\n|---|---|---|---|---|---|"
    )
    for n_people in arguments.people:
        for name in METHODS:
            metric = CLASS_METRICS["UF1"]
            shares = [
                rejections(name, metric, n_people, runs),
                rejections(name, metric, n_people, runs, n_experiments=4, n_seeds=3),
                rejections(name, metric, n_people, runs, n_experiments=4, n_methods=5),
            ]
            print(
                f"| {n_people} | {name} | UF1 | "
                + " | ".join(f"{100 * s:.1f}" for s in shares)
                + " |",
                flush=True,
            )
    print(f"\n{time.perf_counter() - started:.0f} s")


def _print_coverage(n_people, name, what, label, row):
    below, above, width, plain = row
    shares = " | ".join(
        [
            f"{100 * (1 - below - above):.1f}",
            f"{100 * below:.1f}, {100 * above:.1f}",
            f"{width:.2f}",
            f"{100 * plain:.1f}" if what == "one experiment" else "",
        ]
    )
    print(f"| {n_people} | {name} | {what} | {label} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
