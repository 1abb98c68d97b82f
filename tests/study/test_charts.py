"""Charts: printed beside ours, a profile the same everywhere, legible."""

from __future__ import annotations

import dataclasses

import pytest
from matplotlib.colors import rgb_to_hsv, to_hex, to_rgb

from decnn.study.figures import charts, depths, plots

WEIGHTS = (0.2126, 0.7152, 0.0722)  # of red, green and blue in relative luminance


def test_changes_are_differences_from_the_base_printed_and_ours(block):
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
def test_a_profile_looks_the_same_in_every_panel_and_the_legend_has_all(block, draw, name, both, second):
    """Though the first profile is missing in one panel, which is the first of some charts."""
    found = [block(name, *both, profile="overnight"), block(name, *both, second, profile="reader")]
    figure, _ = draw(found)
    shown = [(label, color) for panel in figure.axes for label, color in marked(panel).items()]
    assert len(set(shown)) == len({label for label, _ in shown})
    for profile in ("overnight", "reader"):
        assert {c for label, c in shown if label.startswith(profile)} == {to_hex(plots.look(profile)["color"])}
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} == {label for label, _ in shown}


def test_a_trained_depth_without_a_run_is_left_out_and_the_first_pass_has_one_reading(block):
    found = block("table_04b", "")
    cells = [c if c.query.subject != "4" else dataclasses.replace(c, values=()) for c in found.cells]
    cells = [c if c.query.subject == "4" else dataclasses.replace(c, values=(0.9, 0.7)) for c in cells]
    found = dataclasses.replace(found, cells=tuple(cells))
    figure, alt = depths.by_trained_depth([found], [found])
    accuracy, fashion, _ = figure.axes
    assert [bars.lines[0].get_xdata().tolist() for bars in accuracy.containers] == [[2, 6, 8]]
    assert [bars.lines[0].get_ydata().tolist() for bars in fashion.containers] == [[0.8] * 3] * 2
    assert "OOD (Fashion), printed: 0.665 at 2" in alt


def test_heat_map_shows_printed_beside_ours(block):
    figure, alt = charts.heat_map([block("table_11", "MNIST: MC")])
    assert [axes.get_title() for axes in figure.axes[:2]] == ["printed", "ours, reader"]
    assert "heat map" in alt


@pytest.mark.parametrize("value", [0.0, 0.1, 0.4, 0.5, 0.6, 1.0])
def test_a_number_of_the_heat_map_is_legible_and_its_colour_says_on_which_side_of_a_coin(block, value):
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


def test_the_sweep_needs_records_of_the_attack(block):
    figure, _ = charts.attack_sweep([block("table_02", "MNIST: MC")])
    (line, _) = figure.axes[0].get_lines()
    assert line.get_xdata().tolist() == [0.05, 0.1, 0.2]
    assert line.get_ydata().tolist() == pytest.approx([0.7] * 3)
    with pytest.raises(ValueError, match="expected a block with records of FGSM, got none"):
        charts.attack_sweep([block("table_02", "none")])


def test_the_sweep_shows_every_profile_in_panels_of_its_own(block):
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
