"""Numbers beside the printed ones: other readings, other measures, other bins, from the same records."""

from __future__ import annotations

import html
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace

from decnn.study.pages.table_pages import region
from decnn.study.runs.records import measured
from decnn.study.specifications import METHODS
from decnn.study.tables.paper import Block, Cell, Printed, blocks, findings

__all__ = [
    "above",
    "apart",
    "baselines",
    "beside_html",
    "exchanged",
    "grid_html",
    "hardly_learnt",
    "headed",
    "mean_text",
    "measures_html",
    "readings_html",
]

FAR = 20.0  # percentage points of accuracy below the printed value
LEAD = 0.1  # AUROC above the printed value

ENTROPIES = {"vote_entropy": "votes", "mean_entropy": "the mean probability"}  # of the same samples
MEASURES = {"auroc": "AUROC", "aupr_out": "AUPR, outliers", "aupr_in": "AUPR, inliers", "fpr95": "FPR at 95 % TPR"}


def readings_html(found: list[Block], metric: str, digits: int) -> str:
    """Every recorded reading of a metric, by block: rows are readings, columns cases and subjects."""
    parts = []
    for block in findings(found) or found:
        columns = [cell for cell in block.cells if any("readings" in record["metrics"] for record in cell.records)]
        names = list(dict.fromkeys(name for cell in columns for name in _readings(cell, metric)))
        rows = {
            name.replace("_", " "): [mean_text(_readings(cell, metric).get(name, []), digits) for cell in columns]
            for name in names
        }
        title = f"Readings of {metric.replace('_', ' ')}, {block.profile.name} profile: means over seeds"
        head = ["reading", *(f"{cell.query.case}: {cell.query.subject}" for cell in columns)]
        parts.append(grid_html(title, head, rows, block.smoke))
    return "".join(parts)


def measures_html(found: list[Block], row: str) -> str:
    """One row of a table of outliers by four measures, a line for each data set and subject; n of each kind."""
    parts = []
    for block in findings(found) or found:
        rows = {}
        for cell in block.cells:
            if cell.paper.row != row or cell.query is None or not cell.records:
                continue
            *scores, _ = cell.query.metric.split("/")
            entries = [measured(record, "/".join(scores)) for record in cell.records]
            constant = " (constant scores)" * all(entry["constant"] for entry in entries)
            outliers = measured(cell.records[0], "/".join(scores[:2]))["outliers"]
            rows[cell.paper.column] = [
                *(spread_text([entry[measure] for entry in entries], 3) + constant for measure in MEASURES),
                f"{cell.records[0]['metrics']['inliers']:,} + {outliers:,}",
                str(len(cell.records)),
            ]
        title = f"{row} by other measures, {block.profile.name} profile: mean ± sd over seeds; outliers are positive"
        head = ["", *MEASURES.values(), "inliers + outliers", "seeds"]
        parts.append(grid_html(title, head, rows, block.smoke) if rows else "")
    return "".join(parts)


def beside_html(cells: Sequence[Printed], printed_on: str, found: list[Block], ours_on: str) -> str:
    """Numbers printed on one data set beside ours on another, which are no reproduction of them; no smoke runs."""
    columns, rows = (list(dict.fromkeys(names)) for names in zip(*((c.column, c.row) for c in cells), strict=True))
    texts = {(cell.row, cell.column): cell.text or "-" for cell in cells}
    parts = []
    for block in findings(found):
        lines = {row: [t for c in columns for t in (texts[row, c], _ours(block.cell(row, c)))] for row in rows}
        head = ["", *(f"{column}: {name}" for column in columns for name in (f"{printed_on}, printed", ours_on))]
        title = f"{printed_on} beside {ours_on}, {block.profile.name} profile: means over seeds"
        parts.append(grid_html(title, head, lines, smoke=False))
    return "".join(parts) or '<p class="not-run">Not run but for smoke.</p>'


