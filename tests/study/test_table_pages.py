"""Tables as pages: one for each data set, and what they are of."""

from __future__ import annotations

import dataclasses

import pytest

from decnn.study.pages import table_pages
from decnn.study.tables.paper import Printed


@pytest.mark.parametrize("name", ["table_02", "table_11"])
def test_a_wide_table_is_one_for_each_data_set_without_itself_as_outliers(block, name):
    html = table_pages.table_html(block(name, "MNIST: MC"))
    assert html.count("<table>") == 3
    assert html.count(">OOD (MNIST)<") == 2  # in the tables of Fashion-MNIST and CelebA


@pytest.mark.parametrize(
    ("data", "title"),
    [
        ({"name": "mnist", "train": {"examples": 60_000}}, ">MC<"),
        ({"name": "celeba-10k", "train": {"examples": 7527}}, " Data: celeba-10k, 7,527 for training.<"),
        (
            {"name": "toy-faces", "train": {"examples": 1000}, "synthetic": True},
            " Data: toy-faces, synthetic, 1,000 for training.<",
        ),
    ],
)
def test_what_is_not_the_whole_data_set_is_named_above_its_numbers(block, record, data, title):
    found = block("table_02", "CelebA: MC")
    records = tuple(record(seed, 0.6) | {"data": data} for seed in range(2))
    cells = tuple(dataclasses.replace(cell, records=cell.records and records) for cell in found.cells)
    assert title in table_pages.table_html(dataclasses.replace(found, cells=cells))


def test_printed_cells_without_a_query_are_kept(block):
    cell = next(
        c for c in block("table_12", "none").cells if (c.paper.row, c.paper.column) == ("Standard", "Misclass.")
    )
    assert cell.query is None
    assert isinstance(cell.paper, Printed)
