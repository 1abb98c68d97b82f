"""Tables beside the printed ones: distances, bins and measures are those of the records."""

from __future__ import annotations

import dataclasses
import functools

import pytest
from matplotlib.colors import rgb_to_hsv, to_hex, to_rgb
from scipy.stats import hypergeom

from decnn.study import specifications, tables
from decnn.study.figures import charts, depths, plots
from decnn.study.pages import calibration, nearest, readings, table_pages
from decnn.study.pages.first_page import answer, depth_and_seed
from decnn.study.tables import paper
from decnn.study.tables.paper import Block, Cell, Printed
from decnn.study.verdicts import judge

WEIGHTS = (0.2126, 0.7152, 0.0722)  # of red, green and blue in relative luminance
BINS = {"count": [2, 0, 2], "confidence": [0.2, 0.0, 0.9], "accuracy": [0.5, 0.0, 0.5]}


def record(seed: int, value: float) -> dict:
    scores = {"auroc": value, "aupr_out": value, "aupr_in": value, "fpr95": 1 - value, "constant": False}
    every = {f"{s} / {w}": value + 0.1 for s in ("vote_entropy", "mean_entropy") for w in ("first_pass", "mean_probs")}
    return {
        "key": f"{seed}",
        "specification": {"training": {"dataset": "mnist"}},
        "data": {"name": "mnist", "train": {"examples": 60_000}},
        "metrics": {
            "inliers": 500,
            "sets": {
                name: {"outliers": 400, "scores": {"vote_entropy": scores, "mean_entropy": {**scores, "auroc": 0.5}}}
                for name in ("fashion_mnist", *(f"fgsm-{eps:g}" for eps in (0.05, 0.1, 0.2)))
            },
            "readings": {"misclassification_auroc": every},
            "ece_by_bins": {"10": 1.0, "15": 2.0, "20": 3.0},
            "reliability": BINS,
            "by_depth": [{"misclassification_auroc": value, "accuracy_of_one_path": 90.0}] * 3,
        },
    }


def block(name: str, *columns: str, profile: str = "reader") -> Block:
    """A block whose cells of some columns have two records, of value 0.6 and 0.8."""
    table, records = tables.table(name), (record(0, 0.6), record(1, 0.8))
    cells = [
        Cell(
            p,
            table.queries.get((p.row, p.column)),
            (0.6, 0.8) * (p.column in columns),
            records * (p.column in columns),
            "",
        )
        for p in paper.printed(name)
    ]
    return Block(table, specifications.profile(profile), tuple(cells))


def test_the_unweighted_sum_counts_bins_and_not_examples():
    assert calibration.unweighted(BINS) == pytest.approx(100 * (0.3 + 0.4))


def test_a_part_of_the_predictions_has_the_larger_error_of_its_chance():
    """Of n in one bin at 0.5 half are right, give or take: E|k/n - 1/2| of the hypergeometric distribution."""
    balanced = {"count": [20], "confidence": [0.5], "accuracy": [0.5]}
    chance = hypergeom(20, 10, 6)
    exact = sum(chance.pmf(k) * abs(k / 6 - 0.5) for k in range(7))
    assert calibration.of_a_part(balanced, 6) == pytest.approx(100 * exact, rel=0.05)


def test_methods_with_more_predictions_than_others_are_named():
    found, cells = block("table_04a", "MNIST"), []
    for cell in found.cells:
        few = cell.query and cell.query.subject == "ReDecNN"
        bins = {**BINS, "count": [2, 0, 2] if few else [20, 0, 20]}
        records = tuple({**r, "metrics": {**r["metrics"], "reliability": bins}} for r in cell.records)
        cells.append(dataclasses.replace(cell, records=records))
    told = calibration.on_fewer_images([dataclasses.replace(found, cells=tuple(cells))])
    assert "Standard on MNIST, 0.70 % of 40 predictions" in told
    assert "ReDecNN on MNIST" not in told
    assert calibration.on_fewer_images([block("table_04a", "MNIST")]) == ""


