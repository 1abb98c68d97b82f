"""The command `decnn`: run a table, see what is there, execute a notebook, measure."""

from __future__ import annotations

import argparse
import functools
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decnn.study.experiments import Spec
    from decnn.study.records import Records

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and run one command; a user's mistake ends in one line and exit status 2."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except ModuleNotFoundError as error:
        print(
            f"decnn: expected the companion's packages, got no {error.name}: pip install -e '.[companion]'",
            file=sys.stderr,
        )
        return 2
    except (ValueError, OSError, RuntimeError) as error:
        if type(error) is RuntimeError:  # not one of ours: its traceback is the better message
            raise
        print(f"decnn: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("decnn: interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("decnn", description="The executable companion of the DecNN paper.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="fill what a table lacks at a profile, going on from checkpoints")
    run.add_argument(
        "table", nargs="+",
        help="tables such as table_01a, all of them (all), the pair of runs behind the page on speed "
        "(precision), or those that measure open choices (open_choices)",
    )  # fmt: skip
    _add_choice(run, profile="smoke")
    run.add_argument("--device", default="cpu", help="cpu or cuda")
    run.add_argument(
        "--checkpoint-activations", action="store_true",
        help="where a decoder's training does not fit the memory: the same results with less of it, in more time",
    )  # fmt: skip
    run.add_argument(
        "--released", action="store_true",
        help="evaluate the weights that come with the package where they are of the very run, instead of training it",
    )  # fmt: skip
    run.add_argument("--refresh", action="store_true", help="evaluate again even where a record exists")
    run.add_argument("--launcher", metavar="NAME", help="local or slurm: each run a job; by default no jobs")
    run.add_argument("--jobs", type=int, metavar="N", help="how many jobs at once; by default 2 local, 16 on Slurm")
    run.add_argument("--partition", help="of Slurm; by default the cluster's")
    run.add_argument("--hours", type=float, help="of a Slurm job, which goes on in another one; by default 24")
    run.add_argument("--cpus", type=int, help="of a Slurm job; by default 4")
    run.set_defaults(command=_run)

    status = commands.add_parser("status", help="which cells exist at which profile")
    status.add_argument(
        "--watch", nargs="?", type=float, const=10.0, metavar="SECONDS",
        help="show what is done, running, failed and to do, again and again until nothing is left; by default every 10",
    )  # fmt: skip
    status.add_argument("--table", nargs="+", help="what --watch looks at; by default all")
    _add_choice(status)
    status.set_defaults(command=_status)

    _add_verdict(commands)

    clean = commands.add_parser(
        "clean", help="delete checkpoints, logs and what is noted of failed runs; records are never touched"
    )
    clean.set_defaults(command=_clean)

    data = commands.add_parser("data", help="data sets")
    actions = data.add_subparsers(required=True, metavar="ACTION")
    get = actions.add_parser("get", help="download a data set into $DECNN_DATA or the cache")
    get.add_argument("name")
    get.set_defaults(command=_data_get)

    execute = commands.add_parser("execute", help="execute notebooks into book/chapters, checking parameter names")
    execute.add_argument("notebooks", nargs="*", type=Path, help="by default every chapter of the book")
    execute.add_argument("-p", dest="parameters", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    execute.add_argument("-o", dest="output", type=Path, help="where to write, for a single notebook")
    execute.set_defaults(command=_execute)

    pages = commands.add_parser("pages", help="write the fragments of pages that follow from code and records")
    pages.set_defaults(command=_pages)

    release = commands.add_parser("release", help="put the trained weights of a run into decnn/weights")
    release.add_argument("--profile", default="overnight")
    release.add_argument("--datasets", type=_names, help="by default mnist,fashion_mnist")
    release.add_argument("--votes", action="store_true", help="write what a released model's paths vote instead")
    release.set_defaults(command=_release)

    bench = commands.add_parser("bench", help="measure training and voting beside a plain implementation")
    bench.add_argument("--json", action="store_true", help="print the record as JSON")
    instead = bench.add_mutually_exclusive_group()
    instead.add_argument("--cost", metavar="PROFILE", help="measure Table 10 at a profile's decoder width instead")
    instead.add_argument("--scaling", action="store_true", help="measure how cost grows instead")
    instead.add_argument("--ideas", metavar="PROFILE", help="measure each idea of the training step at a width instead")
    instead.add_argument("--memory", metavar="PROFILE", help="count what a profile's training takes of memory instead")
    bench.add_argument("--device", default="cpu", help="cpu or cuda, for --cost and --scaling")
    bench.add_argument("--save", action="store_true", help="write the record to book/bench for the book")
    bench.set_defaults(command=_bench)
    return parser


def _add_verdict(commands: argparse._SubParsersAction) -> None:
    verdict = commands.add_parser("verdict", help="what the committed records say of each claim of the paper")
    verdict.add_argument("--profile", help="paper, overnight or reader; by default each")
    verdict.add_argument("--json", action="store_true", help="with every case, its intervals and records")
    verdict.add_argument("--save", action="store_true", help="write book/verdicts.csv, which a test compares")
    verdict.set_defaults(command=_verdict)


def _add_choice(parser: argparse.ArgumentParser, profile: str | None = None) -> None:
    parser.add_argument("--profile", default=profile, help="smoke, reader, overnight or paper")
    parser.add_argument("--datasets", type=_names, help="that are trained on, e.g. mnist; by default all")
    parser.add_argument("--methods", type=_names, help="e.g. ReDecNN,Ensemble; by default all")
    parser.add_argument("--seeds", type=_seeds, help="e.g. 0,1,2; by default the profile's")


def _chosen(options: argparse.Namespace) -> tuple[list[Spec], Records]:
    """The runs that the user names, and the records that they belong to."""
    from decnn.study.records import Records
    from decnn.study.selection import Selection

    chosen = Selection(tuple(options.table), options.profile, options.datasets, options.methods, options.seeds)
    return chosen.specifications(), Records.of(options.profile)


def _run(options: argparse.Namespace) -> int:
    from decnn.study import launcher, release
    from decnn.study.records import Records
    from decnn.study.runner import fill

    _check_device(options.device, options.launcher)
    _check_writable(Records.of(options.profile).folder)
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


def _check_device(device: str, launched: str | None) -> None:
    import torch

    try:
        kind = torch.device(device).type
    except RuntimeError:
        kind = ""
    if kind not in ("cpu", "cuda"):
        raise ValueError(f"expected --device cpu or cuda, got {device!r}")
    if launched != "slurm" and kind == "cuda" and not torch.cuda.is_available():
        raise ValueError("expected a GPU for --device cuda, found none: use --device cpu, or --launcher slurm")


def _check_writable(folder: Path) -> None:
    """OSError before anything is trained, rather than after."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def _watch(options: argparse.Namespace) -> int:
    from decnn.study import progress

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
    from decnn.study import experiments, tables
    from decnn.study.queries import Query
    from decnn.study.records import Records

    for table in tables.TABLES.values():
        print(table.title)
        print(f"  {'runs with a record':26s}" + "".join(f"{profile:>12s}" for profile in experiments.PROFILES))
        rows: dict[tuple[str, str], list[Query]] = {}
        for query in table.queries.values():
            rows.setdefault((query.dataset, query.method), []).append(query)
        for (dataset, method), queries in rows.items():
            counts = ""
            for size in experiments.PROFILES.values():
                asked = {spec for query in queries for spec in query.specifications(size)}
                counts += f"{sum(Records.of(size.name).path(s).exists() for s in asked)}/{len(asked)}".rjust(12)
            print(f"  {dataset + ' ' + method:26s}{counts}")
        print()
    broken = [message for name in ("paper", "smoke") for message in Records.of(name).broken()]
    for message in broken:
        print(message, file=sys.stderr)
    return 1 if broken else 0


def _verdict(options: argparse.Namespace) -> int:
    from decnn.study import paper, verdict_reports

    profiles = [options.profile] if options.profile else paper.FULLEST_FIRST
    if options.save:
        print(verdict_reports.save())
    elif options.json:
        print(json.dumps(verdict_reports.as_json(profiles), indent=1))
    else:
        print(verdict_reports.as_text(profiles))
    return 0


def _clean(options: argparse.Namespace) -> int:
    from decnn.study import claiming, paths

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
    from decnn.study import notebooks

    chosen = options.notebooks or notebooks.chapters()
    if options.output and len(chosen) != 1:
        raise ValueError(f"expected one notebook with -o, got {len(chosen)}: name the notebook")
    parameters = {name: _value(value) for name, value in options.parameters}
    for notebook in chosen:
        print(notebooks.execute(notebook, parameters, options.output), flush=True)
    return 0


def _pages(options: argparse.Namespace) -> int:
    from decnn.study import pages

    for path in pages.write():
        print(path)
    return 0


def _release(options: argparse.Namespace) -> int:
    from decnn.study import release, votes

    for path in (
        [votes.write()] if options.votes else release.write(options.profile, options.datasets or release.DATASETS)
    ):
        print(path)
    return 0


def _bench(options: argparse.Namespace) -> int:
    from decnn.study import bench, cost, experiments, ideas, measuring, memory, scaling

    talkative = not options.json
    _check_device(options.device, launched=None)
    if options.device != "cpu" and not (options.cost or options.scaling):
        raise ValueError(f"expected --cost or --scaling with --device {options.device}: the others measure the CPU")
    if options.cost:
        kind, record = "cost", cost.measure(experiments.profile(options.cost), options.device, progress=talkative)
        lines = [f"{c['column']} {c['method']} {c['kind']}: {c['seconds']:.1f} s" for c in record["cells"]]
    elif options.scaling:
        kind, record = "scaling", scaling.measure(device=options.device)
        lines = [f"{name}: {scaling.law(name, points)[0]}" for name, points in record["series"].items()]
    elif options.ideas:
        kind, record = "ideas", ideas.measure(experiments.profile(options.ideas).width)
        lines = [f"{name}: {seconds:.3f} s" for name, seconds in record["seconds"].items()]
    elif options.memory:
        kind, record = "memory", memory.measure(experiments.profile(options.memory), progress=talkative)
        lines = [memory.memory_markdown(record)]
    else:
        kind, record = "speed", bench.measure(progress=talkative)
        lines = [bench.as_text(record)]
    print(json.dumps(record, indent=1) if options.json else "\n".join(lines))
    if options.save:
        print(measuring.write(kind, record), file=sys.stderr)
    return 0


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _seeds(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected integers such as 0,1,2, got {text!r}") from error


def _value(text: str) -> object:
    """A parameter from the command line: a number, true or false, or text."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


if __name__ == "__main__":
    sys.exit(main())
