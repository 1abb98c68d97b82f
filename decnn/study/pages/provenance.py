"""Where a number comes from: its records, what was asked of them, and the command that makes them anew.

A page carries this for book/_static/provenance.js: each record once, and with each number the keys of its own.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping

from decnn.study import paths
from decnn.study.runs.records import Records
from decnn.study.specifications import Spec
from decnn.study.tables.paper import Block, Cell
from decnn.study.tables.selection import Selection

__all__ = ["command", "details", "script_html", "source"]

COUNTS = ("voted_examples", "voted_errors", "inliers")  # of examples, in a record's metrics


def command(table: str, profile: str, records: Iterable[Mapping]) -> str:
    """What a user types to make these records of a table anew.

    Example:
        >>> found = [r for r in Records(paths.records()).all() if r["key"] == "d6d70f1e69f3f9d6"]
        >>> command("table_01a", "reader", found)
        'decnn run table_01a --profile reader --datasets mnist --methods Standard --seeds 0 --refresh'
    """
    records = list(records)
    specs = [Spec.from_dict(record["specification"]) for record in records]
    selection = Selection(
        (table,),
        profile,
        datasets=tuple(dict.fromkeys(spec.training.dataset for spec in specs)),
        methods=tuple(dict.fromkeys(spec.evaluation.method for spec in specs)),
        seeds=tuple(sorted({spec.training.seed for spec in specs})),
    )
    cuda = any(record["device"]["type"] == "cuda" for record in records)
    released = any(record.get("weights") for record in records)
    return f"{selection.command}{' --device cuda' * cuda}{' --released' * released} --refresh"


def details(record: Mapping, smoke: bool) -> dict:
    """What the panel says of a record; a smoke run's lies in no repository and has no file."""
    spec = Spec.from_dict(record["specification"])
    path = Records(paths.records()).path(spec)
    data = record["data"]
    counts = {name.replace("_", " "): record["metrics"][name] for name in COUNTS if name in record["metrics"]}
    kinds = {entry["outliers"] for entry in record["metrics"].get("sets", {}).values()}
    if kinds:
        counts["outliers of each kind"] = " or ".join(f"{number:,}" for number in sorted(kinds))
    training = {name: value for name, value in spec.to_dict()["training"].items() if name != "seed"}
    return {
        "file": None if smoke else f"{path.parent.name}/{path.name}",
        "seed": spec.training.seed,
        "commit": record["commit"][:10] + " (changed)" * record["dirty"],
        "date": record["date"][:10],
        "device": f"{record['device']['name']}, {record['device']['threads']} threads",
        "training": round(record["seconds"]["training"], 1),
        "evaluation": round(record["seconds"]["evaluation"], 1),
        "together": record["trained_together"],
        "weights": record.get("weights"),
        "examples": {"training": data["train"]["examples"], "test": data["test"]["examples"], **counts},
        "trained": training,
        "asked": spec.to_dict()["evaluation"],
    }


def source(cell: Cell) -> str:
    """What a table cell carries: the keys of its records, what is shown of them, and its value in each."""
    if not cell.records:
        return ""
    keys = " ".join(record["key"] for record in cell.records)
    known = len(cell.values) == len(cell.records)  # a number that is not defined for some seed has fewer
    values = f' data-values="{" ".join(f"{value:.6g}" for value in cell.values)}"' if known else ""
    name = html.escape(f"{cell.paper.row}, {cell.paper.column}")
    return f' data-records="{keys}" data-metric="{html.escape(cell.query.metric)}" data-name="{name}"{values}'


def script_html(blocks: Iterable[Block]) -> str:
    """All records behind some blocks, each once, and the command for every set of them that a cell shows."""
    records, commands = {}, {}
    for block in blocks:
        for cell in (cell for cell in block.cells if cell.records):
            records |= {record["key"]: details(record, block.smoke) for record in cell.records}
            keys = " ".join(record["key"] for record in cell.records)
            commands[keys] = command(block.table.name, block.profile.name, cell.records)
    content = json.dumps({"records": records, "commands": commands}, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" class="decnn-records">{content}</script>'
