"""No page has a fault that axe-core calls serious or critical: in the light, in the dark, and on a phone."""

from axe_playwright_python.sync_playwright import Axe


def faults(page, *rules):
    """Serious and critical violations of the rules, by default of all: which rule, where, why."""
    options = {"resultTypes": ["violations"], "preload": False}  # to preload is to fetch, which file:// forbids
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    return [
        (violation["id"], node["target"], node["failureSummary"])
        for violation in Axe().run(page, options=options).response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def test_a_page_can_be_read_by_everyone(visit, name):
    page = visit(name)
    assert faults(page) == []
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    page.evaluate("Promise.allSettled(document.getAnimations().map(change => change.finished)).then(() => null)")
    assert faults(page, "color-contrast", "link-in-text-block") == []  # what depends on colours
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_timeout(400)  # the theme looks again at what scrolls 0.3 s after a change of size
    assert faults(page, "scrollable-region-focusable", "target-size") == []
