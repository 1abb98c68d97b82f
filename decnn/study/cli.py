"""The command `decnn`: run a table, see what is there, execute a notebook, measure."""

from __future__ import annotations

import argparse
import functools
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from decnn.study.arguments import parser

if TYPE_CHECKING:
    from decnn.study.runs.records import Records
    from decnn.study.specifications import Spec

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and run one command; a user's mistake ends in one line and exit status 2."""
    options = parser(COMMANDS).parse_args(arguments)
    try:
        return options.command(options)
    except ModuleNotFoundError as error:
        print(
            f"decnn: expected the companion's packages, got no {error.name}: pip install -e '.[companion]'",
            file=sys.stderr,
        )
        return 2
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError, RuntimeError) as error:
        if type(error) is RuntimeError:  # not one of ours: its traceback is the better message
            raise
        print(f"decnn: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("decnn: interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130


def _chosen(options: argparse.Namespace) -> tuple[list[Spec], Records]:
    """The runs that the user names, and the records that they belong to."""
    from decnn.study.runs.records import Records
    from decnn.study.tables.selection import Selection

    chosen = Selection(tuple(options.table), options.profile, options.datasets, options.methods, options.seeds)
    return chosen.specifications(), Records.of(options.profile)


def _run(options: argparse.Namespace) -> int:
    from decnn.study import paths
    from decnn.study.runs import launcher, release
    from decnn.study.runs.records import Records
    from decnn.study.runs.runner import fill

    if options.launcher != "slurm":
        _check_device(options.device, "--device cpu, or --launcher slurm")
    _check_writable(paths.cache(), "set DECNN_CACHE to another")
    _check_writable(Records.of(options.profile).folder, "records are written there")
    where = launcher.plan(
        options.launcher, options.jobs, partition=options.partition, hours=options.hours, cpus=options.cpus
    )
    specs, records = _chosen(options)
    if options.released:
        print(f"{release.take(specs)} of {len({spec.training_key for spec in specs})} trainings are taken as released")
    if where is None:
        left_out = fill(
            specs, records, options.device, options.refresh, checkpoint_activations=options.checkpoint_activations
        )
    else:
        report = functools.partial(print, flush=True)
        left_out = launcher.launch(
            specs, records, where, options.device, options.refresh,
            checkpoint_activations=options.checkpoint_activations, report=report,
        )  # fmt: skip
    for sentence in dict.fromkeys(left_out.values()):
        print(sentence)
    print(f"{len(specs) - len(left_out)} of {len(specs)} runs have their record in {records.folder}")
    return 1 if left_out else 0


def _check_device(device: str, instead: str) -> None:
    import torch

    try:
        kind = torch.device(device).type
    except RuntimeError:
        kind = ""
    if kind not in ("cpu", "cuda"):
        raise ValueError(f"expected --device cpu or cuda, got {device!r}")
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"expected a GPU for --device cuda, found none: use {instead}")


