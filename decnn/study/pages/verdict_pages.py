"""The ledger as a page: what the paper says, what our records say, and the way to them."""

from __future__ import annotations

import functools
import html
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from decnn.study import paths, tables
from decnn.study.pages.table_pages import region
from decnn.study.tables.paper import FULLEST_FIRST
from decnn.study.verdicts import judge, ledger
from decnn.study.verdicts.contrasts import Estimate
from decnn.study.verdicts.evidence import Record
from decnn.study.verdicts.judge import CONTRADICTED, DIRECTION, NOT_RUN, REPRODUCED, STATES, UNDECIDED, Finding, Verdict
from decnn.study.verdicts.ledger import BEYOND, Claim, Comparison
from decnn.study.verdicts.sides import PARAMETERS

__all__ = [
    "abstract_html",
    "badge",
    "counts_html",
    "decided_html",
    "ledger_html",
    "needs_html",
    "number",
    "sides_html",
    "spread",
]

BADGES = {
    REPRODUCED: "claim-holds",
    DIRECTION: "claim-direction",
    CONTRADICTED: "claim-fails",
    UNDECIDED: "claim-undecided",
    NOT_RUN: "not-run",
}


def counts_html() -> str:
    """How many of the paper's tested claims have each verdict: rows are profiles."""
    rows = []
    for profile in FULLEST_FIRST:
        counts = Counter(v.state for v in judge.at(profile).values() if v.claim.tested)
        rows.append([profile, *(str(counts[state]) for state in STATES)])
    head = ["profile", *map(badge, STATES)]
    return region(
        "Tested claims of the paper by verdict; sums of claims are not counted again", _table(head, rows), smoke=False
    )


def decided_html() -> str:
    """The tested claims of the paper that are decided at a profile, by name, each with its verdict there."""
    rows = ""
    for claim in (claim for claim in ledger.read() if claim.tested):
        states = [judge.at(profile)[claim.id].state for profile in FULLEST_FIRST]
        if {*states} - {UNDECIDED, NOT_RUN}:
            link = f'<a href="#claim-{claim.id}">{_text(claim.sentence)}</a>'
            counted = all(cell[0] == PARAMETERS for test in claim.comparisons for cell, _ in test.weights)
            note = "<br><small>counted, not run</small>" * counted
            cells = "".join(f"<td>{badge(state)}</td>" for state in states)
            rows += f'<tr><th scope="row">{link}{note}</th>{cells}</tr>'
    return _ledger("Tested claims that are decided", "decided at a profile", f"<tbody>{rows}</tbody>")


def abstract_html() -> str:
    """What the abstract claims, in a table: the verdict at each profile, and on which side of the border ours lie."""
    names = [claim.id for claim in ledger.read() if claim.section == "Abstract"]
    return sides_html("The claims of the abstract", "the abstract says", names)


def sides_html(title: str, first: str, names: Sequence[str]) -> str:
    """Claims by their ids, in a table for the first page: as `abstract_html`."""
    found = [judge.at(profile) for profile in FULLEST_FIRST]
    rows = ""
    for claim in (found[0][name].claim for name in names):
        link = f'<a href="chapters/verdict.html#claim-{claim.id}">{_text(claim.sentence)}</a>'
        cells = (f"<td>{badge(judged[claim.id].state)}<br>{_side(claim, judged)}</td>" for judged in found)
        rows += f'<tr><th scope="row">{link}</th>{"".join(cells)}</tr>'
    return _ledger(title, first, f"<tbody>{rows}</tbody>")


def ledger_html() -> str:
    """Every claim with its verdicts, its cases, what would settle them, and links to tables and records."""
    found = [judge.at(profile) for profile in FULLEST_FIRST]
    bodies = "".join(_claim_html(claim, [judged[claim.id] for judged in found], found) for claim in ledger.read())
    return _ledger("Claim ledger", "claim", bodies)


def _ledger(title: str, first: str, bodies: str) -> str:
    """A table of claims, whose sentences wrap, with a column for each profile."""
    head = "".join(f'<th scope="col">{name}</th>' for name in (first, *FULLEST_FIRST))
    return (
        f'<div class="decnn-ledger" tabindex="0" role="region" aria-label="{title}"><table>'
        f"<thead><tr>{head}</tr></thead>{bodies}</table></div>"
    )


