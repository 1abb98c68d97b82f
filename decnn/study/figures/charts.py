"""Figures from records: each returns the figure and a text that says what it shows, for `plots.show`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from decnn.study.figures.plots import legend_below, look, style
from decnn.study.pages.fairness import by_chance
from decnn.study.tables.compositions import CONFOUNDING
from decnn.study.tables.paper import Block, Cell, findings
from decnn.study.verdicts.intervals import Sample, half_width, standard_error

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "attack_sweep",
    "by_confounding",
    "changes",
    "differences",
    "heat_map",
    "number_of_votes",
    "reliability",
]


def differences(found: list[Block]) -> tuple[Figure, str]:
    """Ours minus the paper's for each subject, a panel for each case (or subjects and cases exchanged, where
    cases are many) and a mark for each profile.

    Whiskers are one standard deviation over our seeds; smoke runs are drawn only where nothing else is at hand,
    and say so in the title.
    """
    from matplotlib.figure import Figure  # without pyplot, a notebook shows it once

    found = findings(found) or found
    table = found[0].table
    many = len(table.cases) > len(table.subjects)
    panels, rows = (table.subjects, table.cases) if many else (table.cases, table.subjects)
    units = sorted({query.unit for query in table.queries.values()})
    with style():
        figure = Figure(figsize=(4.2 * len(panels), 0.42 * len(rows) + 1.9), layout="constrained")
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axis, panel in zip(axes, panels, strict=True):
            axis.axvline(0, color="0.6", linewidth=1)
            for offset, block in enumerate(found):
                cells = [block.of(panel, row) if many else block.of(row, panel) for row in rows]
                shift = 0.2 * (offset - (len(found) - 1) / 2)
                drawn = [(i + shift, c) for i, c in enumerate(cells) if c and c.difference is not None]
                if not drawn:
                    continue
                axis.errorbar(
                    [cell.difference for _, cell in drawn], [place for place, _ in drawn], linestyle="none", capsize=3,
                    xerr=[cell.sd or 0 for _, cell in drawn], label=block.profile.name, **look(block.profile.name),
                )  # fmt: skip
            axis.set_yticks(range(len(rows)), rows)
            axis.set_title(f"{panel}{' (smoke)' if found[0].smoke else ''}")
            axis.set_xlabel(f"ours - paper, {' or '.join(units).replace('%', 'percentage points')}")
        axes[0].invert_yaxis()
        legend_below(figure, "profile")
    return figure, f"{table.title}: difference between our mean and the printed value, by {'case' if many else 'row'}."


def changes(found: list[Block], base: str) -> tuple[Figure, str]:
    """AUROC of each subject minus that of `base`, case by case: printed, and ours with a mark for each profile.

    Whiskers are Welch's 95 % intervals, as in claims; smoke runs are drawn only where nothing else is at hand.
    """
    from matplotlib.figure import Figure

    found = findings(found) or found
    table = found[0].table
    subjects = [subject for subject in table.subjects if subject != base]
    aurocs = dict.fromkeys(query.case for query in table.queries.values() if query.case and query.unit == "AUROC")
    cases = [case for case in aurocs if all(found[0].of(subject, case) for subject in table.subjects)]
    with style():
        figure = Figure(figsize=(3.2 * len(subjects) + 2.2, 0.36 * len(cases) + 2.0), layout="constrained")
        axes = figure.subplots(1, len(subjects), sharex=True, sharey=True, squeeze=False)[0]
        for axis, subject in zip(axes, subjects, strict=True):
            axis.axvline(0, color="0.6", linewidth=1)
            printed = [(found[0].of(subject, case).paper.value, found[0].of(base, case).paper.value) for case in cases]
            known = [(a - b, place) for place, (a, b) in enumerate(printed) if a is not None and b is not None]
            axis.plot(*zip(*known, strict=True), "|", color="0", markersize=9, label="printed")
            for offset, block in enumerate(found, start=1):
                pairs = enumerate((block.of(subject, c), block.of(base, c)) for c in cases)
                drawn = [(i + 0.18 * offset, *_change(*pair)) for i, pair in pairs if all(c.values for c in pair)]
                if not drawn:
                    continue
                axis.errorbar(
                    [change for _, change, _ in drawn], [place for place, *_ in drawn], linestyle="none", capsize=2,
                    xerr=[half for *_, half in drawn], label=block.profile.name, **look(block.profile.name),
                )  # fmt: skip
            axis.set_yticks(range(len(cases)), cases)
            axis.set_title(f"{subject}{' (smoke)' if found[0].smoke else ''}")
            axis.set_xlabel(f"AUROC minus {base!r}")
        axes[0].invert_yaxis()
        legend_below(figure)
    text = f"{table.title}: change of AUROC against {base!r}, printed and ours, by kind of outliers."
    return figure, text


def _change(cell: Cell, base: Cell) -> tuple[float, float]:
    """Difference of means and half of Welch's 95 % interval, nan where a cell has one seed."""
    samples = [Sample(c.mean, len(c.values), c.sd, len(c.values) - 1) for c in (cell, base)]
    spread = standard_error(samples)
    return cell.mean - base.mean, half_width(*spread) if spread else math.nan


