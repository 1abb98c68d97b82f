"""A claim is an order between two rows, fixed before it is judged; seeds decide how sure the answer is."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass

from decnn.study.paper import Block, Cell

__all__ = ["Claim", "Verdict", "claims_html", "judge", "summary"]

BADGES = {"holds": "claim-holds", "does not hold": "claim-fails", "undecided": "claim-undecided", "not run": "not-run"}
RELATIONS = (">", "about")


@dataclass(frozen=True)
class Claim:
    """`left relation right`, in the unit of the table; `tolerance` says how near "about" is.

    Example:
        >>> Claim("Dropout costs accuracy", "Standard", ">", "Dropout").relation
        '>'
    """

    sentence: str
    left: str
    relation: str
    right: str
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        if self.relation not in RELATIONS:
            raise ValueError(f"expected a relation, one of {RELATIONS}, got {self.relation!r}")


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

    `>` holds if the interval lies above 0 and fails if it lies below; `about` holds if it lies within the
    tolerance and fails if it lies outside. Anything else, and any single seed, is undecided.
    """
    if not left.values or not right.values:
        return Verdict("not run")
    difference = left.mean - right.mean
    if left.sd is None or right.sd is None:
        return Verdict("undecided", difference)
    half = _half_width(left, right)
    low, high = difference - half, difference + half
    if claim.relation == ">":
        holds, fails = low > 0, high < 0
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
    """What was decided, in one Markdown paragraph: claims that hold and that do not, by data set and profile."""
    decided: dict[str, list[str]] = {"holds": [], "does not hold": []}
    total = 0
    for block in (block for block in found if not block.smoke):
        for claim in claims:
            for column in block.table.columns:
                verdict = judge(claim, block.cell(claim.left, column), block.cell(claim.right, column))
                total += 1
                if verdict.state in decided:
                    decided[verdict.state].append(f"*{claim.sentence}* ({column}, {block.profile.name})")
    if not total:
        return "**In short.** Nothing is decided: no records but smoke runs are at hand."
    parts = [f"**In short.** Of {total} tests, {total - sum(map(len, decided.values()))} are undecided or not run."]
    parts += [
        f"{'Holds' if state == 'holds' else 'Does not hold'}: {'; '.join(texts)}."
        for state, texts in decided.items()
        if texts
    ]
    return "\n\n".join(parts)


def claims_html(claims: list[Claim], found: list[Block]) -> str:
    """A table of claims against blocks and columns; smoke blocks are never judged."""
    found = [block for block in found if not block.smoke]
    if not found:
        return '<p class="not-run">No claim is judged here: no records but smoke runs are at hand.</p>'
    head = "".join(
        f'<th scope="col">{html.escape(column)}, {block.profile.name}</th>'
        for block in found
        for column in block.table.columns
    )
    rows = []
    for claim in claims:
        cells = ""
        for block in found:
            for column in block.table.columns:
                verdict = judge(claim, block.cell(claim.left, column), block.cell(claim.right, column))
                cells += f'<td><span class="{BADGES[verdict.state]}">{html.escape(str(verdict))}</span></td>'
        relation = claim.relation if claim.relation == ">" else f"within {claim.tolerance:g} of"
        test = f"{claim.left} {relation} {claim.right}"
        rows.append(
            f'<tr><th scope="row">{html.escape(claim.sentence)}<br><small>{html.escape(test)}</small></th>{cells}</tr>'
        )
    return (
        '<div class="decnn-table" tabindex="0" role="region" aria-label="claims and verdicts"><table>'
        "<caption>Claims, fixed before the runs; difference of means over seeds with Welch's 95 % interval.</caption>"
        f'<thead><tr><th scope="col">Claim</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )
