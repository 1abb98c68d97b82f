"""Claims: of many workers one holds a training, a dead or silent holder is replaced, and everybody sees who."""

import dataclasses
import json
import os
import subprocess
import sys
import threading
import time

import pytest

from decnn.study import paths
from decnn.study.cli import main
from decnn.study.runs import claiming, runner
from decnn.study.runs.claiming import claimed, held, look
from decnn.study.runs.jobs import describe, jobs, keys
from decnn.study.runs.records import Records
from decnn.study.specifications import specification
from decnn.study.tables import specifications

pytestmark = pytest.mark.usefixtures("own_cache")
HOLD = """
from decnn.study.runs.claiming import claimed
with claimed(["key"], "a run") as claim:
    print(claim is not None, flush=True)
    input()
"""
ELSEWHERE = claiming.Standing("running", "a run", "another", 1, "2026-01-02 03:04 UTC", "its boot")


def claim_elsewhere(key, silent_for=0.0):
    """A claim of a worker on another machine, as it lies in the shared folder."""
    paths.claims().mkdir(parents=True, exist_ok=True)
    file = paths.claims() / f"{key}.1"
    file.write_text(json.dumps(dataclasses.asdict(ELSEWHERE)))
    os.utime(file, (time.time() - silent_for,) * 2)
    return file


def takers(count):
    """How many of as many threads as that get the claim, all starting at once and holding what they get."""
    held, start, end = [], threading.Barrier(count), threading.Barrier(count)

    def take():
        start.wait()
        with claimed(["key"], "a run") as claim:
            held.append(claim is not None)
            end.wait()

    threads = [threading.Thread(target=take) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(held)


def test_of_two_processes_one_holds_a_training_until_it_ends_or_dies():
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"True\n"
        with claimed(["another key", "key"], "both") as claim:
            assert claim is None
        assert claiming.look("another key") is None, "all or none"
        assert claiming.look("key").pid == other.pid
        other.kill()
        other.wait()
    assert claiming.look("key").state == "interrupted", "no need to wait for a process that is known to be dead"
    with claimed(["key"], "both") as claim:
        assert claim.held()


def test_a_free_claim_has_one_taker():
    assert [takers(8) for _ in range(5)] == [1] * 5


def test_a_silent_claim_is_taken_over_once_and_its_holder_knows():
    for _ in range(5):
        file = claim_elsewhere("key", silent_for=claiming.STALE + 5)
        former = claiming.Claim([file], ELSEWHERE)
        assert former.held()
        assert takers(8) == 1
        assert not former.held()
        former.end("released")
        assert claiming.look("key").host != "another", "who lost a claim does not end the new one"
        for left in paths.claims().iterdir():
            left.unlink()


def test_a_heartbeat_keeps_a_claim(monkeypatch):
    file = claim_elsewhere("key", silent_for=claiming.STALE - 60)
    assert takers(4) == 0
    monkeypatch.setattr(claiming, "HEARTBEAT", 0.01)
    before = file.stat().st_mtime
    claim = claiming.Claim([file], ELSEWHERE)
    claim._thread.start()
    while file.stat().st_mtime == before:
        time.sleep(0.01)
    claim.end("released")
    assert takers(4) == 1


def test_what_is_borrowed_is_held_but_does_not_fail():
    """Two composed runs need one pretrained model: the failure of the first is none of the second's."""

    def fails():
        with claimed(["own"], "a composed run", borrowed=["lent"]), claimed(["other"], "second", ["lent"]) as second:
            assert held("lent")
            assert second is None
            assert look("other") is None, "a waiter leaves no trace"
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fails()
    assert (look("own").state, look("lent").state) == ("failed", "released")


def test_a_run_that_is_claimed_elsewhere_is_waited_for(images, tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(runner, "LOOK_AGAIN", 0.01)
    specs = [specification(method, "mnist-5k", tiny, 0) for method in ("Standard", "Dropout")]
    records, waits = Records(tmp_path / "records"), []
    file = claim_elsewhere(specs[0].training_key)

    def sleep(_):
        waits.append(records.find(specs[1]) is not None)
        os.utime(file, (0, 0))  # the other worker's machine went down

    monkeypatch.setattr(runner.time, "sleep", sleep)
    assert runner.fill(specs, records) == {}
    assert waits == [True]
    assert records.find(specs[0])
    assert "mnist-5k Standard seed 0: left to process 1 on another since" in capsys.readouterr().out


def test_a_worker_that_was_replaced_stops_training(images, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "LOOK_UP", 0.0)
    monkeypatch.setattr(runner, "LOOK_AGAIN", 0.01)
    answers, steps, usual = iter([True, False]), [], runner.objective
    monkeypatch.setattr(claiming.Claim, "held", lambda claim: next(answers, True))

    def counted(*settings):
        loss = usual(*settings)
        steps.append(0)

        def ask(*batch):
            steps[-1] += 1
            return loss(*batch)

        return ask

    monkeypatch.setattr(runner, "objective", counted)
    spec, records = specification("DecNN", "mnist-5k", tiny, 0), Records(tmp_path / "records")
    assert runner.fill([spec], records, progress=False) == {}
    assert steps == [1, tiny.steps], "it stops at once, and takes the training up when that is free again"
    assert records.find(spec)


def test_watching_shows_done_running_failed_and_to_do_and_the_hours(monkeypatch, capsys):
    specs = specifications("table_01b", "smoke")
    mnist, *others, redecnn, last = jobs(specs)
    records = Records(paths.smoke_records())
    content = {"metrics": {"accuracy": 90.0}, "seconds": {"training": 7200.0, "evaluation": 1800.0}}
    content |= {"date": "2026-01-02"} | dict.fromkeys(("device", "commit", "versions", "data"), "...")
    for spec in mnist:
        records.write(spec, content)
    with pytest.raises(ValueError, match="the last line"), claimed(keys(redecnn), describe(redecnn)):
        raise ValueError("the error\n\nthe last line")
    claim_elsewhere(keys(last)[0])

    monkeypatch.setattr(time, "sleep", lambda seconds: (_ for _ in ()).throw(KeyboardInterrupt))
    assert main(["status", "--table", "table_01b", "--watch", "5"]) == 130
    out = capsys.readouterr().out
    assert f"done {len(mnist)}, running 2, failed 2, to do {sum(map(len, others))}\n" in out
    hint = "2 hours of training and half an hour, as for MNIST, on each of two other data sets"
    assert "hours left: 5.0, and unknown for 12 runs of " in out, hint
    assert f"\nrunning: {describe(last)} (2 runs): process 1 on another since 2026-01-02" in out
    assert f"\nfailed: {describe(redecnn)} (2 runs): process" in out
    assert "\n    ValueError: the error\n    the last line\n" in out
    assert all(f"\nto do: {describe(job)} ({len(job)} run" in out for job in others)
    assert "\x1b" not in out, "not a terminal"

    assert main(["status", "--table", "table_01b", "--methods", "MC-Dropout", "--watch"]) == 130
    for spec in specs:
        records.write(spec, content)
    assert main(["status", "--table", "table_01b", "--watch"]) == 0
