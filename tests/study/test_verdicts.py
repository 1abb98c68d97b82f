"""The judge on hand-made cells: every verdict, what single seeds allow, and what the committed records give."""

import csv
import dataclasses

import pytest

from decnn.study import paths, tables
from decnn.study.figures import strips
from decnn.study.pages import verdict_pages
from decnn.study.specifications import profile
from decnn.study.verdicts import evidence, judge, ledger, reports
from decnn.study.verdicts.evidence import Measured
from decnn.study.verdicts.ledger import Claim, Comparison

LEFT, RIGHT = ("table_01a", "A", "MNIST"), ("table_01a", "B", "MNIST")


def claim(
    name="c", relation=">", tolerance=0.5, printed=2.0, left=LEFT, right=RIGHT, cases=1, scale="difference", **own
):
    comparisons = tuple(
        Comparison(((left, 1.0),), ((right, 1.0),), 0.0, relation, tolerance, scale, printed, f"case {n}", "")
        for n in range(cases)
    )
    return Claim(name, "1", "a sentence", comparisons, **own)


def cells(**found):
    """A look-up of hand-made cells: lists are seeds, everything else is Measured's own."""
    measured = {
        ("table_01a", name, "MNIST"): m if isinstance(m, Measured) else Measured(name, dict(enumerate(m)))
        for name, m in found.items()
    }
    return lambda profile, cell: measured.get(cell)


def judged(*claims, **found):
    return judge.judge(claims, "reader", cells(**found))


HIGH, LOW = [3.0, 3.1, 2.9], [1.0, 1.1, 0.9]


@pytest.mark.parametrize(
    ("relation", "tolerance", "left", "right", "state"),
    [
        (">", 0.5, HIGH, LOW, "reproduced"),  # 2 apart, as printed
        (">", 0.5, [9.0, 9.1, 8.9], LOW, "direction holds"),  # 8 apart
        (">", 0.5, LOW, HIGH, "contradicted"),
        ("<", 0.5, LOW, HIGH, "direction holds"),  # printed as 2 the other way
        ("<", 0.5, HIGH, LOW, "contradicted"),
        (">", 0.5, [1.0, 3.0, 2.0], [1.5, 2.5, 1.9], "undecided"),
        (">", 0.5, HIGH, [], "not run"),
        ("about", 0.5, LOW, [1.0, 1.01, 0.99], "reproduced"),
        ("about", 0.5, HIGH, LOW, "contradicted"),
        ("about", 0.5, [1.0, 2.0, 3.0], [1.0, 2.0, 3.0], "undecided"),
    ],
)
def test_verdict_of_a_single_test(relation, tolerance, left, right, state):
    found = {"A": left, "B": right} if right else {"A": left}
    assert judged(claim(relation=relation, tolerance=tolerance), **found)["c"].state == state


def test_a_ratio_with_a_zero_in_it_is_undecided_and_says_why():
    (finding,) = judged(claim(scale="ratio"), A=[0.0, 1.0, 1.1], B=LOW)["c"].findings
    assert (finding.state, finding.found.contrast) == ("undecided", None)
    assert "a zero among the values" in str(judge.need(finding))


def test_what_is_not_printed_is_not_reproduced():
    assert judged(claim(printed=None), A=HIGH, B=LOW)["c"].state == "direction holds"


def test_holms_correction_is_over_all_distinct_tests():
    near = {"A": [1.30, 1.35, 1.32], "B": [1.0, 1.1, 1.05]}  # p = 0.003 by itself
    noise = {f"N{n}": [1.0, 2.0 + n / 9, 3.0] for n in range(20)}
    asked = claim(printed=0.3)
    others = [claim(name, left=("table_01a", name, "MNIST")) for name in noise]
    assert judged(asked, **near)["c"].state == "reproduced"
    assert judged(asked, *others, **near, **noise)["c"].state == "undecided"
    again = [dataclasses.replace(asked, id=f"again {n}") for n in range(20)]
    assert judged(asked, *again, **near)["c"].findings[0].p == judged(asked, **near)["c"].findings[0].p


def test_cells_of_one_network_are_paired_by_seed():
    left, right = {0: 10.1, 1: 20.2, 2: 30.1}, {0: 8.1, 1: 18.1, 2: 28.2}  # seeds differ by 10, the cells by 2
    assert judged(claim(), A=Measured("one", left), B=Measured("one", right))["c"].state == "reproduced"
    assert judged(claim(), A=Measured("one", left), B=Measured("another", right))["c"].state == "undecided"


def test_sizes_are_compared_seed_by_seed():
    """Gaps of 2 either way are as large as each other, though their means are 0 and 2."""
    comparison = dataclasses.replace(claim(relation="about").comparisons[0], scale="size")
    either_way = Claim("c", "1", "s", (comparison,))
    assert judged(either_way, A=[2.0, -2.1, 2.05], B=[-2.0, -2.1, -2.05])["c"].state == "reproduced"


def test_noise_of_examples_counts_too():
    def with_error(name, values, error):
        return Measured(name, dict(enumerate(values)), dict.fromkeys(range(3), error))

    assert judged(claim(), A=with_error("A", HIGH, 0.1), B=with_error("B", LOW, 0.1))["c"].state == "reproduced"
    found = judged(claim(), A=with_error("A", HIGH, 2.0), B=with_error("B", LOW, 2.0))["c"]
    assert found.state == "undecided"
    need = judge.need(found.findings[0])
    assert (need.seeds, need.examples) == (None, pytest.approx(((1.96 + 0.8416) * 8**0.5 / 2) ** 2, rel=1e-3))