def baselines(found: list[Block]) -> str:
    """Markdown: what has no decoder and lies far above its printed AUROC, on which the lead that is printed rests."""
    plain = [[c for c in block.cells if c.query and not METHODS[c.query.method].decodes] for block in found]
    lines = apart([replace(block, cells=tuple(cells)) for block, cells in zip(found, plain, strict=True)], LEAD)
    told = (
        "**The baselines do not all come back.** The printed lead of ReDecNN rests on AUROCs of sampled weights and "
        f"ensembles near one half. Ours that lie more than {LEAD:g} above the printed ones:"
    )
    return headed(told, lines)


def above(found: list[Block], ours: str, theirs: str) -> str:
    """Markdown: in how many cases our AUROC of one subject lies above the printed one of another; no smoke runs."""
    lines = []
    for block in findings(found):
        pairs = [(block.of(ours, case), block.of(theirs, case)) for case in block.table.cases]
        known = [(a, b) for a, b in pairs if a and b and a.values and b.paper.value is not None]
        higher = [a.mean > b.paper.value for a, b in known if a.query.unit == "AUROC"]
        table = block.table.title.partition(":")[0]
        lines += [f"- {block.profile.name}, {table}: {sum(higher)} of {len(higher)}"] * bool(higher)
    told = (
        f"**Our {ours} beside the printed {theirs}.** In how many cases ours has the higher AUROC. Across two "
        "implementations that tests no claim of the paper; it says how high the bar is for any other method:"
    )
    return headed(told, lines)


def exchanged(found: list[Block], first: str, second: str) -> str:
    """Markdown: data sets where ours of two subjects lie nearer to each other's printed AUROCs than to their own.

    Nearer, by votes, means less than half of the mean distance, over the cases that both have and that are printed of
    both; beside it stands the entropy of the mean probability. No smoke runs, and nothing that has hardly learnt.
    """
    lines, unlearnt = [], _unlearnt()
    for block in findings(found):
        pairs: dict[str, list[tuple[Cell, Cell]]] = {}
        for case in block.table.cases:
            pair = (block.of(first, case), block.of(second, case))
            if all(cell and cell.difference is not None and cell.query.unit == "AUROC" for cell in pair):
                pairs.setdefault(case.partition(", ")[0], []).append(pair)
        for name, both in pairs.items():
            columns = list(zip(*both, strict=True))
            by = {score: [_distances(own, columns, score) for own in columns] for score in ENTROPIES}
            (straight_first, crossed_first), (crossed_second, straight_second) = by["vote_entropy"]
            named = {(block.profile.name, cell.query.method, cell.query.dataset) for cell in both[0]}
            nearer = 2 * (crossed_first + crossed_second) < straight_first + straight_second
            if nearer and not named & unlearnt:
                lines.append(f"- {block.profile.name}, {name}, {len(both)} kinds of outliers:")
                for place, subject in enumerate((first, second)):
                    ends = (
                        (how, by[score][place][place], by[score][place][1 - place]) for score, how in ENTROPIES.items()
                    )
                    told = (f"by {how} {own:.3f} from its own, {other:.3f} from the other" for how, own, other in ends)
                    lines.append(f"  - {subject}: {'; '.join(told)}")
    told = (
        "**Nearer to the other's printed column.** Mean distance of our AUROCs from those that are printed of the same "
        f"method, {first} or {second}, and of the other, where both have learnt. The tables count votes, as Equation 6 "
        'does; the entropy of the mean probability is the other reading of its "empirical probability":'
    )
    return headed(told, lines)


def _distances(own: Sequence[Cell], columns: Sequence[Sequence[Cell]], score: str) -> list[float]:
    """Mean distance of a subject's AUROCs, by a score of the same samples, from each of the printed columns."""
    ours = [statistics.fmean(cell.query.by(score).value(record) for record in cell.records) for cell in own]
    return [
        statistics.fmean(abs(value - cell.paper.value) for value, cell in zip(ours, column, strict=True))
        for column in columns
    ]


def _unlearnt() -> set[tuple[str, str, str]]:
    """Profile, method and data set of what lies far below the accuracy that Table 1a prints."""
    cells = [(block.profile.name, cell) for block in blocks("table_01a", specs=[]) for cell in block.cells]
    return {
        (name, cell.query.method, cell.query.dataset)
        for name, cell in cells
        if cell.difference is not None and cell.difference < -FAR
    }