def heat_map(found: list[Block], title: str = "") -> tuple[Figure, str]:
    """AUROC of every kind of outlier (rows) for every data set and method (columns), printed beside ours.

    Colours part at 0.5, a coin: orange below, blue above, and light enough at both ends for dark numbers.
    """
    import seaborn
    from matplotlib.figure import Figure

    block = _fullest(found)
    rows = [r for r in dict.fromkeys(c.paper.row for c in block.cells) if not r.endswith(("(Mean)", "(Stdev)"))]
    columns = [c for c in dict.fromkeys(c.paper.column for c in block.cells) if _any_query(block, c)]
    cells = [[block.cell(row, column) for column in columns] for row in rows]
    paper = [[cell and cell.paper.value for cell in line] for line in cells]
    ours = [[cell and cell.mean for cell in line] for line in cells]
    panels = [("printed", paper)] * any(v is not None for line in paper for v in line)
    panels += [(f"ours, {block.profile.name}", ours)]
    colors = seaborn.diverging_palette(30, 250, s=90, l=62, as_cmap=True)
    with style():
        figure = Figure(figsize=(0.75 * len(columns) * len(panels) + 2.6, 0.36 * len(rows) + 1.6), layout="constrained")
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axis, (name, values) in zip(axes, panels, strict=True):
            table = [[float("nan") if v is None else v for v in line] for line in values]
            seaborn.heatmap(
                table, ax=axis, vmin=0, vmax=1, cmap=colors, annot=True, fmt=".2f",
                annot_kws={"size": 8, "color": "0"},
                xticklabels=columns, yticklabels=rows, cbar=axis is axes[-1], cbar_kws={"label": "AUROC"},
            )  # fmt: skip
            axis.set_title(f"{name}{' (smoke)' if block.smoke and name != 'printed' else ''}")
            axis.tick_params(axis="x", rotation=60)
    text = (
        f"{title or block.table.title}: AUROC as a heat map, rows are kinds of outliers, columns data set and method; "
        "orange is below 0.5, blue above."
    )
    return figure, text


def attack_sweep(found: list[Block]) -> tuple[Figure, str]:
    """AUROC of FGSM against its strength eps, a line for each subject: rows are data sets, columns profiles.

    Only lines of one panel are of equal training.
    """
    from matplotlib import rcParams
    from matplotlib.figure import Figure

    swept = {block.profile.name: _attacked(block) for block in findings(found) or found if _attacked(block)}
    if not swept:
        raise ValueError("expected a block with records of FGSM, got none: run them with `decnn run table_02`")
    cells = [cell for own in swept.values() for cell in own]
    names = list(dict.fromkeys(_data_set(cell) for cell in found[0].cells if cell.query))
    names = [name for name in names if name in map(_data_set, cells)]
    subjects = [s for s in found[0].table.subjects if any(cell.query.subject == s for cell in cells)]
    with style():
        looks = dict(zip(subjects, rcParams["axes.prop_cycle"], strict=False))
        figure = Figure(figsize=(3.4 * len(swept), 2.5 * len(names) + 0.8), layout="constrained")
        axes = figure.subplots(len(names), len(swept), sharex=True, sharey=True, squeeze=False)
        for line, name in zip(axes, names, strict=True):
            for axis, (profile, own) in zip(line, swept.items(), strict=True):
                for cell in (c for c in own if _data_set(c) == name):
                    axis.plot(*_sweep(cell), label=cell.query.subject, **looks[cell.query.subject])
                axis.axhline(0.5, color="0.6", linewidth=1)
                axis.set_title(f"{name}, {profile}{'' if axis.get_legend_handles_labels()[0] else ': not run'}")
        for axis in axes[-1]:
            axis.set_xlabel("eps (largest change of a pixel)")
        figure.supylabel("AUROC of adversarial inputs", fontsize=11)
        legend_below(figure)
    return figure, (
        "AUROC of telling FGSM inputs from test inputs against the strength of the attack, a line for each method, "
        f"by data set ({', '.join(names)}) and profile ({', '.join(swept)})."
    )


def reliability(found: list[Block]) -> tuple[Figure, str]:
    """Accuracy against confidence in 15 bins: a row of panels for each data set, a panel for each method."""
    from matplotlib.figure import Figure

    block = _fullest(found)
    cases = [
        case for case in block.table.cases if any((c := block.of(s, case)) and c.records for s in block.table.subjects)
    ]
    subjects = [s for s in block.table.subjects if any((c := block.of(s, case)) and c.records for case in cases)]
    with style():
        figure = Figure(figsize=(2.1 * len(subjects) + 0.6, 2.2 * len(cases) + 0.5), layout="constrained")
        axes = figure.subplots(len(cases), len(subjects), sharex=True, sharey=True, squeeze=False)
        for line, case in zip(axes, cases, strict=True):
            for axis, subject in zip(line, subjects, strict=True):
                axis.plot([0, 1], [0, 1], color="0.6", linewidth=1, marker="none")
                for record in block.of(subject, case).records:
                    bins = record["metrics"]["reliability"]
                    kept = [i for i, count in enumerate(bins["count"]) if count]
                    points = [[bins[key][i] for i in kept] for key in ("confidence", "accuracy")]
                    axis.plot(*points, markersize=3, linewidth=1)
                axis.set_title(subject, fontsize=10)
            line[0].set_ylabel(f"{case}\naccuracy")
        figure.supxlabel(f"confidence ({block.profile.name}, a line for each seed)", fontsize=11)
    text = "Reliability diagrams: accuracy against confidence in 15 bins, by data set and method; the diagonal is even."
    return figure, text