def needs_html(profile: str) -> str:
    """What would settle the claims that are undecided at a profile, those that need least first."""
    rows = []
    for verdict in judge.at(profile).values():
        open_cases = [finding for finding in verdict.findings if finding.state == UNDECIDED]
        if verdict.state != UNDECIDED or not open_cases:
            continue
        needs = [judge.need(finding) for finding in open_cases]
        named = next(((finding, need.why) for finding, need in zip(open_cases, needs, strict=True) if need.why), None)
        why = f"{named[1]} ({_text(named[0].comparison.case)})" if named else ""
        seeds = math.inf if why else max(need.seeds or 0 for need in needs)
        examples = max(need.examples for need in needs)
        sides = f"{sum(bool(finding.as_claimed) for finding in open_cases)} of {len(open_cases)}"
        link = f'<a href="#claim-{verdict.claim.id}">{_text(verdict.claim.sentence)}</a>'
        rows.append((seeds, examples, [link, sides, why or (f"{seeds}" if seeds else "as many"), f"{examples:.1f}"]))
    rows.sort(key=lambda row: row[:2])
    head = ["undecided claim", "as claimed", "seeds", "times the test examples"]
    title = f"What would settle it at {profile}: the case of each claim that needs most"
    return region(title, _table(head, [cells for *_, cells in rows]), smoke=False)


def badge(state: str, text: str = "") -> str:
    """A verdict as a word in its colour and with its sign; `text` says more than the state."""
    return f'<span class="{BADGES[state]}">{_text(text or state)}</span>'


def number(contrast: float | None, comparison: Comparison) -> str:
    """left - right, or left / right, with the digits that the tolerance asks for.

    Example:
        >>> number(0.0512, Comparison((), (), 0, ">", 0.05, "difference", None, "", ""))
        '+0.051'
    """
    if contrast is None:
        return "-"
    if comparison.ratio:
        return f"{math.exp(contrast):.3g} times"
    return f"{contrast:+.{3 if comparison.tolerance < 0.2 else 2}f}"


def spread(half: float | None, comparison: Comparison) -> str:
    """Half of an interval as it stands beside `number`; of a ratio, the factor that it is multiplied and divided by."""
    if half is None:
        return "-"
    return f"by {math.exp(half):.3g}" if comparison.ratio else f"± {number(half, comparison)[1:]}"


def _claim_html(claim: Claim, judged: list[Verdict], found: list[Mapping[str, Verdict]]) -> str:
    """The claim's own line, and below it, folded away, what it follows from."""
    states = "|".join(f"{verdict.profile}:{verdict.state}" for verdict in judged)
    cells = "".join(f"<td>{_verdict_html(verdict)}</td>" for verdict in judged)
    note = claim.note or (claim.untested and f"not tested: {claim.untested}")
    note = f"<br><small>{_text(note[0].upper() + note[1:])}.</small>" if note else ""
    section = claim.section if claim.section in ("Abstract", BEYOND) else f"section {claim.section}"
    sources = [_source(name, claim) for name in claim.tables or ("",)]
    told = any("Not in the paper" in source for source in sources)
    where = ", ".join([*[_text(section)] * (not told), *sources]).rstrip(", ")
    inside = "".join(map(_cases_html, judged)) or _tests_html(claim) or _parts_html(claim, judged, found)
    count = f"{len(claim.comparisons)} cases" if len(claim.comparisons) > 1 else "the case"
    what = "intervals and records" if any(verdict.run for verdict in judged) else "to be run"
    title = f"{count}, {what}" if claim.comparisons else "what it rests on"
    folded = f"<details><summary>{title}</summary>{inside}</details>" if inside else ""
    return (
        f'<tbody id="claim-{claim.id}" data-section="{_text(claim.section)}" data-verdicts="{states}">'
        f'<tr><th scope="row">{_text(claim.sentence)}<br><small>{where}</small>{note}</th>{cells}</tr>'
        f'<tr class="evidence"><td colspan="{len(judged) + 1}">{folded}</td></tr></tbody>'
    )


def _side(claim: Claim, judged: Mapping[str, Verdict]) -> str:
    """How many of the cases that were run lie as claimed, and whether all of them rest on a network with one seed."""
    cases = judge.run_cases(judged, claim.rests_on or [claim.id])
    if not cases:
        return ""
    single = ", one seed" * all(case.found.single for case in cases)
    return f"<small>as claimed: {sum(case.as_claimed for case in cases)} of {len(cases)}{single}</small>"


