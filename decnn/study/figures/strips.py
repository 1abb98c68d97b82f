"""A strip chart of every printed cell: ours minus the paper's, a row for each table and a panel for each unit."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from decnn.study import paths
from decnn.study.figures.plots import legend_below, look, style
from decnn.study.tables import TABLES, paper
from decnn.study.tables.paper import FULLEST_FIRST
from decnn.study.verdicts import evidence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Gap", "gaps", "strip_chart"]

PANELS = {"%": "percentage points", "AUROC": "AUROC or F1", "s": "seconds, another machine"}


@dataclass(frozen=True)
class Gap:
    """A printed cell; `difference` is ours minus the paper's at a profile, None where it has not been run."""

    table: str
    cell: tuple[str, str]
    panel: str
    profile: str
    difference: float | None


def gaps() -> list[Gap]:
    """Every cell that the paper prints, at every profile with findings."""
    found = []
    for name in sorted(path.stem for path in paths.paper_numbers().glob("*.csv")):
        for printed in (cell for cell in paper.printed(name) if cell.text):
            cell = (printed.row, printed.column)
            for profile in FULLEST_FIRST:
                ours = evidence.values(profile, (name, *cell)).values()
                difference = statistics.fmean(ours) - printed.value if ours else None
                found.append(Gap(name, cell, _panel(name, cell), profile, difference))
    return found


def strip_chart(found: list[Gap]) -> tuple[Figure, str]:
    """A dot for each cell that was run; the label of a row says how many of its printed cells were."""
    from matplotlib.figure import Figure  # without pyplot, a notebook shows it once

    tables = list(dict.fromkeys(gap.table for gap in found))
    run = {table: {gap.cell for gap in found if gap.table == table and gap.difference is not None} for table in tables}
    printed = {table: {gap.cell for gap in found if gap.table == table} for table in tables}
    labels = [f"{_title(table)} ({len(run[table])} of {len(printed[table])})" for table in tables]
    with style():
        figure = Figure(figsize=(11, 0.38 * len(tables) + 1.8), layout="constrained")
        axes = figure.subplots(1, len(PANELS), sharey=True)
        for axis, (panel, label) in zip(axes, PANELS.items(), strict=True):
            axis.axvline(0, color="0.6", linewidth=1)
            for place, profile in enumerate(FULLEST_FIRST):
                shift = 0.24 * (place - (len(FULLEST_FIRST) - 1) / 2)
                drawn = [g for g in found if (g.panel, g.profile) == (panel, profile) and g.difference is not None]
                axis.plot(
                    [gap.difference for gap in drawn], [tables.index(gap.table) + shift for gap in drawn],
                    linestyle="none", markersize=4, alpha=0.6, label=profile, **look(profile),
                )  # fmt: skip
            axis.set_xlabel(f"ours - paper\n({label})")
            axis.set_yticks(range(len(tables)), labels)
        axes[0].invert_yaxis()
        legend_below(figure, "profile")
    total, done = (sum(map(len, cells.values())) for cells in (printed, run))
    return figure, f"Ours minus the paper's for all {total} printed cells, by table: {done} were run at some profile."


def _panel(table: str, cell: tuple[str, str]) -> str:
    if table == "table_10":
        return "s"
    query = TABLES[table].queries.get(cell) if table in TABLES else None
    return "%" if query and query.unit == "%" else "AUROC"


def _title(table: str) -> str:
    return f"Table {table.removeprefix('table_').lstrip('0')}"
