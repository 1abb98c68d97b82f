"""The built site in headless Chromium. Needs `make book`, and Chromium or Chrome on the machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from decnn.study.site import contents

ROOT = Path(__file__).parents[2]
SITE = ROOT / "book" / "_build" / "html"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for a `name` runs on every page of the table of contents."""
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", contents.pages())


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built pages."""
    if not SITE.exists():
        pytest.fail(f"no site at {SITE.relative_to(ROOT)}: run `make book` first")
    return SITE


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A headless Chromium: $CHROMIUM, one on the PATH, or the one that Playwright has downloaded."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        if path is None and not Path(playwright.chromium.executable_path).exists():
            pytest.fail(
                "expected Chromium or Chrome for the browser tests, found none: install it (apt-get install "
                "chromium, or playwright install chromium), or set CHROMIUM to its path"
            )
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])  # root has no sandbox
        yield browser
        browser.close()


@pytest.fixture
def requested() -> list[str]:
    """The addresses that the visited pages have asked for."""
    return []


@pytest.fixture
def visit(chromium: Browser, site: Path, requested: list[str]) -> Iterator[Callable[..., Page]]:
    """Open a page of the site by its path without ending, from the disk; an error on its console fails the test."""
    errors: list[str] = []
    contexts = []

    def open_page(name: str, width: int = 1280, scheme: str = "light") -> Page:
        context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        context.set_default_timeout(180_000)  # the whole book on one page, on a busy machine
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: requested.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("requestfailed", lambda request: errors.append(f"not loaded: {request.url}"))
        page.goto((site / f"{name}.html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
