"""Our value of a comparison: cells of one network combined seed by seed, networks as independent samples."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from decnn.study.verdicts import intervals
from decnn.study.verdicts.evidence import Measured
from decnn.study.verdicts.intervals import Sample
from decnn.study.verdicts.ledger import Comparison
from decnn.study.verdicts.sides import CellName

__all__ = ["Estimate", "LookUp", "Part", "estimate"]

LookUp = Callable[[str, CellName], Measured | None]  # profile, cell -> what was measured, None if nothing was


@dataclass(frozen=True)
class Part:
    """What one network adds to a contrast: s = sum_i w_i cell_i, in a ratio sum_i w_i ln cell_i; of sizes |s| or -|s|.

    Attributes:
        cells: name, slope of the sum in the cell, and what was measured.
        sample: the sum over seeds.
        error: its standard error over test examples, None where a record holds too little.
    """

    cells: tuple[tuple[CellName, float, Measured], ...]
    sample: Sample
    error: float | None


@dataclass(frozen=True)
class Estimate:
    """Our value of a contrast, None if it is a ratio with a zero in it, with what is known of its noise."""

    contrast: float | None
    parts: tuple[Part, ...]

    @property
    def single(self) -> bool:
        """Whether a network has one seed only."""
        return any(part.sample.count == 1 for part in self.parts)

    @property
    def error(self) -> float | None:
        """Standard error over test examples, None where a record holds too little; networks share no example's luck."""
        errors = [part.error for part in self.parts]
        return None if None in errors else math.hypot(*errors)

    @property
    def over_seeds(self) -> float | None:
        """Half of the 95 % interval over seeds."""
        spread = intervals.standard_error([part.sample for part in self.parts])
        return None if spread is None else intervals.half_width(*spread)

    @property
    def over_examples(self) -> float | None:
        """Half of the 95 % interval over test examples."""
        return None if self.error is None else intervals.half_width(self.error)

    def p_over_seeds(self, margin: float) -> float | None:
        """Of a contrast that lies `margin` from a border: two-sided p of Welch's test."""
        spread = intervals.standard_error([part.sample for part in self.parts])
        return None if spread is None else intervals.tail(abs(margin), *spread)

    def p_over_examples(self, margin: float) -> float | None:
        """The same over test examples."""
        return None if self.error is None else intervals.tail(abs(margin), self.error)

    def p(self, margin: float) -> float | None:
        """The larger of the two, or that over seeds; None where nothing tells what another seed would bring."""
        over_seeds, over_examples = self.p_over_seeds(margin), self.p_over_examples(margin)
        return None if over_seeds is None else max(over_seeds, over_examples or 0.0)


def estimate(comparison: Comparison, profile: str, look_up: LookUp) -> Estimate | None:
    """The contrast at a profile, None where a cell has not been run, or cells of one network share no seed."""
    found = [(cell, weight, look_up(profile, cell)) for cell, weight in comparison.weights]
    if any(measured is None for *_, measured in found):
        return None
    if comparison.scale == "size":
        count = len(comparison.left)
        parts = [_part(found[:count], "size", 1), _part(found[count:], "size", -1)]
    else:
        networks: dict[str, list[tuple[CellName, float, Measured]]] = {}
        for entry in found:
            networks.setdefault(entry[2].network, []).append(entry)
        if comparison.scale == "ratio" and any(value <= 0 for *_, m in found for value in m.values.values()):
            return Estimate(None, tuple(_undefined(cells) for cells in networks.values()))
        parts = [_part(cells, comparison.scale) for cells in networks.values()]
    if None in parts:
        return None
    return Estimate(comparison.constant + sum(part.sample.mean for part in parts), tuple(parts))


def _part(cells: Sequence[tuple[CellName, float, Measured]], scale: str, sign: int = 1) -> Part | None:
    seeds = sorted(set.intersection(*(set(measured.values) for *_, measured in cells)))
    if not seeds:
        return None
    ratio = scale == "ratio"
    values = [sum(w * (math.log(m.values[s]) if ratio else m.values[s]) for _, w, m in cells) for s in seeds]
    if scale == "size":
        values = [sign * abs(value) for value in values]
    sloped = tuple((cell, w / _mean(m.values, seeds) if ratio else w, m) for cell, w, m in cells)
    return Part(sloped, _sample(values, sloped), _error(sloped, seeds))


def _undefined(cells: Sequence[tuple[CellName, float, Measured]]) -> Part:
    """What leads to the records of a network, without a sum."""
    count = min(len(measured.values) for *_, measured in cells)
    return Part(tuple(cells), Sample(math.nan, count, None, math.nan), None)


def _sample(values: list[float], cells: Sequence[tuple[CellName, float, Measured]]) -> Sample:
    mean = statistics.fmean(values)
    if len(values) > 1:
        return Sample(mean, len(values), statistics.stdev(values), len(values) - 1)
    known = [measured.known for *_, measured in cells]
    if None not in known:
        count = min(count for _, count in known)
        return Sample(mean, count, _spread(cells, [sd for sd, _ in known]), count - 1)
    elsewhere = [measured.elsewhere for *_, measured in cells]
    if None not in elsewhere:
        freedom = min(freedom for _, freedom in elsewhere)
        return Sample(mean, 1, _spread(cells, [sd for sd, _ in elsewhere]), freedom)
    return Sample(mean, 1, None, math.nan)


def _error(cells: Sequence[tuple[CellName, float, Measured]], seeds: list[int]) -> float | None:
    """Seeds share their test examples, so the error of their mean is that of one."""
    if any(measured.errors.keys().isdisjoint(seeds) for *_, measured in cells):
        return None
    return _spread(cells, [_mean(m.errors, sorted(m.errors.keys() & set(seeds))) for *_, m in cells])


def _spread(cells: Sequence[tuple[CellName, float, Measured]], sds: list[float]) -> float:
    """Standard deviation of the sum from those of its cells, were they independent."""
    return math.hypot(*(slope * sd for (_, slope, _), sd in zip(cells, sds, strict=True)))


def _mean(values: Mapping[int, float], seeds: list[int]) -> float:
    return statistics.fmean(values[seed] for seed in seeds)
