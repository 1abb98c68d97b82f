"""The ledger's claims on one table, as its chapter shows them."""

from __future__ import annotations

import html

from decnn.spelling import one_of
from decnn.study.pages.table_pages import region
from decnn.study.pages.verdict_pages import badge, number, spread
from decnn.study.tables.paper import FULLEST_FIRST
from decnn.study.verdicts import judge, ledger
from decnn.study.verdicts.judge import CONTRADICTED, DIRECTION, NOT_RUN, REPRODUCED, UNDECIDED, Finding, Verdict

__all__ = ["claims_html", "summary"]

NOTHING = "no test has records on both of its sides"
CORRECTED = (
    "Verdicts are corrected for the number of tests at a profile (Holm), the intervals shown are not: a test whose "
    "interval leaves zero out may still be undecided. Of one seed, the spread over seeds is that of like runs."
)


def summary(name: str) -> str:
    """What a table's claims come to, in one Markdown paragraph for each verdict."""
    found = _asked(name)
    findings = [finding for judged in found for _, of_claim in judged for finding in of_claim]
    if not findings:
        return f"**In short.** Nothing is decided: {NOTHING}."
    decided: dict[str, list[str]] = {}
    for state in (CONTRADICTED, DIRECTION, REPRODUCED):
        for verdict, of_claim in (pair for judged in found for pair in judged):
            cases = [finding for finding in of_claim if finding.state == state]
            if cases:
                told = "; ".join(finding.comparison.case for finding in cases)
                single = ", one seed" * all(finding.found.single for finding in cases)
                text = f"*{verdict.claim.sentence}* ({told}; {verdict.profile}{single})"
                decided.setdefault(state, []).append(text)
    if not decided:
        missing = sum(finding.state == NOT_RUN for finding in findings)
        open_ = f"{len(findings) - missing} tests are undecided" + f", {missing} not run" * bool(missing)
        return f"**In short.** Nothing is decided: {open_}."
    rest = sum(finding.state in (UNDECIDED, NOT_RUN) for finding in findings)
    lost = {f.profile for f in findings if f.state == CONTRADICTED}
    head = "**Finding: some claims do not hold.**" if FULLEST_FIRST[0] in lost else "**In short.**"
    if lost and FULLEST_FIRST[0] not in lost:
        head += " Some claims do not hold at reduced scale."
    counted = f"{len(findings) - rest} of {len(findings)} tests are decided, the others undecided or not run."
    parts = [f"{state.capitalize()}: {'. '.join(texts)}." for state, texts in decided.items()]
    return "\n\n".join([f"{head} {counted}", *parts])


def claims_html(name: str, own_statistics: bool = False) -> str:
    """A table of a table's claims, a row for each case and a column for each profile with records.

    Smoke records are never judged. `own_statistics` is that of `paper.blocks`.
    """
    found = _asked(name, own_statistics)
    if not found:
        return f'<p class="not-run">No claim is judged here: {NOTHING}.</p>'
    rows = []
    for judged in zip(*found, strict=True):
        claim, lines = judged[0][0].claim, list(zip(*(findings for _, findings in judged), strict=True))
        link = f'<a href="verdict.html#claim-{claim.id}">{html.escape(claim.sentence)}</a>'
        for place, line in enumerate(lines):
            first = f'<th scope="rowgroup" rowspan="{len(lines)}">{link}</th>' if place == 0 else ""
            cells = "".join(f"<td>{_finding_html(finding)}</td>" for finding in line)
            rows.append(f'<tr>{first}<th scope="row">{html.escape(line[0].comparison.case)}</th>{cells}</tr>')
    head = "".join(f'<th scope="col">{judged[0][0].profile}</th>' for judged in found)
    head = f'<thead><tr><th scope="col">claim</th><th scope="col">on</th>{head}</tr></thead>'
    ratios = all(finding.comparison.ratio for _, findings in found[0] for finding in findings)
    sides = "left / right" if ratios else "left - right"
    title = f"Claims: our {sides} of each test, with the wider of its 95 % intervals over seeds and over examples"
    return region(
        title, f"{head}<tbody>{''.join(rows)}</tbody>", smoke=False, below=f"<p><small>{CORRECTED}</small></p>"
    )


def _asked(name: str, own_statistics: bool = False) -> list[list[tuple[Verdict, list[Finding]]]]:
    """For each profile with a record of the table, its claims with those of their cases that are about it.

    Raises:
        ValueError: no claim is about a table of that name.
    """
    one_of(name, dict.fromkeys(table for claim in ledger.read() for table in claim.tables), "table with claims")
    found = []
    for profile in FULLEST_FIRST:
        judged = []
        for verdict in judge.at(profile, own_statistics).values():
            findings = [finding for finding in verdict.findings if finding.comparison.table == name]
            judged += [(verdict, findings)] if findings else []
        if any(finding.found for _, findings in judged for finding in findings):
            found.append(judged)
    return found


def _finding_html(finding: Finding) -> str:
    found, comparison = finding.found, finding.comparison
    if found is None:
        return badge(finding.state)
    if found.contrast is None:
        return badge(finding.state, f"{finding.state}: a ratio with a zero in it")
    half = max((h for h in (found.over_seeds, found.over_examples) if h is not None), default=None)
    known = [] if half is None else [spread(half, comparison)]
    interval = ", ".join(["one seed"] * found.single + known)
    return badge(finding.state, f"{finding.state}: {number(found.contrast, comparison)} ({interval})")
