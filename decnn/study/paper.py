"""The printed numbers, joined with records: paper | ours | difference, one block for each profile."""

from __future__ import annotations

import csv
import html
import statistics
from dataclasses import dataclass

from decnn.study import experiments, paths, tables
from decnn.study.experiments import METHODS, PROFILES, Profile, Spec
from decnn.study.queries import Query
from decnn.study.records import Records
from decnn.study.runner import fill
from decnn.study.tables import Table

__all__ = ["Block", "Cell", "Printed", "blocks", "printed", "provenance_html", "region", "table_html"]

FULLEST_FIRST = ("paper", "overnight", "reader")
WHOLE = ("mnist", "fashion_mnist", "celeba", "audiomnist", "fluent")  # the paper's data sets


@dataclass(frozen=True)
class Printed:
    """One cell of a table as the paper prints it; None where it prints nothing."""

    row: str
    column: str
    text: str
    spread: str

    @property
    def value(self) -> float | None:
        """The number, None where there is none."""
        return float(self.text) if self.text else None


def printed(name: str) -> list[Printed]:
    """All cells of a table in the paper's order.

    Example:
        >>> printed("table_01a")[0]
        Printed(row='Standard', column='MNIST', text='97.1', spread='0.11')
    """
    path = paths.paper_numbers() / f"{name}.csv"
    if not path.exists():
        known = sorted(p.stem for p in paths.paper_numbers().glob("*.csv"))
        raise ValueError(f"expected a printed table, one of {', '.join(known)}, got {name!r}")
    with path.open(newline="") as file:
        return [Printed(line["row"], line["column"], line["value"], line["spread"]) for line in csv.DictReader(file)]


@dataclass(frozen=True)
class Cell:
    """A printed cell and what we have for it: records of one profile, or a note that says why not."""

    paper: Printed
    query: Query | None  # None: we have no run for it
    values: tuple[float, ...]
    records: tuple[dict, ...]
    note: str

    @property
    def mean(self) -> float | None:
        """Mean over seeds."""
        return statistics.fmean(self.values) if self.values else None

    @property
    def sd(self) -> float | None:
        """Standard deviation over seeds, from two on."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's."""
        return self.mean - self.paper.value if self.values and self.paper.value is not None else None


@dataclass(frozen=True)
class Block:
    """A table at one profile: methods are compared within a block only, where training is equal."""

    table: Table
    profile: Profile
    cells: tuple[Cell, ...]

    @property
    def smoke(self) -> bool:
        """Whether the numbers are of a smoke run, and so no findings."""
        return self.profile.name == "smoke"

    def cell(self, row: str, column: str) -> Cell | None:
        """The cell of a row and column, None where the table has none."""
        found = (cell for cell in self.cells if (cell.paper.row, cell.paper.column) == (row, column))
        return next(found, None)

    def of(self, subject: str, case: str) -> Cell | None:
        """The cell of a subject, such as a method, on a case, such as a data set; None where there is none."""
        found = (cell for cell in self.cells if cell.query and (cell.query.subject, cell.query.case) == (subject, case))
        return next(found, None)


def blocks(
    name: str,
    compute: str = "smoke",
    device: str = "cpu",
    subjects: tuple[str, ...] | None = None,
    own_statistics: bool = False,
    specs: list[Spec] | None = None,
) -> list[Block]:
    """A block for every profile that has records, the fullest first; `compute` is filled where it lacks some.

    Its own block is there even if all data are missing: its cells then say so.
    `subjects` keeps some of what the table compares. With `own_statistics`, paths are those that
    training examples walk along to give batch normalisation its statistics. `specs`: compute these of the runs only.

    Raises:
        ValueError: an unknown table or profile.
    """
    table, profile = tables.table(name), experiments.profile(compute)
    store = Records.of(profile.name)
    left_out = fill(tables.specifications(name, compute) if specs is None else specs, store, device, progress=False)
    sources = [(PROFILES[p], Records(paths.records())) for p in FULLEST_FIRST]
    sources += [(profile, store)] if profile.name == "smoke" else []
    found = []
    for size, records in sources:
        cells = tuple(
            _cell(table, cell, size, records, left_out, own_statistics)
            for cell in _printed_or_not(table)
            if subjects is None or ((query := table.queries.get((cell.row, cell.column))) and query.subject in subjects)
        )
        if size is profile or any(cell.values for cell in cells):
            found.append(Block(table, size, cells))
    return found


