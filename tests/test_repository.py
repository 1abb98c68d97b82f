"""The house rules that a machine can check: pins, notebooks, layers, printed numbers, records."""

import csv
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from decnn.study import paths
from decnn.study.runs.records import Records
from decnn.study.site import citing, notebooks
from decnn.study.tables.selection import Selection

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PRINTED = {
    "table_01a": 21, "table_01b": 12, "table_02": 42, "table_03": 12, "table_04a": 18, "table_04b": 12,
    "table_05": 39, "table_06": 14, "table_07": 18, "table_08": 3, "table_09a": 18, "table_09b": 18,
    "table_10": 18, "table_11": 168, "table_12": 15,
}  # fmt: skip


def test_environment_and_pyproject_pin_the_same_versions():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    pip = next(entry["pip"] for entry in dependencies if isinstance(entry, dict))
    assert {line for line in pip if "==" in line} == set(project["optional-dependencies"]["companion"])


@pytest.mark.parametrize("name", PRINTED)
def test_every_printed_cell_is_there_once(name):
    with (ROOT / "book" / "paper" / f"{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({(row["row"], row["column"]) for row in rows}) == len(rows)
    assert sum(bool(row["value"]) for row in rows) == PRINTED[name]
    assert all(float(row["value"]) >= 0 for row in rows if row["value"])


def test_table_2_prints_what_table_11_prints():
    tables = []
    for name in ("table_02", "table_11"):
        with (ROOT / "book" / "paper" / f"{name}.csv").open(newline="") as file:
            tables.append({(row["row"], row["column"]): row["value"] for row in csv.DictReader(file)})
    short, whole = tables
    assert all(whole[cell] == value for cell, value in short.items() if value)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_committed_clean(path):
    notebook = json.loads(path.read_text())
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    sources = ["".join(cell["source"]) for cell in code]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
    assert sum("parameters" in cell["metadata"].get("tags", []) for cell in code) == 1
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert not [s for s in sources if re.search(r"""["'](/|[A-Z]:\\|~)\w""", s)], "absolute path"
    assert not [s for s in sources if re.search(r"^\s*(class |[!%]pip)", s, re.M)]
    for source in sources:
        assert len([line for line in source.splitlines() if line.strip()]) <= 15
        for body in re.findall(r"^def .*?(?=^\S|\Z)", source, re.M | re.S):
            assert len(body.strip().splitlines()) <= 8


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_declares_its_parameters(path):
    import papermill

    declared = papermill.inspect_notebook(str(path))
    assert "profile" in declared
    assert all(entry["inferred_type_name"] != "None" and entry["help"] for entry in declared.values())


def test_importing_the_library_imports_nothing_heavy():
    """What a practitioner waits for is torch alone: the rest is imported where it is used."""
    heavy = "{'matplotlib', 'seaborn', 'sklearn', 'torchmetrics', 'torchvision', 'scipy', 'mlxtend', 'papermill'}"
    code = f"import sys, decnn; print(*({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.split() == []


def test_every_notebook_is_a_chapter_and_every_chapter_has_its_notebook():
    assert sorted(path.name for path in notebooks.chapters()) == sorted(path.name for path in NOTEBOOKS)


def test_committed_records_can_be_read_and_lie_where_their_key_says():
    store = Records(paths.records())
    assert store.broken() == []
    for record in store.all():
        assert not record["dirty"], f"{record['key']} was made by code that is in no commit"


def test_the_readme_cites_what_citation_cff_says():
    assert citing.paper() in (ROOT / "README.md").read_text()


def test_a_checker_makes_what_the_manifest_lists():
    """Every file is there, and the command beside a record selects its run."""
    store = Records(paths.records())
    for entry in yaml.safe_load((ROOT / "codecheck.yml").read_text())["manifest"]:
        path, comment = ROOT / entry["file"], entry["comment"]
        assert path.exists()
        if "records" in path.parts:
            table, options = re.search(r"decnn run (\w+) (.*)", comment).groups()
            chosen = {name: tuple(values.split(",")) for name, values in re.findall(r"--(\w+) ([\w,-]+)", options)}
            (size,) = chosen.pop("profile")
            seeds = tuple(map(int, chosen.pop("seeds", "0")))
            asked = Selection((table,), size, seeds=seeds, **chosen).specifications()
            assert path.name in {store.path(spec).name for spec in asked}