def hardly_learnt(table: str = "table_01a") -> str:
    """Markdown: methods whose accuracy, or whose votes', lies far below the printed one: what they say says little."""
    found = blocks(table, specs=[])
    lines, voters = apart(found, -FAR, "accuracy"), _voters(found)
    told = (
        f"**Hardly learnt.** More than {FAR:g} percentage points below the printed accuracy. What their accuracy, "
        "votes and calibration say, they do not say of the paper:"
    )
    wrong = (
        f"**Voters that hardly work.** The majority of the votes is right more than {FAR:g} percentage points less "
        "often than the printed accuracy, even where the first pass is not. Their disagreement, and so every AUROC and "
        "calibration error made of it, is that of classifiers that have not learnt; where an AUROC lies below 0.5, "
        "outliers have *less* entropy than inliers:"
    )
    return "\n\n".join(filter(None, [headed(told, lines), headed(wrong, voters)]))


def _voters(found: list[Block]) -> list[str]:
    """Markdown lines, one for each profile: where the votes' majority is right far less often than is printed."""
    lines = []
    for block in findings(found):
        told = []
        for cell in (cell for cell in block.cells if cell.query and cell.query.metric == "accuracy"):
            rates = _readings(cell, "accuracy").get("votes", [])
            if rates and cell.paper.value is not None and cell.paper.value - statistics.fmean(rates) > FAR:
                told.append(f"{_named(cell)}, {mean_text(rates, 1)} against {cell.paper.text}")
        lines += [f"- {block.profile.name}: {'; '.join(told)}"] * bool(told)
    return lines


def apart(found: list[Block], by: float, metric: str | None = None) -> list[str]:
    """Markdown lines, one for each profile and, of several, table: the cells whose mean lies more than `by` above the
    printed value, or, where `by` is negative, below it. No smoke runs.
    """
    lines, several = [], len({block.table.title for block in found}) > 1
    for block in findings(found):
        known = [cell for cell in block.cells if cell.difference is not None and cell.query.case]
        cells = [cell for cell in known if metric in (None, cell.query.metric)]
        told = [
            f"{_named(cell)}, {cell.mean:.{cell.query.digits}f} against {cell.paper.text}"
            for cell in cells
            if cell.difference * (1 if by > 0 else -1) > abs(by)
        ]
        table = f", {block.table.title.partition(':')[0]}" * several
        lines += [f"- {block.profile.name}{table}: {'; '.join(told)}"] * bool(told)
    return lines


def _named(cell: Cell) -> str:
    """Subject and case, as a reader would say it: of a case that is a measure, what it is measured on."""
    subject = cell.query.subject
    subject = f"depth {subject}" if subject.isdigit() else subject  # the rows of Table 4b
    on = cell.query.case.removesuffix("Accuracy").removesuffix("Acc.").rstrip(", ")
    return f"{subject} on {on}" if on not in ("", subject) else subject


def _ours(cell: Cell | None) -> str:
    return mean_text(cell.values, cell.query.digits) if cell is not None and cell.query else "-"


def headed(told: str, lines: Sequence[str]) -> str:
    """Markdown: a paragraph over the lines that it is about, nothing where there are none."""
    return "\n\n".join([told, "\n".join(lines)]) if lines else ""


def grid_html(title: str, head: Sequence[str], rows: Mapping[str, Sequence[str]], smoke: bool) -> str:
    """A table of text with named rows."""
    top = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>{"".join(f"<td>{html.escape(v)}</td>" for v in values)}</tr>'
        for name, values in rows.items()
    )
    return region(title, f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody>", smoke)


def _readings(cell: Cell, metric: str) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    for record in cell.records:
        for name, value in record["metrics"].get("readings", {}).get(metric, {}).items():
            values.setdefault(name, []).append(value)
    return values


def spread_text(values: Sequence[float], digits: int) -> str:
    """Mean ± sample standard deviation, or the one value that there is."""
    sd = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return mean_text(values, digits) + sd


def mean_text(values: Sequence[float | None], digits: int) -> str:
    """The mean of what is defined, "not defined" if nothing is, "-" if there is nothing."""
    known = [value for value in values if value is not None]
    return f"{statistics.fmean(known):.{digits}f}" if known else "not defined" if values else "-"
