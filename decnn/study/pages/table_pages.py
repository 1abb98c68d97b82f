"""A table of the paper as a page shows it: paper | ours | difference, block by block, and the records behind it."""

from __future__ import annotations

import html
from collections.abc import Collection, Iterable

from decnn.study.pages import provenance
from decnn.study.specifications import METHODS, steps, taken
from decnn.study.tables.paper import WHOLE, Block, Cell

__all__ = ["caption", "records_html", "region", "table_html", "tables_html"]

ROOM = 8  # columns that a page's text can be wide


def table_html(block: Block) -> str:
    """A block in the paper's order: for each column paper, ours (sd, seeds) and difference, or ours alone.

    Columns named "data set: method" make one table for each data set.
    """
    return "".join(_part_html(block, name, list(columns)) for name, columns in _by_data(block).items())


def tables_html(found: list[Block]) -> str:
    """Blocks as a page shows them: what has numbers in full, a line for what has none, smoke runs folded beside others.

    Of a data set without any number, what the paper prints stays in the first block.
    """
    real = [block for block in found if not block.smoke and _numbers(block.cells)]
    full = real or [block for block in found if _numbers(block.cells)] or found[:1]
    known = {name for block in full for name, columns in _by_data(block).items() if _numbers(_all(columns))}
    parts = []
    for block in found:
        by_data = _by_data(block)
        printed = {name for name, columns in by_data.items() if any(cell.paper.text for cell in _all(columns))}
        content = _filled_html(block, printed - known if block is full[0] else ())
        if block.smoke and real and _numbers(block.cells):
            summary = f"Smoke run, not a finding: {block.table.title}, {block.profile.steps:,} steps"
            content = f"<details><summary>{_text(summary)}</summary>{content}</details>"
        parts.append(content)
    return "".join(parts)


def _filled_html(block: Block, kept: Collection[str]) -> str:
    """The tables of the data sets that have numbers, or are kept without; for all others together one line."""
    by_data = _by_data(block)
    shown = [name for name, columns in by_data.items() if name in kept or _numbers(_all(columns))]
    content = "".join(_part_html(block, name, list(by_data[name])) for name in shown)
    bare = [name for name in by_data if name not in shown]
    if not bare:
        return content
    notes = {cell.note for name in bare for cell in _all(by_data[name])} - {"", "not run"}
    # Of a command and the same with another option, the longer one runs all.
    whole = sorted(n for n in notes if not any(other != n and other.startswith(n.rstrip("`")) for other in notes))
    told = "; ".join(note.removeprefix("not run: ") for note in whole)
    names = f", {', '.join(bare)}" if shown else ""
    line = f"{block.table.title}, {block.profile.name} profile{names}: not run{': ' if told else ''}{told}"
    return f'{content}<p class="not-run">{_code(line)}</p>'


def _by_data(block: Block) -> dict[str, dict[str, list[Cell]]]:
    """Data set -> its columns -> their cells; the one name is empty where columns are no "data set: method"."""
    found: dict[str, dict[str, list[Cell]]] = {}
    for cell in block.cells:
        column = cell.paper.column
        found.setdefault(column.rpartition(": ")[0], {}).setdefault(column, []).append(cell)
    return found


def _all(columns: dict[str, list[Cell]]) -> list[Cell]:
    return [cell for cells in columns.values() for cell in cells]


def _numbers(cells: Iterable[Cell]) -> bool:
    """Whether anything was run: a number that is not defined says something too."""
    return any(cell.values or cell.records for cell in cells)


