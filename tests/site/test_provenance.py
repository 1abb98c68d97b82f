"""Numbers that say where they come from: by mouse and by key, with a way back, on a phone too."""

import json

import pytest

PAGE = "book/chapters/table_01a_accuracy"


@pytest.fixture
def number(visit):
    """The first number of ours on the page, not of a smoke run."""
    page = visit(PAGE)
    return page, page.locator(".decnn-table:not(.decnn-smoke) button.decnn-number").first


def test_a_click_opens_the_panel_with_record_and_command(number, site):
    page, button = number
    button.click()
    panel = page.get_by_role("dialog")
    assert panel.locator("h2").inner_text()
    assert "--profile" in panel.locator("code").inner_text()
    links = panel.locator("a").evaluate_all("links => links.map((link) => link.href)")
    assert links
    assert all(link.startswith(site.resolve().as_uri()) for link in links)
    for link in links:
        assert (site / link.removeprefix(site.resolve().as_uri() + "/")).exists()


def test_keys_open_and_close_it_and_the_focus_returns(number):
    page, button = number
    button.focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    assert button.evaluate("button => button === document.activeElement")


def test_the_command_can_be_copied(number):
    page, button = number
    button.click()
    panel = page.get_by_role("dialog")
    panel.get_by_role("button", name="Copy").click()
    panel.get_by_text("copied").or_(panel.get_by_text("selected: press Ctrl+C")).wait_for()


def test_on_a_phone_the_panel_fits(visit):
    page = visit(PAGE, width=390)
    page.locator("button.decnn-number").first.click()
    box = page.get_by_role("dialog").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


def test_a_learning_rate_is_not_rounded_away(visit):
    page = visit(PAGE)
    content = json.loads(page.locator("script.decnn-records").first.text_content())
    for rate in {record["trained"]["lr"] for record in content["records"].values()}:
        key = next(key for key, record in content["records"].items() if record["trained"]["lr"] == rate)
        page.locator(f"td[data-records~='{key}'] button").first.click()
        assert f"lr {rate:f}".rstrip("0") in page.get_by_role("dialog").inner_text()
        page.keyboard.press("Escape")


def test_every_number_with_records_opens(visit):
    page = visit(PAGE)
    assert page.locator("td[data-records]").count() == page.locator("td[data-records] button.decnn-number").count() > 0
