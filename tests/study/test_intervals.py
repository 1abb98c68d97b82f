"""Intervals and tests against scipy, closed forms and simulation."""

import numpy as np
import pytest

from decnn.study.verdicts import intervals
from decnn.study.verdicts.intervals import Sample


def sample(values):
    return Sample(float(np.mean(values)), len(values), float(np.std(values, ddof=1)), len(values) - 1)


def test_interval_and_p_of_two_means_are_welchs():
    from scipy.stats import ttest_ind

    left, right = [3.0, 3.4, 2.9, 3.3], [1.0, 1.1, 0.5]
    error, freedom = intervals.standard_error([sample(left), sample(right)])
    expected = ttest_ind(left, right, equal_var=False)
    difference = np.mean(left) - np.mean(right)
    assert difference - intervals.half_width(error, freedom) == pytest.approx(expected.confidence_interval(0.95).low)
    assert intervals.tail(difference, error, freedom) == pytest.approx(expected.pvalue)


def test_interval_of_one_mean_is_students():
    from scipy.stats import ttest_1samp

    values = [0.62, 0.58, 0.65]
    error, freedom = intervals.standard_error([sample(values)])
    expected = ttest_1samp(values, 0.5)
    assert intervals.tail(np.mean(values) - 0.5, error, freedom) == pytest.approx(expected.pvalue)


def test_without_a_standard_deviation_there_is_no_interval():
    assert intervals.standard_error([Sample(1.0, 1, None, np.nan), sample([1.0, 2.0])]) is None


@pytest.mark.parametrize(
    ("values", "adjusted"),
    [
        ([], []),
        ([0.04], [0.04]),
        ([0.01, 0.02, 0.03, 0.04], [0.04, 0.06, 0.06, 0.06]),
        ([0.9, 0.001, 0.02], [0.9, 0.003, 0.04]),
        ([0.6, 0.7], [1.0, 1.0]),
    ],
)
def test_holm_by_hand(values, adjusted):
    assert intervals.holm(values) == pytest.approx(adjusted)


@pytest.mark.parametrize(("sds", "distance", "level"), [((1.0, 1.0), 1.5, 0.05), ((2.0, 0.5), 2.0, 0.01)])
def test_seeds_that_settle_have_the_power_and_one_fewer_has_not(sds, distance, level):
    from scipy.stats import ttest_ind

    generator = np.random.default_rng(0)

    def power(count):
        left, right = (generator.normal(mean, sd, (20000, count)) for mean, sd in zip((distance, 0), sds, strict=True))
        found = ttest_ind(left, right, axis=1, equal_var=False)
        return ((found.pvalue < level) & (found.statistic > 0)).mean()

    count = intervals.seeds_to_settle(distance, sds, level)
    assert power(count) > 0.79
    assert power(count - 1) < 0.81


def test_seeds_that_settle_at_the_ends():
    assert intervals.seeds_to_settle(1e6, [1.0]) == 2
    assert intervals.seeds_to_settle(1e-6, [1.0]) is None
    assert intervals.seeds_to_settle(0.0, [0.0]) is None


def test_bootstrap_of_an_auroc_agrees_with_delong():
    """Variance = var(share of right below each wrong) / wrong + the same the other way round / right; ties half."""
    nats = np.array([0.0, 0.3, 0.7, 1.1])
    counts = {"right": [300, 80, 30, 10], "wrong": [20, 30, 40, 50]}
    right, wrong = (np.repeat(nats, counts[kind]) for kind in ("right", "wrong"))
    above = (wrong[:, None] > right) + 0.5 * (wrong[:, None] == right)
    delong = above.mean(1).var(ddof=1) / len(wrong) + above.mean(0).var(ddof=1) / len(right)
    assert intervals.auroc_error(counts) == pytest.approx(delong**0.5, rel=0.1)


def test_bootstrap_of_an_auroc_without_noise_and_without_mistakes():
    assert intervals.auroc_error({"right": [50, 0], "wrong": [0, 20]}) == 0
    assert intervals.auroc_error({"right": [50, 20], "wrong": [0, 0]}) is None


def test_bootstrap_of_an_ece_of_one_bin_is_binomial():
    """Far from 0 the error |accuracy - confidence| is as noisy as the accuracy: sqrt(a (1 - a) / n)."""
    bins = {"count": [0, 400], "confidence": [0.0, 0.9], "accuracy": [0.0, 0.6]}
    assert intervals.ece_error(bins) == pytest.approx(100 * (0.6 * 0.4 / 400) ** 0.5, rel=0.1)
