"""The command line: what a user's mistakes answer, and a run from the shell to its record."""

import json
import re

import nbformat
import pytest

from decnn.study import paths
from decnn.study.cli import main
from decnn.study.runs.claiming import claimed
from decnn.study.runs.records import Records
from decnn.study.site import notebooks
from decnn.study.tables.selection import Selection

TABLE = str(paths.root() / "notebooks" / "table_01a_accuracy.ipynb")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "table_1a"], "expected a table, one of table_01a.*did you mean 'table_01a'"),
        (["run", "table_01a", "--profile", "readr"], "expected a profile, one of smoke.*did you mean 'reader'"),
        (["run", "table_01a", "--methods", "Ensembl"], "expected a method, one of Standard.*did you mean 'Ensemble'"),
        (["run", "all", "tabel_02"], "expected a table, one of .*did you mean 'table_02'"),
        (
            ["run", "table_12", "--methods", "BayesNN"],
            "expected runs of table_12: fashion_mnist Standard, .*; got 'dec",
        ),
        (["run", "all", "--launcher", "slrum"], "expected a launcher, one of local, slurm, .*; did you mean 'slurm'"),
        (["run", "all", "--launcher", "local", "--jobs", "0"], "expected --jobs of 1 or more, got 0: leave it out"),
        (
            ["run", "all", "--launcher", "local", "--partition", "p"],
            "expected --launcher slurm with --partition, got l",
        ),
        (["run", "all", "--jobs", "2"], "expected --launcher with --jobs 2, got none: add --launcher local"),
        (["run", "all", "--device", "gpu"], "expected --device cpu or cuda, got 'gpu'"),
        (["run", "all", "--device", "cpu:first"], "expected --device cpu or cuda, got 'cpu:first'"),
        (
            ["release", "--datasets", "celeba"],
            "expected a data set to release networks of, one of mnist, fashion_mnist",
        ),
        (["bench", "--device", "tpu"], "expected --device cpu or cuda, got 'tpu'"),
        (["status", "--profile", "paper"], "expected --watch with --profile, got none: add it, or leave"),
        (["status", "--watch", "0"], "expected seconds above 0 with --watch, got 0"),
        (["data", "get", "minst"], "mnist"),
        (["verdict", "--profile", "smoke"], "expected a profile with findings, one of paper.*got 'smoke'"),
        (["execute", "notebooks/table_99.ipynb"], "expected a notebook, one of"),
        (["execute", TABLE, "-p", "profil", "smoke"], "did you mean 'profile'"),
    ],
)
def test_a_mistake_ends_in_one_line_that_helps(arguments, message, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(message, error)


def test_links_to_a_repository_lead_to_notebooks_that_are_there():
    """With an address, Colab and Binder open the committed notebook; without one there is the download alone."""
    for notebook in notebooks.chapters():
        assert notebooks.source_links(notebook.name, None).count("](") == 0
        links = notebooks.source_links(notebook.name, "https://github.com/someone/decnn.git")
        opened = re.findall(r"someone/decnn/(?:blob/)?main(?:\?urlpath=lab/tree)?/([^)]+)\)", links)
        assert len(opened) == 2
        assert all((paths.root() / file).exists() for file in opened)
    with pytest.raises(ValueError, match=r"expected https://github\.com/OWNER/NAME as repository-code"):
        notebooks.source_links("verdict.ipynb", "/a/folder")


def test_seeds_must_be_integers(capsys):
    with pytest.raises(SystemExit):
        main(["run", "table_01a", "--seeds", "0,one"])
    assert "expected integers such as 0,1,2, got '0,one'" in capsys.readouterr().err


def test_clean_frees_checkpoints_and_leaves_records(capsys):
    checkpoint = paths.checkpoints() / "some.safetensors"
    record = paths.smoke_records() / "mnist" / "some.json"
    for path in (checkpoint, record):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"0")
    assert main(["clean"]) == 0
    assert not checkpoint.exists()
    assert record.exists()
    record.unlink()


def test_a_gpu_that_is_not_there(capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main(["run", "table_01a", "--device", "cuda"]) == 2
    assert "found none: use --device cpu, or --launcher slurm\n" in capsys.readouterr().err
    assert main(["bench", "--cost", "reader", "--device", "cuda"]) == 2
    assert "expected a GPU for --device cuda, found none: use --device cpu\n" in capsys.readouterr().err


def test_folders_that_cannot_be_written_to_are_refused_before_anything_is_computed(capsys, monkeypatch, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"")
    assert main(["execute", str(paths.root() / "notebooks" / "verdict.ipynb"), "-o", str(file / "out.ipynb")]) == 2
    assert "expected a folder that can be written to" in capsys.readouterr().err
    monkeypatch.setenv("DECNN_CACHE", str(file / "cache"))
    assert main(["run", "table_01a"]) == 2
    assert "got Not a directory: set DECNN_CACHE to another" in capsys.readouterr().err


def test_the_table_that_is_measured_names_its_command(capsys):
    assert main(["run", "table_10"]) == 2
    assert "which is measured: decnn bench --cost reader --save" in capsys.readouterr().err


def test_clean_leaves_running_work_alone(capsys):
    checkpoint = paths.checkpoints() / "some.safetensors"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.write_bytes(b"0")
    with claimed(["some"], "a run"):
        assert main(["clean"]) == 2
    assert "expected no running work, got 1 trainings that workers are at: stop them" in capsys.readouterr().err
    assert checkpoint.exists()
    assert main(["clean"]) == 0


def test_status_counts_the_committed_records(capsys):
    assert main(["status"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("  mnist Standard"))
    asked = {name: Selection(("table_01a",), name, ("mnist",), ("Standard",)) for name in ("reader", "paper")}
    there = [sum(Records.of(n).path(s).exists() for s in runs.specifications()) for n, runs in asked.items()]
    counts = dict(zip(("smoke", "reader", "overnight", "paper"), line.split()[2:6], strict=True))
    assert [counts["reader"], counts["paper"]] == [f"{n}/3" for n in there]


def test_verdicts_as_text_and_as_json(capsys):
    assert main(["verdict", "--profile", "reader"]) == 0
    text = capsys.readouterr().out
    assert main(["verdict", "--profile", "reader", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [entry["claim"] for entry in found] == [line.split()[0] for line in text.splitlines()[1:-1]]


def test_the_set_up_of_a_page_is_one_folded_cell_up_to_the_first_that_shows_something():
    def code(source, *tags, outputs=()):
        return nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)}, outputs=list(outputs))

    shown = nbformat.v4.new_output("stream", text="seen")
    before, after = nbformat.v4.new_markdown_cell("the claim"), code("draw()", "hide-input", outputs=[shown])
    setup = [code("a = 1", "parameters"), code("a = 2", "injected-parameters"), code("import b", "hide-input")]
    page = notebooks.folded([before, *setup, after, code("c()")])
    assert [cell.source for cell in page] == ["the claim", "a = 1\n\na = 2\n\nimport b", "draw()", "c()"]
    assert page[1].metadata.tags == ["hide-input"]
