"""Table 4a by other rules: other bins, bins without weights, and an error from as few images as voters have."""

from __future__ import annotations

import statistics

import numpy as np

from decnn.study.pages.readings import grid_html, headed, mean_text
from decnn.study.tables.paper import Block, Cell, findings

__all__ = ["bins_html", "on_fewer_images", "unweighted"]

RESAMPLES = 1000


def bins_html(found: list[Block]) -> str:
    """Calibration error by number of bins, and as the unweighted sum over 15 bins, beside the printed value."""
    parts = []
    for block in findings(found) or found:
        rows = {}
        for cell in block.cells:
            if cell.records:
                metrics = [record["metrics"] for record in cell.records]
                rows[f"{cell.query.case}: {cell.query.subject}"] = [
                    cell.paper.text or "-",
                    *(mean_text([m["ece_by_bins"][bins] for m in metrics], 2) for bins in ("10", "15", "20")),
                    mean_text([unweighted(m["reliability"]) for m in metrics], 1),
                ]
        title = f"Calibration error (%) by other rules, {block.profile.name} profile: means over seeds"
        head = ["", "paper", "10 bins", "15 bins", "20 bins", "15 bins, unweighted sum"]
        parts.append(grid_html(title, head, rows, block.smoke))
    return "".join(parts)


def on_fewer_images(found: list[Block]) -> str:
    """Markdown: what a random part of their predictions would give the methods that have more than others.

    In a bin |accuracy - confidence| is the larger, the fewer predictions its accuracy is a share of. Nothing where all
    methods of a case have the same number; no smoke runs.
    """
    lines = []
    for block in findings(found):
        told = []
        for case in block.table.cases:
            cells = [c for subject in block.table.subjects if (c := block.of(subject, case)) and c.records]
            fewest = min(map(_predictions, cells), default=0)
            told += [
                f"{cell.query.subject} on {case}, {cell.mean:.2f} % of {_predictions(cell):,} predictions, "
                f"{statistics.fmean(of_a_part(r['metrics']['reliability'], fewest) for r in cell.records):.2f} % of "
                f"{fewest:,}"
                for cell in cells
                if _predictions(cell) > fewest
            ]
        lines += [f"- {block.profile.name}: {'; '.join(told)}"] * bool(told)
    told = (
        "**Not of equally many images.** Below `paper` a part of the test images votes, while the error of a single "
        "network is that of all. Fewer images make an error look larger; a random part, as large as the voters', has "
        "on average:"
    )
    return headed(told, lines)


def of_a_part(reliability: dict, size: int) -> float:
    """Mean ECE, in percent, of random parts of so many of a record's predictions, each with its bin's confidence.

    Example:
        >>> balanced = {"count": [8], "confidence": [0.5], "accuracy": [0.5]}
        >>> of_a_part(balanced, 8), of_a_part(balanced, 1)
        (0.0, 50.0)
    """
    count, confidence, accuracy = (np.array(reliability[key]) for key in ("count", "confidence", "accuracy"))
    right = (count * accuracy).round().astype(int)
    outcomes = np.concatenate([right, count.astype(int) - right])
    drawn = np.random.default_rng(0).multivariate_hypergeometric(outcomes, size, RESAMPLES, method="marginals")
    right, wrong = drawn[:, : len(count)], drawn[:, len(count) :]
    return float(100 * np.abs(right - (right + wrong) * confidence).sum(1).mean() / size)


def _predictions(cell: Cell) -> int:
    """How many a cell's error is of: test images, or (image, attribute) pairs."""
    return round(sum(cell.records[0]["metrics"]["reliability"]["count"]))


def unweighted(reliability: dict) -> float:
    """Sum over bins of |accuracy - confidence|, in percent, whatever their counts."""
    bins = zip(reliability["count"], reliability["confidence"], reliability["accuracy"], strict=True)
    return 100 * sum(abs(accuracy - confidence) for count, confidence, accuracy in bins if count)