def _verdict_html(verdict: Verdict) -> str:
    if verdict.claim.untested:
        return badge(NOT_RUN, "not tested")
    cases, notes = len(verdict.findings), []
    if 0 < verdict.run < cases:
        notes.append(f"{verdict.run} of {cases} cases")
    if verdict.single:
        notes.append("one seed")
    return badge(verdict.state) + (f"<br><small>{', '.join(notes)}</small>" if notes else "")


def _source(name: str, claim: Claim) -> str:
    """A table's name as a link to its chapter, where there is one."""
    title = f"Table {name.removeprefix('table_').lstrip('0')}" if name.startswith("table_") else ""
    if not name:
        title = claim.chapter.replace("_", " ")
    elif not title:
        title = _text(tables.table(name).title)
    chapter = claim.chapter or _chapters().get(name)
    return f'<a href="{chapter}.html">{title}</a>' if chapter else title


@functools.cache
def _chapters() -> dict[str, str]:
    """The chapter of each table: the notebook that shows the claims on it."""
    found = {}
    for path in sorted((paths.root() / "notebooks").glob("*.ipynb")):
        names = re.findall(r"claims_html\(\W+(\w+)", path.read_text())
        found |= dict.fromkeys(names, path.stem)
    return found


def _parts_html(claim: Claim, judged: list[Verdict], found: list[Mapping[str, Verdict]]) -> str:
    """The claims that it sums up."""
    rows = []
    for name in claim.rests_on:
        parts = [at[name] for at in found]
        link = f'<a href="#claim-{name}">{_text(parts[0].claim.sentence)}</a>'
        rows.append([link, *(badge(part.state) for part in parts)])
    return f"<table>{_table(['rests on', *(verdict.profile for verdict in judged)], rows)}</table>" if rows else ""


def _tests_html(claim: Claim) -> str:
    """What would be tested, where nothing has been run, and what the paper prints."""
    rows = [[_text(test.text), number(test.printed, test)] for test in claim.comparisons]
    return f"<table>{_table(['left, right', 'paper'], rows)}</table>" if rows else ""


def _cases_html(verdict: Verdict) -> str:
    """The cases at one profile: the test and its records, printed, ours with both intervals, p and verdict."""
    run = [finding for finding in verdict.findings if finding.found]
    if not run:
        return ""
    first = "left / right" if run[0].comparison.ratio else "left - right"
    head = (first, "paper", "ours", "over seeds", "over examples", "p, Holm", "verdict")
    rows = [_case_html(finding, finding.found) for finding in run]
    missing = [_text(finding.comparison.case) for finding in verdict.findings if not finding.found]
    rest = f"<p><small>Not run: {'; '.join(missing)}.</small></p>" if missing else ""
    return f"<table><caption>{verdict.profile}</caption>{_table(head, rows)}</table>{rest}"


def _case_html(finding: Finding, found: Estimate) -> list[str]:
    comparison = finding.comparison
    records = (_cell_html(cell[1:], measured.records) for part in found.parts for cell, _, measured in part.cells)
    printed = number(comparison.printed, comparison)
    need = f"<small>{_text(str(judge.need(finding)))}</small>" if finding.state == UNDECIDED else ""
    return [
        f"{_text(comparison.text)}<small>{'<br>'.join(records)}</small>",
        printed + ("<small>against the sentence</small>" if comparison.borne_out is False else ""),
        number(found.contrast, comparison),
        spread(found.over_seeds, comparison),
        spread(found.over_examples, comparison),
        "-" if finding.p is None else f"{finding.p:.2g}",
        badge(finding.state) + need,
    ]


def _cell_html(cell: tuple[str, str], records: Sequence[Record]) -> str:
    """A cell with its value at each seed, each a link to its record: the site holds their folders at its root."""
    links = []
    for record in records:
        place = record.path.partition("/")[2]
        seed = "" if record.seed is None else f"seed {record.seed}, "
        title = f"{seed}{record.device}, commit {record.commit[:10]}"
        links.append(f'<a href="../../{place}" title="{_text(title)}">{record.value:.4g}</a>')
    return f"{_text(' / '.join(cell))}: {', '.join(links) or 'counted'}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Head and body of a table from HTML; the first of a row is its name."""
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    lines = (f'<th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}' for first, *cells in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody>"


def _text(text: str) -> str:
    return html.escape(text)
