"""Which reading is nearest: distances are those of the records from the printed values."""

from __future__ import annotations

import dataclasses

import pytest

from decnn.study.pages import nearest


def test_the_depth_that_is_nearest(block):
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


def test_nearest_is_the_mean_distance_from_the_printed_values(block):
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


def test_smoke_runs_are_never_compared_with_the_paper(block):
    assert "Not run but for smoke" in nearest.nearest_html(
        "Table 2", [block("table_02", "MNIST: MC", profile="smoke")], {}
    )
    assert nearest.nearest_line("Table 2", [], nearest.SCORES) == "- Table 2: not run but for smoke."


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
def test_attributes_are_shown_under_every_reading(block, name, column, row, shown):
    found = block(name, column)
    chosen = next(c for c in found.cells if (c.paper.row, c.paper.column) == (row, column))
    chosen = dataclasses.replace(chosen, records=(of_attributes(0.3), of_attributes(0.5)))
    html = nearest.attributes_html([dataclasses.replace(found, cells=(chosen,))], digits=3)
    assert f"<td>{chosen.paper.text}</td>{''.join(f'<td>{value}</td>' for value in shown)}" in html


def test_attributes_without_records_say_what_to_run(block):
    html = nearest.attributes_html(
        [block("table_01b", "MNIST"), block("table_01b", "CelebA", profile="smoke")], digits=3
    )
    assert "<code>decnn run table_01b --profile reader</code>" in html
