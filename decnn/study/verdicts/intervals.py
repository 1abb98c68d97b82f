"""Intervals and tests behind a verdict: Welch over seeds, a bootstrap over examples, Holm, and seeds that would do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Sample", "auroc_error", "ece_error", "half_width", "holm", "seeds_to_settle", "standard_error", "tail"]

RESAMPLES = 1000
MOST_SEEDS = 1000  # beyond, a difference is as good as none


@dataclass(frozen=True)
class Sample:
    """Mean of `count` independent values.

    Attributes:
        sd: of one value, or None where nothing tells.
        freedom: degrees of freedom with which `sd` was estimated: count - 1, unless it comes from other runs.
    """

    mean: float
    count: int
    sd: float | None
    freedom: float


def standard_error(samples: Sequence[Sample]) -> tuple[float, float] | None:
    """Of the sum of independent means: se = sqrt(sum_i sd_i^2 / n_i), and Satterthwaite's degrees of freedom.

    None where an sd is not known.

    Source: Welch (1947), The generalization of Student's problem.

    Example:
        >>> standard_error([Sample(0, 2, 1.0, 1), Sample(0, 2, 1.0, 1)])
        (1.0, 2.0)
    """
    if any(sample.sd is None for sample in samples):
        return None
    parts = [sample.sd**2 / sample.count for sample in samples]
    variance = sum(parts)
    if variance == 0:
        return 0.0, math.inf
    freedom = variance**2 / sum(part**2 / sample.freedom for part, sample in zip(parts, samples, strict=True))
    return math.sqrt(variance), freedom


def half_width(error: float, freedom: float = math.inf, level: float = 0.05) -> float:
    """Half of the two-sided interval that leaves out `level`: t_(1 - level/2, freedom) times the standard error."""
    return _quantile(1 - level / 2, freedom) * error


def tail(distance: float, error: float, freedom: float = math.inf) -> float:
    """Two-sided p of an estimate at a distance >= 0 from a border: 2 P(T > distance / error).

    Example:
        >>> round(tail(1.96, 1.0), 3), tail(0.1, 0.0), tail(0.0, 0.0)
        (0.05, 0.0, 1.0)
    """
    from scipy.special import ndtr, stdtr  # scipy.stats would take seconds to import

    if error == 0:
        return 0.0 if distance > 0 else 1.0
    ratio = -distance / error
    return float(2 * (ndtr(ratio) if math.isinf(freedom) else stdtr(freedom, ratio)))


def _quantile(share: float, freedom: float) -> float:
    from scipy.special import ndtri, stdtrit

    return float(ndtri(share) if math.isinf(freedom) else stdtrit(freedom, share))


def holm(values: Sequence[float]) -> list[float]:
    """Adjusted p: the j-th smallest of m becomes max_(i <= j) min(1, (m - i + 1) p_i).

    Rejecting where it is below a level keeps the chance of any wrong rejection below that level.

    Source: Holm (1979), A simple sequentially rejective multiple test procedure.

    Example:
        >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    adjusted, largest = [0.0] * len(values), 0.0
    for place, index in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        largest = max(largest, min(1.0, (len(values) - place) * values[index]))
        adjusted[index] = largest
    return adjusted


def seeds_to_settle(distance: float, sds: Sequence[float], level: float = 0.05, power: float = 0.8) -> int | None:
    """The least number of seeds, the same for each of the means, that finds a distance with the given power.

    With n seeds the statistic is noncentral t with noncentrality distance / sqrt(sum_i sd_i^2 / n) and Satterthwaite's
    degrees of freedom; it has to pass the two-sided level. None: more than 1,000.

    Example:
        >>> seeds_to_settle(1.0, [1.0, 1.0])
        17
    """
    from scipy.special import nctdtr

    def enough(count: int) -> bool:
        error, freedom = standard_error([Sample(0, count, sd, count - 1) for sd in sds])
        if error == 0:
            return distance > 0
        needed, shift = _quantile(1 - level / 2, freedom), distance / error
        return shift > 2 * needed + 10 or bool(1 - nctdtr(freedom, shift, needed) >= power)  # which fails far out

    if not enough(MOST_SEEDS):
        return None
    low, high = 1, MOST_SEEDS  # low is never enough
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def auroc_error(counts: Mapping[str, Sequence[float]]) -> float | None:
    """Standard error over examples of a misclassification AUROC, by resampling a record's counts.

    Arguments:
        counts: `vote_entropy_counts` of a record: how many right and wrong predictions have each entropy, ascending.

    None where all predictions are right, or all wrong.
    """
    table = np.array([counts["right"], counts["wrong"]], dtype=float)
    if not table.sum(1).all():
        return None
    drawn = _resampled(table)
    right, wrong = drawn[:, 0], drawn[:, 1]
    both = (right.sum(1) > 0) & (wrong.sum(1) > 0)
    right, wrong = right[both], wrong[both]
    below = right.cumsum(1) - right / 2  # ties count half
    return float(((wrong * below).sum(1) / (right.sum(1) * wrong.sum(1))).std(ddof=1))


def ece_error(reliability: Mapping[str, Sequence[float]]) -> float:
    """Standard error over examples of an ECE in percent, by resampling a record's bins.

    Within a bin every example is given the bin's mean confidence: a record holds no more.
    """
    count, confidence, accuracy = (np.array(reliability[k], dtype=float) for k in ("count", "confidence", "accuracy"))
    drawn = _resampled(np.array([count * accuracy, count * (1 - accuracy)]))
    gaps = np.abs(drawn[:, 0] - drawn.sum(1) * confidence)
    return float((100 * gaps.sum(1) / count.sum()).std(ddof=1))


def _resampled(table: np.ndarray) -> np.ndarray:
    """Counts (2, V) drawn again as often as there are examples: (RESAMPLES, 2, V), the same for the same table."""
    shares = table.flatten().clip(0)
    total = round(shares.sum())
    drawn = np.random.default_rng(0).multinomial(total, shares / shares.sum(), size=RESAMPLES)
    return drawn.reshape(RESAMPLES, *table.shape).astype(float)