def number_of_votes(courses: Mapping[str, Sequence[dict]], ylabel: str) -> tuple[Figure, str]:
    """A measure against the number of sampled classifiers that vote, with one sd over random choices of them."""
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(6.4, 3.6), layout="constrained")
        axis = figure.subplots()
        for name, course in courses.items():
            steps = [step for step in course if step["mean"] is not None]
            counts, means = [s["samples"] for s in steps], [s["mean"] for s in steps]
            axis.errorbar(counts, means, yerr=[s["sd"] or 0 for s in steps], capsize=2, label=name)
        axis.axvline(30, color="0.6", linewidth=1)
        axis.set(xscale="log", xlabel="classifiers that vote (the paper: 30)", ylabel=ylabel)
        axis.set_xticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
        axis.legend(loc="best")
    return figure, f"{ylabel} against the number of sampled classifiers, 1 to 100, by method."


def by_confounding(found: list[Block]) -> tuple[Figure, str]:
    """The controlled test: what a probe knows of the protected attribute, and accuracy, against the tie in training.

    A line for each model, a grey one for the better of the constant answers; whiskers are one sd over seeds.
    """
    from matplotlib.figure import Figure

    block = _fullest(found)
    metrics = next(record["metrics"] for cell in block.cells for record in cell.records)
    moustaches, bald = (
        sum(part["positives"] for part in parts) / sum(part["examples"] for part in parts)
        for parts in (metrics["groups"].values(), [metrics["probe"]])
    )
    probed = {
        f"Probe, {name}": (f"{name} of a probe for baldness", by_chance(name.lower(), bald), 3)
        for name in ("F1", "AUROC")
    }
    measures = probed | {"Accuracy": ("accuracy of moustaches (%)", 100 * max(moustaches, 1 - moustaches), 1)}
    ends = {label: [] for label, *_ in measures.values()}
    with style():
        figure = Figure(figsize=(3.1 * len(measures), 3.4), layout="constrained")
        axes = figure.subplots(1, len(measures))
        for axis, (measure, (label, constant, digits)) in zip(axes, measures.items(), strict=True):
            for subject in block.table.subjects:
                cells = [(tie, block.of(subject, f"tie {tie:g}, {measure}")) for tie in CONFOUNDING]
                drawn = [(tie, cell.mean, cell.sd or 0) for tie, cell in cells if cell.values]
                if drawn:
                    x, y, sd = zip(*drawn, strict=True)
                    axis.errorbar(x, y, yerr=sd, capsize=3, label=subject)
                    at_ends = {x[0]: y[0], x[-1]: y[-1]}  # the same where one tie has been run
                    told = (f"{mean:.{digits}f} at {tie:g}" for tie, mean in at_ends.items())
                    ends[label].append(f"{subject} {' and '.join(told)}")
            axis.axhline(constant, color="0.6", linewidth=1, label="a constant answer")
            axis.set(xlabel="tie of moustache and baldness", ylabel=label)
        about = f"Synthetic faces, {block.profile.name} profile{', no finding' if block.smoke else ''}"
        figure.suptitle(about, fontsize=11)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    courses = " ".join(f"{label[0].upper()}{label[1:]}: {', '.join(lines)}." for label, lines in ends.items())
    return figure, f"{about}, by the tie in training. {courses}"


def _any_query(block: Block, column: str) -> bool:
    return any(cell.query for cell in block.cells if cell.paper.column == column)


def _attacked(block: Block) -> list[Cell]:
    return [cell for cell in block.cells if cell.paper.row == "Adversarial (FGSM)" and cell.records]


def _data_set(cell: Cell) -> str:
    return cell.paper.column.rpartition(": ")[0]


def _sweep(cell: Cell) -> tuple[list[float], list[float]]:
    """Strengths of the attack, and means over seeds of the AUROC at each."""
    score, courses = cell.query.metric.split("/")[3], []
    for sets in (record["metrics"]["sets"] for record in cell.records):
        courses.append({float(s[5:]): sets[s]["scores"][score]["auroc"] for s in sets if s.startswith("fgsm-")})
    return list(courses[0]), [statistics.fmean(at) for at in zip(*(c.values() for c in courses), strict=True)]


def _fullest(found: list[Block]) -> Block:
    """The block with most cells; of equals, the first."""
    return max(findings(found) or found, key=lambda block: sum(bool(cell.values) for cell in block.cells))
