"""Many runs, many workers: runs that share weights are one job, and a kill costs time but no record."""

import contextlib
import dataclasses
import os
import random
import signal
import threading
from pathlib import Path

import pytest
import submitit
import torch

from decnn.study import paths
from decnn.study.runs import claiming, launcher, progress, runner
from decnn.study.runs.jobs import describe, jobs, keys
from decnn.study.runs.records import Records
from decnn.study.specifications import specification

pytestmark = pytest.mark.usefixtures("own_cache")


def test_runs_that_share_weights_are_one_job(tiny):
    names = ("Dropout", "MC-Dropout", "DecNN", "ReDecNN")
    specs = [
        specification(name, "mnist", tiny, seed, own_statistics=o) for name in names for seed in (0, 1) for o in (0, 1)
    ]
    found = jobs(specs)
    assert [describe(job) for job in found] == [
        "mnist Dropout, MC-Dropout seed 0,1", "mnist DecNN seed 0", "mnist DecNN seed 1",
        "mnist ReDecNN depth 8 seed 0", "mnist ReDecNN depth 8 seed 1",
    ]  # fmt: skip
    assert sorted(key for job in found for key in keys(job)) == sorted({spec.training_key for spec in specs})


@pytest.mark.parametrize("finished", [0, 1])
def test_a_stack_killed_while_it_hands_over_its_weights_is_not_trained_again(images, run, tiny, monkeypatch, finished):
    specs = [specification("Standard", "mnist-5k", tiny, seed) for seed in (0, 1, 2)]
    undisturbed, saved, usual = run("undisturbed", specs), [], runner.save_checkpoint
    if finished:
        run("killed", specs[:finished])

    def save(path, *content, **notes):
        saved.append(path)
        if len(saved) == 2:
            raise KeyboardInterrupt
        usual(path, *content, **notes)

    with monkeypatch.context() as patch:
        patch.setattr(runner, "save_checkpoint", save)
        with pytest.raises(KeyboardInterrupt):
            run("killed", specs)
    assert claiming.look(specs[0].training_key).state == "released"
    monkeypatch.setattr(runner, "objective", lambda *_: lambda *_: pytest.fail("trained again"))
    assert metrics(run("killed", specs), specs) == metrics(undisturbed, specs)
    assert not list(paths.checkpoints().glob("stack-*"))


def test_a_job_that_always_dies_fails_after_five_times(tiny, tmp_path, monkeypatch):
    class Dead:
        state, paths = "FAILED", submitit.core.utils.JobPaths(tmp_path, "7")

        def done(self):
            return True

        def result(self):
            raise submitit.core.utils.UncompletedJobError("of the log\nthe last line")

    submitted = []
    monkeypatch.setattr(launcher._Launch, "submit", lambda self, job, slot: submitted.append(slot) or Dead())
    spec, records = specification("Standard", "mnist-5k", tiny, 0), Records(tmp_path / "records")
    left_out = launcher.launch([spec], records, launcher.plan("local", 3), report=lambda line: None, poll=0)
    assert submitted == [0] * 5
    (sentence,) = left_out.values()
    assert "failed: of the log\nthe last line\ndied 5 times without an error\nlog: " in sentence
    assert "    died 5 times without an error" in progress.look([spec], records).text()


def test_a_job_that_slurm_refuses_fails_and_one_without_data_is_left_out(tiny, tmp_path, monkeypatch):
    refused, without_data = (specification("DecNN", name, tiny, 0) for name in ("mnist-5k", "fsdd"))

    class Ended:
        def done(self):
            return True

        def result(self):
            return {without_data.key: "not run: data not found: fsdd"}

    def submit(self, job, slot):
        if job == [refused]:
            raise submitit.core.utils.FailedJobError("sbatch: error: invalid partition specified: shrot")
        return Ended()

    monkeypatch.setattr(launcher._Launch, "submit", submit)
    said, records = [], Records(tmp_path / "records")
    where = launcher.plan("local", 1)
    left_out = launcher.launch([refused, without_data], records, where, report=said.append, poll=0)
    assert left_out == {
        refused.key: "mnist-5k DecNN seed 0: failed: not submitted: sbatch: error: invalid partition specified: shrot",
        without_data.key: "not run: data not found: fsdd",
    }
    assert said[1:] == [
        "fsdd DecNN seed 0: submitted", "fsdd DecNN seed 0: left out: not run: data not found: fsdd",
        "mnist-5k DecNN seed 0: failed",
    ]  # fmt: skip
    assert "    not submitted: sbatch: error: invalid partition" in progress.look([refused], records).text()


