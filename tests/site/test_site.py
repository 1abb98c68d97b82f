"""The built site: every page of the table of contents is there, and no link or image is dead. Needs `make book`."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "book" / "_build" / "html"


class Page(HTMLParser):
    """Collects what a page points to and what can be pointed at."""

    def __init__(self, path):
        super().__init__()
        self.targets, self.ids, self.images = [], set(), []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.ids |= {values[key] for key in ("id", "name") if key in values}
        self.targets += [values[key] for key in ("href", "src") if values.get(key)]
        if tag == "img":
            self.images.append(values)


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path) for path in site.rglob("*.html") if "_static" not in path.parts}


def test_every_page_of_the_toc_is_built(site, name):
    assert (site / f"{name}.html").exists()


def test_no_link_is_dead(pages):
    dead = []
    for path, page in pages.items():
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc or target.startswith("#"):
                continue
            file = (path.parent / unquote(parts.path)).resolve()
            known = pages.get(file)
            if not file.exists() or (parts.fragment and known is not None and unquote(parts.fragment) not in known.ids):
                dead.append(f"{path.relative_to(SITE)} -> {target}")
    assert dead == []


def test_every_image_has_a_text(pages):
    assert [str(path.relative_to(SITE)) for path, page in pages.items() for i in page.images if not i.get("alt")] == []


def test_nothing_is_fetched_from_elsewhere(pages):
    fetched = [
        (str(path.relative_to(SITE)), target)
        for path, page in pages.items()
        for target in page.targets
        if urlsplit(target).netloc and target.endswith((".js", ".css", ".woff2"))
    ]
    assert fetched == []


def test_smoke_numbers_are_watermarked(pages):
    computed = (SITE / "book/chapters/table_01a_accuracy.html").read_text()
    assert "SMOKE RUN, not a finding" in computed
    for path in SITE.glob("book/chapters/table_*.html"):
        html = path.read_text()
        assert html.count("SMOKE RUN, not a finding") <= html.count("decnn-smoke") * 2
