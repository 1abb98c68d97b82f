"""The claim ledger: what the paper says, as tests on cells of its tables, fixed in a file before they are judged.

`book/paper/claims.yml` is a list. Every entry has an `id`, the paper's `section`, and the `sentence` in our words,
and one of three:

- `left`, `relation`, `right`, `tolerance`: a test. A side is a number, a cell `[row, column]` of `table` as printed, a
  cell `[table, row, column]`, or made of sides: `{mean: [...]}`, `{minus: [a, b]}`, `{times: [number, side]}`.
  `over` repeats it: `{name: [values]}` takes every combination, a list of `{name: value}` takes these; `{name}` in a
  row or column stands for the value. Combinations that the paper leaves empty are dropped.
- `rests_on`: ids of claims that it sums up.
- `untested`: why no record can tell.

`scale: ratio` compares left / right in place of left - right, and its tolerance is a factor; `scale: size` compares
|left| with |right|, seed by seed. `profiles` names those that can tell, where not all can.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from decnn.spelling import one_of
from decnn.study import paths, specifications
from decnn.study.verdicts.sides import PARAMETERS, CellName, cells, filled, linear, words

__all__ = ["BEYOND", "RELATIONS", "SCALES", "Claim", "Comparison", "read"]

RELATIONS = (">", "<", "about")
SCALES = ("difference", "ratio", "size")
BEYOND = "not in the paper"  # the section of claims of our own
ABOUT = ("id", "section", "sentence")
KINDS = ("left", "rests_on", "untested")
TEST = ("left", "relation", "right", "tolerance")
OTHERS = ("table", "over", "case", "scale", "profiles", "note", "chapter")


@dataclass(frozen=True)
class Comparison:
    """A contrast c of two sides, each a weighted sum of cells, and where the claim says that it lies.

    Attributes:
        left, right: cells with their weights.
        constant: what numbers add to left - right.
        relation: ">" says c > 0, "<" says c < 0, "about" says |c| <= band.
        tolerance: of "about", how near; of an order, how near c has to come to the printed c to count as reproduced.
        scale: "difference": c = left - right + constant. "ratio": cells and numbers enter by their logarithm, so
            exp(c) is left / right, and the tolerance is a factor. "size": c = |left| - |right|.
        printed: the contrast of the printed numbers, None where one is not printed.
        case: what it is tested on, for the reader.
        text: the test, for the reader.
    """

    left: tuple[tuple[CellName, float], ...]
    right: tuple[tuple[CellName, float], ...]
    constant: float
    relation: str
    tolerance: float
    scale: str
    printed: float | None
    case: str = field(compare=False)
    text: str = field(compare=False)

    @property
    def weights(self) -> tuple[tuple[CellName, float], ...]:
        """Of all cells: those of the right side count against those of the left."""
        return self.left + tuple((cell, -weight) for cell, weight in self.right)

    @property
    def ratio(self) -> bool:
        """Whether the contrast is a logarithm."""
        return self.scale == "ratio"

    @property
    def table(self) -> str:
        """The table that it is about: its first cell's."""
        return _table_of((self.left + self.right)[0][0])

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
    def tested(self) -> bool:
        """Whether it is the paper's and has tests of its own: sums of other claims have none."""
        return self.section != BEYOND and bool(self.comparisons)

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
                one_of(other, tested, "claim with a test to rest on")
            except ValueError as error:
                raise ValueError(f"{path.name}, claim {name}: {error}") from None
    return tuple(claims.values())


def _table_of(cell: CellName) -> str:
    return "table_10" if cell[0] == PARAMETERS else cell[0]


def _claim(entry: Mapping) -> Claim:
    if not isinstance(entry, Mapping):
        raise ValueError(f"expected keys and values, got {entry!r}: see the head of the file")
    for key in entry:
        one_of(key, [*ABOUT, *TEST, "rests_on", "untested", *OTHERS], "key")
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
        profiles=tuple(specifications.profile(name).name for name in entry.get("profiles", ())),
    )


def _comparisons(entry: Mapping) -> tuple[Comparison, ...]:
    one_of(entry["relation"], RELATIONS, "relation")
    scale = one_of(entry.get("scale", "difference"), SCALES, "scale")
    tolerance, least = entry["tolerance"], 1 if scale == "ratio" else 0
    if not isinstance(tolerance, int | float) or tolerance <= least:
        raise ValueError(f"expected a tolerance above {least}, got {tolerance!r}: say how near is near enough")
    found = []
    for values in _cases(entry.get("over", {})):
        sides = [filled(entry[side], values) for side in ("left", "right")]
        left, right = (linear(side, entry.get("table"), scale == "ratio") for side in sides)
        constant = left.pop(None, 0.0) - right.pop(None, 0.0)
        if any(cell[1:] not in cells(cell[0]) for cell in (*left, *right)):
            continue
        if scale == "size" and (constant or not left or not right):
            raise ValueError("expected cells on both sides of sizes and no number, got others: leave out `scale`")
        found.append(
            Comparison(
                tuple(left.items()),
                tuple(right.items()),
                constant,
                entry["relation"],
                float(tolerance),
                scale,
                _printed(left, right, constant, scale),
                filled(entry["case"], values) if "case" in entry else ", ".join(map(str, values.values())),
                f" {entry['relation']} ".join(words(side, scale) for side in sides),
            )
        )
    if not found:
        raise ValueError("expected a case for which the paper prints all cells, got none: mend `over`")
    return tuple(found)


def _cases(over: Mapping | list) -> Iterator[Mapping[str, object]]:
    if isinstance(over, list):
        yield from over
        return
    for values in itertools.product(*over.values()):
        yield dict(zip(over, values, strict=True))


def _printed(left: Mapping, right: Mapping, constant: float, scale: str) -> float | None:
    sums = []
    for side in (left, right):
        values = [cells(cell[0])[cell[1:]] for cell in side]
        if None in values:
            return None
        scaled = [math.log(value) if scale == "ratio" else value for value in values]
        total = sum(weight * value for weight, value in zip(side.values(), scaled, strict=True))
        sums.append(abs(total) if scale == "size" else total)
    return constant + sums[0] - sums[1]