def _part_html(block: Block, name: str, columns: list[str]) -> str:
    """The columns of one data set, or all of them where columns are data sets."""
    cells = [cell for cell in block.cells if cell.paper.column in columns]
    rows = [row for row in dict.fromkeys(cell.paper.row for cell in cells) if _asked(row, cells, name)]
    data = {column: _data_of(block, column) for column in columns}
    shared = {text for text in data.values() if text is not None}
    same = f" Data: {shared.pop()}." if len(columns) > 1 and len(shared) == 1 and all(shared) else ""
    marks = [f" ({data[column]})" if data[column] and not same else "" for column in columns]
    titles = [f"{c.removeprefix(f'{name}: ')}{mark}" for c, mark in zip(columns, marks, strict=True)]
    kinds = ("paper", "ours", "difference") if any(cell.paper.text for cell in block.cells) else ("ours",)
    notes = list(dict.fromkeys(cell.note for cell in cells if cell.note not in ("", "not run")))
    body = []
    for row in rows:
        line = "".join(_cells_html(block.cell(row, column), block, notes, kinds) for column in columns)
        body.append(f'<tr><th scope="row">{_text(row)}</th>{line}</tr>')
    first = "Method" if set(rows) <= set(METHODS) else ""
    head = f"<thead>{_head_html(first, titles, kinds)}</thead>"
    below = "".join(f'<p class="not-run">[{n}] {_code(note)}</p>' for n, note in enumerate(notes, start=1))
    title = f"{f'{name}. ' if name else ''}{caption(block)}{same}"
    return region(title, f"{head}<tbody>{''.join(body)}</tbody>", block.smoke, below)


def _head_html(first: str, titles: list[str], kinds: tuple[str, ...]) -> str:
    """One line of titles, and below it the kinds of numbers if there are several."""
    if len(kinds) == 1:
        line = "".join(f'<th scope="col">{_text(title)}</th>' for title in (first, *titles))
        return f"<tr>{line}</tr>"
    top = "".join(f'<th colspan="{len(kinds)}" scope="colgroup">{_text(title)}</th>' for title in titles)
    second = "".join(f'<th scope="col">{kind}</th>' for kind in kinds) * len(titles)
    return f'<tr><th rowspan="2" scope="col">{first}</th>{top}</tr><tr>{second}</tr>'


def _asked(row: str, cells: list[Cell], name: str) -> bool:
    """Whether a row has anything to say: Table 2 leaves out a data set as its own outliers."""
    return not name or any(cell.query or cell.paper.text for cell in cells if cell.paper.row == row)


def region(title: str, content: str, smoke: bool, below: str = "") -> str:
    """A table that scrolls on a narrow page and can be reached by keyboard; smoke blocks are watermarked.

    One with more columns than the text has room for may use the margin.

    Example:
        >>> head = '<th scope="col">n</th>' * 9
        >>> region("Nine columns", f"<thead><tr>{head}</tr></thead>", smoke=False).partition(" tabindex")[0]
        '<div class="decnn-table full-width"'
    """
    classes = "decnn-table" + " decnn-smoke" * smoke + " full-width" * (content.count('scope="col"') > ROOM)
    return (
        f'<div class="{classes}" tabindex="0" role="region" aria-label="{_text(title)}"><table>'
        f"<caption>{_text(title)}</caption>{content}</table>{below}</div>"
    )


def caption(block: Block) -> str:
    """What a block shows and at which scale."""
    size = block.profile
    asked = {bool(query.settings.get("outliers")) for query in block.table.queries.values()}
    counts = [_count(size.vote_size)] if False in asked else []
    counts += [f"{_count(size.outlier_size)} beside outliers"] if True in asked else []
    voted = f"test examples voted on: {', '.join(counts)}"
    if any("groups" in query.settings for query in block.table.queries.values()):
        voted = "first pass on all test examples"
    kind = "SMOKE RUN, not a finding" if block.smoke else f"{size.name} profile"
    classifiers = {query.settings.get("classifier", "mlp") for query in block.table.queries.values()}
    pretrained = {query.settings.get("pretrained") for query in block.table.queries.values()}
    sizes = [f"{size.filters} filters"] if classifiers != {"mlp"} else []
    sizes += [f"pretrained ResNet-18 of width {size.width}"] * ("resnet18" in pretrained)
    wide = ", ".join(sizes + [f"decoder width {size.width}"] * (classifiers != {"convnet"}))
    return (
        f"{block.table.title}. {kind}: {_steps(block)} of {size.batch_size}, {wide}, {voted}; "
        "ours is the mean over seeds ± sd (number of seeds)."
    )


def _steps(block: Block) -> str:
    """The profile's steps, and the data sets that are trained longer."""
    size = block.profile
    sets = dict.fromkeys(taken(size, query.dataset) for query in block.table.queries.values())
    longer = [f"{name}: {own:,}" for name in sets if (own := steps(size, name)) != size.steps]
    return f"{size.steps:,} steps" + f" ({', '.join(longer)})" * bool(longer)


