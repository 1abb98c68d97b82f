"""The claim ledger: what the paper says, as tests on cells of its tables, fixed in a file before they are judged.

`book/paper/claims.yml` is a list. Every entry has an `id`, the paper's `section`, and the `sentence` in our words,
and one of three:

- `left`, `relation`, `right`, `tolerance`: a test. A side is a number, a cell `[row, column]` of `table` as printed, a
  cell `[table, row, column]`, or made of sides: `{mean: [...]}`, `{minus: [a, b]}`, `{times: [number, side]}`.
  `over` repeats it: `{name: [values]}` takes every combination, a list of `{name: value}` takes these; `{name}` in a
  row or column stands for the value. Combinations that the paper leaves empty are dropped.
- `rests_on`: ids of claims that it sums up.
- `untested`: why no record can tell.

`scale: ratio` compares left / right in place of left - right, and its tolerance is a factor. `profiles` names those
that can tell, where not all can.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from decnn.study import experiments, paper, paths, tables
from decnn.study.experiments import named

__all__ = ["BEYOND", "RELATIONS", "CellName", "Claim", "Comparison", "cells", "read"]

RELATIONS = {">": "above", "<": "below", "about": "about"}
BEYOND = "not in the paper"  # the section of claims of our own
PARAMETERS = "parameters"  # as a table: what the records of Table 10 count besides seconds
ABOUT = ("id", "section", "sentence")
KINDS = ("left", "rests_on", "untested")
TEST = ("left", "relation", "right", "tolerance")
OTHERS = ("table", "over", "case", "scale", "profiles", "note", "chapter")
CellName = tuple[str, str, str]  # table, row, column


@dataclass(frozen=True)
class Comparison:
    """A contrast c = sum_i w_i cell_i + constant (left - right), and where the claim says that it lies.

    Attributes:
        relation: ">" says c > 0, "<" says c < 0, "about" says |c| <= band.
        tolerance: of "about", how near; of an order, how near c has to come to the printed c to count as reproduced.
        ratio: cells and numbers enter by their logarithm, so exp(c) = left / right, and the tolerance is a factor.
        printed: the contrast of the printed numbers, None where one is not printed.
        case: what it is tested on, for the reader.
        text: the test, for the reader.
    """

    weights: tuple[tuple[CellName, float], ...]
    constant: float
    relation: str
    tolerance: float
    ratio: bool
    printed: float | None
    case: str = field(compare=False)
    text: str = field(compare=False)

    @property
    def table(self) -> str:
        """The table that it is about: its first cell's."""
        return _table_of(self.weights[0][0])

    @property
    def band(self) -> float:
        """The tolerance on the scale of the contrast."""
        return math.log(self.tolerance) if self.ratio else self.tolerance

    def margin(self, contrast: float) -> float:
        """How far inside the claimed region a contrast lies; negative outside."""
        return {">": contrast, "<": -contrast, "about": self.band - abs(contrast)}[self.relation]

    def alike(self, contrast: float) -> bool:
        """Whether it is what is printed: of "about" any near enough, of an order one of that size."""
        return self.printed is not None and (self.relation == "about" or abs(contrast - self.printed) <= self.band)

    @property
    def borne_out(self) -> bool | None:
        """Whether the printed numbers agree with the sentence, None where the paper prints none."""
        return None if self.printed is None else self.margin(self.printed) >= -1e-9


@dataclass(frozen=True)
class Claim:
    """One entry of the ledger: comparisons, or the claims that it rests on, or why it cannot be tested."""

    id: str
    section: str
    sentence: str
    comparisons: tuple[Comparison, ...] = ()
    rests_on: tuple[str, ...] = ()
    untested: str = ""
    profiles: tuple[str, ...] = ()  # that can tell; empty: all
    note: str = ""
    chapter: str = ""

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables whose cells it compares, the tests' own first."""
        own = [comparison.table for comparison in self.comparisons]
        others = [_table_of(cell) for comparison in self.comparisons for cell, _ in comparison.weights]
        return tuple(dict.fromkeys(own + others))