def test_what_lies_far_from_the_printed_value_is_named_by_profile():
    """Our 0.7 lies 0.2 or more above what is printed of ensembles on other data sets, and never as far below."""
    found = [block("table_02", "MNIST: Ensemble"), block("table_02", "MNIST: Ensemble", profile="smoke")]
    (line,) = readings.apart(found, 0.15)
    assert line.startswith("- reader: ")
    told = line.removeprefix("- reader: ").split("; ")
    values = {c.row: c.value for c in paper.printed("table_02") if c.column == "MNIST: Ensemble" and c.text}
    assert len(told) == sum(0.7 - value > 0.15 for row, value in values.items() if not row.endswith("(Stdev)"))
    assert "0.700 against 0.534" in line
    assert readings.apart(found, -0.15) == []


def test_of_what_lies_far_above_the_baselines_are_those_without_a_decoder():
    """Were 0.5 printed of both, our 0.7 would lie above it of both."""
    found = block("table_02", "MNIST: Ensemble", "MNIST: ReDecNN")
    low = [
        dataclasses.replace(c, paper=dataclasses.replace(c.paper, text="0.500")) for c in found.cells if c.paper.text
    ]
    told = readings.baselines([dataclasses.replace(found, cells=tuple(low))])
    assert "Ensemble on MNIST, OOD (FashionMNIST), 0.700 against 0.500" in told
    assert "ReDecNN on MNIST" not in told


def test_voters_are_told_where_their_majority_lies_far_below_the_printed_accuracy(monkeypatch):
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


def test_ours_of_one_method_are_counted_where_they_lie_above_what_is_printed_of_another():
    """Our 0.7 of the ensemble against what is printed of paths on digits, column by column."""
    found = [block("table_02", "MNIST: Ensemble"), block("table_02", "MNIST: Ensemble", profile="smoke")]
    printed = [c for c in paper.printed("table_02") if c.column == "MNIST: ReDecNN" and c.text]
    values = [c.value for c in printed if not c.row.endswith("(Stdev)")]
    expected = f"- reader, Table 2: {sum(value < 0.7 for value in values)} of {len(values)}"
    assert readings.above(found, "Ensemble", "ReDecNN").endswith(f"\n\n{expected}")


@pytest.mark.parametrize(("swapped", "learnt", "lines"), [(True, True, 1), (True, False, 0), (False, True, 0)])
def test_columns_are_as_if_exchanged_where_each_lies_on_the_others_printed_values(monkeypatch, swapped, learnt, lines):
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


def test_the_first_page_counts_cases_as_the_judge_does():
    found = [judge.at(name)["accuracy-redecnn"] for name in paper.FULLEST_FIRST]
    cases = [finding for verdict in found for finding in verdict.findings if finding.as_claimed is not None]
    assert f"ReDecNN in {sum(case.as_claimed for case in cases)} of {len(cases)}. Votes" in answer()


def test_the_first_page_blames_depth_only_where_every_seed_does():
    def told(deep: tuple[float, ...], shallow: tuple[float, ...]) -> str:
        found, values = block("table_04b"), {"8": deep, "2": shallow}
        cells = [dataclasses.replace(c, values=values.get(c.query.subject, ())) for c in found.cells]
        return depth_and_seed([dataclasses.replace(found, cells=tuple(cells))])

    assert "have not learnt.** After 3,000" in told((0.3, 0.5), (0.7,))
    assert "seed weighs more than the depth.** After" in (both := told((0.3, 0.5, 0.85), (0.7,)))
    assert "AUROC 0.300, 0.500, 0.850 (printed 0.812), of depth 2 with 0.700 (printed 0.665)" in both
    assert told((0.9, 0.91), (0.7,)) == told((0.3,), (0.7,)) == told((0.9,), ()) == ""


def test_measures_are_means_over_seeds_with_both_counts():
    html = readings.measures_html([block("table_02", "MNIST: MC")], "OOD (FashionMNIST)")
    high, low = "<td>0.700 ± 0.141</td>", "<td>0.300 ± 0.141</td>"
    line = f"{3 * high}{low}<td>500 + 400</td><td>2</td>"
    assert f'<th scope="row">MNIST: MC</th>{line}' in html
    assert readings.measures_html([block("table_02", "MNIST: MC")], "OOD (MNIST)") == ""


