"""Executes a notebook with papermill: names of parameters are checked first, and no trace of the machine stays."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

import yaml

from decnn.spelling import one_of
from decnn.study import paths
from decnn.study.site import contents

__all__ = ["chapters", "execute", "folded", "source_links"]

SETUP = {"parameters", "injected-parameters", "hide-input"}


def chapters() -> list[Path]:
    """The notebooks behind the book's chapters, in the book's order."""
    names = [Path(page).name for page in contents.pages() if page.startswith("book/chapters/")]
    return [paths.root() / "notebooks" / f"{name}.ipynb" for name in names]


def execute(notebook: Path, parameters: dict[str, object], output: Path | None = None) -> Path:
    """Execute a notebook with parameters that it declares; returns the executed copy.

    Arguments:
        notebook: a file of notebooks/.
        parameters: name -> value.
        output: where to write, by default book/chapters/ under the notebook's name.

    Raises:
        FileNotFoundError: no such notebook.
        ValueError: a parameter that the notebook does not declare, with the declared ones.
    """
    import nbformat
    import papermill

    if not notebook.exists():
        known = sorted(path.name for path in (paths.root() / "notebooks").glob("*.ipynb"))
        raise FileNotFoundError(f"expected a notebook, one of {', '.join(known)}, got {notebook}")
    declared = papermill.inspect_notebook(str(notebook))
    for name in parameters:
        one_of(name, declared, f"parameter of {notebook.name}")
    output = output or paths.root() / "book" / "chapters" / notebook.name
    output.parent.mkdir(parents=True, exist_ok=True)
    papermill.execute_notebook(
        str(notebook), str(output), parameters, kernel_name="python3", progress_bar=False,
        # The kernel warns of its own local connection and calls its end an error; what a cell raises comes another way.
        extra_arguments=["--log-level=CRITICAL"],
    )  # fmt: skip

    executed = nbformat.read(output, as_version=4)
    executed.metadata.pop("papermill", None)
    for cell in executed.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
    executed.cells = folded(executed.cells)
    executed.cells.append(nbformat.v4.new_markdown_cell(f"---\n{source_links(notebook.name, _address())}"))
    nbformat.write(executed, output)
    return output


def folded(cells: Sequence) -> list:
    """The cells of a page, its parameters and imports in one that is folded: the result comes right after the claim.

    Arguments:
        cells: of an executed notebook; from the one tagged `parameters` they count until one shows something.
    """

    def sets_up(cell) -> bool:  # noqa: ANN001
        return bool(SETUP & set(cell.metadata.get("tags", ()))) and not cell.outputs

    first = next(place for place, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", ()))
    setup = list(itertools.takewhile(sets_up, cells[first:]))
    setup[0].source = "\n\n".join(cell.source for cell in setup)
    setup[0].metadata.tags = ["hide-input"]
    return [*cells[:first], setup[0], *cells[first + len(setup) :]]


def source_links(name: str, address: str | None) -> str:
    """Where to get the notebook behind a page and, if the repository has an address, where to run it.

    Arguments:
        name: a file of notebooks/.
        address: the repository on GitHub, `https://github.com/OWNER/NAME`.

    Raises:
        ValueError: an address elsewhere, which Colab cannot open.

    Example:
        >>> source_links("verdict.ipynb", None)
        'Source of this page: {download}`notebooks/verdict.ipynb <../../notebooks/verdict.ipynb>`'
    """
    links = [f"Source of this page: {{download}}`notebooks/{name} <../../notebooks/{name}>`"]
    if address is not None:
        found = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?", address)
        if found is None:
            raise ValueError(
                f"expected https://github.com/OWNER/NAME as repository-code in CITATION.cff, got {address}: leave the "
                "line out if the repository is elsewhere"
            )
        colab = f"https://colab.research.google.com/github/{found[1]}/blob/main/notebooks/{name}"
        binder = f"https://mybinder.org/v2/gh/{found[1]}/main?urlpath=lab/tree/notebooks/{name}"
        links += [f"[Colab]({colab})", f"[Binder]({binder})"]
    return " · ".join(links)


def _address() -> str | None:
    """The repository's public address, if CITATION.cff has one."""
    return yaml.safe_load((paths.root() / "CITATION.cff").read_text()).get("repository-code")