def _count(size: int | None) -> str:
    return "all" if size is None else f"up to {size:,}"


def records_html(found: list[Block]) -> str:
    """For each block: records, commits, device and seconds, folded away; and what a number's panel shows of them."""
    parts = []
    for profile in dict.fromkeys(block.profile.name for block in found):
        alike = [block for block in found if block.profile.name == profile]
        records = list({r["key"]: r for block in alike for cell in block.cells for r in cell.records}.values())
        names = ("record", "method", "data", "seed", "commit", "device", "training, s", "evaluation, s")
        head = "".join(f'<th scope="col">{name}</th>' for name in names)
        lines = "".join(_record_html(record) for record in records)
        content = region(
            f"Records at {profile}", f"<thead><tr>{head}</tr></thead><tbody>{lines}</tbody>", alike[0].smoke
        )
        summary = f"{profile}: {len(records)} records"
        parts.append(f'<details class="provenance"><summary>{summary}</summary>{content}</details>')
    return "".join(parts) + provenance.script_html(found)


def _record_html(record: dict) -> str:
    training = record["specification"]["training"]
    dirty = " (changed)" if record["dirty"] else ""
    together = record["trained_together"]  # None where weights of an earlier version do not tell
    how = "" if together == 1 else f" (1/{together or '?'} of a stack)"
    how += f" (weights: {record['weights']})" if "weights" in record else ""
    values = (
        record["key"],
        record["specification"]["evaluation"]["method"],
        training["dataset"],
        training["seed"],
        record["commit"][:10] + dirty,
        f"{record['device']['name']}, {record['device']['threads']} threads",
        f"{record['seconds']['training']:.0f}{how}",
        f"{record['seconds']['evaluation']:.0f}",
    )
    return f"<tr>{''.join(f'<td>{_text(str(value))}</td>' for value in values)}</tr>"


def _data_of(block: Block, column: str) -> str | None:
    """What was trained on where that is not the whole data set of a printed name; None without records."""
    records = [record for cell in block.cells if cell.paper.column == column for record in cell.records]
    parts = {_part_of(r["data"]) for r in records if block.smoke or r["data"]["name"] not in WHOLE}
    return ", ".join(sorted(parts)) if records else None


def _part_of(data: dict) -> str:
    drawn = ", synthetic" if data.get("synthetic") else ""
    return f"{data['name']}{drawn}, {data['train']['examples']:,} for training"


def _cells_html(cell: Cell | None, block: Block, notes: list[str], kinds: tuple[str, ...]) -> str:
    """Paper, ours and difference of one cell, or ours alone; what is to be said about it stands below the table."""
    if cell is None:
        return f'<td colspan="{len(kinds)}"></td>'
    mark = f" [{notes.index(cell.note) + 1}]" if cell.note in notes else ""
    digits = cell.query.digits if cell.query else 0
    spread = f" ({cell.paper.spread})" if cell.paper.spread else ""
    shown = {"paper": _text(f"{cell.paper.text}{spread}") if cell.paper.text else "-"}
    if cell.mean is None:
        unasked = cell.query is None and not cell.paper.text
        state = "-" if unasked else "not defined" if cell.records else "not run"
        paper = f"<td>{shown['paper']}</td>" if "paper" in kinds else ""
        return f'{paper}<td colspan="{len(kinds) - bool(paper)}" class="not-run">{state}{mark}</td>'
    sd = f" ± {cell.sd:.{digits}f}" if cell.sd is not None else ""
    shown["ours"] = f"{cell.mean:.{digits}f}{sd} ({len(cell.values)}){mark}"
    shown["difference"] = "-" if cell.difference is None or block.smoke else f"{cell.difference:+.{digits}f}"
    source = {"ours": provenance.source(cell)}
    return "".join(f"<td{source.get(kind, '')}>{shown[kind]}</td>" for kind in kinds)


def _text(text: str) -> str:
    return html.escape(text)


def _code(text: str) -> str:
    """Escape a note and set what stands between backticks as code."""
    parts = html.escape(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
