"""Sliders: what JavaScript shows is what Python computes, they obey keys, and a page without it shows one state."""

import json
import re

import pytest
import torch

import decnn
from decnn.study.evaluation.sampling import label_entropy
from decnn.study.figures import sliders
from decnn.study.runs import votes

LAYERS, VOTES = "book/chapters/section_3_decodable_networks", "book/chapters/table_02_ood"
ROLES = ("inliers", "outliers")


def slide(page, title, value):
    page.get_by_role("slider", name=title).evaluate(
        "(input, value) => { input.value = value; input.dispatchEvent(new Event('input', {bubbles: true})); }", value
    )


def counts(page):
    cells = page.locator(".decnn-votes tbody td").all_text_contents()
    return {role: list(map(int, cells[place::2])) for place, role in enumerate(ROLES)}


@pytest.fixture(scope="module")
def labels():
    """The committed votes (D, N, B), unpacked by Python."""
    content = votes.read()
    shapes = {role: (content["depth"], content["paths"], content["sets"][role]["examples"]) for role in ROLES}
    return {role: votes.unpack(content["sets"][role]["votes"], shapes[role]) for role in ROLES}


@pytest.mark.parametrize(("depth", "paths"), [(8, 30), (8, 7), (5, 12), (3, 29), (1, 30), (2, 2)])
def test_auroc_and_histogram_are_those_of_python(visit, labels, depth, paths):
    page = visit(VOTES)
    slide(page, "Voting depth", depth)
    slide(page, "Number of paths", paths)
    entropies = {role: label_entropy(part[depth - 1, :paths], 10) for role, part in labels.items()}
    result = page.locator(".decnn-votes [role=status]").text_content()
    sizes = [part.shape[-1] for part in labels.values()]
    outlier = torch.arange(sum(sizes)) >= sizes[0]
    expected = decnn.metrics.auroc(torch.cat(list(entropies.values())), outlier)
    assert float(re.search(r"AUROC (\S+)", result)[1]) == pytest.approx(expected, abs=5.001e-5)
    assert (
        f"at depth {depth} with {paths} paths, on {sizes[0]} inliers (mnist) and {sizes[1]} outliers (fashion_mnist)"
        in result
    )
    found = {role: sliders.histogram(values, 10) for role, values in entropies.items()}
    assert counts(page) == found
    for role, expected_counts in found.items():
        heights = page.locator(f".decnn-votes rect.{role}").evaluate_all(
            "all => all.map(r => +r.getAttribute('height'))"
        )
        assert [h / sum(heights) for h in heights] == pytest.approx([c / sum(expected_counts) for c in expected_counts])


def test_a_single_path_cannot_disagree(visit, labels):
    page = visit(VOTES)
    slide(page, "Number of paths", 1)
    assert "AUROC 0.5000" in page.locator(".decnn-votes [role=status]").text_content()
    assert counts(page) == {role: [part.shape[-1], *11 * [0]] for role, part in labels.items()}


def test_the_slider_changes_nothing_at_its_start(chromium, site, visit):
    """The state that Python wrote is the one in which JavaScript begins."""
    context = chromium.new_context(java_script_enabled=False)
    for name, box in ((VOTES, ".decnn-votes"), (LAYERS, ".decnn-layers")):
        plain = context.new_page()
        plain.goto((site / f"{name}.html").as_uri())
        live = visit(name)
        assert plain.locator(f"{box} input").count() == 0
        assert live.locator(f"{box} input").count() >= 1
        for part in ("[role=status]", "li", "td"):
            both = [page.locator(f"{box} {part}").all_text_contents() for page in (plain, live)]
            assert both[0] == both[1]
        sources = [page.locator(f"{box} img").evaluate_all("all => all.map(i => i.src)") for page in (plain, live)]
        assert sources[0] == sources[1]
    context.close()


def test_a_key_moves_the_layer(visit):
    page = visit(LAYERS)
    box = page.locator(".decnn-layers")
    layers = json.loads(box.locator("script").text_content())["layers"]
    page.get_by_role("slider", name="Layer").focus()
    for layer in range(len(layers), 0, -1):
        shown = layers[layer - 1]
        assert box.locator("output").text_content() == str(layer)
        assert box.locator("sub").text_content() == str(layer)
        assert box.locator(".decoding").evaluate_all("all => all.map(i => i.src)") == shown["images"]
        assert box.locator("li span").all_text_contents() == [f"read as {name}" for name in shown["classes"]]
        assert box.locator("img.differs").count() == shown["same"].count(False)
        assert box.locator("b").text_content() == f"{shown['same'].count(True)} of {len(shown['same'])}"
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("End")
    assert box.locator("output").text_content() == str(len(layers))


@pytest.mark.parametrize("chapter", [LAYERS, VOTES])
@pytest.mark.parametrize("width", [390, 1280])
def test_sliders_fit_the_page(visit, chapter, width):
    box = visit(chapter, width=width).locator(".decnn-slider")
    assert box.evaluate("box => box.scrollWidth <= box.clientWidth")
    assert box.evaluate("box => box.getBoundingClientRect().right") <= width


@pytest.mark.parametrize("chapter", [LAYERS, VOTES])
def test_a_page_with_sliders_stays_small(site, chapter):
    assert (site / f"{chapter}.html").stat().st_size < 1.5e6
