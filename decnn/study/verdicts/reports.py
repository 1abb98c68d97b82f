"""Verdicts as text, as JSON, and as the file that is committed beside the records."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from decnn.checkpoints import write_atomically
from decnn.study import paths
from decnn.study.tables.paper import FULLEST_FIRST
from decnn.study.verdicts import judge, ledger
from decnn.study.verdicts.judge import STATES, UNDECIDED, Finding, Verdict

__all__ = ["as_json", "as_text", "committed", "save", "table"]


def as_text(profiles: Sequence[str] = FULLEST_FIRST) -> str:
    """A line for each claim with its verdict at each profile, and their counts."""
    found = {profile: judge.at(profile) for profile in profiles}
    width = max(len(claim.id) for claim in ledger.read())
    lines = ["".join([" " * (width + 2), *(f"{profile:26s}" for profile in profiles)]).rstrip()]
    for claim in ledger.read():
        states = (_state(found[profile][claim.id]) for profile in profiles)
        lines.append(f"{claim.id:{width}s}  " + "".join(f"{state:26s}" for state in states).rstrip())
    for profile in profiles:
        counts = Counter(verdict.state for verdict in found[profile].values())
        lines.append(f"{profile}: " + ", ".join(f"{counts[state]} {state}" for state in STATES))
    return "\n".join(lines)


def as_json(profiles: Sequence[str] = FULLEST_FIRST) -> list[dict]:
    """Every claim at every profile with its cases, for other programs."""
    return [_verdict(verdict) for profile in profiles for verdict in judge.at(profile).values()]


def committed() -> Path:
    """The verdicts that are committed: a test compares them with those that the committed records give."""
    return paths.root() / "book" / "verdicts.csv"


def table() -> str:
    """The verdicts of all profiles as CSV: claim, profile, verdict."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("claim", "profile", "verdict"))
    for claim in ledger.read():
        writer.writerows((claim.id, profile, judge.at(profile)[claim.id].state) for profile in FULLEST_FIRST)
    return file.getvalue()


def save() -> Path:
    """Write the verdicts that the records give; returns the file."""
    write_atomically(committed(), table().encode())
    return committed()


def _state(verdict: Verdict) -> str:
    if verdict.claim.untested:
        return "not tested"
    cases = len(verdict.findings)
    part = f" ({verdict.run} of {cases})" if 0 < verdict.run < cases else ""
    return f"{verdict.state}{part}"


def _verdict(verdict: Verdict) -> dict:
    claim = verdict.claim
    return {
        "claim": claim.id,
        "section": claim.section,
        "sentence": claim.sentence,
        "profile": verdict.profile,
        "verdict": verdict.state,
        "one_seed": verdict.single,
        "rests_on": list(claim.rests_on),
        "untested": claim.untested,
        "cases": [_finding(finding) for finding in verdict.findings],
    }


def _finding(finding: Finding) -> dict:
    comparison, found = finding.comparison, finding.found
    told = {"case": comparison.case, "test": comparison.text, "printed": comparison.printed, "verdict": finding.state}
    if found is None:
        return told
    measured = [measured for part in found.parts for _, _, measured in part.cells]
    return {
        **told,
        "scale": comparison.scale,
        "ours": found.contrast,
        "half_width_over_seeds": found.over_seeds,
        "half_width_over_examples": found.over_examples,
        "adjusted_p": finding.p,
        "would_settle": str(judge.need(finding)) if finding.state == UNDECIDED else None,
        "records": sorted({record.path for entry in measured for record in entry.records}),
    }
