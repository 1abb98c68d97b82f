"""What the theme's templates are given, mended: a Sphinx extension that leaves a page's console quiet."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

__all__ = ["setup"]


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls first."""
    app.connect("html-page-context", _mend, priority=900)  # after the extensions that add to it
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _mend(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """A theme mode for the first visit, roles of today, and no script of Thebe: its constants stand twice, unused."""
    context["default_mode"] = "auto"
    # docutils puts entries of a bibliography, a role that is no longer one of lists, into a list.
    context["body"] = context.get("body", "").replace('role="doc-biblioentry"', 'role="listitem"')
    context["script_files"] = [script for script in context["script_files"] if "thebe" not in _text(script)]


def _text(script: Any) -> str:
    """Where a script lies, or what it says."""
    return f"{getattr(script, 'filename', script)} {getattr(script, 'attributes', {}).get('body', '')}".lower()