def test_one_seed_is_judged_by_the_spread_of_like_runs_and_never_reproduces():
    """Its test examples alone do not say what another seed would bring."""
    one, several = Measured("A", {0: 3.0}, {0: 0.1}), Measured("B", dict(enumerate(LOW)), dict.fromkeys(range(3), 0.1))
    for elsewhere, state in ((None, "undecided"), ((0.1, 4), "direction holds"), ((5.0, 2), "undecided")):
        found = judged(claim(), A=dataclasses.replace(one, elsewhere=elsewhere), B=several)["c"]
        assert (found.state, found.single) == (state, True)


def test_one_seed_without_counts_is_undecided_and_says_what_it_needs():
    (finding,) = judged(claim(), A=[3.0], B=LOW)["c"].findings
    assert (finding.state, finding.p) == ("undecided", None)
    assert judge.need(finding, lambda profile, cell: 1.0).seeds > 2
    assert "cannot be told" in str(judge.need(finding, lambda profile, cell: None))


@pytest.mark.parametrize(
    ("states", "whole"),
    [
        (["reproduced", "reproduced"], "reproduced"),
        (["reproduced", "direction holds"], "direction holds"),
        (["reproduced", "not run"], "direction holds"),
        (["reproduced", "undecided", "not run"], "undecided"),
        (["undecided", "contradicted"], "contradicted"),
        (["not run", "not run"], "not run"),
        ([], "not run"),
    ],
)
def test_a_claim_says_all_of_its_cases(states, whole):
    assert judge.weakest(states) == whole


def test_a_sum_of_claims_is_as_weak_as_its_weakest():
    whole = Claim("all", "1", "both", rests_on=("c", "d"))
    found = judged(whole, claim(), claim("d", relation="<"), A=HIGH, B=LOW)
    assert (found["c"].state, found["d"].state, found["all"].state) == ("reproduced", "contradicted", "contradicted")


def test_cases_as_claimed_are_counted_once_whether_or_not_they_are_significant():
    not_run = claim("e", right=("table_01a", "absent", "MNIST"))
    found = judged(claim(), claim("again"), claim("d", relation="<"), not_run, A=[3.0], B=LOW)
    assert found["c"].state == found["d"].state == "undecided"
    assert [case.as_claimed for case in judge.run_cases(found, ["c", "again", "d", "e"])] == [True, False]
    assert found["e"].findings[0].as_claimed is None


def test_a_profile_that_cannot_tell_is_not_asked():
    assert judged(claim(profiles=("paper",)), A=HIGH, B=LOW)["c"].state == "not run"


def test_smoke_never_counts():
    with pytest.raises(ValueError, match=r"expected a profile with findings, one of paper, .*, got 'smoke'"):
        judge.at("smoke")
    with pytest.raises(ValueError, match="profile with findings"):
        evidence.look_up("smoke", ("table_10", "Standard", "MNIST"))


def test_own_statistics_are_other_records_of_paths_alone():
    def records(method, own):
        found = evidence.look_up("reader", ("table_01b", method, "MNIST"), own_statistics=own)
        return {record.path for record in found.records}

    assert records("ReDecNN", True).isdisjoint(records("ReDecNN", False))
    assert records("MC-Dropout", True) == records("MC-Dropout", False)


def test_parameters_are_counted():
    """f has 248,074 parameters, the decoder of width 64 7,575,872."""
    counted = [evidence.look_up("paper", ("parameters", row, "MNIST")).values[0] for row in ("ReDecNN", "Ensemble")]
    assert counted == [248_074 + 7_575_872, 8 * 248_074]


def test_committed_verdicts_are_those_that_the_records_give():
    message = "records, claims or the judge have changed: run `decnn verdict --save` and commit what it changes"
    assert reports.committed().read_text() == reports.table(), message


def test_page_has_every_claim_and_its_records_are_there():
    page = verdict_pages.ledger_html()
    assert [f'id="claim-{c.id}"' in page for c in ledger.read()] == [True] * len(ledger.read())
    paths_of = {
        record.path
        for profile in ("paper", "overnight", "reader")
        for verdict in judge.at(profile).values()
        for finding in verdict.findings
        if finding.found
        for part in finding.found.parts
        for *_, measured in part.cells
        for record in measured.records
    }
    assert [path for path in paths_of if not (paths.root() / "book" / path).exists()] == []
    assert [path for path in paths_of if f'href="../../{path.partition("/")[2]}"' not in page] == []


def test_every_printed_cell_is_in_the_strips():
    files = {file.stem: file.read_text().splitlines() for file in paths.paper_numbers().glob("*.csv")}
    rows = [(table, row) for table, lines in files.items() for row in csv.DictReader(lines)]
    printed = {(table, (row["row"], row["column"])) for table, row in rows if row["value"]}
    assert {(gap.table, gap.cell) for gap in strips.gaps()} == printed


def test_the_spread_of_a_lone_seed_is_that_of_its_own_method():
    """Table 5 has a row on the pretrained network, which is another one."""
    size, queries = profile("reader"), tables.TABLES["table_05"].queries
    voter, itself = (queries[row, "MNIST: Linear"] for row in ("Accuracy", "Accuracy of the pretrained model itself"))
    assert itself.of_pretrained
    assert itself not in list(evidence._of_method(voter, size))
    assert voter not in list(evidence._of_method(itself, size))
    assert voter in list(evidence._of_method(voter, size))