@contextlib.contextmanager
def threads(count):
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    yield
    torch.set_num_threads(before)


def metrics(records, specs):
    return {spec.key: records.find(spec)["metrics"] for spec in specs}


def test_workers_killed_at_random_leave_the_records_of_an_undisturbed_run(tiny, tmp_path, monkeypatch):
    torch.set_default_dtype(torch.float32)
    size = dataclasses.replace(tiny, steps=20)
    specs = [specification(method, "mnist-5k", size, s) for method in ("Dropout", "MC-Dropout") for s in (0, 1)]
    specs += [specification("ReDecNN", "mnist-5k", size, 0, own_statistics=own) for own in (False, True)]
    where = launcher.plan("local", 2)
    undisturbed = Records(tmp_path / "undisturbed")
    with threads(where.threads):
        runner.fill(specs, undisturbed, progress=False)

    monkeypatch.setenv("DECNN_CACHE", str(tmp_path / "shared"))
    monkeypatch.setenv("DECNN_SAVE_EVERY", "0")
    over, killed, chance = threading.Event(), [], random.Random(0)
    disturbed = Records(tmp_path / "disturbed")

    def kill():
        """Whoever is at work, when a random number of checkpoints and records has been written since the last time."""
        seen = set()
        while len(killed) < 2:
            due = len(seen) + chance.randint(1, 8)
            while len(seen) < due:
                if over.wait(0.005):
                    return
                files = [*paths.checkpoints().glob("*.safetensors"), *disturbed.folder.glob("*/*.json")]
                with contextlib.suppress(FileNotFoundError):
                    seen |= {(file.name, file.stat().st_mtime_ns) for file in files}
            standings = filter(None, (claiming.look(spec.training_key) for spec in specs))
            pids = {s.pid for s in standings if s.state == "running"} - {os.getpid(), *killed}
            if pids:
                killed.append(chance.choice(sorted(pids)))
                os.kill(killed[-1], signal.SIGKILL)

    killer, said = threading.Thread(target=kill), []
    killer.start()
    try:
        assert launcher.launch(specs, disturbed, where, report=said.append, poll=0.1) == {}
    finally:
        over.set()
        killer.join()
    assert killed
    assert any("died" in line for line in said)
    assert metrics(disturbed, specs) == metrics(undisturbed, specs)
    assert len(disturbed.all()) == len(specs)
    assert progress.look(specs, disturbed).over


SLURM = {
    "sbatch": 'cp "$1" "$0.script"; echo Submitted batch job 7; SLURM_JOB_ID=7 bash "$1" > /dev/null 2>&1 &',
    "srun": """while [[ "$1" == --* ]]; do
    if [[ "$1" == --error ]]; then log=${2//%j/7}; exec 2>> ${log//%t/0}; fi
    if [[ "$1" == --output || "$1" == --error ]]; then shift; fi
    shift
done
exec "$@\"""",
    "sacct": "echo 'JobID|State'; echo '7|RUNNING'",
}


def test_slurm_gets_its_options_and_a_failure_is_told_with_its_last_lines(tiny, tmp_path, monkeypatch):
    """Slurm's commands are stand-ins that run the job at once."""
    for name, script in SLURM.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    spec = specification("ReDecNN", "mnist-5k", tiny, 0)
    spec = dataclasses.replace(spec, training=dataclasses.replace(spec.training, lr=1e38))
    where, records = launcher.plan("slurm", 1, partition="short", hours=1.5, cpus=1), Records(tmp_path / "records")
    left_out = launcher.launch([spec], records, where, report=lambda line: None, poll=0.1)
    script = (tmp_path / "sbatch.script").read_text()
    for option in (
        "partition=short",
        "time=90",
        "cpus-per-task=1",
        "signal=USR2@90",
        "job-name=decnn-mnist-5k-redecnn",
    ):
        assert f"#SBATCH --{option}" in script
    (sentence,) = left_out.values()
    assert sentence.startswith("mnist-5k ReDecNN depth 8 seed 0: failed: ")
    assert "Diverged: the objective was not finite at step" in sentence
    assert "Submitted job triggered an exception" in Path(sentence.rpartition("log: ")[2]).read_text()
    now = progress.look([spec], records)
    assert now.over
    assert "Diverged: the objective" in now.text()
