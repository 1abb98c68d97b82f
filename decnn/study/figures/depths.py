"""What the depth of the recursion does: of the paths that vote, and of those that a network was trained with."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from decnn.study.figures.plots import legend_below, look, style
from decnn.study.tables.paper import Block, Cell, findings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["auroc_by_depth", "by_trained_depth"]


def auroc_by_depth(found: list[Block]) -> tuple[Figure, str]:
    """ReDecNN's paths at every depth: AUROC of their votes, and the accuracy of a single path, a line a profile."""
    from matplotlib.figure import Figure  # without pyplot, a notebook shows it once

    found = [b for b in findings(found) or found if any(b.of("ReDecNN", c).records for c in b.table.cases)]
    if not found:
        raise ValueError("expected a block with a ReDecNN record, got none: run one with `decnn run table_01b`")
    columns = [c for c in found[0].table.cases if any(block.of("ReDecNN", c).records for block in found)]
    measures = {"misclassification_auroc": "AUROC of votes", "accuracy_of_one_path": "accuracy of one path (%)"}
    ends = []
    with style():
        figure = Figure(figsize=(4.2 * len(columns), 5.6), layout="constrained")
        panels = figure.subplots(len(measures), len(columns), sharex=True, squeeze=False)
        for place, column in enumerate(columns):
            for row, (measure, label) in enumerate(measures.items()):
                panel = panels[row, place]
                for block in found:
                    values = _by_depth(block.of("ReDecNN", column), measure)
                    if not values:
                        continue
                    panel.plot(range(1, len(values) + 1), values, label=block.profile.name, **look(block.profile.name))
                    ends.append(f"{column}, {block.profile.name}, {label}: {values[0]:.3g} to {values[-1]:.3g}")
                panel.set_ylabel(label if place == 0 else "")
            panels[0, place].set_title(f"{column}{' (smoke)' if found[0].smoke else ''}")
            panels[-1, place].set_xlabel("depth of the composition that votes")
        legend_below(figure, "profile")
    return figure, f"From the first depth to the last. {'; '.join(ends)}."


def by_trained_depth(found: list[Block], by_path: list[Block]) -> tuple[Figure, str]:
    """Table 4b as lines: a panel for each column, printed and ours, by running (solid) and own statistics (dashed).

    Whiskers are one sd over seeds; smoke runs are drawn only where nothing else is at hand.

    Arguments:
        found: the table's blocks, whose subjects are depths.
        by_path: the same by each path's own statistics.
    """
    from matplotlib.figure import Figure

    table, told = found[0].table, []
    with style():
        figure = Figure(figsize=(3.4 * len(table.cases), 3.8), layout="constrained")
        for panel, case in zip(figure.subplots(1, len(table.cases)), table.cases, strict=True):
            printed = {int(depth): found[0].of(depth, case).paper.value for depth in table.subjects}
            panel.plot(printed.keys(), printed.values(), color="0", marker="|", linestyle=":", label="printed")
            told.append(f"{case}, printed: {_course(printed)}")
            voted = case != "Acc."  # the first pass has one reading
            for reading, dashes, blocks in (("running", "-", found), ("own", "--", by_path if voted else [])):
                for block in findings(blocks) or blocks:
                    cells = {int(depth): block.of(depth, case) for depth in table.subjects}
                    means = {depth: cell.mean for depth, cell in cells.items() if cell.values}
                    if not means:
                        continue
                    spreads = [cells[depth].sd or 0 for depth in means]
                    label = f"{block.profile.name}, {reading} statistics{', no finding' if block.smoke else ''}"
                    panel.errorbar(
                        means.keys(), means.values(), yerr=spreads, capsize=3, label=label, linestyle=dashes,
                        **look(block.profile.name),
                    )  # fmt: skip
                    told.append(f"{case}, {label if voted else block.profile.name}: {_course(means)}")
            panel.set_xticks([int(depth) for depth in table.subjects])
            panel.set(xlabel="depth D, trained and asked", ylabel="AUROC" if voted else "accuracy (%)", title=case)
        legend_below(figure, columns=3)
    return figure, f"{'; '.join(told)}."


def _course(values: dict[int, float]) -> str:
    return ", ".join(f"{value:.3g} at {depth}" for depth, value in values.items())


def _by_depth(cell: Cell, measure: str) -> list[float]:
    """Means over seeds, for the depths at which every seed defines the measure."""
    courses = [[step[measure] for step in record["metrics"]["by_depth"]] for record in cell.records]
    depths = zip(*courses, strict=True)
    return [float("nan") if None in values else statistics.fmean(values) for values in depths]
