"""The whole book as one page for printing: a Sphinx extension that joins the built pages when they are written."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from sphinx.application import Sphinx

from decnn.study.site import contents

__all__ = ["adapt", "setup"]

PAGE = "book/print"


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls first."""
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def adapt(article: str, page: str, joined: Mapping[str, str]) -> str:
    """An article as a part of the joined page: anchors of its own, and links within the book that stay in it.

    Arguments:
        article: the article's HTML on its own page.
        page: path of that page from the site's root, without its ending.
        joined: path of each page that is joined -> its prefix for anchors.

    Example:
        >>> prefixes = {"book/method": "method", "book/chapters/verdict": "verdict"}
        >>> adapt('<h1 id="top"><a href="chapters/verdict.html#c1">claim</a></h1>', "book/method", prefixes)
        '<h1 id="method--top"><a href="#verdict--c1">claim</a></h1>'
        >>> adapt('<img src="../../_images/a.svg"><a href="#c1">', "book/chapters/verdict", prefixes)
        '<img src="../_images/a.svg"><a href="#verdict--c1">'
    """

    def anchors(match: re.Match) -> str:
        return f'{match[1]}="{" ".join(f"{joined[page]}--{name}" for name in match[2].split())}"'

    def target(match: re.Match) -> str:
        address = urlsplit(match[2])
        if address.scheme or address.netloc:
            return match[0]
        file = posixpath.normpath(posixpath.join(posixpath.dirname(page), address.path)) if address.path else page
        prefix = joined.get(file.removesuffix(".html"))
        if prefix is None:
            fragment = f"#{address.fragment}" if address.fragment else ""
            return f'{match[1]}="{posixpath.relpath(file, posixpath.dirname(PAGE))}{fragment}"'
        return f'{match[1]}="#{prefix}{address.fragment and "--" + address.fragment}"'

    article = re.sub(r'(?<=\s)(id|for|aria-labelledby|aria-describedby|aria-controls)="([^"]+)"', anchors, article)
    article = re.sub(r"url\(#", f"url(#{joined[page]}--", article)
    return re.sub(r'(?<=[\s:])(href|src)="([^"]+)"', target, article)


def _write(app: Sphinx, error: Exception | None) -> None:
    """Write book/print.html from the pages of the table of contents, in its order."""
    if error or app.builder.format != "html":
        return
    pages = contents.pages()
    built = {page: (Path(app.outdir) / f"{page}.html").read_text() for page in pages}
    prefixes = {page: posixpath.basename(page) for page in pages}
    titles = {page: re.sub("<.*?>", "", app.env.titles[page].astext()) for page in pages}

    def entries(names: list[str]) -> str:
        return "".join(f'<li><a href="#{prefixes[name]}">{escape(titles[name])}</a></li>' for name in names)

    listed = "".join(f"<h2>{escape(part)}</h2><ol>{entries(names)}</ol>" for part, names in contents.parts().items())
    articles = "".join(
        f'<article class="bd-article" id="{prefixes[page]}">{adapt(_article(html), page, prefixes)}</article>\n'
        for page, html in built.items()
    )
    # The root page has formulas, and so the theme's and MathJax's lines; no other script has a use on paper.
    kept = r'<link[^>]*rel="stylesheet"[^>]*>|<script>window\.MathJax.*?</script>|<script[^>]*/mathjax/[^>]*></script>'
    head = "\n".join([*re.findall(kept, built[contents.root()]), '<link rel="stylesheet" href="../_static/print.css">'])
    (Path(app.outdir) / f"{PAGE}.html").write_text(
        f'<!DOCTYPE html>\n<html lang="en" data-theme="light"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(app.config.html_title)}: the whole book</title>\n{head}\n</head>\n"
        f'<body><main class="decnn-print bd-content"><nav aria-label="Contents"><p><a href="index.html">The book in '
        f'pages</a></p>{listed}</nav>\n<div class="bd-article-container">{articles}</div></main></body></html>\n'
    )


def _article(html: str) -> str:
    """The inside of a page's article.

    Raises:
        ValueError: the theme writes its pages in another way.
    """
    found = re.search(r'<article class="bd-article">(.*?)</article>', html, re.S)
    if found is None:
        raise ValueError('expected <article class="bd-article"> in a built page, got none: has the theme changed?')
    return found[1]
