"""Reading comfort: pages are whole, light and quick, fit a phone, can be searched, turned and printed."""

import functools
import gzip
import re
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

from decnn.study.site import contents

WEIGHT, PAINT = 1_500_000, 1000  # bytes as a host sends them, milliseconds
MISSING = """async () => {
    const images = [...document.images];
    images.forEach(image => image.loading = "eager");
    await Promise.allSettled(images.map(image => image.decode()));
    return images.filter(image => !image.naturalWidth).map(image => image.src.slice(0, 200));
}"""


@functools.cache
def sent(path):
    """Bytes of a file as hosts send it: text is compressed on its way, as in Lighthouse's own count."""
    content = path.read_bytes()
    return min(len(content), len(gzip.compress(content)))


def first_paint(page):
    """Milliseconds to the first content, of the time that a busy machine leaves to this process."""
    script = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    page.wait_for_function(script)
    return page.evaluate(script) * share()


def share():
    """The part of a core that this process gets at the moment."""
    wall, cpu = time.perf_counter(), time.process_time()
    while time.process_time() - cpu < 0.05:
        pass
    return 0.05 / (time.perf_counter() - wall)


def test_a_page_is_whole_light_and_quick_and_fits_a_phone(visit, requested, name):
    page = visit(name)
    assert page.evaluate(MISSING) == []
    files = {Path(unquote(urlsplit(url).path)) for url in requested if url.startswith("file:")}
    assert sum(map(sent, files)) < WEIGHT, sorted((sent(path), path.name) for path in files)[-5:]

    paints = [first_paint(page)]
    while paints[-1] >= PAINT and len(paints) < 4:
        paints.append(first_paint(visit(name)))
    assert min(paints) < PAINT, paints

    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390


def test_next_leads_through_the_book_and_previous_back(site):
    names = contents.pages()
    for side, order in (("right-next", names), ("left-prev", names[::-1])):
        path, walked = site / f"{order[0]}.html", [order[0]]
        while link := re.search(rf'<a class="{side}"\s+href="([^"]+)"', path.read_text()):
            path = (path.parent / link[1]).resolve()
            walked.append(str(path.relative_to(site).with_suffix("")))
        assert walked == order


def test_search_finds_the_page(visit):
    page = visit("search")
    page.goto(f"{page.url}?q=exercises")
    page.wait_for_selector("#search-results li a[href*='exercises']")


def test_the_printed_book_has_every_page_its_figures_and_its_maths(visit, site):
    page = visit("book/print")
    page.wait_for_function("window.MathJax?.startup?.promise")
    page.evaluate("MathJax.startup.promise")
    pages = page.evaluate("[...document.querySelectorAll('article')].map(article => article.id)")
    assert pages == [Path(file).name for file in contents.pages()]
    assert page.evaluate(MISSING) == []
    formulas = (site / "book/print.html").read_text().count('class="math notranslate')
    assert page.locator("mjx-container").count() >= formulas > 0
    assert page.locator("mjx-merror").count() == 0
    page.set_viewport_size({"width": 718, "height": 1016})  # A4 less its margins
    page.emulate_media(media="print")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 718
