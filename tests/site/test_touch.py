"""Things to touch: the page's network is torch's, answers in time, leaves the page free, and obeys keys as well."""

import json

import pytest
import torch

import decnn
from decnn import data
from decnn.study.site import touch

PAGE = "book/touch"


@pytest.fixture(scope="module")
def images():
    digits = data.load("mnist-5k", "test").images[[3, 450, 990]]
    noise = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float32)
    return torch.cat([digits, noise])


@pytest.fixture(scope="module")
def model():
    return decnn.load(touch.MODEL)


def ask(page, kind, image, *payload):
    """What the page's network says, as lists."""
    plain = """([kind, image, ...rest]) => decnnTouch.ask(kind, Float32Array.from(image), ...rest).then(
        (found) => JSON.stringify(found, (_, value) => value instanceof Float32Array ? [...value] : value))"""
    return json.loads(page.evaluate(plain, [kind, image.flatten().tolist(), *payload]))


def test_logits_decodings_and_paths_are_those_of_torch(visit, images, model):
    page = visit(PAGE)
    path = [8, 1, 4, 2, 7, 3, 6, 5]
    for x in images:
        logits, layers = model.activations(x[None])
        found = ask(page, "read", x)
        torch.testing.assert_close(torch.tensor(found["logits"]), logits[0].double(), atol=1e-3, rtol=0)
        for decoding, h in zip(found["decodings"], layers, strict=True):
            expected = model.decode(h).flatten().double()
            torch.testing.assert_close(torch.tensor(decoding), expected, atol=1e-3, rtol=0)
        for step, said in zip(model.recompose(x[None], path), ask(page, "walk", x, path), strict=True):
            torch.testing.assert_close(torch.tensor(said["logits"]), step.logits[0].double(), atol=1e-3, rtol=0)


def test_votes_are_those_of_torch(visit, images, model):
    paths = decnn.sample_paths(10, 8, 8, torch.Generator().manual_seed(1))
    found = torch.tensor(ask(visit(PAGE), "votes", images[0], paths.tolist()))
    depths = torch.stack([logits.argmax(-1)[:, 0] for logits in decnn.PathEnsemble(model, paths).logits(images[:1])])
    assert torch.equal(found, depths.T)


def test_a_sample_is_read_decoded_and_voted_on_while_the_page_stays_free(visit):
    page = visit(PAGE)
    page.evaluate(
        "() => { window.ticks = 0; const tick = () => { ticks += 1; requestAnimationFrame(tick); }; tick(); }"
    )
    page.get_by_label("or take an image").select_option(label="3")
    page.wait_for_selector("#decnn-touch[data-done]", timeout=30_000)
    status = page.locator('[data-part="status"]').inner_text()
    assert "Read as 3" in status
    assert page.locator('[data-part="decodings"] figure').count() == 8
    assert page.locator('[data-part="votes"] li').count() == 10


def test_a_drawn_line_is_read(visit):
    page = visit(PAGE)
    box = page.locator('[data-part="canvas"]').bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 40
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 200, steps=5)
    page.mouse.up()
    page.wait_for_selector("#decnn-touch[data-done]", timeout=30_000)
    assert "Read as 1" in page.locator('[data-part="status"]').inner_text()


def test_a_path_is_walked_and_taken_back_by_keys(visit):
    page = visit(PAGE)
    page.get_by_label("or take an image").select_option(label="7")
    page.wait_for_selector("#decnn-touch[data-done]", timeout=30_000)
    for layer in (8, 2):
        page.get_by_role("button", name=f"decode layer {layer}", exact=True).press("Enter")
    page.wait_for_selector('#decnn-touch[data-walked="8,2"]')
    assert page.locator('[data-part="walk"] figure').count() == 3
    page.get_by_role("button", name="Other paths").press("Enter")
    page.wait_for_function("decnnTouch && document.querySelectorAll('[data-part=walk] figure').length === 3")
    page.get_by_role("button", name="Back").press("Enter")
    page.wait_for_selector('#decnn-touch[data-walked="8"]')
    assert page.locator('[data-part="path"]').inner_text() == "path: 8"


def test_an_answer_that_fails_is_said(visit):
    page = visit(PAGE)
    page.get_by_label("or take an image").select_option(label="0")
    page.wait_for_selector("#decnn-touch[data-done]", timeout=30_000)
    said = page.evaluate("decnnTouch.ask('walk', new Float32Array(1024), [9]).catch((error) => error.message)")
    assert said.startswith("walk: ")


def test_what_can_be_touched_is_small(site):
    names = ["network.js", "touch.js", "touch-page.js", "touch.css", "touch-weights.js", "touch-samples.js"]
    assert sum((site / "_static" / name).stat().st_size for name in names) < 3e6
