"""The words of the command `decnn`: what can be asked, and what each option means."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

__all__ = ["parser"]


def parser(commands: Mapping[str, Callable[[argparse.Namespace], int]]) -> argparse.ArgumentParser:
    """The parser of the command line; each command, by its name here, is set as `command` of what is parsed."""
    whole = argparse.ArgumentParser("decnn", description="The executable companion of the DecNN paper.")
    words = whole.add_subparsers(required=True, metavar="COMMAND")

    run = words.add_parser("run", help="fill what a table lacks at a profile, going on from checkpoints")
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
    run.set_defaults(command=commands["run"])

    status = words.add_parser("status", help="which cells exist at which profile")
    status.add_argument(
        "--watch", nargs="?", type=float, const=10.0, metavar="SECONDS",
        help="show what is done, running, failed and to do, again and again until nothing is left; by default every 10",
    )  # fmt: skip
    status.add_argument("--table", nargs="+", help="what --watch looks at; by default all")
    _add_choice(status)
    status.set_defaults(command=commands["status"])

    verdict = words.add_parser("verdict", help="what the committed records say of each claim of the paper")
    verdict.add_argument("--profile", help="paper, overnight or reader; by default each")
    instead = verdict.add_mutually_exclusive_group()
    instead.add_argument("--json", action="store_true", help="with every case, its intervals and records")
    instead.add_argument("--save", action="store_true", help="write book/verdicts.csv, which a test compares")
    verdict.set_defaults(command=commands["verdict"])

    clean = words.add_parser(
        "clean", help="delete checkpoints, logs and what is noted of failed runs; records are never touched"
    )
    clean.set_defaults(command=commands["clean"])

    data = words.add_parser("data", help="data sets")
    actions = data.add_subparsers(required=True, metavar="ACTION")
    get = actions.add_parser("get", help="download a data set into $DECNN_DATA or the cache")
    get.add_argument("name")
    get.set_defaults(command=commands["data_get"])

    execute = words.add_parser("execute", help="execute notebooks into book/chapters, checking parameter names")
    execute.add_argument("notebooks", nargs="*", type=Path, help="by default every chapter of the book")
    execute.add_argument("-p", dest="parameters", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    execute.add_argument("-o", dest="output", type=Path, help="where to write, for a single notebook")
    execute.set_defaults(command=commands["execute"])

    pages = words.add_parser("pages", help="write the fragments of pages that follow from code and records")
    pages.set_defaults(command=commands["pages"])

    release = words.add_parser("release", help="put the trained weights of a run into decnn/weights")
    release.add_argument("--profile", default="overnight")
    release.add_argument("--datasets", type=_names, help="by default all of which networks are released")
    release.add_argument("--votes", action="store_true", help="write what a released model's paths vote instead")
    release.set_defaults(command=commands["release"])

    _add_bench(words.add_parser("bench", help="measure training and voting beside a plain implementation"), commands)
    return whole


def _add_bench(bench: argparse.ArgumentParser, commands: Mapping[str, Callable[[argparse.Namespace], int]]) -> None:
    bench.add_argument("--json", action="store_true", help="print the record as JSON")
    instead = bench.add_mutually_exclusive_group()
    instead.add_argument("--cost", metavar="PROFILE", help="measure Table 10 at a profile's decoder width instead")
    instead.add_argument("--scaling", action="store_true", help="measure how cost grows instead")
    instead.add_argument("--ideas", metavar="PROFILE", help="measure each idea of the training step at a width instead")
    instead.add_argument("--memory", metavar="PROFILE", help="count what a profile's training takes of memory instead")
    bench.add_argument("--device", default="cpu", help="cpu or cuda, for --cost and --scaling")
    bench.add_argument("--save", action="store_true", help="write the record to book/bench for the book")
    bench.set_defaults(command=commands["bench"])


def _add_choice(parser: argparse.ArgumentParser, profile: str | None = None) -> None:
    parser.add_argument("--profile", default=profile, help="smoke, reader, overnight or paper")
    parser.add_argument("--datasets", type=_names, help="that are trained on, e.g. mnist; by default all")
    parser.add_argument("--methods", type=_names, help="e.g. ReDecNN,Ensemble; by default all")
    parser.add_argument("--seeds", type=_seeds, help="e.g. 0,1,2; by default the profile's")


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _seeds(text: str) -> tuple[int, ...]:
    try:
        seeds = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected integers such as 0,1,2, got {text!r}") from error
    if min(seeds) < 0:
        raise argparse.ArgumentTypeError(f"expected seeds from 0 on, got {text!r}")
    return seeds
