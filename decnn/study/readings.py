"""Numbers beside the printed ones: other readings, other measures, other bins, from the same records."""

from __future__ import annotations

import html
import statistics
from collections.abc import Callable, Mapping, Sequence

from decnn.study.paper import Block, Cell, region

__all__ = ["bins_html", "grid_html", "measures_html", "nearest_html", "readings_html"]

MEASURES = {"auroc": "AUROC", "aupr_out": "AUPR, outliers", "aupr_in": "AUPR, inliers", "fpr95": "FPR at 95 % TPR"}


def readings_html(found: list[Block], metric: str, digits: int) -> str:
    """Every recorded reading of a metric, by block: rows are readings, columns cases and subjects."""
    parts = []
    for block in found:
        columns = [cell for cell in block.cells if any("readings" in record["metrics"] for record in cell.records)]
        names = list(dict.fromkeys(name for cell in columns for name in _readings(cell, metric)))
        rows = {
            name.replace("_", " "): [_mean(_readings(cell, metric).get(name, []), digits) for cell in columns]
            for name in names
        }
        title = f"Readings of {metric.replace('_', ' ')}, {block.profile.name} profile: means over seeds"
        head = ["reading", *(f"{cell.query.case}: {cell.query.subject}" for cell in columns)]
        parts.append(grid_html(title, head, rows, block.smoke))
    return "".join(parts)


def measures_html(found: list[Block], row: str) -> str:
    """One row of a table of outliers by four measures, a line for each data set and subject; n of each kind."""
    parts = []
    for block in found:
        rows = {}
        for cell in block.cells:
            if cell.paper.row != row or not cell.records:
                continue
            *path, _ = cell.query.metric.split("/")
            entries = [_at(record["metrics"], path) for record in cell.records]
            sets = [_at(record["metrics"], path[:2]) for record in cell.records]
            rows[cell.paper.column] = [
                *(_mean([entry[measure] for entry in entries], 3) for measure in MEASURES),
                f"{cell.records[0]['metrics']['inliers']:,} + {sets[0]['outliers']:,}",
                str(len(cell.records)),
            ]
        title = f"{row} by other measures, {block.profile.name} profile: means over seeds; outliers are positive"
        head = ["", *MEASURES.values(), "inliers + outliers", "seeds"]
        parts.append(grid_html(title, head, rows, block.smoke) if rows else "")
    return "".join(parts)


def bins_html(found: list[Block]) -> str:
    """Calibration error by number of bins, and as the unweighted sum over 15 bins, beside the printed value."""
    parts = []
    for block in found:
        rows = {}
        for cell in block.cells:
            if cell.records:
                metrics = [record["metrics"] for record in cell.records]
                rows[f"{cell.query.case}: {cell.query.subject}"] = [
                    cell.paper.text or "-",
                    *(_mean([m["ece_by_bins"][bins] for m in metrics], 2) for bins in ("10", "15", "20")),
                    _mean([_unweighted(m["reliability"]) for m in metrics], 1),
                ]
        title = f"Calibration error (%) by other rules, {block.profile.name} profile: means over seeds"
        head = ["", "paper", "10 bins", "15 bins", "20 bins", "15 bins, unweighted sum"]
        parts.append(grid_html(title, head, rows, block.smoke))
    return "".join(parts)


def nearest_html(title: str, found: list[Block], readings: Mapping[str, Callable[[dict, Cell], float | None]]) -> str:
    """How far each reading of the same records lies from the printed values: the mean absolute difference by subject.

    Arguments:
        title: what is read.
        found: blocks of one table; smoke blocks are left out.
        readings: name -> function of a record and its cell.
    """
    parts = []
    for block in (block for block in found if not block.smoke):
        rows = {}
        for name, read in readings.items():
            distances = []
            for subject in block.table.subjects:
                cells = [c for c in block.cells if c.query and c.query.subject == subject and c.paper.value is not None]
                values = [(c, [v for r in c.records if (v := read(r, c)) is not None]) for c in cells]
                distances.append([abs(statistics.fmean(v) - c.paper.value) for c, v in values if v])
            rows[name] = [_mean(d, 3) for d in distances] + [_mean([x for d in distances for x in d], 3)]
        head = ["reading", *block.table.subjects, "all"]
        caption = f"{title}, {block.profile.name} profile: mean absolute difference from the printed values"
        parts.append(grid_html(caption, head, rows, smoke=False))
    return "".join(parts) or '<p class="not-run">No records but smoke runs are at hand.</p>'


def grid_html(title: str, head: Sequence[str], rows: Mapping[str, Sequence[str]], smoke: bool) -> str:
    """A table of text with named rows."""
    top = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>{"".join(f"<td>{html.escape(v)}</td>" for v in values)}</tr>'
        for name, values in rows.items()
    )
    return region(title, f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody>", smoke)


def _at(found: dict, path: Sequence[str]) -> dict:
    for part in path:
        found = found[part]
    return found


def _readings(cell: Cell, metric: str) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    for record in cell.records:
        for name, value in record["metrics"].get("readings", {}).get(metric, {}).items():
            values.setdefault(name, []).append(value)
    return values


def _unweighted(reliability: dict) -> float:
    """Sum over bins of |accuracy - confidence|, in percent, whatever their counts."""
    bins = zip(reliability["count"], reliability["confidence"], reliability["accuracy"], strict=True)
    return 100 * sum(abs(accuracy - confidence) for count, confidence, accuracy in bins if count)


def _mean(values: Sequence[float | None], digits: int) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.fmean(known):.{digits}f}" if known else "not defined" if values else "-"
