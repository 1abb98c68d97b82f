"""The printed numbers, joined with records, one block for each profile."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from decnn.study import paths, specifications, tables
from decnn.study.runs.records import Records
from decnn.study.runs.runner import fill
from decnn.study.specifications import METHODS, PROFILES, Profile, Spec
from decnn.study.tables.catalogue import Table
from decnn.study.tables.queries import Query

__all__ = ["FULLEST_FIRST", "WHOLE", "Block", "Cell", "Printed", "blocks", "findings", "printed"]

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


def findings(found: list[Block]) -> list[Block]:
    """The blocks without those of smoke runs, which are no findings."""
    return [block for block in found if not block.smoke]


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
    table, profile = tables.table(name), specifications.profile(compute)
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


def _concerns(note: str, query: Query, record: dict) -> bool:
    """Whether a note is about a number: of outliers, if the score that it is of is constant.

    Of a group or a probe, a note is about its undefined numbers alone; it begins with their name.
    """
    kind, *names = query.metric.split("/")
    if kind in ("sets", "corruptions"):
        sets = record["metrics"]["sets"]
        score, asked = (names[2], [names[0]]) if kind == "sets" else (names[0], sets)
        return any(sets[name]["scores"][score]["constant"] for name in asked)
    if kind not in ("groups", "probe"):
        return True
    return query.value(record) is None and note.startswith(f"{names[0] if kind == 'groups' else kind} ")


def _noted(query: Query, records: Sequence[dict]) -> list[str]:
    """What records note of the number, with their seeds where others note nothing."""
    found = {}
    for record in records:
        notes = [note for note in record["metrics"].get("notes", []) if _concerns(note, query, record)]
        if notes:
            found[record["specification"]["training"]["seed"]] = notes[0]
    some = f"seed {' and '.join(map(str, found))}: " * (len(found) < len(records))
    return [some + note for note in found.values()]


def _cell(
    table: Table, cell: Printed, size: Profile, store: Records, left_out: dict[str, str], own_statistics: bool
) -> Cell:
    """The records behind one printed cell at one profile, or why there are none."""
    query = table.queries.get((cell.row, cell.column))
    if query is None:
        return Cell(cell, None, (), (), "not run")
    if size.name == "smoke" and not query.smoke:
        return Cell(cell, query, (), (), "not run: smoke runs leave it out")
    planned = query.specification(size, size.seeds[0], own_statistics)
    specs = [planned.with_seed(seed) for seed in store.seeds(planned, size.seeds)]
    records = tuple(record for spec in specs if (record := store.find(spec)) is not None)
    values = tuple(value for record in records if (value := query.value(record)) is not None)
    notes = [left_out[spec.key] for spec in specs if spec.key in left_out]
    if query.metric != "accuracy":  # what a record notes is about its scores
        notes += _noted(query, records)
    device = " --device cuda" if size.name == "paper" and METHODS[query.method].decodes else ""
    command = f"not run: `decnn run {table.name} --profile {size.name}{device}`"
    return Cell(cell, query, values, records, notes[0] if notes else "" if records else command)
