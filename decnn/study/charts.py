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
    """Ours minus the paper's for each method, a panel for each column and a mark for each profile.

    Whiskers are one standard deviation over our seeds; smoke runs are drawn only where nothing else is at hand,
    and say so in the title.
    """
    from matplotlib.figure import Figure  # without pyplot, a notebook shows it once

    found = _findings(found)
    table = found[0].table
    columns = list(table.columns)
    with style():
        figure = Figure(figsize=(4.2 * len(columns), 0.42 * len(table.rows) + 1.3))
        panels = figure.subplots(1, len(columns), sharey=True, squeeze=False)
        for panel, column in zip(panels[0], columns, strict=True):
            panel.axvline(0, color="0.6", linewidth=1)
            for offset, block in enumerate(found):
                cells = [block.cell(row, column) for row in table.rows]
                places = [i + 0.2 * (offset - (len(found) - 1) / 2) for i, cell in enumerate(cells) if cell.values]
                shown = [cell for cell in cells if cell.values]
                panel.errorbar(
                    [cell.difference for cell in shown], places, xerr=[cell.sd or 0 for cell in shown],
                    linestyle="none", capsize=3, label=block.profile.name,
                )  # fmt: skip
            panel.set_yticks(range(len(table.rows)), table.rows)
            panel.set_title(f"{column}{' (smoke)' if found[0].smoke else ''}")
            panel.set_xlabel(f"ours - paper, {'percentage points' if table.metric == 'accuracy' else 'AUROC'}")
        panels[0, 0].invert_yaxis()
        panels[0, -1].legend(title="profile", loc="best")
        figure.tight_layout()
    return figure, f"{table.title}: difference between our mean and the printed value, by method, data set and profile."


def auroc_by_depth(found: list[Block]) -> tuple[Figure, str]:
    """ReDecNN's paths at every depth: AUROC of their votes, and the accuracy of a single path, a line a profile."""
    from matplotlib.figure import Figure  # without pyplot, a notebook shows it once

    found = [block for block in _findings(found) if any(block.cell("ReDecNN", c).records for c in block.table.columns)]
    if not found:
        raise ValueError("expected a block with a ReDecNN record, got none: run one with `decnn run table_01b`")
    columns = [c for c in found[0].table.columns if any(block.cell("ReDecNN", c).records for block in found)]
    measures = {"misclassification_auroc": "AUROC of votes", "accuracy_of_one_path": "accuracy of one path (%)"}
    with style():
        figure = Figure(figsize=(4.2 * len(columns), 5.2))
        panels = figure.subplots(len(measures), len(columns), sharex=True, squeeze=False)
        for place, column in enumerate(columns):
            for row, (measure, label) in enumerate(measures.items()):
                panel = panels[row, place]
                for block in found:
                    values = _by_depth(block.cell("ReDecNN", column), measure)
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
