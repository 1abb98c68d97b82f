"""Paper beside ours: the join, the cells that say why they are empty, and the verdict on a claim."""

import dataclasses

import pytest

from decnn.study import experiments, paper, tables
from decnn.study.claims import Claim, claims_html, judge
from decnn.study.paper import Block, Cell, Printed


def cell(values=(), text="90.0", note=""):
    return Cell(Printed("Standard", "MNIST", text, "0.1"), None, tuple(values), (), note)


def test_mean_sd_and_difference_are_over_seeds():
    ours = cell([91.0, 93.0])
    assert (ours.mean, ours.sd, ours.difference) == (92.0, pytest.approx(2**0.5), 2.0)
    assert (cell([91.0]).sd, cell().mean, cell().difference) == (None, None, None)


@pytest.mark.parametrize(
    ("relation", "left", "right", "state"),
    [
        (">", [3.0, 3.1, 2.9], [1.0, 1.1, 0.9], "holds"),
        (">", [1.0, 1.1, 0.9], [3.0, 3.1, 2.9], "does not hold"),
        (">", [1.0, 3.0, 2.0], [1.5, 2.5, 1.9], "undecided"),
        (">", [3.0], [1.0, 1.1], "undecided"),
        (">", [], [1.0, 1.1], "not run"),
        ("about", [1.0, 1.01, 0.99], [1.0, 1.01, 0.99], "holds"),
        ("about", [3.0, 3.1, 2.9], [1.0, 1.1, 0.9], "does not hold"),
        ("about", [1.0, 2.0, 3.0], [1.0, 2.0, 3.0], "undecided"),
    ],
)
def test_verdict(relation, left, right, state):
    claim = Claim("sentence", "a", relation, "b", tolerance=0.5)
    assert judge(claim, cell(left), cell(right)).state == state


def test_interval_is_welchs():
    from scipy.stats import ttest_ind

    left, right = [3.0, 3.4, 2.9], [1.0, 1.1, 0.5]
    verdict = judge(Claim("sentence", "a", ">", "b"), cell(left), cell(right))
    interval = ttest_ind(left, right, equal_var=False).confidence_interval(0.95)
    assert verdict.difference - verdict.half_width == pytest.approx(interval.low)
    assert verdict.difference + verdict.half_width == pytest.approx(interval.high)


def block(profile="reader", note="", values=(91.0, 93.0)):
    table = tables.table("table_01a")
    cells = tuple(
        dataclasses.replace(
            cell(values if p.column == "MNIST" else (), note=note), paper=p, query=table.queries.get((p.row, p.column))
        )
        for p in paper.printed(table.name)
    )
    return Block(table, experiments.profile(profile), cells)


def test_table_shows_paper_ours_and_difference_in_the_papers_order():
    html = paper.table_html(block())
    assert html.index("Standard") < html.index("ReDecNN") < html.index("Ensemble")
    assert "<td>97.1 (0.11)</td><td>92.00 ± 1.41 (2)</td><td>-5.10</td>" in html


def test_a_table_that_the_paper_lacks_shows_ours_alone():
    table = tables.table("beyond")
    (key, query), *_ = table.queries.items()
    ours = Cell(Printed(*key, "", ""), query, (9.0,), (), "")
    html = paper.table_html(Block(table, experiments.profile("reader"), (ours,)))
    assert html.count("<td>") == html.count("<td>9.00 (1)</td>") == 1
    assert '<thead><tr><th scope="col"></th><th scope="col">Acc.</th></tr></thead>' in html


def test_empty_cell_says_why_and_is_escaped():
    html = paper.table_html(block(note="not run: `decnn run` <mnist>"))
    assert html.count("[1] not run: <code>decnn run</code> &lt;mnist&gt;") == 1
    assert '<td colspan="2" class="not-run">not run [1]</td>' in html


def test_smoke_block_is_watermarked_and_neither_compared_nor_judged():
    smoke = block("smoke")
    assert "decnn-smoke" in paper.table_html(smoke)
    assert "SMOKE RUN, not a finding" in paper.table_html(smoke)
    assert "-5.10" not in paper.table_html(smoke)
    assert "No claim is judged" in claims_html([Claim("s", "Standard", ">", "Dropout")], [smoke])


def test_unknown_printed_table_lists_the_known():
    with pytest.raises(ValueError, match="expected a printed table, one of table_01a"):
        paper.printed("table_99")


def test_unknown_relation_is_refused():
    with pytest.raises(ValueError, match="expected a relation"):
        Claim("sentence", "a", "<", "b")
