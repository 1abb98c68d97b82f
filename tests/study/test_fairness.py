"""Pages on groups: intervals, chance, gaps and the controlled test are those of the records."""

from __future__ import annotations

import dataclasses
import re

import pytest
import torch

from decnn import metrics
from decnn.data import DataNotFound
from decnn.study import tables
from decnn.study.figures import charts
from decnn.study.pages import fairness, table_pages
from decnn.study.specifications import profile
from decnn.study.tables import paper, specifications
from decnn.study.tables.paper import Block, Cell, Printed


def entry(value: float, **numbers: float) -> dict:
    """A group, or a probe, whose interval is a tenth to either side."""
    named = {"f1": value, "auroc": value, "ap": 100 * value, "ece": 10 * value, **numbers}
    shown = {name: {"value": v, "interval": None if v is None else [0.9 * v, 1.1 * v]} for name, v in named.items()}
    return {**shown, "positives": 15, "examples": 35}


def record(with_it: dict, without: dict, probe: dict, synthetic: bool = False) -> dict:
    data = {"name": "celeba-10k", "train": {"examples": 7527}, **({"synthetic": True} if synthetic else {})}
    groups = {"with": with_it, "without": without}
    return {"key": "0", "data": data, "metrics": {"accuracy": 90.0, "groups": groups, "probe": probe}}


RECORDS = (record(entry(0.3), entry(0.5), entry(0.6)), record(entry(0.5), entry(0.4), entry(0.8)))  # two seeds


def block(name: str, size: str = "reader", records=lambda query: RECORDS) -> Block:
    """A block whose cells have these records."""
    table = tables.table(name)
    cells = []
    for (row, column), query in table.queries.items():
        found = tuple(records(query)) if query.case else ()
        values = tuple(v for r in found if (v := query.value(r)) is not None)
        printed = {(c.row, c.column): c for c in paper.printed(name)} if name != "confounding" else {}
        cells.append(Cell(printed.get((row, column), Printed(row, column, "", "")), query, values, found, ""))
    return Block(table, profile(size), tuple(cells))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_chance_is_what_yes_to_every_image_gets(share):
    truth = torch.arange(100) < 100 * share
    yes, equal = torch.ones(100, dtype=torch.bool), torch.zeros(100)
    assert fairness.by_chance("f1", share) == pytest.approx(metrics.f1(yes, truth))
    assert fairness.by_chance("ap", share) == pytest.approx(100 * metrics.aupr(equal, truth))
    assert fairness.by_chance("auroc", share) == pytest.approx(metrics.auroc(equal, truth))


def test_intervals_are_means_over_seeds_beside_chance_and_counts():
    html = fairness.intervals_html([block("table_07")], fairness.SIDES, ("f1", "ap"))
    assert "Bald: 15 positive of 35 test images of celeba-10k" in html
    assert '<th scope="row">yes to every image</th><td>0.600</td><td>42.9</td>' in html
    assert html.count("<td>0.400 [0.360, 0.440]</td><td>40.0 [36.0, 44.0]</td>") == 3  # models, bald
    assert html.count("<td>0.450 [0.405, 0.495]</td><td>45.0 [40.5, 49.5]</td>") == 3  # not bald


def test_a_number_without_value_is_not_defined_and_smoke_and_synthetic_faces_are_named():
    undefined = [record(entry(0.3, f1=None), entry(0.5), entry(0.6), synthetic=True)]
    html = fairness.intervals_html([block("table_07", "smoke", lambda query: undefined)], fairness.SIDES, ("f1",))
    assert html.count("<td>not defined</td>") == 3
    assert "celeba-10k (synthetic)" in html
    assert "SMOKE RUN, not a finding" in html
    assert fairness.intervals_html([block("table_07", records=lambda query: ())], fairness.SIDES, ("f1",)) == ""


def test_gaps_are_absolute_differences_of_each_seed():
    (found,) = fairness.gaps([block("table_07")])
    assert found.of("Standard", "F1, gap").values == pytest.approx((0.2, 0.1))  # the second seed's has the other sign
    html = re.sub(r"<td data[^>]*>", "<td>", table_pages.table_html(found))
    assert "<td>0.100</td><td>0.150 ± 0.071 (2)</td><td>+0.050</td>" in html


def test_models_that_find_no_beard_are_named_with_their_ap():
    none = [record(entry(0.3, f1=0.0), entry(0.5, f1=0.0), entry(0.6))]
    found = block("table_07", records=lambda query: none if query.method == "Standard" else RECORDS)
    text = fairness.silent([found, block("table_07", "smoke", lambda query: none)])
    assert text.endswith("\n\n- reader: Standard, whose AP is 30.0 % (Bald) and 50.0 % (Not Bald)")
    assert fairness.silent([block("table_07")]) == ""


def test_how_fine_a_difference_few_images_show():
    text = fairness.resolution([block("table_07", "smoke"), block("table_07")])
    assert "there are 35 test images of celeba-10k, 15 of them with a beard" in text
    assert "known to ± 0.04 " in text
    assert "Equation 8 in this group is 0.134, more than that" in text
    assert "cannot be judged" in fairness.resolution([block("table_07", "smoke")])
    none = [record(entry(0.0), entry(0.5), entry(0.6))]
    assert "is not known" in fairness.resolution([block("table_07", records=lambda query: none)])