def read(path: Path | None = None) -> tuple[Claim, ...]:
    """All claims of a ledger, by default the paper's, in the file's order.

    Raises:
        ValueError: an entry that is no claim; the message names it and says what was expected.

    Example:
        >>> read()[0].section
        'Abstract'
    """
    import yaml

    path = path or paths.paper_numbers() / "claims.yml"
    claims: dict[str, Claim] = {}
    for entry in yaml.safe_load(path.read_text()):
        name = entry.get("id", "without an id") if isinstance(entry, Mapping) else entry
        try:
            claim = _claim(entry)
            if claim.id in claims:
                raise ValueError("expected an id of its own, got one that is taken: rename it")
        except ValueError as error:
            raise ValueError(f"{path.name}, claim {name}: {error}") from None
        claims[claim.id] = claim
    tested = {name: claim for name, claim in claims.items() if claim.comparisons}
    for name, claim in claims.items():
        for other in claim.rests_on:
            try:
                named(other, tested, "claim with a test to rest on")
            except ValueError as error:
                raise ValueError(f"{path.name}, claim {name}: {error}") from None
    return tuple(claims.values())


@functools.cache
def cells(table: str) -> Mapping[tuple[str, str], float | None]:
    """The cells that a claim may name, and what the paper prints there: a dash is no cell.

    Raises:
        ValueError: an unknown table, with the known ones and the nearest.
    """
    printed = {path.stem for path in paths.paper_numbers().glob("*.csv")}
    named(table, dict.fromkeys([*sorted(printed | set(tables.TABLES)), PARAMETERS]), "table")
    if table == PARAMETERS:
        return dict.fromkeys(cells("table_10"))
    if table in printed:
        return {(cell.row, cell.column): cell.value for cell in paper.printed(table) if cell.text}
    return dict.fromkeys(tables.table(table).queries)


def _table_of(cell: CellName) -> str:
    return "table_10" if cell[0] == PARAMETERS else cell[0]


def _claim(entry: Mapping) -> Claim:
    if not isinstance(entry, Mapping):
        raise ValueError(f"expected keys and values, got {entry!r}: see the head of the file")
    for key in entry:
        named(key, dict.fromkeys([*ABOUT, *TEST, "rests_on", "untested", *OTHERS]), "key")
    kinds = [kind for kind in KINDS if kind in entry]
    if len(kinds) != 1:
        raise ValueError(f"expected one of {', '.join(KINDS)}, got {' and '.join(kinds) or 'none'}: leave one")
    missing = [key for key in (*ABOUT, *(TEST if "left" in entry else ())) if key not in entry]
    if missing:
        raise ValueError(f"expected {', '.join(missing)}, got none: add it")
    own = {key: str(entry[key]).strip() for key in (*ABOUT, "untested", "note", "chapter") if key in entry}
    return Claim(
        **own,
        comparisons=_comparisons(entry) if "left" in entry else (),
        rests_on=tuple(entry.get("rests_on", ())),
        profiles=tuple(experiments.profile(name).name for name in entry.get("profiles", ())),
    )


def _comparisons(entry: Mapping) -> tuple[Comparison, ...]:
    named(entry["relation"], RELATIONS, "relation")
    ratio = named(entry.get("scale", "difference"), {"difference": False, "ratio": True}, "scale")
    tolerance, least = entry["tolerance"], 1 if ratio else 0
    if not isinstance(tolerance, int | float) or tolerance <= least:
        raise ValueError(f"expected a tolerance above {least}, got {tolerance!r}: say how near is near enough")
    found = []
    for values in _cases(entry.get("over", {})):
        left, right = (_filled(entry[side], values) for side in ("left", "right"))
        sides = [_linear(side, entry.get("table"), ratio) for side in (left, right)]
        weights = {cell: 0.0 for side in sides for cell in side if cell is not None}
        for sign, side in zip((1, -1), sides, strict=True):
            for cell in side.keys() - {None}:
                weights[cell] += sign * side[cell]
        if any(cell[1:] not in cells(cell[0]) for cell in weights):
            continue
        constant = sides[0].get(None, 0.0) - sides[1].get(None, 0.0)
        used = tuple((cell, weight) for cell, weight in weights.items() if weight)
        case = _filled(entry["case"], values) if "case" in entry else ", ".join(map(str, values.values()))
        text = f"{_words(left, ratio)} {entry['relation']} {_words(right, ratio)}"
        printed = _printed(used, constant, ratio)
        found.append(Comparison(used, constant, entry["relation"], float(tolerance), ratio, printed, case, text))
    if not found:
        raise ValueError("expected a case for which the paper prints all cells, got none: mend `over`")
    return tuple(found)


