"""Paper beside ours: the join, and the cells that say why they are empty."""

import dataclasses

import pytest

from decnn.study import specifications, tables
from decnn.study.pages import table_pages
from decnn.study.runs import jobs
from decnn.study.tables import compositions, paper
from decnn.study.tables.paper import Block, Cell, Printed


def cell(values=(), text="90.0", note=""):
    return Cell(Printed("Standard", "MNIST", text, "0.1"), None, tuple(values), (), note)


def test_mean_sd_and_difference_are_over_seeds():
    ours = cell([91.0, 93.0])
    assert (ours.mean, ours.sd, ours.difference) == (92.0, pytest.approx(2**0.5), 2.0)
    assert (cell([91.0]).sd, cell().mean, cell().difference) == (None, None, None)


def block(profile="reader", note="", values=(91.0, 93.0)):
    table = tables.table("table_01a")
    cells = tuple(
        dataclasses.replace(
            cell(values if p.column == "MNIST" else (), note=note), paper=p, query=table.queries.get((p.row, p.column))
        )
        for p in paper.printed(table.name)
    )
    return Block(table, specifications.profile(profile), cells)


def test_table_shows_paper_ours_and_difference_in_the_papers_order():
    html = table_pages.table_html(block())
    assert html.index("Standard") < html.index("ReDecNN") < html.index("Ensemble")
    assert "<td>97.1 (0.11)</td><td>92.00 ± 1.41 (2)</td><td>-5.10</td>" in html


def test_a_table_that_the_paper_lacks_shows_ours_alone():
    table = tables.table("beyond")
    (key, query), *_ = table.queries.items()
    ours = Cell(Printed(*key, "", ""), query, (9.0,), (), "")
    html = table_pages.table_html(Block(table, specifications.profile("reader"), (ours,)))
    assert html.count("<td>") == html.count("<td>9.00 (1)</td>") == 1
    assert '<thead><tr><th scope="col"></th><th scope="col">Acc.</th></tr></thead>' in html


def test_empty_cell_says_why_and_is_escaped():
    html = table_pages.table_html(block(note="not run: `decnn run` <mnist>"))
    assert html.count("[1] not run: <code>decnn run</code> &lt;mnist&gt;") == 1
    assert '<td colspan="2" class="not-run">not run [1]</td>' in html


def test_smoke_block_is_watermarked_and_not_compared():
    smoke = block("smoke")
    assert "decnn-smoke" in table_pages.table_html(smoke)
    assert "SMOKE RUN, not a finding" in table_pages.table_html(smoke)
    assert "-5.10" not in table_pages.table_html(smoke)


def spread(profile, filled, note=""):
    """A block of Table 2 whose cells have a number for these data sets alone."""
    table = tables.table("table_02")
    cells = tuple(
        Cell(p, table.queries.get((p.row, p.column)), (0.5,) if p.column.startswith(filled) else (), (), note)
        for p in paper.printed(table.name)
    )
    return Block(table, specifications.profile(profile), cells)


def test_data_without_any_number_are_one_line_with_the_command_and_smoke_is_folded_beside_others():
    command = "not run: `decnn run table_02 --profile paper`"
    html = table_pages.tables_html(
        [
            spread("paper", ("MNIST:",), command),
            spread("reader", ("MNIST:", "FashionMNIST:", "CelebA:")),
            spread("smoke", ("MNIST:",)),
        ]
    )
    shown, folded = html.split("<details>")
    assert shown.count("<table>") == 1 + 3
    assert (
        shown.count("paper profile, FashionMNIST, CelebA: not run: <code>decnn run table_02 --profile paper</code>")
        == 1
    )
    assert folded.startswith("<summary>Smoke run, not a finding: Table 2")
    assert folded.endswith("</details>")
    assert folded.count("<table>") == folded.count("decnn-smoke") == 1
    assert 'class="not-run">' in folded
    assert "decnn-smoke" not in shown
    assert html.count("id=") == 0  # nothing to link to lies in a fold


@pytest.mark.parametrize(("profile", "told"), [("paper", "23,400 steps (celeba: 63,550)"), ("reader", "3,000 steps")])
def test_a_caption_says_what_is_trained_longer(profile, told):
    block = Block(tables.table("table_01a"), specifications.profile(profile), ())
    assert f"{profile} profile: {told} of " in table_pages.caption(block)


