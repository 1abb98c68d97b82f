"""The first page's answer: do the paper's claims hold?"""

from __future__ import annotations

from collections.abc import Sequence

from decnn.study import paths
from decnn.study.pages import fairness, readings, verdict_pages
from decnn.study.runs.records import Records
from decnn.study.specifications import METHODS, PROFILES
from decnn.study.tables import TABLES, Table
from decnn.study.tables.paper import FULLEST_FIRST, Block, Cell, blocks
from decnn.study.verdicts import judge
from decnn.study.verdicts.judge import run_cases

__all__ = ["answer", "depth_and_seed"]

BEHIND = (  # claims of section 4.1 that the abstract's stand on: against a standard network, chance and the baselines
    "accuracy-decnn", "accuracy-redecnn", "mistakes-chance", "mistakes-mc-dropout", "mistakes-ensemble",
    "outliers-mc-dropout", "outliers-ensemble", "outliers-celeba", "calibration-redecnn",
)  # fmt: skip


def answer() -> str:
    """Markdown: in words, the abstract's claims with their verdicts, what they stand on, and how far runs have got."""
    told = "Under each verdict: in how many cases our difference has the claimed sign, significant or not."
    if fairness.silent(blocks("table_07", specs=[])):
        page = "[Table 7](chapters/table_07_protected_attribute.ipynb)"
        told += f" The models behind the last row never predict a beard: {page}."
    behind = verdict_pages.sides_html("What the abstract stands on", "section 4.1 says", BEHIND)
    runs = blocks("table_04b", specs=[])
    parts = [_in_words(), verdict_pages.abstract_html(), told, _baselines(), depth_and_seed(runs), behind, _state()]
    return "\n\n".join(filter(None, parts))


def _in_words() -> str:
    """Which way the cases lie that have been run, at any scale."""
    decnn, redecnn, mistakes = map(_tally, ("accuracy-decnn", "accuracy-redecnn", "mistakes-ensemble"))
    outliers = _tally("outliers-ensemble", "outliers-celeba", against="Ensemble")
    return (
        "**In short.** Where it has been run, DecNN is as accurate as a standard network, to within a point, in "
        f"{decnn} cases, ReDecNN in {redecnn}. Votes of ReDecNN's paths find mistakes better than an ensemble's in "
        f"{mistakes} cases, and outliers in {outliers}. {_scale()}"
    )


def _tally(*names: str, against: str = "") -> str:
    """Of some claims, how many cases lie as claimed, of all that set it against columns of such a name."""
    cases = [case for profile in FULLEST_FIRST for case in run_cases(judge.at(profile), names)]
    cases = [case for case in cases if any(against in column for (*_, column), _ in case.comparison.right)]
    return f"{sum(case.as_claimed for case in cases)} of {len(cases)}"


def _scale() -> str:
    """That nothing with a decoder is of the paper's scale, while it is so."""
    if any(map(_decoder_recorded, TABLES.values())):
        return ""
    ratio = PROFILES["paper"].width // PROFILES["reader"].width
    return (
        "No network with a decoder has been trained at the paper's scale yet: what stands here of DecNN and ReDecNN "
        f"comes from smaller profiles, whose decoders are {ratio} times narrower and are trained for fewer steps. So "
        "these are no refutations: nothing that the paper says of ReDecNN is settled here."
    )


def _baselines() -> str:
    """What comes out otherwise than printed at the paper's own scale, where no decoder is needed."""
    found = [b for name in ("table_01b", "table_02") for b in blocks(name, specs=[]) if b.profile.name == "paper"]
    told = [readings.baselines(found), readings.above(found, "Ensemble", "ReDecNN")]
    parts = list(filter(None, [*told, readings.exchanged(found, "MC", "Ensemble")]))
    pages = "[Table 1b](chapters/table_01b_misclassification.ipynb), [Table 2](chapters/table_02_ood.ipynb)"
    return "\n\n".join([*parts, f"All of this is of the paper's own scale: {pages}."]) if parts else ""


def depth_and_seed(found: Sequence[Block]) -> str:
    """What depth and seed do to a small run: Table 4b's shallowest and deepest networks where both have run.

    Each seed's value is shown, since those of the deep network can lie on both sides of the shallow one's.
    """
    table, case = TABLES["table_04b"], "OOD (Fashion)"
    ends = (table.subjects[0], table.subjects[-1])
    for block in found:
        shallow, deep = (block.of(depth, case) for depth in ends)
        if block.smoke or not (shallow.values and deep.values):
            continue
        if len(deep.values) > 1 and max(deep.values) < min(shallow.values):  # one seed says nothing
            told = "The deep recursion is what the small runs have not learnt."
        elif max(deep.values) - min(deep.values) > abs(deep.mean - shallow.mean):
            told = "In small runs of the deep recursion the seed weighs more than the depth."
        else:
            return ""
        longer = [b for b in found if b.profile.steps > block.profile.steps and b.of(ends[1], case).values]
        later = [f"; after {b.profile.steps:,} steps a deep one has {_each(b.of(ends[1], case))}" for b in longer]
        return (
            f"**{told}** After {block.profile.steps:,} steps on MNIST, networks trained with paths of depth "
            f"{ends[1]}, the paper's, tell clothes from digits with AUROC {_each(deep)} (printed {deep.paper.text}), "
            f"of depth {ends[0]} with {_each(shallow)} (printed {shallow.paper.text}){''.join(later)}. Each number is "
            "one seed: [Table 4b](chapters/table_04b_depth.ipynb)."
        )
    return ""


def _each(cell: Cell) -> str:
    return ", ".join(f"{value:.3f}" for value in cell.values)


def _state() -> str:
    """How far the paper's own scale has been reached, and the tables on which nothing can be judged."""
    found = {name: list(judge.at(name).values()) for name in FULLEST_FIRST}
    claims = [verdict for verdict in found["paper"] if verdict.claim.tested]
    judged = sum(verdict.run > 0 for verdict in claims)
    told = f"{judged} of {len(claims)} tested claims can be judged at the paper's own scale, the `paper` profile. "
    cases = [finding for judged in found.values() for verdict in judged for finding in verdict.findings]
    run = {finding.comparison.table for finding in cases if finding.found}
    bare = [t.title.partition(":")[0] for name, t in TABLES.items() if name.startswith("table_") and name not in run]
    names = _listed(list(dict.fromkeys(bare)))
    return told + (f"{names} have no result yet: their data must be fetched by hand." if names else "")


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _decoder_recorded(table: Table) -> bool:
    """Whether a network with a decoder has a record of a table at the paper's scale."""
    queries = [query for query in table.queries.values() if METHODS[query.method].decodes]
    specs = (spec for query in queries for spec in query.specifications(PROFILES["paper"]))
    return any(Records(paths.records()).path(spec).exists() for spec in specs)
