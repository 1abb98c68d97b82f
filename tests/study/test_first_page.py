"""The first page says what the judge and the records say."""

from __future__ import annotations

import dataclasses

from decnn.study.pages.first_page import answer, depth_and_seed
from decnn.study.tables import paper
from decnn.study.verdicts import judge


def test_the_first_page_counts_cases_as_the_judge_does():
    found = [judge.at(name)["accuracy-redecnn"] for name in paper.FULLEST_FIRST]
    cases = [finding for verdict in found for finding in verdict.findings if finding.as_claimed is not None]
    assert f"ReDecNN in {sum(case.as_claimed for case in cases)} of {len(cases)}. Votes" in answer()


def test_the_first_page_blames_depth_only_where_every_seed_does(block):
    def told(deep: tuple[float, ...], shallow: tuple[float, ...]) -> str:
        found, values = block("table_04b"), {"8": deep, "2": shallow}
        cells = [dataclasses.replace(c, values=values.get(c.query.subject, ())) for c in found.cells]
        return depth_and_seed([dataclasses.replace(found, cells=tuple(cells))])

    assert "have not learnt.** After 3,000" in told((0.3, 0.5), (0.7,))
    assert "seed weighs more than the depth.** After" in (both := told((0.3, 0.5, 0.85), (0.7,)))
    assert "AUROC 0.300, 0.500, 0.850 (printed 0.812), of depth 2 with 0.700 (printed 0.665)" in both
    assert told((0.9, 0.91), (0.7,)) == told((0.3,), (0.7,)) == told((0.9,), ()) == ""
