"""The paper profile's commands, and a forecast that follows from counting."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from decnn.study import cli
from decnn.study.arguments import parser
from decnn.study.benchmarks import schedule
from decnn.study.benchmarks.schedule import ORDER, forecasts, operations_per_second
from decnn.study.evaluation.sampling import sampler
from decnn.study.specifications import PROFILES, specification
from decnn.study.specifications.models import build
from decnn.study.tables.selection import Selection

SECONDS = 6.5
RECORD = {
    "machine": "AMD EPYC, 2 threads, torch 2.14.1",
    "rows": [{"what": "training step of Eq. 5, width 64, batch 128, D = 8", "ours": f"{SECONDS} s"}],
}
ONE = Selection(("table_01a",), "paper", ("mnist",), ("ReDecNN",), (0,))


@pytest.mark.parametrize("what", ORDER)
def test_a_printed_command_is_understood_as_it_was_meant(what):
    selection = ORDER[what]
    specs, _ = cli._chosen(parser(cli.COMMANDS).parse_args(selection.command.split()[1:]))
    assert specs == selection.specifications() != []


def test_a_run_takes_its_steps_at_the_measured_seconds():
    (hours,) = forecasts([ONE], operations_per_second(RECORD))
    (training,) = {spec.training for spec in ONE.specifications()}
    assert hours.training == pytest.approx(training.steps * SECONDS / 3600)


def test_hindsight_divides_what_was_recorded_by_the_forecast():
    spec = specification("ReDecNN", "fashion_mnist", PROFILES["paper"], 1)
    other = specification("ReDecNN", "fashion_mnist", PROFILES["paper"], 1, depth=4)
    results = [
        {
            "specification": s.to_dict(), "device": {"name": name},
            "seconds": {"training": 3 * s.training.steps * SECONDS},
        }
        for s, name in ((spec, "AMD EPYC"), (other, "AMD EPYC"), (dataclasses.replace(spec, version=2), "another"))
    ]  # fmt: skip
    assert schedule.hindsight(RECORD, results, PROFILES["paper"]) == pytest.approx([3])
    assert schedule.hindsight(RECORD, results[1:], PROFILES["paper"]) == []


def test_what_is_done_already_takes_no_time_and_seeds_take_alike():
    three = dataclasses.replace(ONE, seeds=(0, 1, 2))
    first, again, rest = forecasts([ONE, ONE, three], 1e12)
    assert (again.training, again.evaluation) == (0, 0)
    assert rest.training == pytest.approx(2 * first.training)
    assert rest.evaluation == pytest.approx(2 * first.evaluation, rel=0.1), "paths share more or fewer beginnings"


@pytest.mark.parametrize("own_statistics", [False, True])
@pytest.mark.parametrize("classifier", ["mlp", "convnet"])
def test_the_count_of_votes_is_that_of_voting(classifier, own_statistics, tiny):
    """But for the classifier's first pass, which is not counted: the decoder makes it little."""
    count = tiny.vote_size
    spec = specification("ReDecNN", "mnist", tiny, 0, classifier=classifier, own_statistics=own_statistics)
    model = build(spec.training).eval()
    reference = torch.rand(tiny.reference, 1, 32, 32) if own_statistics else None
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        sampler(spec, model, "cpu", reference)(torch.rand(count, 1, 32, 32))
    with FlopCounterMode(display=False) as first:
        model(torch.rand(count + (tiny.reference if own_statistics else 0), 1, 32, 32))
    assert counter.get_total_flops() - first.get_total_flops() == pytest.approx(schedule._of_voting([spec], set()))


def test_inliers_of_several_outliers_are_voted_on_once(tiny):
    shifts, fashion = (specification("ReDecNN", "mnist", tiny, 0, outliers=o) for o in ("shifts", "fashion_mnist"))
    one = schedule._of_votes(shifts) * tiny.outlier_size
    assert schedule._of_voting([shifts, fashion], set()) == pytest.approx((20 + 1 + 1) * one)
    assert schedule._of_voting([fashion], {shifts}) == pytest.approx(one)


def test_a_selection_refuses_what_its_tables_do_not_have():
    with pytest.raises(ValueError, match=r"expected a data set of these tables, one of mnist.*, got 'mnits'"):
        dataclasses.replace(ONE, datasets=("mnits",)).specifications()
    with pytest.raises(ValueError, match=r"expected a method, one of Standard.*, got 'ReDecDNN'"):
        dataclasses.replace(ONE, methods=("ReDecDNN",)).specifications()
