"""What records say of a cell, as a verdict needs it: values by seed, and how far other examples could move each."""

from __future__ import annotations

import dataclasses
import functools
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from decnn.spelling import one_of
from decnn.study import paths, tables
from decnn.study.runs import machines
from decnn.study.runs.records import Records, measured
from decnn.study.specifications import Profile, Spec, profile, specification
from decnn.study.tables.paper import FULLEST_FIRST
from decnn.study.tables.queries import Query
from decnn.study.verdicts import intervals
from decnn.study.verdicts.sides import PARAMETERS, CellName

__all__ = ["Measured", "Record", "comparable_sd", "look_up", "pooled", "values"]

NORMAL = 1.959964  # half the width of a 95 % interval, in standard errors


@dataclass(frozen=True)
class Record:
    """One value and where it comes from: `path` is that of its file below book/."""

    path: str
    seed: int | None
    value: float
    commit: str
    device: str


@dataclass(frozen=True)
class Measured:
    """A cell at one profile.

    Attributes:
        network: what was trained, but for its seed: cells of one network are not independent of each other.
        values: by seed.
        errors: by seed, the standard error over test examples, where a record holds enough to tell.
        known: standard deviation of one value and number of values, where `values` holds their mean under 0.
        elsewhere: of a single seed, the sd over seeds of the same cell at the other profiles, or else of the same
            number of the same method at this one, and its degrees of freedom.
    """

    network: str
    values: Mapping[int, float]
    errors: Mapping[int, float] = field(default_factory=dict)
    records: tuple[Record, ...] = ()
    known: tuple[float, int] | None = None
    elsewhere: tuple[float, float] | None = None


@functools.cache
def look_up(profile_name: str, cell: CellName, own_statistics: bool = False) -> Measured | None:
    """The cell in the committed records of a profile, None where it has not been run. Smoke records never count.

    With `own_statistics`, paths are those that training examples walk along to give batch normalisation its statistics.

    Raises:
        ValueError: an unknown profile, or smoke.
    """
    size = _with_findings(profile_name)
    table, row, column = cell
    if table == PARAMETERS:
        return _parameters(size, row, column)
    if table == "table_10":
        return _cost(size, row, column)
    query = _query(cell)
    by_seed = _values(query, size, own_statistics) if query else {}
    if not by_seed:
        return None
    specs = {seed: query.specification(size, seed, own_statistics) for seed in by_seed}
    errors = {seed: _error(query.metric, _found(spec)) for seed, spec in specs.items()}
    return Measured(
        str(dataclasses.replace(specs[min(specs)].training, seed=0)),
        by_seed,
        {seed: error for seed, error in errors.items() if error is not None},
        tuple(_record(spec, by_seed[seed]) for seed, spec in specs.items()),
        elsewhere=_elsewhere(query, size, own_statistics) if len(by_seed) == 1 else None,
    )


def values(profile_name: str, cell: CellName) -> Mapping[int, float]:
    """The cell by seed, as far as it has been run; of Table 10 the mean of its blocks."""
    if cell[0] in ("table_10", PARAMETERS):
        measured = look_up(profile_name, cell)
        return measured.values if measured else {}
    query = _query(cell)
    return _values(query, _with_findings(profile_name)) if query else {}


@functools.cache
def comparable_sd(profile_name: str, cell: CellName) -> float | None:
    """Standard deviation over seeds to plan by, not to judge by: of any method's same number in the cell's table."""
    asked, size = _query(cell), _with_findings(profile_name)
    found = asked and _alike(asked, size, tables.TABLES[cell[0]].queries.values())
    return found[0] if found else None


def pooled(groups: Iterable[Mapping[int, float]]) -> tuple[float, float] | None:
    """Standard deviation around each group's own mean, and its degrees of freedom; None without a group of two.

    Example:
        >>> pooled([{0: 1.0, 1: 3.0}, {0: 5.0}])
        (1.4142135623730951, 1)
    """
    squares, freedom = 0.0, 0
    for group in (group.values() for group in groups if group):
        mean = statistics.fmean(group)
        squares += sum((value - mean) ** 2 for value in group)
        freedom += len(group) - 1
    return (math.sqrt(squares / freedom), freedom) if freedom else None


def _with_findings(name: str) -> Profile:
    return profile(one_of(name, FULLEST_FIRST, "profile with findings"))


