"""Where numbers come from: every committed record behind a table is on its page, and its command selects it."""

import json
import re

import pytest

from decnn.study import paths, specifications, tables
from decnn.study.pages import provenance, table_pages
from decnn.study.runs.records import Records
from decnn.study.tables import paper
from decnn.study.tables.selection import Selection

PROFILES = paper.FULLEST_FIRST


def filled(name):
    """The blocks of a table that have committed records; nothing is computed."""
    store, table = Records(paths.records()), tables.table(name)
    found = []
    for size in map(specifications.profile, PROFILES):
        cells = tuple(
            paper._cell(table, cell, size, store, {}, own)
            for own in (False, True)
            for cell in paper._printed_or_not(table)
        )
        found.append(paper.Block(table, size, cells))
    return [block for block in found if any(cell.records for cell in block.cells)]


def content(html):
    (text,) = re.findall(r'<script type="application/json" class="decnn-records">(.*?)</script>', html, re.S)
    return json.loads(text)


@pytest.mark.parametrize("name", tables.TABLES)
def test_the_command_of_a_number_selects_its_runs(name):
    selected = {}
    for block in filled(name):
        for cell in (cell for cell in block.cells if cell.records):
            command = provenance.command(name, block.profile.name, cell.records)
            if command not in selected:
                selected[command] = {spec.key for spec in selection(command).specifications()}
            assert {record["key"] for record in cell.records} <= selected[command]


def selection(command: str) -> Selection:
    words = command.split()
    option = {word: words[words.index(word) + 1] for word in words if word.startswith("--") and word != "--refresh"}
    return Selection(
        (words[2],),
        option["--profile"],
        tuple(option["--datasets"].split(",")),
        tuple(option["--methods"].split(",")),
        tuple(map(int, option["--seeds"].split(","))),
    )


def test_a_page_holds_every_record_of_its_numbers_once_and_its_file_is_there():
    blocks = filled("table_01a")
    html = "".join(map(table_pages.table_html, blocks))
    page = content(table_pages.records_html(blocks))
    shown = re.findall(r'data-records="([^"]+)"', html)
    assert shown
    assert set(shown) <= set(page["commands"])
    assert {key for keys in shown for key in keys.split()} <= set(page["records"])
    for record in page["records"].values():
        assert (paths.records() / record["file"]).exists()
        assert record["examples"]["test"] > 0


def test_values_are_those_of_the_seeds():
    cell = next(cell for cell in filled("table_01a")[0].cells if len(cell.records) > 1)
    values = re.search(r'data-values="([^"]+)"', provenance.source(cell)).group(1).split()
    assert [float(value) for value in values] == pytest.approx(list(cell.values), rel=1e-5)


def test_a_number_about_outliers_says_how_many_there_were():
    cell = next(cell for cell in filled("table_02")[0].cells if cell.records)
    kind = cell.query.metric.split("/")[1]
    for record in cell.records:
        shown = provenance.details(record, smoke=False)["examples"]
        assert shown["inliers"] == record["metrics"]["inliers"]
        assert shown["outliers of each kind"] == f"{record['metrics']['sets'][kind]['outliers']:,}"


def test_a_smoke_run_has_no_file():
    record = next(iter(filled("table_01a")[0].cells[0].records))
    assert provenance.details(record, smoke=True)["file"] is None


def test_a_cell_without_records_carries_nothing():
    cell = paper.Cell(paper.Printed("Standard", "MNIST", "97.1", ""), None, (), (), "")
    assert provenance.source(cell) == ""