def test_measures_of_constant_scores_say_so():
    same = block("table_02", "MNIST: MC")
    for cell in same.cells:
        for one in cell.records:
            one["metrics"]["sets"]["fashion_mnist"]["scores"]["vote_entropy"]["constant"] = True
    assert readings.measures_html([same], "OOD (FashionMNIST)").count("(constant scores)</td>") == len(
        readings.MEASURES
    )


def test_the_depth_that_is_nearest():
    """Of outliers and of mistakes, and of corruptions the mean over the depth's AUROCs."""
    found = block("table_02", "MNIST: ReDecNN")
    cells = {cell.paper.row: cell for cell in found.cells if cell.paper.column == "MNIST: ReDecNN"}
    shifts = {name: {"by_depth": [0.5 + 0.01 * place, 0.9]} for place, name in enumerate(nearest.CORRUPTIONS)}
    metrics = {
        "sets": {"fashion_mnist": {"by_depth": [0.6, 0.8]}, **shifts},
        "by_depth": [{"depth": d, "misclassification_auroc": 0.6 + d / 10} for d in (1, 2)],
    }
    scores, mistakes, other = nearest.DEPTHS_OF_SCORES, nearest.DEPTHS_OF_MISTAKES, {"metrics": {"sets": shifts}}
    assert scores["depth 2"]({"metrics": metrics}, cells["OOD (FashionMNIST)"]) == 0.8
    assert scores["depth 3"]({"metrics": metrics}, cells["OOD (FashionMNIST)"]) is None
    assert scores["depth 1"](other, cells["Corrupt (Mean)"]) == pytest.approx(0.5 + 0.01 * 6.5)
    assert scores["depth 2"](other, cells["Corrupt (Stdev)"]) == pytest.approx(0, abs=1e-12)
    assert mistakes["depth 1"]({"metrics": metrics}, cells["OOD (FashionMNIST)"]) == 0.7
    assert mistakes["depth 1"]({"metrics": {"by_depth": metrics["by_depth"][:1]}}, None) is None, "no path"
    assert mistakes["depth 1"]({"metrics": {}}, cells["OOD (FashionMNIST)"]) is None


def test_nearest_is_the_mean_distance_from_the_printed_values():
    found, names = [block("table_02", "MNIST: MC")], ("votes of the last depth", "entropy of the mean probability")
    fashion = next(c for c in found[0].cells if (c.paper.row, c.paper.column) == ("OOD (FashionMNIST)", "MNIST: MC"))
    only = [dataclasses.replace(found[0], cells=(fashion,))]
    html = nearest.nearest_html("Table 2", only, {name: nearest.SCORES[name] for name in names})
    printed = fashion.paper.value
    assert f"votes of the last depth</th><td>-</td><td>{abs(0.7 - printed):.3f}</td><td>-</td>" in html
    assert f"entropy of the mean probability</th><td>-</td><td>{abs(0.5 - printed):.3f}</td>" in html
    best = min(zip((0.7, 0.5), names, strict=True), key=lambda pair: abs(pair[0] - printed))[1]
    line = nearest.nearest_line("Table 2", only, {name: nearest.SCORES[name] for name in names})
    assert line == f"- Table 2: *{best}* (reader, without ReDecNN, Ensemble)."


def test_smoke_runs_are_never_compared_with_the_paper():
    assert "Not run but for smoke" in nearest.nearest_html(
        "Table 2", [block("table_02", "MNIST: MC", profile="smoke")], {}
    )
    assert nearest.nearest_line("Table 2", [], nearest.SCORES) == "- Table 2: not run but for smoke."


@pytest.mark.parametrize("name", ["table_02", "table_11"])
def test_a_wide_table_is_one_for_each_data_set_without_itself_as_outliers(name):
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
def test_what_is_not_the_whole_data_set_is_named_above_its_numbers(data, title):
    found = block("table_02", "CelebA: MC")
    records = tuple(record(seed, 0.6) | {"data": data} for seed in range(2))
    cells = tuple(dataclasses.replace(cell, records=cell.records and records) for cell in found.cells)
    assert title in table_pages.table_html(dataclasses.replace(found, cells=cells))