@pytest.mark.parametrize("others", [[], [spread("reader", ())]])
def test_smoke_runs_stand_open_where_there_is_nothing_else(others):
    html = table_pages.tables_html([*others, spread("smoke", ("MNIST:", "FashionMNIST:", "CelebA:"))])
    assert html.count("<table>") == html.count("decnn-smoke") == 3
    assert "<details>" not in html


def test_what_the_paper_prints_stays_on_the_page_once_where_nothing_has_a_number():
    for found in ([spread("paper", ("MNIST:",)), spread("smoke", ())], [spread("reader", ())]):
        html = table_pages.tables_html(found)
        assert [html.count(f"<caption>{name}. Table 2") for name in ("MNIST", "FashionMNIST", "CelebA")] == [1, 1, 1]
    assert table_pages.tables_html([]) == ""


def test_of_a_command_with_and_without_a_device_the_fuller_one_is_told():
    bare = spread("paper", ())
    cells = (
        dataclasses.replace(c, note=f"not run: `decnn run table_02{' --device cuda' * (n % 2)}`")
        for n, c in enumerate(bare.cells)
    )
    html = table_pages.tables_html([spread("reader", ("MNIST:",)), dataclasses.replace(bare, cells=tuple(cells))])
    assert html.endswith("paper profile: not run: <code>decnn run table_02 --device cuda</code></p>")


def test_cells_that_the_paper_lacks_follow_the_printed_ones():
    table = tables.table("table_05")
    cells = paper._printed_or_not(table)
    printed = paper.printed(table.name)
    assert cells[: len(printed)] == printed
    assert {(c.row, c.text) for c in cells[len(printed) :]} == {(compositions.ITSELF, "")}
    assert len(cells) == len(printed) + 4


@pytest.mark.parametrize("profile", ["reader", "paper"])
@pytest.mark.parametrize("column", ["MNIST: Linear", "CelebA: ResNet"])
def test_the_pretrained_model_is_asked_as_it_is_composed_with(profile, column):
    size, queries = specifications.profile(profile), tables.table("table_05").queries
    own = queries[compositions.ITSELF, column].specification(size, 1)
    assert own == jobs.pretrained(queries["Calibration (ECE)", column].specification(size, 1).training)
    assert own.training.filters == {"MNIST: Linear": None, "CelebA: ResNet": size.width}[column]
    assert own in tables.specifications("table_05", profile)


def test_a_cell_that_smoke_runs_leave_out_is_run_at_every_other_profile():
    (left_out,) = {q for q in tables.table("table_03").queries.values() if (q.method, q.case) == ("ReDecNN", "Bald")}
    assert left_out.specifications(specifications.profile("smoke")) == []
    assert len(left_out.specifications(specifications.profile("reader"))) == 6
    assert len(tables.specifications("table_03", "smoke")) == 5  # one attribute, each method, paths in two ways


def test_unknown_printed_table_lists_the_known():
    with pytest.raises(ValueError, match="expected a printed table, one of table_01a"):
        paper.printed("table_99")


@pytest.mark.parametrize(("noted", "told"), [((), []), ((1,), ["seed 1: flat"]), ((0, 1, 2), ["flat"] * 3)])
def test_a_note_names_its_seeds_where_others_have_none(noted, told):
    query = tables.TABLES["table_01b"].queries["ReDecNN", "MNIST"]
    records = [
        {"specification": {"training": {"seed": seed}}, "metrics": {"notes": ["flat"] * (seed in noted)}}
        for seed in range(3)
    ]
    assert paper._noted(query, records) == told


@pytest.mark.parametrize("noted", [False, True])
def test_a_note_on_constant_scores_is_of_the_score_that_a_cell_shows(noted):
    query = tables.TABLES["table_02"].queries["Adversarial (FGSM)", "MNIST: MC"]
    scores = {"vote_entropy": {"constant": noted}, "mean_entropy": {"constant": True}}
    metrics = {"notes": ["constant"], "sets": {"fgsm-0.1": {"scores": scores}}}
    record = {"specification": {"training": {"seed": 0}}, "metrics": metrics}
    assert paper._noted(query, [record]) == ["constant"] * noted