def test_printed_ap_is_set_beside_chance_by_records_or_data_or_a_note_says_why_not(monkeypatch):
    html = fairness.chance_html([block("table_07", "smoke"), block("table_07")], "celeba-10k")
    assert "Chance by the labels of celeba-10k, test images" in html
    assert "<td>15 of 35</td><td>42.9</td><td>19.4, 18.6, 27.2</td><td>0.600</td><td>0.338, 0.327, 0.461</td>" in html

    bald, bearded = torch.arange(20) < 10, torch.arange(20) % 10 < 5
    has = {"Bald": bald, "Beard": bearded}
    monkeypatch.setattr(fairness.tasks, "has", lambda training, split, name: has[name])
    html = fairness.chance_html([block("table_07", "smoke")], "celeba-10k")
    assert "Chance by the labels of celeba-10k, training and test images" in html
    assert "<td>10 of 20</td><td>50.0</td><td>19.4, 18.6, 27.2</td><td>0.667</td><td>0.338, 0.327, 0.461</td>" in html
    assert "Printed AP below chance: 3 of 3 (Bald), 3 of 3 (Not Bald)." in html

    def missing(*_):
        raise DataNotFound("not run: data not found: celeba-10k")

    monkeypatch.setattr(fairness.tasks, "has", missing)
    assert fairness.chance_html([], "celeba-10k") == '<p class="not-run">not run: data not found: celeba-10k</p>'


def test_constant_answers_are_counted_in_the_records_and_models_no_better_are_named(monkeypatch):
    def told(beards, of_bald):
        found = block("table_07")
        accuracy = {True: beards, False: of_bald}
        cells = [
            dataclasses.replace(c, values=(accuracy[bool(c.query.case)],)) if c.paper.column == "Accuracy" else c
            for c in found.cells
        ]
        return fairness.constant_answers(
            [block("table_07", "smoke"), dataclasses.replace(found, cells=tuple(cells))], "toy"
        )

    right = (
        'On the 70 test images of celeba-10k, reader profile, "no" to everybody is right on 57.1 % about beards, on '
    )
    right += "50.0 % about baldness."
    assert told(90.0, 60.0) == right
    low = told(100 * 40 / 70, 50.0)  # as many as "no" to everybody
    assert low.startswith(f"{right} About beards no better than that: Standard, 57.14 %; ")
    assert "$m$ is right on 50.00 %, no better than" in low
    assert "Equation 8 tests little here" in low

    has = {"Bald": torch.arange(20) < 2, "Beard": torch.arange(20) < 5}
    monkeypatch.setattr(fairness.tasks, "has", lambda training, split, name: has[name])
    text = fairness.constant_answers([block("table_07", "smoke")], "toy-faces")
    assert text.startswith('On the 20 test images of toy-faces, "no" to everybody is right on 75.0 % about beards')
    assert text.endswith(", on 90.0 % about baldness.")


def test_the_controlled_test_is_drawn_with_the_ends_of_its_lines():
    def records(query):
        known = 0.9 - 0.2 * query.settings["confounding"]
        return [record(entry(0.3), entry(0.5), entry(known + d), synthetic=True) for d in (-0.01, 0.01)]

    found = block("confounding", records=records)
    figure, text = charts.by_confounding([found, block("confounding", "smoke")])
    assert "reader profile" in text
    assert "Standard 0.900 at 0 and 0.700 at 1" in text
    assert "Accuracy of moustaches (%): Standard 90.0 at 0" in text
    assert [axis.get_ylabel() for axis in figure.axes[:2]] == [f"{m} of a probe for baldness" for m in ("F1", "AUROC")]
    for axis, constant in zip(figure.axes, (0.6, 0.5, 100 * 40 / 70), strict=True):  # 15 of 35 bald, 30 of 70 bearded
        drawn = [line for line in axis.lines if len(line.get_xdata()) == 5]
        known = [90.0] * 5 if constant > 1 else [0.9, 0.85, 0.8, 0.75, 0.7]
        assert list(drawn[0].get_ydata()) == pytest.approx(known)
        assert axis.lines[-1].get_ydata() == pytest.approx([constant] * 2)


def test_a_line_with_one_tie_is_told_once():
    found = block("confounding", records=lambda query: [record(entry(0.3), entry(0.5), entry(0.9), synthetic=True)])
    first = (dataclasses.replace(c, values=c.values if c.paper.row.startswith("0,") else ()) for c in found.cells)
    _, text = charts.by_confounding([dataclasses.replace(found, cells=tuple(first))])
    assert "AUROC of a probe for baldness: Standard 0.900 at 0, ReDecNN (Eq. 5) 0.900 at 0, " in text


def test_runs_of_groups_are_asked_once_and_smoke_runs_take_the_ends_of_the_confounding():
    ties = {size: {s.training.confounding for s in specifications("confounding", size)} for size in ("smoke", "reader")}
    assert ties == {"smoke": {0.0, 1.0}, "reader": {0.0, 0.25, 0.5, 0.75, 1.0}}
    for name in ("table_07", "table_08", "confounding"):
        specs = specifications(name, "reader")
        assert len(specs) == len({spec.training_key for spec in specs})
        assert not any(spec.evaluation.reference for spec in specs)