def of_attributes(value: float) -> dict:
    scores = {name: {"auroc": value + step} for name, step in (("vote_entropy", 0.0), ("largest_vote_entropy", 0.1))}
    by_image = {"vote_entropy": value + 0.2, "largest_vote_entropy": value + 0.3}
    return {
        "metrics": {
            "misclassification_auroc": value,
            "misclassification_auroc_of_images": by_image,
            "sets": {"mnist": {"scores": scores}},
            "ece": value,
            "readings": {"ece_first_pass": value + 0.4},
            "ece_mean_of_attributes": value + 0.5,
        }
    }


@pytest.mark.parametrize(
    ("name", "column", "row", "shown"),
    [
        ("table_01b", "CelebA", "ReDecNN", ("0.400", "0.600", "0.700")),
        ("table_02", "CelebA: ReDecNN", "OOD (MNIST)", ("0.400", "0.500")),
        ("table_04a", "CelebA", "ReDecNN", ("0.400", "0.800", "0.900")),
    ],
)
def test_attributes_are_shown_under_every_reading(name, column, row, shown):
    found = block(name, column)
    chosen = next(c for c in found.cells if (c.paper.row, c.paper.column) == (row, column))
    chosen = dataclasses.replace(chosen, records=(of_attributes(0.3), of_attributes(0.5)))
    html = nearest.attributes_html([dataclasses.replace(found, cells=(chosen,))], digits=3)
    assert f"<td>{chosen.paper.text}</td>{''.join(f'<td>{value}</td>' for value in shown)}" in html


def test_attributes_without_records_say_what_to_run():
    html = nearest.attributes_html(
        [block("table_01b", "MNIST"), block("table_01b", "CelebA", profile="smoke")], digits=3
    )
    assert "<code>decnn run table_01b --profile reader</code>" in html


def test_changes_are_differences_from_the_base_printed_and_ours():
    found = block("table_06", "Direct Reg.")
    cells = [c if c.values else dataclasses.replace(c, values=(0.9, 0.9)) for c in found.cells]
    figure, alt = charts.changes([dataclasses.replace(found, cells=tuple(cells))], "Direct Reg.")
    (axes,) = figure.axes
    marks = next(line for line in axes.get_lines() if line.get_label() == "printed")
    printed = [0.904 - 0.828, 0.805 - 0.707, 0.845 - 0.699, 0.928 - 0.782, 0.790 - 0.667]
    assert list(marks.get_xdata()) == pytest.approx(printed)
    (ours,) = (bars.lines[0] for bars in axes.containers)
    assert list(ours.get_xdata()) == pytest.approx([0.2] * 5)
    assert axes.get_title() == "Eq. 7"
    assert "Direct Reg." in alt


def marked(panel) -> dict[str, str]:
    """Colour of each label in a panel."""
    handles, labels = panel.get_legend_handles_labels()
    marks = [getattr(handle, "lines", [handle])[0] for handle in handles]
    return {label: to_hex(mark.get_color()) for label, mark in zip(labels, marks, strict=True)}


@pytest.mark.parametrize(
    ("draw", "name", "both", "second"),
    [
        (charts.differences, "table_01b", ["Fashion"], "MNIST"),
        (lambda found: charts.changes(found, "None"), "table_05", ["MNIST: None", "MNIST: ResNet"], "MNIST: Linear"),
        (depths.auroc_by_depth, "table_01b", ["Fashion"], "MNIST"),
        (lambda found: depths.by_trained_depth(found, found), "table_04b", ["OOD (Fashion)"], "Acc."),
    ],
)
def test_a_profile_looks_the_same_in_every_panel_and_the_legend_has_all(draw, name, both, second):
    """Though the first profile is missing in one panel, which is the first of some charts."""
    found = [block(name, *both, profile="overnight"), block(name, *both, second, profile="reader")]
    figure, _ = draw(found)
    shown = [(label, color) for panel in figure.axes for label, color in marked(panel).items()]
    assert len(set(shown)) == len({label for label, _ in shown})
    for profile in ("overnight", "reader"):
        assert {c for label, c in shown if label.startswith(profile)} == {to_hex(plots.look(profile)["color"])}
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} == {label for label, _ in shown}


