"""A claim is an order between two rows, or of a row and a number, fixed before it is judged; seeds decide how sure the
answer is."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass

from decnn.study.paper import Block, Cell, Printed

__all__ = ["Claim", "Verdict", "claims_html", "judge", "summary"]

BADGES = {"holds": "claim-holds", "does not hold": "claim-fails", "undecided": "claim-undecided", "not run": "not-run"}
RELATIONS = (">", "about")


@dataclass(frozen=True)
class Claim:
    """`left relation right`, in the unit of the table.

    Attributes:
        sentence: what the paper says.
        left, relation, right: a subject, ">" or "about", and another subject or a number.
        tolerance: how near "about" is, or how far below `right` a `left` that is ">" may lie.
        on: the ends of the cases that it speaks of; by default all.

    Example:
        >>> Claim("Dropout costs accuracy", "Standard", ">", "Dropout").test
        'Standard > Dropout'
        >>> Claim("An ensemble is near chance", "Ensemble", "about", 0.5, tolerance=0.03).test
        'Ensemble within 0.03 of 0.5'
    """

    sentence: str
    left: str
    relation: str
    right: str | float
    tolerance: float = 0.0
    on: tuple[str, ...] = ("",)

    def __post_init__(self) -> None:
        if self.relation not in RELATIONS:
            raise ValueError(f"expected a relation, one of {RELATIONS}, got {self.relation!r}")

    @property
    def test(self) -> str:
        """The relation in words and signs."""
        if self.relation == "about":
            return f"{self.left} within {self.tolerance:g} of {self.right}"
        slack = f" - {self.tolerance:g}" if self.tolerance else ""
        return f"{self.left} > {self.right}{slack}"


@dataclass(frozen=True)
class Verdict:
    """State of a claim on one column, the difference left - right, and half its 95 % interval (nan: one seed)."""

    state: str
    difference: float = math.nan
    half_width: float = math.nan

    def __str__(self) -> str:
        if self.state == "not run":
            return self.state
        interval = "one seed" if math.isnan(self.half_width) else f"± {self.half_width:.3g}"
        return f"{self.state}: {self.difference:+.3g} ({interval})"


def judge(claim: Claim, left: Cell, right: Cell) -> Verdict:
    """Welch's 95 % interval of the difference of means over seeds against the claim.

    `>` holds if the interval lies above 0, less the tolerance, and fails if it lies below; `about` holds if it lies
    within the tolerance and fails if it lies outside. Anything else, and any single seed, is undecided.
    """
    if not left.values or not right.values:
        return Verdict("not run")
    difference = left.mean - right.mean
    if left.sd is None or right.sd is None:
        return Verdict("undecided", difference)
    half = _half_width(left, right)
    low, high = difference - half, difference + half
    if claim.relation == ">":
        holds, fails = low > -claim.tolerance, high < -claim.tolerance
    else:
        holds = low >= -claim.tolerance and high <= claim.tolerance
        fails = low > claim.tolerance or high < -claim.tolerance
    return Verdict("holds" if holds else "does not hold" if fails else "undecided", difference, half)


def _half_width(left: Cell, right: Cell) -> float:
    from scipy.stats import t

    parts = [cell.sd**2 / len(cell.values) for cell in (left, right)]
    variance = sum(parts)
    if variance == 0:
        return 0.0
    freedom = variance**2 / sum(p**2 / (len(c.values) - 1) for p, c in zip(parts, (left, right), strict=True))
    return float(t.ppf(0.975, freedom)) * math.sqrt(variance)


def summary(claims: list[Claim], found: list[Block]) -> str:
    """What was decided, in one Markdown paragraph: claims that hold and that do not, by case and profile."""
    decided: dict[str, list[str]] = {"holds": [], "does not hold": []}
    total = count = 0
    for block in (block for block in found if not block.smoke):
        for claim in claims:
            cases: dict[str, list[str]] = {}
            for case in _cases(claim, block):
                cases.setdefault(_verdict(claim, block, case).state, []).append(case)
            total += sum(map(len, cases.values()))
            for state in decided.keys() & cases.keys():
                count += len(cases[state])
                decided[state].append(f"*{claim.sentence}* ({'; '.join(cases[state])}; {block.profile.name})")
    if not total:
        return "**In short.** Nothing is decided: no records but smoke runs are at hand."
    if not any(decided.values()):
        return "**In short.** Every test is undecided or not run."
    head = "some claims do not hold" if decided["does not hold"] else "what is decided holds"
    parts = [
        f"{'Holds' if state == 'holds' else 'Does not hold'}: {'. '.join(t)}." for state, t in decided.items() if t
    ]
    return "\n\n".join(
        [f"**Finding: {head}.** {total - count} of {total} tests are undecided or not run.", *reversed(parts)]
    )


def claims_html(claims: list[Claim], found: list[Block]) -> str:
    """A table of claims, a row for each case and a column for each profile; smoke blocks are never judged."""
    found = [block for block in found if not block.smoke]
    if not found:
        return '<p class="not-run">No claim is judged here: no records but smoke runs are at hand.</p>'
    rows = []
    for claim in claims:
        cases = _cases(claim, found[0])
        title = f"{html.escape(claim.sentence)}<br><small>{html.escape(claim.test)}</small>"
        for place, case in enumerate(cases):
            head = "" if place else f'<th scope="rowgroup" rowspan="{len(cases)}">{title}</th>'
            verdicts = [_verdict(claim, block, case) for block in found]
            cells = "".join(f'<td><span class="{BADGES[v.state]}">{html.escape(str(v))}</span></td>' for v in verdicts)
            rows.append(f'<tr>{head}<th scope="row">{html.escape(case)}</th>{cells}</tr>')
    head = "".join(f'<th scope="col">{block.profile.name}</th>' for block in found)
    return (
        '<div class="decnn-table" tabindex="0" role="region" aria-label="claims and verdicts"><table>'
        "<caption>Claims, fixed before the runs; difference of means over seeds with Welch's 95 % interval.</caption>"
        f'<thead><tr><th scope="col">Claim</th><th scope="col">on</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cases(claim: Claim, block: Block) -> list[str]:
    """Those that the claim speaks of and where both its sides have a cell."""
    asked = [case for case in block.table.cases if case.endswith(claim.on)]
    return [case for case in asked if all(_side(block, side, case) for side in (claim.left, claim.right))]


def _verdict(claim: Claim, block: Block, case: str) -> Verdict:
    return judge(claim, _side(block, claim.left, case), _side(block, claim.right, case))


def _side(block: Block, side: str | float, case: str) -> Cell | None:
    """A subject's cell. A number is two equal values: without a spread, Welch's interval is the other side's own."""
    if isinstance(side, str):
        return block.of(side, case)
    return Cell(Printed("", "", "", ""), None, (side, side), (), "")
