"""The ledger's claims on one table, as its chapter shows them."""

from __future__ import annotations

import html

from decnn.study import ledger, verdicts
from decnn.study.paper import FULLEST_FIRST, region
from decnn.study.verdict_pages import badge, number, spread
from decnn.study.verdicts import CONTRADICTED, DIRECTION, NOT_RUN, REPRODUCED, UNDECIDED, Finding, Verdict

__all__ = ["claims_html", "summary"]

NOTHING = "no records but smoke runs are at hand"


def summary(name: str) -> str:
    """What a table's claims come to, in one Markdown paragraph for each verdict."""
    found = [(judged, finding) for judged in _judged(name) for verdict in judged for finding in verdict.findings]
    if not found:
        return f"**In short.** Nothing is decided: {NOTHING}."
    decided: dict[str, list[str]] = {}
    for state in (CONTRADICTED, DIRECTION, REPRODUCED):
        for verdict in (verdict for judged in _judged(name) for verdict in judged):
            cases = [finding.comparison.case for finding in verdict.findings if finding.state == state]
            if cases:
                text = f"*{verdict.claim.sentence}* ({'; '.join(cases)}; {verdict.profile})"
                decided.setdefault(state, []).append(text)
    if not decided:
        return "**In short.** Every test is undecided or not run."
    head = "some claims do not hold" if CONTRADICTED in decided else "what is decided holds"
    rest = sum(finding.state in (UNDECIDED, NOT_RUN) for _, finding in found)
    parts = [f"{state.capitalize()}: {'. '.join(texts)}." for state, texts in decided.items()]
    return "\n\n".join([f"**Finding: {head}.** {rest} of {len(found)} tests are undecided or not run.", *parts])


def claims_html(name: str) -> str:
    """A table of a table's claims, a row for each case and a column for each profile with records.

    Smoke records are never judged.
    """
    found = _judged(name)
    if not found:
        return f'<p class="not-run">No claim is judged here: {NOTHING}.</p>'
    rows = []
    for judged in zip(*found, strict=True):
        claim = judged[0].claim
        link = f'<a href="verdict.html#claim-{claim.id}">{html.escape(claim.sentence)}</a>'
        for place, comparison in enumerate(claim.comparisons):
            first = f'<th scope="rowgroup" rowspan="{len(claim.comparisons)}">{link}</th>' if place == 0 else ""
            cells = "".join(f"<td>{_finding_html(verdict.findings[place])}</td>" for verdict in judged)
            rows.append(f'<tr>{first}<th scope="row">{html.escape(comparison.case)}</th>{cells}</tr>')
    head = "".join(f'<th scope="col">{judged[0].profile}</th>' for judged in found)
    head = f'<thead><tr><th scope="col">claim</th><th scope="col">on</th>{head}</tr></thead>'
    title = "Claims: our left - right of each test, with the wider of its 95 % intervals over seeds and over examples"
    return region(title, f"{head}<tbody>{''.join(rows)}</tbody>", smoke=False)


def _judged(name: str) -> list[list[Verdict]]:
    """For each profile with a record of the table, the verdicts on its claims."""
    asked = [claim.id for claim in ledger.read() if claim.tables[:1] == (name,)]
    found = [[verdicts.at(profile)[claim] for claim in asked] for profile in FULLEST_FIRST]
    return [judged for judged in found if any(verdict.run for verdict in judged)]


def _finding_html(finding: Finding) -> str:
    found, comparison = finding.found, finding.comparison
    if found is None:
        return badge(finding.state)
    half = max((h for h in (found.over_seeds, found.over_examples) if h is not None), default=None)
    interval = "one seed" if half is None else spread(half, comparison)
    return badge(finding.state, f"{finding.state}: {number(found.contrast, comparison)} ({interval})")
