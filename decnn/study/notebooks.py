"""Executes a notebook with papermill: names of parameters are checked first, and no trace of the machine stays."""

from __future__ import annotations

import difflib
from pathlib import Path

import yaml

from decnn.study import paths

__all__ = ["chapters", "execute"]


def chapters() -> list[Path]:
    """The notebooks behind the book's chapters, in the book's order."""
    toc = yaml.safe_load((paths.root() / "_toc.yml").read_text())
    files = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    names = [Path(file).name for file in files if file.startswith("book/chapters/")]
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
        if name not in declared:
            near = difflib.get_close_matches(name, declared, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"expected a parameter of {notebook.name}, one of {', '.join(declared)}, got {name!r}{hint}"
            )
    output = output or paths.root() / "book" / "chapters" / notebook.name
    output.parent.mkdir(parents=True, exist_ok=True)
    papermill.execute_notebook(
        str(notebook), str(output), parameters, kernel_name="python3", progress_bar=False,
        extra_arguments=["--log-level=ERROR"],  # the kernel warns of its own local connection
    )  # fmt: skip

    executed = nbformat.read(output, as_version=4)
    executed.metadata.pop("papermill", None)
    for cell in executed.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
    source = f"{{download}}`notebooks/{notebook.name} <../../notebooks/{notebook.name}>`"
    executed.cells.append(nbformat.v4.new_markdown_cell(f"---\nSource of this page: {source}"))
    nbformat.write(executed, output)
    return output