def _check_writable(folder: Path, advice: str) -> None:
    """OSError before anything is trained, rather than after."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        told = f"expected a folder that can be written to, got {error.strerror}: {advice}"
        raise OSError(error.errno, told, str(folder)) from error


def _watch(options: argparse.Namespace) -> int:
    from decnn.study.runs import progress

    if not options.watch > 0:
        raise ValueError(f"expected seconds above 0 with --watch, got {options.watch:g}: leave them out for 10")
    options.table, options.profile = options.table or ["all"], options.profile or "smoke"
    specs, records = _chosen(options)
    while True:
        now = progress.look(specs, records)
        clear = "\x1b[H\x1b[2J" if sys.stdout.isatty() else ""
        print(
            f"{clear}{' '.join(options.table)} at {options.profile}, {time.strftime('%H:%M:%S')}\n{now.text()}",
            flush=True,
        )
        if now.over:
            return 1 if now.failed else 0
        time.sleep(options.watch)


def _status(options: argparse.Namespace) -> int:
    if options.watch is not None:
        return _watch(options)
    given = [
        name for name in ("table", "profile", "datasets", "methods", "seeds") if getattr(options, name) is not None
    ]
    if given:
        raise ValueError(f"expected --watch with --{given[0]}, got none: add it, or leave --{given[0]} out")
    from decnn.study import specifications, tables
    from decnn.study.runs.records import Records
    from decnn.study.tables.queries import Query

    for table in tables.TABLES.values():
        print(f"{table.name}: {table.title}")
        print(f"  {'runs with a record':26s}" + "".join(f"{profile:>12s}" for profile in specifications.PROFILES))
        rows: dict[tuple[str, str], list[Query]] = {}
        for query in table.queries.values():
            rows.setdefault((query.dataset, query.method), []).append(query)
        for (dataset, method), queries in rows.items():
            counts = ""
            for size in specifications.PROFILES.values():
                asked = {spec for query in queries for spec in query.specifications(size)}
                counts += f"{sum(Records.of(size.name).path(s).exists() for s in asked)}/{len(asked)}".rjust(12)
            print(f"  {dataset + ' ' + method:26s}{counts}")
        print()
    broken = [message for name in ("paper", "smoke") for message in Records.of(name).broken()]
    for message in broken:
        print(message, file=sys.stderr)
    return 1 if broken else 0


def _verdict(options: argparse.Namespace) -> int:
    from decnn.study.tables import paper
    from decnn.study.verdicts import reports

    profiles = [options.profile] if options.profile else paper.FULLEST_FIRST
    if options.save and options.profile:
        raise ValueError(f"expected --save alone, which is of all profiles, got --profile {options.profile} beside it")
    if options.save:
        print(reports.save())
    elif options.json:
        print(json.dumps(reports.as_json(profiles), indent=1))
    else:
        print(reports.as_text(profiles))
    return 0


def _clean(options: argparse.Namespace) -> int:
    from decnn.study import paths
    from decnn.study.runs import claiming

    running = claiming.running()
    if running:
        raise ValueError(f"expected no running work, got {running} trainings that workers are at: stop them, or wait")
    claiming.clear()
    files = sorted(paths.checkpoints().glob("*.safetensors"))
    halves = paths.checkpoints().glob(".*.safetensors.*")  # of writes that were killed
    size = sum(file.stat().st_size for file in files)
    for file in [*files, *halves]:
        file.unlink()
    shutil.rmtree(paths.logs(), ignore_errors=True)
    print(f"deleted {len(files)} checkpoints ({size / 1e6:.0f} MB) from {paths.checkpoints()}; records are untouched")
    return 0


def _data_get(options: argparse.Namespace) -> int:
    from decnn import data

    print(data.get(options.name))
    return 0


def _execute(options: argparse.Namespace) -> int:
    from decnn.study.site import notebooks

    chosen = options.notebooks or notebooks.chapters()
    if options.output and len(chosen) != 1:
        raise ValueError(f"expected one notebook with -o, got {len(chosen)}: name the notebook")
    if options.output:
        _check_writable(Path(options.output).absolute().parent, "name another file with -o")
    parameters = {name: _value(value) for name, value in options.parameters}
    for notebook in chosen:
        print(notebooks.execute(notebook, parameters, options.output), flush=True)
    return 0


def _pages(options: argparse.Namespace) -> int:
    from decnn.study.site import fragments

    for path in fragments.write():
        print(path)
    return 0


def _release(options: argparse.Namespace) -> int:
    from decnn.study.runs import release, votes

    for path in (
        [votes.write()] if options.votes else release.write(options.profile, options.datasets or release.DATASETS)
    ):
        print(path)
    return 0


def _bench(options: argparse.Namespace) -> int:
    from decnn.study import specifications
    from decnn.study.benchmarks import bench, cost, ideas, memory, scaling
    from decnn.study.runs import machines

    talkative = not options.json
    _check_device(options.device, "--device cpu")
    if options.device != "cpu" and not (options.cost or options.scaling):
        raise ValueError(f"expected --cost or --scaling with --device {options.device}: the others measure the CPU")
    if options.cost:
        kind, record = "cost", cost.measure(specifications.profile(options.cost), options.device, progress=talkative)
        lines = [f"{c['column']} {c['method']} {c['kind']}: {c['seconds']:.1f} s" for c in record["cells"]]
    elif options.scaling:
        kind, record = "scaling", scaling.measure(device=options.device)
        lines = [f"{name}: {scaling.law(name, points)[0]}" for name, points in record["series"].items()]
    elif options.ideas:
        kind, record = "ideas", ideas.measure(specifications.profile(options.ideas).width)
        lines = [f"{name}: {seconds:.3f} s" for name, seconds in record["seconds"].items()]
    elif options.memory:
        kind, record = "memory", memory.measure(specifications.profile(options.memory), progress=talkative)
        lines = [memory.memory_markdown(record)]
    else:
        kind, record = "speed", bench.measure(progress=talkative)
        lines = [bench.as_text(record)]
    print(json.dumps(record, indent=1) if options.json else "\n".join(lines))
    if options.save:
        print(machines.write(kind, record), file=sys.stderr)
    return 0


def _value(text: str) -> object:
    """A parameter from the command line: a number, true or false, or text."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


COMMANDS = {
    "run": _run,
    "status": _status,
    "verdict": _verdict,
    "clean": _clean,
    "data_get": _data_get,
    "execute": _execute,
    "pages": _pages,
    "release": _release,
    "bench": _bench,
}


if __name__ == "__main__":
    sys.exit(main())
