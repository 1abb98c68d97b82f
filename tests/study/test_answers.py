"""Short answers: pairs are of the same seeds, and smoke runs answer nothing."""

import dataclasses

from decnn.study import tables
from decnn.study.pages import answers
from decnn.study.specifications import profile
from decnn.study.tables.paper import Block, Cell, Printed


def block(size: str, values: dict[str, dict[int, float]]) -> Block:
    """Table 5 with accuracies on MNIST: subject -> seed -> value."""
    table, cells = tables.table("table_05"), []
    for (row, column), query in table.queries.items():
        own = values.get(query.subject, {}) if query.case == "MNIST, Accuracy" else {}
        records = [
            {"specification": {"training": {"seed": seed}}, "metrics": {"accuracy": value}}
            for seed, value in own.items()
        ]
        cells.append(Cell(Printed(row, column, "", ""), query, tuple(own.values()), tuple(records), ""))
    return Block(table, profile(size), tuple(cells))


def test_networks_are_compared_on_the_seeds_that_both_have_at_the_fullest_profile_with_such():
    without = {0: 90.0, 1: 80.0, 2: 10.0}
    found = [block("overnight", {"None": without}), block("reader", {"None": without, "Linear": {1: 82.0, 0: 94.0}})]
    text = answers.composing(found, "Linear")
    assert text.startswith("**In short.**")
    assert "reader profile" in text
    assert "accuracy 85.00 → 88.00 %. MNIST, a Linear model" in text
    assert text.endswith("that both networks have, 2 seeds.")
    assert "one seed, which shows no spread" in answers.composing(
        [block("reader", {"None": {0: 1.0}, "Linear": {0: 2.0}})], "Linear"
    )


def test_a_number_that_is_not_defined_is_no_pair():
    found = block("reader", {"None": {0: 1.0}, "Linear": {0: 2.0}})
    cells = [
        dataclasses.replace(cell, records=tuple({**r, "metrics": {"accuracy": None}} for r in cell.records))
        for cell in found.cells
    ]
    assert answers.composing([dataclasses.replace(found, cells=tuple(cells))], "Linear").startswith("**Not answered")


def test_smoke_runs_and_lone_networks_answer_nothing():
    both = {"None": {0: 1.0}, "Linear": {0: 2.0}}
    for found in ([], [block("smoke", both)], [block("reader", {"None": {0: 1.0}, "Linear": {1: 2.0}})]):
        assert answers.composing(found, "Linear").startswith("**Not answered yet.**")
    assert answers.decoding([1.0], 2.0, [50.0], 10, smoke=True).startswith("**Not answered yet.**")


def test_layers_closer_than_the_mean_are_counted():
    text = answers.decoding([1.0, 2.0, 3.0], 2.5, [99.0, 80.0, 20.0], 1000, smoke=False)
    assert text.startswith("**In short.** 2 of 3 layers")
    assert "layer 1 errs by 1.0 dB, layer 3 by 3.0 dB" in text
    assert "reads 99 % and 20 %" in text
    assert "(1,000 test clips, one network)" in text