def _cases(over: Mapping | list) -> Iterator[Mapping[str, object]]:
    if isinstance(over, list):
        yield from over
        return
    for values in itertools.product(*over.values()):
        yield dict(zip(over, values, strict=True))


def _filled(side: object, values: Mapping[str, object]) -> object:
    """A side with the values in place of {names}."""
    if isinstance(side, str):
        try:
            return side.format_map(values)
        except KeyError as error:
            raise ValueError(
                f"expected a name in `over`, one of {', '.join(map(str, values)) or 'none'}, got {{{error.args[0]}}}"
            ) from None
    if isinstance(side, list):
        return [_filled(part, values) for part in side]
    if isinstance(side, Mapping):
        return {name: _filled(part, values) for name, part in side.items()}
    return side


def _linear(side: object, table: str | None, ratio: bool) -> dict[CellName | None, float]:
    """A side as weights of cells, and of 1 under None."""
    if isinstance(side, int | float):
        return {None: math.log(side) if ratio else float(side)}
    if isinstance(side, list) and all(isinstance(part, str) for part in side) and len(side) in (2, 3):
        return {_cell(side if len(side) == 3 else [table, *side]): 1.0}
    if isinstance(side, Mapping) and len(side) == 1:
        (name, parts), *_ = side.items()
        named(name, dict.fromkeys(("mean", "minus", "times")), "way to make a side of sides")
        if name != "mean" and len(parts) != 2:
            raise ValueError(f"expected two parts of {name}, got {len(parts)}")
        if name == "times" and ratio:
            return _sum([({None: math.log(parts[0])}, 1.0), (_linear(parts[1], table, ratio), 1.0)])
        if name == "times":
            return _sum([(_linear(parts[1], table, ratio), float(parts[0]))])
        if name == "minus" and ratio:
            raise ValueError("expected mean or times on the scale of ratios, got minus: leave out `scale`")
        signs = [1.0, -1.0] if name == "minus" else [1 / len(parts)] * len(parts)
        return _sum([(_linear(part, table, ratio), sign) for part, sign in zip(parts, signs, strict=True)])
    raise ValueError(f"expected a number, [row, column], [table, row, column] or mean, minus, times, got {side!r}")


def _sum(parts: list[tuple[dict, float]]) -> dict:
    total: dict = {}
    for weights, factor in parts:
        for cell, weight in weights.items():
            total[cell] = total.get(cell, 0.0) + factor * weight
    return total


def _cell(parts: list[str]) -> CellName:
    """A cell whose table, row and column are known; that there is something where they meet is another matter."""
    table, row, column = parts
    known = cells(table) if table else {}
    if not table:
        raise ValueError(f"expected `table`, or the table in front of {parts[1:]}, got none: add it")
    named(row, dict.fromkeys(key[0] for key in known), f"row of {table}")
    named(column, dict.fromkeys(key[1] for key in known), f"column of {table}")
    return table, row, column


def _printed(weights: tuple[tuple[CellName, float], ...], constant: float, ratio: bool) -> float | None:
    values = [cells(cell[0])[cell[1:]] for cell, _ in weights]
    if None in values:
        return None
    scaled = [math.log(value) if ratio else value for value in values]
    return constant + sum(weight * value for (_, weight), value in zip(weights, scaled, strict=True))


def _words(side: object, ratio: bool) -> str:
    """A side as a reader would say it."""
    if isinstance(side, list):
        return f"{side[-2]} ({side[-1]}{', ' + side[0].replace('_', ' ') if len(side) == 3 else ''})"
    if isinstance(side, Mapping):
        (name, parts), *_ = side.items()
        words = [_words(part, ratio) for part in parts]
        return f"mean of {', '.join(words)}" if name == "mean" else {"minus": " - ", "times": " x "}[name].join(words)
    return str(side)