def _printed_or_not(table: Table) -> list[Printed]:
    """The printed cells, and then those of the table's own that the paper does not have."""
    found = printed(table.name) if (paths.paper_numbers() / f"{table.name}.csv").exists() else []
    known = {(cell.row, cell.column) for cell in found}
    return found + [Printed(row, column, "", "") for row, column in table.queries if (row, column) not in known]


def _cell(
    table: Table, cell: Printed, size: Profile, store: Records, left_out: dict[str, str], own_statistics: bool
) -> Cell:
    """The records behind one printed cell at one profile, or why there are none."""
    query = table.queries.get((cell.row, cell.column))
    if query is None:
        return Cell(cell, None, (), (), "not run")
    if size.name == "smoke" and not query.smoke:
        return Cell(cell, query, (), (), "not run: smoke runs leave it out")
    specs = [query.specification(size, seed, own_statistics) for seed in size.seeds]
    records = tuple(record for spec in specs if (record := store.find(spec)) is not None)
    values = tuple(value for record in records if (value := query.value(record)) is not None)
    notes = [left_out[spec.key] for spec in specs if spec.key in left_out]
    if query.metric != "accuracy":  # what a record notes is about its scores
        notes += [note for record in records for note in record["metrics"].get("notes", [])]
    device = " --device cuda" if size.name == "paper" and METHODS[query.method].decodes else ""
    command = f"not run: `decnn run {table.name} --profile {size.name}{device}`"
    return Cell(cell, query, values, records, notes[0] if notes else "" if records else command)


def table_html(block: Block) -> str:
    """A block in the paper's order: for each column paper, ours (sd, seeds) and difference, or ours alone.

    Columns named "data set: method" make one table for each data set.
    """
    columns = list(dict.fromkeys(cell.paper.column for cell in block.cells))
    groups: dict[str, list[str]] = {}
    for column in columns:
        groups.setdefault(column.rpartition(": ")[0], []).append(column)
    return "".join(_part_html(block, name, group) for name, group in groups.items())


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
    """A table that scrolls on a narrow page and can be reached by keyboard; smoke blocks are watermarked."""
    watermark = " decnn-smoke" if smoke else ""
    return (
        f'<div class="decnn-table{watermark}" tabindex="0" role="region" aria-label="{_text(title)}"><table>'
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
        f"{block.table.title}. {kind}: {size.steps:,} steps of {size.batch_size}, {wide}, {voted}; "
        "ours is the mean over seeds ± sd (number of seeds)."
    )


def _count(size: int | None) -> str:
    return "all" if size is None else f"up to {size:,}"


def provenance_html(found: list[Block]) -> str:
    """For each block: records, commits, device and seconds, folded away until asked for."""
    parts = []
    for block in found:
        records = list({record["key"]: record for cell in block.cells for record in cell.records}.values())
        names = ("record", "method", "data", "seed", "commit", "device", "training, s", "evaluation, s")
        head = "".join(f'<th scope="col">{name}</th>' for name in names)
        lines = "".join(_record_html(record) for record in records)
        title = f"Records of the {block.profile.name} block"
        content = region(title, f"<thead><tr>{head}</tr></thead><tbody>{lines}</tbody>", block.smoke)
        summary = f"{block.profile.name}: {len(records)} records"
        parts.append(f'<details class="provenance"><summary>{summary}</summary>{content}</details>')
    return "".join(parts)


def _record_html(record: dict) -> str:
    training = record["specification"]["training"]
    dirty = " (changed)" if record["dirty"] else ""
    together = f" (1/{record['trained_together']} of a stack)" if record["trained_together"] > 1 else ""
    values = (
        record["key"],
        record["specification"]["evaluation"]["method"],
        training["dataset"],
        training["seed"],
        record["commit"][:10] + dirty,
        f"{record['device']['name']}, {record['device']['threads']} threads",
        f"{record['seconds']['training']:.0f}{together}",
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
    return "".join(f"<td>{shown[kind]}</td>" for kind in kinds)


def _text(text: str) -> str:
    return html.escape(text)


def _code(text: str) -> str:
    """Escape a note and set what stands between backticks as code."""
    parts = html.escape(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