def _query(cell: CellName) -> Query | None:
    """What asks for the cell; None of a table that nothing here fills."""
    table, row, column = cell
    return tables.TABLES[table].queries.get((row, column)) if table in tables.TABLES else None


def _found(spec: Spec) -> dict | None:
    return Records(paths.records()).find(spec)


@functools.cache
def _values(query: Query, size: Profile, own_statistics: bool = False) -> dict[int, float]:
    """By seed, of the runs that have a record in which the number is defined."""
    planned = query.specification(size, size.seeds[0], own_statistics)
    seeds = Records(paths.records()).seeds(planned, size.seeds)
    found = {seed: _found(planned.with_seed(seed)) for seed in seeds}
    told = {seed: query.value(record) for seed, record in found.items() if record is not None}
    return {seed: value for seed, value in told.items() if value is not None}


def _elsewhere(query: Query, size: Profile, own_statistics: bool) -> tuple[float, float] | None:
    others = (_values(query, profile(name), own_statistics) for name in FULLEST_FIRST if name != size.name)
    return pooled(others) or _alike(query, size, _of_method(query, size), own_statistics)


def _of_method(query: Query, size: Profile) -> Iterator[Query]:
    """What any table asks of the same method; a row on the pretrained network that is composed with is not of it."""
    every = [q for table in tables.TABLES.values() for q in table.queries.values()]
    method = query.specification(size, 0).evaluation.method
    return (q for q in every if q.specification(size, 0).evaluation.method == method)


def _alike(
    query: Query, size: Profile, others: Iterable[Query], own_statistics: bool = False
) -> tuple[float, float] | None:
    """Pooled over the runs of other cells that show the same number."""
    distinct = {(q.specification(size, 0), q.metric): q for q in others if q.kind == query.kind}
    return pooled(_values(other, size, own_statistics) for other in distinct.values())


def _record(spec: Spec, value: float) -> Record:
    record = _found(spec)
    path = Records(paths.records()).path(spec).relative_to(paths.root() / "book")
    return Record(path.as_posix(), spec.training.seed, value, record["commit"], record["device"]["name"])


def _error(metric: str, record: dict) -> float | None:
    """Standard error of a number over test examples: a bootstrap of what its record counts, None if that is too little.

    Of attributes a record counts (image, attribute) pairs: those of one image are taken to stand or fall together.
    """
    together = math.sqrt(record["metrics"].get("attributes", 1))
    if metric == "accuracy":  # where a bootstrap of right and wrong tends
        share = measured(record, metric) / 100
        return 100 * math.sqrt(share * (1 - share) / measured(record, "test_examples"))
    if metric == "misclassification_auroc":
        error = intervals.auroc_error(measured(record, "vote_entropy_counts"))
        return None if error is None else together * error
    if metric == "ece":
        return together * intervals.ece_error(measured(record, "reliability"))
    if metric.endswith("/value"):  # of a group: the record has its own bootstrap
        interval = measured(record, metric.removesuffix("value") + "interval")
        # An interval without width, as of an F1 where nobody is given a yes, tells nothing.
        return None if interval is None or interval[0] == interval[1] else (interval[1] - interval[0]) / (2 * NORMAL)
    return None


def _cost(size: Profile, row: str, column: str) -> Measured | None:
    """Seconds of an epoch of the plain implementation, at the profile's width of the decoder; a GPU's if there are."""
    found = [record for record in machines.saved("cost") if record["width"] == size.width]
    found.sort(key=lambda record: record["device"] != "cuda")
    cells = {(c["method"], c["column"], c["kind"]): c for record in found[:1] for c in record["cells"]}
    if (row, column, "plain") not in cells:
        return None
    seconds, sd = (cells[row, column, "plain"][key] for key in ("seconds", "sd"))
    path = machines.place("cost", found[0]).relative_to(paths.root() / "book")
    record = Record(path.as_posix(), None, seconds, found[0]["commit"], found[0]["machine"])
    return Measured(f"{row} {column}", {0: seconds}, records=(record,), known=(sd, found[0]["repetitions"]))


def _parameters(size: Profile, row: str, column: str) -> Measured:
    """How many parameters a profile's network has, with its decoder: counted, so without doubt and without a run."""
    from decnn.decoders import parameter_count
    from decnn.study.specifications.models import build
    from decnn.study.tables.queries import DATASETS

    network = build(specification(row, DATASETS[column], size, seed=0).training)
    return Measured(f"{row} {column}", {0: float(parameter_count(network))}, known=(0.0, 2))
