"""What stands under a table in words: what lies far from the printed values, and other measures."""

from __future__ import annotations

import dataclasses
import functools

import pytest

from decnn.study.pages import readings
from decnn.study.tables import paper


def test_what_lies_far_from_the_printed_value_is_named_by_profile(block):
    """Our 0.7 lies 0.2 or more above what is printed of ensembles on other data sets, and never as far below."""
    found = [block("table_02", "MNIST: Ensemble"), block("table_02", "MNIST: Ensemble", profile="smoke")]
    (line,) = readings.apart(found, 0.15)
    assert line.startswith("- reader: ")
    told = line.removeprefix("- reader: ").split("; ")
    values = {c.row: c.value for c in paper.printed("table_02") if c.column == "MNIST: Ensemble" and c.text}
    assert len(told) == sum(0.7 - value > 0.15 for row, value in values.items() if not row.endswith("(Stdev)"))
    assert "0.700 against 0.534" in line
    assert readings.apart(found, -0.15) == []


def test_of_what_lies_far_above_the_baselines_are_those_without_a_decoder(block):
    """Were 0.5 printed of both, our 0.7 would lie above it of both."""
    found = block("table_02", "MNIST: Ensemble", "MNIST: ReDecNN")
    low = [
        dataclasses.replace(c, paper=dataclasses.replace(c.paper, text="0.500")) for c in found.cells if c.paper.text
    ]
    told = readings.baselines([dataclasses.replace(found, cells=tuple(low))])
    assert "Ensemble on MNIST, OOD (FashionMNIST), 0.700 against 0.500" in told
    assert "ReDecNN on MNIST" not in told


def test_voters_are_told_where_their_majority_lies_far_below_the_printed_accuracy(block, monkeypatch):
    found = block("table_01a", "MNIST")
    cells = []
    for cell in found.cells:
        votes = {"votes": 40.0 if cell.query.subject == "ReDecNN" else 90.0}
        records = [{**r, "metrics": {**r["metrics"], "readings": {"accuracy": votes}}} for r in cell.records]
        cells.append(dataclasses.replace(cell, values=(97.0,) * len(records), records=tuple(records)))
    monkeypatch.setattr(readings, "blocks", lambda *_, **__: [dataclasses.replace(found, cells=tuple(cells))])
    told = readings.hardly_learnt()
    assert "Hardly learnt" not in told
    assert told.endswith("- reader: ReDecNN on MNIST, 40.0 against 97.5")


def test_ours_of_one_method_are_counted_where_they_lie_above_what_is_printed_of_another(block):
    """Our 0.7 of the ensemble against what is printed of paths on digits, column by column."""
    found = [block("table_02", "MNIST: Ensemble"), block("table_02", "MNIST: Ensemble", profile="smoke")]
    printed = [c for c in paper.printed("table_02") if c.column == "MNIST: ReDecNN" and c.text]
    values = [c.value for c in printed if not c.row.endswith("(Stdev)")]
    expected = f"- reader, Table 2: {sum(value < 0.7 for value in values)} of {len(values)}"
    assert readings.above(found, "Ensemble", "ReDecNN").endswith(f"\n\n{expected}")


@pytest.mark.parametrize(("swapped", "learnt", "lines"), [(True, True, 1), (True, False, 0), (False, True, 0)])
def test_columns_are_as_if_exchanged_where_each_lies_on_the_others_printed_values(
    block, monkeypatch, swapped, learnt, lines
):
    """By votes; by the mean probability each lies on its own here."""
    found, cells, accuracies = block("table_02", ""), [], block("table_01a", "MNIST")
    for cell in found.cells:
        query, records = cell.query, ()
        if query and query.subject in ("MC", "Ensemble") and query.case.startswith("MNIST, "):
            of = {"MC": "Ensemble", "Ensemble": "MC"}[query.subject] if swapped else query.subject
            values = {"vote_entropy": found.of(of, query.case).paper.value, "mean_entropy": cell.paper.value}
            records = ({"metrics": nested(query.metric, values)},) * 2 if None not in values.values() else ()
        told = tuple(query.value(record) for record in records)
        cells.append(dataclasses.replace(cell, values=told, records=records))
    accuracy = (95.0 if learnt else 20.0,)
    known = [dataclasses.replace(cell, values=accuracy) if cell.values else cell for cell in accuracies.cells]
    monkeypatch.setattr(readings, "blocks", lambda *_, **__: [dataclasses.replace(accuracies, cells=tuple(known))])
    told = readings.exchanged([dataclasses.replace(found, cells=tuple(cells))], "MC", "Ensemble")
    assert told.count("- reader, MNIST, 4 kinds of outliers:\n  - MC: by votes ") == lines
    assert told.count(" 0.000 from the other; by the mean probability 0.000 from its own") == 2 * lines
    assert bool(told) == bool(lines)


def nested(metric: str, values: dict[str, float]) -> dict:
    """A record's metrics that hold a number by each score, where `metric` names the votes'."""
    before, after = (part.strip("/").split("/") for part in metric.split("vote_entropy"))
    by_score = {score: within(after, value) for score, value in values.items()}
    return within(before, by_score)


def within(keys: list[str], value: object) -> object:
    return functools.reduce(lambda inner, key: {key: inner}, reversed(keys), value)


def test_measures_are_means_over_seeds_with_both_counts(block):
    html = readings.measures_html([block("table_02", "MNIST: MC")], "OOD (FashionMNIST)")
    high, low = "<td>0.700 ± 0.141</td>", "<td>0.300 ± 0.141</td>"
    line = f"{3 * high}{low}<td>500 + 400</td><td>2</td>"
    assert f'<th scope="row">MNIST: MC</th>{line}' in html
    assert readings.measures_html([block("table_02", "MNIST: MC")], "OOD (MNIST)") == ""


def test_measures_of_constant_scores_say_so(block):
    same = block("table_02", "MNIST: MC")
    for cell in same.cells:
        for one in cell.records:
            one["metrics"]["sets"]["fashion_mnist"]["scores"]["vote_entropy"]["constant"] = True
    assert readings.measures_html([same], "OOD (FashionMNIST)").count("(constant scores)</td>") == len(
        readings.MEASURES
    )
