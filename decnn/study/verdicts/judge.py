"""The judge: what the records say of each claim of the ledger, at one profile.

A claim says that a contrast c of cells lies in a region (above 0, below 0, within the tolerance of 0). Cells of one
network are combined seed by seed; networks are independent. The distance of our c to the region's border is tested
twice: over seeds, by Welch's t, and over test examples, by a bootstrap, where records hold enough for one. The larger
p counts, two-sided, and Holm's correction runs over all distinct tests of the profile. A network with a single seed
takes its standard deviation from the same cells at the other profiles, or else from the same number of the same
method at this one; where there is none, nothing is tested, since nothing tells what another seed would bring.

A case of a claim is

- reproduced: inside the region, adjusted p < 0.05, several seeds of each network, numbers printed, and of an order the
  size too: our c is within the tolerance of the printed one;
- direction holds: inside, adjusted p < 0.05, but of another size, with a single seed of a network, or not printed;
- contradicted: outside, adjusted p < 0.05;
- undecided: anything else; `need` says how many seeds would settle it with power 0.8, were our c the true one;
- not run: a cell has no record at this profile.

A claim says all of its cases. It is contradicted if one of them is, else undecided if one of them is, else reproduced
if all are; if they hold but not all are reproduced, or not all were run, the direction holds. Smoke records never
count.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from decnn.spelling import one_of
from decnn.study.tables.paper import FULLEST_FIRST
from decnn.study.verdicts import evidence, intervals, ledger
from decnn.study.verdicts.contrasts import Estimate, LookUp, Part, estimate
from decnn.study.verdicts.ledger import Claim, Comparison
from decnn.study.verdicts.sides import CellName

__all__ = [
    "CONTRADICTED",
    "DIRECTION",
    "NOT_RUN",
    "REPRODUCED",
    "STATES",
    "UNDECIDED",
    "Finding",
    "Need",
    "Verdict",
    "at",
    "judge",
    "need",
    "run_cases",
    "weakest",
]

REPRODUCED, DIRECTION, CONTRADICTED = "reproduced", "direction holds", "contradicted"
UNDECIDED, NOT_RUN = "undecided", "not run"
STATES = (REPRODUCED, DIRECTION, CONTRADICTED, UNDECIDED, NOT_RUN)
LEVEL, POWER = 0.05, 0.8


@dataclass(frozen=True)
class Finding:
    """One case of a claim.

    Attributes:
        state: one of STATES.
        found: our contrast, None where a cell has not been run.
        p: adjusted, None where nothing can be tested.
        level: what an undecided p would have to pass, as far as Holm's procedure has got.
    """

    comparison: Comparison
    profile: str
    state: str
    found: Estimate | None = None
    p: float | None = None
    level: float = LEVEL

    @property
    def as_claimed(self) -> bool | None:
        """Whether ours lies where the claim says, significant or not; None where there is no contrast."""
        contrast = self.found.contrast if self.found else None
        return None if contrast is None else self.comparison.margin(contrast) > 0


@dataclass(frozen=True)
class Verdict:
    """A claim at one profile: its state, and the cases that it follows from; of a sum of claims there are none."""

    claim: Claim
    profile: str
    state: str
    findings: tuple[Finding, ...] = ()

    @property
    def run(self) -> int:
        """How many of the cases were run."""
        return sum(finding.state != NOT_RUN for finding in self.findings)

    @property
    def single(self) -> bool:
        """Whether the cases that decide it all rest on a network with one seed."""
        deciding = [finding.found for finding in self.findings if finding.found and finding.state == self.state]
        return bool(deciding) and all(found.single for found in deciding)


@dataclass(frozen=True)
class Need:
    """What would settle an undecided case.

    Attributes:
        seeds: of each network; None where seeds are enough, or no number of them can be told.
        examples: how many times the test examples, 1 where they are enough.
        why: why no number can be told, where it cannot.
    """

    seeds: int | None = None
    examples: float = 1.0
    why: str = ""

    def __str__(self) -> str:
        parts = [f"about {self.seeds} seeds"] * (self.seeds is not None)
        parts += [f"{self.examples:.1f} times the test examples"] * (self.examples > 1)
        return self.why or " and ".join(parts)


@functools.cache
def at(profile: str, own_statistics: bool = False) -> dict[str, Verdict]:
    """Verdicts of the whole ledger on the committed records, by the claims' ids.

    `own_statistics` judges paths that give batch normalisation statistics of their own: a reading beside the tables'.

    Raises:
        ValueError: an unknown profile, or smoke, whose records are no findings.
    """
    one_of(profile, FULLEST_FIRST, "profile with findings")
    return judge(ledger.read(), profile, functools.partial(evidence.look_up, own_statistics=own_statistics))


def judge(claims: Sequence[Claim], profile: str, look_up: LookUp = evidence.look_up) -> dict[str, Verdict]:
    """Verdicts at a profile; `look_up` says what was measured in a cell."""
    asked = [claim for claim in claims if profile in (claim.profiles or (profile,))]
    distinct = dict.fromkeys(comparison for claim in asked for comparison in claim.comparisons)
    found = {comparison: estimate(comparison, profile, look_up) for comparison in distinct}
    told = {c: e for c, e in found.items() if e and e.contrast is not None}
    tested = {c: p for c, e in told.items() if (p := e.p(c.margin(e.contrast))) is not None}
    adjusted = dict(zip(tested, intervals.holm(list(tested.values())), strict=True))
    level = LEVEL / max(sum(p >= LEVEL for p in adjusted.values()), 1)
    findings = {
        claim.id: tuple(
            Finding(c, profile, _state(c, found.get(c), adjusted.get(c)), found.get(c), adjusted.get(c), level)
            for c in claim.comparisons
        )
        for claim in claims
    }
    states = {name: weakest(finding.state for finding in of_claim) for name, of_claim in findings.items()}
    return {
        claim.id: Verdict(
            claim,
            profile,
            weakest(states[name] for name in claim.rests_on) if claim.rests_on else states[claim.id],
            findings[claim.id],
        )
        for claim in claims
    }


def weakest(states: Iterable[str]) -> str:
    """The state of what says all of several things.

    Example:
        >>> weakest(["reproduced", "not run"]), weakest(["reproduced", "undecided"])
        ('direction holds', 'undecided')
    """
    states = list(states)
    run = [state for state in states if state != NOT_RUN]
    if not run:
        return NOT_RUN
    decisive = next((state for state in (CONTRADICTED, UNDECIDED) if state in run), None)
    return decisive or (REPRODUCED if set(states) == {REPRODUCED} else DIRECTION)


def run_cases(judged: Mapping[str, Verdict], names: Iterable[str]) -> list[Finding]:
    """The distinct cases of some claims that have a contrast of ours."""
    findings = {finding.comparison: finding for name in names for finding in judged[name].findings}.values()
    return [finding for finding in findings if finding.as_claimed is not None]


def need(finding: Finding, comparable_sd: Callable[[str, CellName], float | None] = evidence.comparable_sd) -> Need:
    """What would settle a case that was run, with power 0.8 at the level left to it, were our contrast the true one.

    A single seed that has no standard deviation to be judged by takes that of the other methods in its table.
    """
    if finding.found.contrast is None:
        return Need(why="a zero among the values: their ratio is not defined")
    found, margin = finding.found, finding.comparison.margin(finding.found.contrast)
    sds = [_sd(part, finding.profile, comparable_sd) for part in found.parts]
    if None in sds:
        return Need(why="one seed, and no comparable run has two: how many would do cannot be told")
    seeds = intervals.seeds_to_settle(abs(margin), sds, finding.level, POWER)
    if seeds is None:
        return Need(why="over 1,000 seeds: too small beside the spread to settle")
    over_seeds, over_examples = found.p_over_seeds(margin), found.p_over_examples(margin)
    if over_examples is None or over_examples < finding.level:
        return Need(seeds)
    width = intervals.half_width(1.0, level=finding.level) + intervals.half_width(1.0, level=2 * (1 - POWER))
    enough = over_seeds is not None and over_seeds < finding.level
    return Need(None if enough else seeds, max((width * found.error / margin) ** 2, 1.0))


def _state(comparison: Comparison, found: Estimate | None, p: float | None) -> str:
    if found is None:
        return NOT_RUN
    if p is None or p >= LEVEL:
        return UNDECIDED
    if comparison.margin(found.contrast) < 0:
        return CONTRADICTED
    return REPRODUCED if comparison.alike(found.contrast) and not found.single else DIRECTION


def _sd(part: Part, profile: str, comparable_sd: Callable[[str, CellName], float | None]) -> float | None:
    if part.sample.sd is not None:
        return part.sample.sd
    sds = [comparable_sd(profile, cell) for cell, *_ in part.cells]
    return None if None in sds else math.hypot(*(s * sd for (_, s, _), sd in zip(part.cells, sds, strict=True)))
