"""What is done, running, failed and to do, from records and claims alone: whoever works on it, and wherever."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from decnn.study.runs import claiming
from decnn.study.runs.claiming import Standing
from decnn.study.runs.forecast import hours_left
from decnn.study.runs.jobs import describe, jobs, keys, missing
from decnn.study.runs.records import Records
from decnn.study.runs.runner import trained_share
from decnn.study.specifications import Spec

__all__ = ["Progress", "look"]

SHOWN = 12  # jobs to do, so that all fits on a screen


@dataclass(frozen=True)
class Progress:
    """A look at runs.

    Attributes:
        done: how many have a record.
        running, failed: jobs, by the runs that they lack, with their claims.
        to_do: jobs that nobody is at.
        hours: of work left for one worker, without `unknown`.
        unknown: runs that no record tells the time of.
    """

    done: int
    running: list[tuple[list[Spec], Standing]]
    failed: list[tuple[list[Spec], Standing]]
    to_do: list[list[Spec]]
    hours: float
    unknown: list[Spec]

    @property
    def over(self) -> bool:
        """Whether nothing runs and nothing but failures is left."""
        return not (self.running or self.to_do)

    @property
    def workers(self) -> int:
        """Processes that hold a job."""
        return len({(standing.host, standing.place, standing.pid) for _, standing in self.running})

    def text(self) -> str:
        """The same for people.

        Example:
            >>> print(Progress(3, [], [], [], 0.0, []).text())
            done 3, running 0, failed 0, to do 0
            hours left: 0.0
        """
        running, failed = (sum(len(job) for job, _ in some) for some in (self.running, self.failed))
        lines = [
            f"done {self.done}, running {running}, failed {failed}, to do {sum(map(len, self.to_do))}",
            f"hours left: {self._forecast()}",
        ]
        for job, standing in self.running:
            shares = [trained_share(spec) for spec in job]
            trained = f", {min(shares):.0%} trained at the last checkpoint" if any(shares) else ""
            lines.append(f"running: {_runs(job)}: {standing.holder}{trained}")
        for job, standing in self.failed:
            lines.append(f"failed: {_runs(job)}: {standing.holder}")
            lines += [f"    {line}" for line in standing.error.splitlines()]
        lines += [f"to do: {_runs(job)}" for job in self.to_do[:SHOWN]]
        if len(self.to_do) > SHOWN:
            lines.append(f"to do: {len(self.to_do) - SHOWN} more jobs")
        return "\n".join(lines)

    def _forecast(self) -> str:
        left = [spec for some in (self.running, self.failed) for job, _ in some for spec in job]
        left += [spec for job in self.to_do for spec in job]
        if left and len(self.unknown) == len(left):
            return "unknown, as no run of the kind has been measured"
        text = f"{self.hours:.1f}"
        if self.workers > 1:
            text += f" of work, {self.hours / self.workers:.1f} with the {self.workers} workers at it"
        if self.unknown:
            kinds = dict.fromkeys(f"{spec.training.dataset} {spec.evaluation.method}" for spec in self.unknown)
            text += f", and unknown for {len(self.unknown)} runs of {', '.join(kinds)}"
        return text


def look(specs: Iterable[Spec], records: Records) -> Progress:
    """Sort runs into done, running, failed and to do.

    Raises:
        BrokenRecord: a record that cannot be read as a result.
    """
    specs = list(dict.fromkeys(specs))
    left = missing(specs, records)
    running, failed, to_do = [], [], []
    for job in jobs(left):
        standings = {standing.state: standing for standing in map(claiming.look, keys(job)) if standing}
        if "running" in standings:
            running.append((job, standings["running"]))
        elif "failed" in standings:
            failed.append((job, standings["failed"]))
        else:
            to_do.append(job)
    hours, unknown = hours_left(left, records.all()) if left else (0.0, [])
    return Progress(len(specs) - len(left), running, failed, to_do, hours, unknown)


def _runs(job: list[Spec]) -> str:
    return f"{describe(job)} ({len(job)} run{'' if len(job) == 1 else 's'})"
