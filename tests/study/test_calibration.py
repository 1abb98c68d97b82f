"""Calibration on pages: what bins are weighted by, and errors of equally many images."""

from __future__ import annotations

import dataclasses

import pytest
from scipy.stats import hypergeom

from decnn.study.pages import calibration

BINS = {"count": [2, 0, 2], "confidence": [0.2, 0.0, 0.9], "accuracy": [0.5, 0.0, 0.5]}


def test_the_unweighted_sum_counts_bins_and_not_examples():
    assert calibration.unweighted(BINS) == pytest.approx(100 * (0.3 + 0.4))


def test_a_part_of_the_predictions_has_the_larger_error_of_its_chance():
    """Of n in one bin at 0.5 half are right, give or take: E|k/n - 1/2| of the hypergeometric distribution."""
    balanced = {"count": [20], "confidence": [0.5], "accuracy": [0.5]}
    chance = hypergeom(20, 10, 6)
    exact = sum(chance.pmf(k) * abs(k / 6 - 0.5) for k in range(7))
    assert calibration.of_a_part(balanced, 6) == pytest.approx(100 * exact, rel=0.05)


def test_methods_with_more_predictions_than_others_are_named(block):
    found, cells = block("table_04a", "MNIST"), []
    for cell in found.cells:
        few = cell.query and cell.query.subject == "ReDecNN"
        bins = {**BINS, "count": [2, 0, 2] if few else [20, 0, 20]}
        records = tuple({**r, "metrics": {**r["metrics"], "reliability": bins}} for r in cell.records)
        cells.append(dataclasses.replace(cell, records=records))
    told = calibration.on_fewer_images([dataclasses.replace(found, cells=tuple(cells))])
    assert "Standard on MNIST, 0.70 % of 40 predictions" in told
    assert "ReDecNN on MNIST" not in told
    assert calibration.on_fewer_images([block("table_04a", "MNIST")]) == ""
