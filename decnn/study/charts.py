"""Figures from records: each returns the figure and a text that says what it shows, for `plots.show`."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from decnn.study.paper import Block, Cell
from decnn.study.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["auroc_by_depth", "differences"]


def differences(found: list[Block]) -> tuple[Figure, str]:
    """Ours minus the paper's for each subject, a panel for each case (or subjects and cases exchanged, where
    cases are many) and a mark for each profile.

    Whiskers are one standard deviation over our seeds; smoke runs are drawn only where nothing else is at hand,
    and say so in the title.
    """
    from matplotlib.figure import Figure  # without pyplot, a notebook shows it once

    found = _findings(found)
    table = found[0].table
    many = len(table.cases) > len(table.subjects)
    panels, rows = (table.subjects, table.cases) if many else (table.cases, table.subjects)
    units = sorted({query.unit for query in table.queries.values()})
    with style():
        figure = Figure(figsize=(4.2 * len(panels), 0.42 * len(rows) + 1.3))
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axis, panel in zip(axes, panels, strict=True):
            axis.axvline(0, color="0.6", linewidth=1)
            for offset, block in enumerate(found):
                cells = [block.of(panel, row) if many else block.of(row, panel) for row in rows]
                shift = 0.2 * (offset - (len(found) - 1) / 2)
                drawn = [(i + shift, c) for i, c in enumerate(cells) if c and c.difference is not None]
                axis.errorbar(
                    [cell.difference for _, cell in drawn], [place for place, _ in drawn],
                    xerr=[cell.sd or 0 for _, cell in drawn], linestyle="none", capsize=3, label=block.profile.name,
                )  # fmt: skip
            axis.set_yticks(range(len(rows)), rows)
            axis.set_title(f"{panel}{' (smoke)' if found[0].smoke else ''}")
            axis.set_xlabel(f"ours - paper, {' or '.join(units).replace('%', 'percentage points')}")
        axes[0].invert_yaxis()
        axes[-1].legend(title="profile", loc="best")
        figure.tight_layout()
    return figure, f"{table.title}: difference between our mean and the printed value, by {'case' if many else 'row'}."


def auroc_by_depth(found: list[Block]) -> tuple[Figure, str]:
    """ReDecNN's paths at every depth: AUROC of their votes, and the accuracy of a single path, a line a profile."""
    from matplotlib.figure import Figure  # without pyplot, a notebook shows it once

    found = [block for block in _findings(found) if any(block.of("ReDecNN", c).records for c in block.table.cases)]
    if not found:
        raise ValueError("expected a block with a ReDecNN record, got none: run one with `decnn run table_01b`")
    columns = [c for c in found[0].table.cases if any(block.of("ReDecNN", c).records for block in found)]
    measures = {"misclassification_auroc": "AUROC of votes", "accuracy_of_one_path": "accuracy of one path (%)"}
    with style():
        figure = Figure(figsize=(4.2 * len(columns), 5.2))
        panels = figure.subplots(len(measures), len(columns), sharex=True, squeeze=False)
        for place, column in enumerate(columns):
            for row, (measure, label) in enumerate(measures.items()):
                panel = panels[row, place]
                for block in found:
                    values = _by_depth(block.of("ReDecNN", column), measure)
                    if not values:
                        continue
                    panel.plot(range(1, len(values) + 1), values, label=block.profile.name)
                panel.set_ylabel(label if place == 0 else "")
            panels[0, place].set_title(f"{column}{' (smoke)' if found[0].smoke else ''}")
            panels[-1, place].set_xlabel("depth of the composition that votes")
        panels[0, 0].legend(title="profile", loc="best")
        figure.tight_layout()
    return figure, "Misclassification AUROC of votes and accuracy of one path against the depth at which paths vote."


def _findings(found: list[Block]) -> list[Block]:
    return [block for block in found if not block.smoke] or found


def _by_depth(cell: Cell, measure: str) -> list[float]:
    """Means over seeds, for the depths at which every seed defines the measure."""
    courses = [[step[measure] for step in record["metrics"]["by_depth"]] for record in cell.records]
    depths = zip(*courses, strict=True)
    return [float("nan") if None in values else statistics.fmean(values) for values in depths]
