"""Sides of a test: sums of cells of tables, as the claim ledger writes them."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

from decnn.spelling import one_of
from decnn.study import paths, tables
from decnn.study.tables import paper

__all__ = ["PARAMETERS", "CellName", "cells", "filled", "linear", "words"]

PARAMETERS = "parameters"  # as a table: what the profiles' networks have of them, in the rows and columns of Table 10
CellName = tuple[str, str, str]  # table, row, column


@functools.cache
def cells(table: str) -> Mapping[tuple[str, str], float | None]:
    """The cells that a claim may name, with what the paper prints there: a dash is no cell, one of our own has None.

    Raises:
        ValueError: an unknown table, with the known ones and the nearest.
    """
    printed = {path.stem for path in paths.paper_numbers().glob("*.csv")}
    one_of(table, [*sorted(printed | set(tables.TABLES)), PARAMETERS], "table")
    if table == PARAMETERS:
        return dict.fromkeys(cells("table_10"))
    found = {(cell.row, cell.column): cell.value for cell in paper.printed(table)} if table in printed else {}
    own = tables.TABLES[table].queries if table in tables.TABLES else {}
    return {key: value for key, value in found.items() if value is not None} | {k: None for k in own if k not in found}


def filled(side: object, values: Mapping[str, object]) -> object:
    """A side with the values in place of {names}."""
    if isinstance(side, str):
        try:
            return side.format_map(values)
        except KeyError as error:
            raise ValueError(
                f"expected a name in `over`, one of {', '.join(map(str, values)) or 'none'}, got {{{error.args[0]}}}"
            ) from None
    if isinstance(side, list):
        return [filled(part, values) for part in side]
    if isinstance(side, Mapping):
        return {name: filled(part, values) for name, part in side.items()}
    return side


def linear(side: object, table: str | None, ratio: bool) -> dict[CellName | None, float]:
    """A side as weights of cells, and of 1 under None."""
    if isinstance(side, int | float):
        return {None: math.log(side) if ratio else float(side)}
    if isinstance(side, list) and all(isinstance(part, str) for part in side) and len(side) in (2, 3):
        return {_cell(side if len(side) == 3 else [table, *side]): 1.0}
    if isinstance(side, Mapping) and len(side) == 1:
        (name, parts), *_ = side.items()
        one_of(name, ("mean", "minus", "times"), "way to make a side of sides")
        if name != "mean" and len(parts) != 2:
            raise ValueError(f"expected two parts of {name}, got {len(parts)}")
        if name == "times" and ratio:
            return _sum([({None: math.log(parts[0])}, 1.0), (linear(parts[1], table, ratio), 1.0)])
        if name == "times":
            return _sum([(linear(parts[1], table, ratio), float(parts[0]))])
        if name == "minus" and ratio:
            raise ValueError("expected mean or times on the scale of ratios, got minus: leave out `scale`")
        signs = [1.0, -1.0] if name == "minus" else [1 / len(parts)] * len(parts)
        return _sum([(linear(part, table, ratio), sign) for part, sign in zip(parts, signs, strict=True)])
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
    one_of(row, dict.fromkeys(key[0] for key in known), f"row of {table}")
    one_of(column, dict.fromkeys(key[1] for key in known), f"column of {table}")
    return table, row, column


def words(side: object, scale: str) -> str:
    """A side as a reader would say it."""
    if isinstance(side, list):
        return f"{side[-2]} ({side[-1]}{', ' + side[0].replace('_', ' ') if len(side) == 3 else ''})"
    if isinstance(side, Mapping):
        (name, parts), *_ = side.items()
        said = [words(part, "difference") for part in parts]
        text = f"mean of {', '.join(said)}" if name == "mean" else {"minus": " - ", "times": " x "}[name].join(said)
        return f"|{text}|" if scale == "size" else text
    return str(side)
