"""Many runs at once through submitit: processes of this machine, or jobs of a Slurm cluster.

The launcher only hands out jobs and looks after them. Claims keep two workers apart, records say what is done, and a
run goes on from its checkpoint, so a job can be killed and submitted again at any time.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from decnn.data.decoding import processors
from decnn.spelling import one_of
from decnn.study import paths
from decnn.study.runs import claiming
from decnn.study.runs.jobs import borrowed, describe, jobs, keys, missing
from decnn.study.runs.records import Records
from decnn.study.runs.runner import fill
from decnn.study.specifications import Spec

if TYPE_CHECKING:
    import submitit

__all__ = ["Plan", "Work", "launch", "plan"]

AT_ONCE = {"local": 2, "slurm": 16}  # jobs, where the user does not say
HOURS, CPUS, MEMORY = 24.0, 4, 16  # of a Slurm job, where the user does not say; memory in GB
DEATHS = 5  # of one job, after which it has failed: a worker that is killed says nothing about the run, five do
POLL = 2.0  # seconds between looks at the jobs
FOREVER = 60 * 24 * 365  # minutes: submitit ends local jobs too


@dataclass(frozen=True)
class Plan:
    """Where and how jobs run; `plan` makes one from what the user says."""

    launcher: str
    at_once: int
    hours: float = HOURS
    cpus: int = CPUS
    partition: str | None = None

    @property
    def threads(self) -> int:
        """Of torch in each worker: workers of one machine share its cores."""
        return self.cpus if self.launcher == "slurm" else max(1, processors() // self.at_once)


def plan(
    launcher: str | None,
    at_once: int | None = None,
    *,
    partition: str | None = None,
    hours: float | None = None,
    cpus: int | None = None,
) -> Plan | None:
    """Check what the user asks for; None for no launcher.

    Arguments:
        launcher: local, slurm, or None.
        at_once: jobs at the same time.
        partition, hours, cpus: of Slurm jobs: None for the cluster's, 24 and 4.

    Raises:
        ValueError: an unknown launcher, options that go with another one, numbers below 1, no submitit or no Slurm.

    Example:
        >>> plan("local", 1).at_once
        1
    """
    if launcher is not None:
        one_of(launcher, AT_ONCE, "launcher")
    elif at_once is not None:
        raise ValueError(f"expected --launcher with --jobs {at_once}, got none: add --launcher local")
    for option, value in {"--partition": partition, "--hours": hours, "--cpus": cpus}.items():
        if value is not None and launcher != "slurm":
            raise ValueError(
                f"expected --launcher slurm with {option}, got {launcher or 'none'}: leave {option} out, or add it"
            )
    for option, number in {"--jobs": at_once, "--hours": hours, "--cpus": cpus}.items():
        if number is not None and not (number >= 1 and math.isfinite(number)):
            raise ValueError(f"expected {option} of 1 or more, got {number}: leave it out for the default")
    if launcher is None:
        return None
    _submitit()
    if launcher == "slurm" and not (shutil.which("sbatch") and shutil.which("srun")):
        raise ValueError("expected Slurm's sbatch and srun, found none: use a login node, or --launcher local")
    return Plan(launcher, at_once or AT_ONCE[launcher], hours or HOURS, cpus or CPUS, partition)


@dataclass(frozen=True)
class Work:
    """A job as a worker gets it: submitit pickles it, and calls it in another process.

    Attributes:
        specs: runs that one worker does, one after another.
        folder: of the records.
        device, refresh, checkpoint_activations: as in `fill`.
        threads: of torch.
        visible: CUDA_VISIBLE_DEVICES, which submitit overwrites for local jobs; None: not set.
    """

    specs: tuple[Spec, ...]
    folder: Path
    device: str
    refresh: bool
    threads: int
    visible: str | None
    checkpoint_activations: bool = False

    def __call__(self) -> dict[str, str]:
        """Fill the records; returns what is left out, and why."""
        torch.set_num_threads(self.threads)
        if os.environ.get("SUBMITIT_EXECUTOR") == "local":
            os.environ.pop("CUDA_VISIBLE_DEVICES", None)
            if self.visible is not None:
                os.environ["CUDA_VISIBLE_DEVICES"] = self.visible
        return fill(self.specs, Records(self.folder), self.device, self.refresh, False, self.checkpoint_activations)

    def checkpoint(self) -> object:
        """What Slurm is to queue again when it takes a node away: the same, which goes on from its checkpoint."""
        return _submitit().helpers.DelayedSubmission(self)


def launch(
    specs: Iterable[Spec],
    records: Records,
    where: Plan,
    device: str = "cpu",
    refresh: bool = False,
    *,
    checkpoint_activations: bool = False,
    report: Callable[[str], object] = print,
    poll: float = POLL,
) -> dict[str, str]:
    """Like `fill`, with jobs; returns, for each specification left out, why: missing data, or the job's failure.

    A job that dies without an error is submitted again, until it has died five times. One that ends in an error has
    failed at once; the others go on. If this process is interrupted, local jobs end and Slurm's go on; either way
    the same command takes up what is left.

    Arguments:
        specs: the runs.
        records: in a folder that all workers see, as the cache folder must be.
        where: from `plan`.
        device: of each worker; local workers take the GPUs of this machine in turn.
        refresh: evaluate again where there is a record.
        checkpoint_activations: as in `fill`.
        report: takes a line about each job.
        poll: seconds between looks at the jobs.
    """
    logs = paths.logs() / time.strftime(f"%Y%m%d-%H%M%S-{os.getpid()}")
    started = _Launch(records, where, device, refresh, checkpoint_activations, report, logs)
    started.run(jobs(specs if refresh else missing(specs, records)), poll)
    return started.left_out


@dataclass
class _Launch:
    records: Records
    where: Plan
    device: str
    refresh: bool
    checkpoint_activations: bool
    report: Callable[[str], object]
    logs: Path
    left_out: dict[str, str] = field(default_factory=dict)
    running: dict[int, tuple[list[Spec], submitit.Job]] = field(default_factory=dict)  # by their places, 0 to N-1
    deaths: Counter[str] = field(default_factory=Counter)  # by a job's first run
    errors: dict[str, str] = field(default_factory=dict)  # of jobs that are given up

    def run(self, waiting: list[list[Spec]], poll: float) -> None:
        self.report(f"{len(waiting)} jobs, {self.where.at_once} at once; logs in {self.logs}")
        try:
            while waiting or self.running:
                for slot, (job, handle) in list(self.running.items()):
                    if handle.done():
                        del self.running[slot]
                        waiting += [job] if self.comes_again(job, handle) else []
                waiting = [job for job in waiting if not self.taken_care_of(job)]
                if waiting or self.running:
                    time.sleep(poll)
        finally:  # of an interrupted launch: otherwise nothing is running
            if self.running and self.where.launcher == "slurm":
                self.report(f"{len(self.running)} submitted jobs go on; scancel ends them")
            elif self.running:
                self.cancel()

    def taken_care_of(self, job: list[Spec]) -> bool:
        """Submit a job that waits, or see that it is done or has failed; False where it has to wait."""
        if not (self.refresh or missing(job, self.records)):
            self.report(f"{describe(job)}: done")
            return True
        error = self.errors.get(job[0].key)
        slot = min(set(range(self.where.at_once)) - self.running.keys(), default=None)
        if slot is None and error is None:
            return False
        needed = {*keys(job), *borrowed(job)}
        # Another launcher's or a terminal's, or it lost its machine and nobody can know that yet; a job that shares
        # trainings with one that was submitted would wait for them in its slot.
        shared = any(needed & {*keys(other), *borrowed(other)} for other, _ in self.running.values())
        if any(map(claiming.held, needed)) or (shared and error is None):
            return False
        if error is not None:
            if not claiming.fail(keys(job), describe(job), error):
                return False
            left_out = job if self.refresh else missing(job, self.records)
            self.left_out |= {spec.key: f"{describe(job)}: failed: {error}" for spec in left_out}
            self.report(f"{describe(job)}: failed")
            return True
        return self.submitted(job, slot)

    def submitted(self, job: list[Spec], slot: int) -> bool:
        """Submit a job; False where sbatch refuses it, which then is its error."""
        try:
            self.running[slot] = job, self.submit(job, slot)
        except _submitit().core.utils.FailedJobError as refused:
            self.errors[job[0].key] = claiming.last_lines(f"not submitted: {refused}")
            return False
        self.report(f"{describe(job)}: submitted")
        return True

    def submit(self, job: list[Spec], slot: int) -> submitit.Job:
        local = self.where.launcher == "local"
        gpus = torch.cuda.device_count() if self.device == "cuda" and local else 0
        device = f"cuda:{slot % gpus}" if gpus > 1 else self.device
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        work = Work(
            tuple(job), self.records.folder.resolve(), device, self.refresh, self.where.threads, visible,
            self.checkpoint_activations,
        )  # fmt: skip
        name = re.sub("[^a-z0-9]+", "-", describe(job).lower())
        folder = self.logs / f"{name}-{job[0].training_key}.{self.deaths[job[0].key] + 1}"
        # Slurm ends a job for its hours; it is queued again and goes on, however often that takes.
        executor = _submitit().AutoExecutor(folder, cluster=self.where.launcher, slurm_max_num_timeout=1000)
        if local:
            executor.update_parameters(timeout_min=FOREVER)
        else:
            executor.update_parameters(
                name=f"decnn-{name}",
                timeout_min=math.ceil(60 * self.where.hours),
                cpus_per_task=self.where.cpus,
                mem_gb=MEMORY,
                gpus_per_node=1 if torch.device(self.device).type == "cuda" else None,
                slurm_partition=self.where.partition,
                slurm_srun_args=[f"--cpus-per-task={self.where.cpus}"],  # srun no longer takes it from sbatch
            )
        return executor.submit(work)

    def comes_again(self, job: list[Spec], handle: submitit.Job) -> bool:
        """Look at what a job that is over left behind; False if it is done."""
        submitit = _submitit()
        try:
            if isinstance(handle, submitit.LocalJob) and not handle.paths.result_pickle.exists():
                raise submitit.core.utils.UncompletedJobError(handle.stderr() or "")  # no file server to wait for
            left_out = handle.result()
        except submitit.core.utils.FailedJobError as failure:
            self.errors[job[0].key] = _with_log(str(failure).split("-" * 22)[1], handle)
        except submitit.core.utils.UncompletedJobError as death:
            self.deaths[job[0].key] += 1
            count, cancelled = self.deaths[job[0].key], handle.state.startswith("CANCELLED")
            if count >= DEATHS or cancelled:
                how = "cancelled" if cancelled else f"died {count} times without an error"
                self.errors[job[0].key] = _with_log(f"{death}\n{how}", handle)
            else:
                self.report(f"{describe(job)}: died ({count} of {DEATHS} times)")
        else:
            self.left_out |= left_out
            reasons = "; ".join(dict.fromkeys(left_out.values()))
            self.report(f"{describe(job)}: {f'left out: {reasons}' if left_out else 'done'}")
            return False
        return True

    def cancel(self) -> None:
        for _, handle in self.running.values():
            handle.cancel()
        for _ in range(100):  # submitit gives a worker a second to end well, then it kills
            if all(handle.done() for _, handle in self.running.values()):
                break
            time.sleep(0.1)


def _with_log(error: str, handle: submitit.Job) -> str:
    return f"{claiming.last_lines(error)}\nlog: {handle.paths.stderr}"


def _submitit():
    try:
        import submitit
    except ModuleNotFoundError as error:
        raise ValueError("expected submitit for --launcher, which is not installed: pip install submitit") from error
    return submitit