def test_a_trained_depth_without_a_run_is_left_out_and_the_first_pass_has_one_reading():
    found = block("table_04b", "")
    cells = [c if c.query.subject != "4" else dataclasses.replace(c, values=()) for c in found.cells]
    cells = [c if c.query.subject == "4" else dataclasses.replace(c, values=(0.9, 0.7)) for c in cells]
    found = dataclasses.replace(found, cells=tuple(cells))
    figure, alt = depths.by_trained_depth([found], [found])
    accuracy, fashion, _ = figure.axes
    assert [bars.lines[0].get_xdata().tolist() for bars in accuracy.containers] == [[2, 6, 8]]
    assert [bars.lines[0].get_ydata().tolist() for bars in fashion.containers] == [[0.8] * 3] * 2
    assert "OOD (Fashion), printed: 0.665 at 2" in alt


def test_heat_map_shows_printed_beside_ours():
    figure, alt = charts.heat_map([block("table_11", "MNIST: MC")])
    assert [axes.get_title() for axes in figure.axes[:2]] == ["printed", "ours, reader"]
    assert "heat map" in alt


@pytest.mark.parametrize("value", [0.0, 0.1, 0.4, 0.5, 0.6, 1.0])
def test_a_number_of_the_heat_map_is_legible_and_its_colour_says_on_which_side_of_a_coin(value):
    """Contrast as the Web Content Accessibility Guidelines define it."""
    found = block("table_11", "MNIST: MC")
    cells = tuple(dataclasses.replace(c, values=(value,) * len(c.values)) for c in found.cells)
    figure, _ = charts.heat_map([dataclasses.replace(found, cells=cells)])
    ours = figure.axes[1]
    mesh, text = ours.collections[0], ours.texts[0]
    colors = [rgb_to_hsv(mesh.to_rgba(v)[:3]) for v in (value, 1 - value)]
    assert value == 0.5 or abs(colors[0][0] - colors[1][0]) > 0.3  # orange or blue
    light, dark = (
        sum(
            w * (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4)
            for w, c in zip(WEIGHTS, to_rgb(color), strict=True)
        )
        for color in (mesh.to_rgba(value), text.get_color())
    )
    assert (light + 0.05) / (dark + 0.05) > 4.5


def test_the_sweep_needs_records_of_the_attack():
    figure, _ = charts.attack_sweep([block("table_02", "MNIST: MC")])
    (line, _) = figure.axes[0].get_lines()
    assert line.get_xdata().tolist() == [0.05, 0.1, 0.2]
    assert line.get_ydata().tolist() == pytest.approx([0.7] * 3)
    with pytest.raises(ValueError, match="expected a block with records of FGSM, got none"):
        charts.attack_sweep([block("table_02", "none")])


def test_the_sweep_shows_every_profile_in_panels_of_its_own():
    """So that what only a smaller profile has is drawn, and no line stands beside one of other training."""
    found = [block("table_02", "MNIST: MC", profile="paper"), block("table_02", "CelebA: ReDecNN", profile="overnight")]
    figure, _ = charts.attack_sweep(found)
    drawn = {panel.get_title(): panel.get_legend_handles_labels()[1] for panel in figure.axes}
    assert drawn == {
        "MNIST, paper": ["MC"],
        "MNIST, overnight: not run": [],
        "CelebA, paper: not run": [],
        "CelebA, overnight": ["ReDecNN"],
    }


def test_printed_cells_without_a_query_are_kept():
    cell = next(
        c for c in block("table_12", "none").cells if (c.paper.row, c.paper.column) == ("Standard", "Misclass.")
    )
    assert cell.query is None
    assert isinstance(cell.paper, Printed)
