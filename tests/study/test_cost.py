"""The straightforward implementation computes what ours does, and Table 10 divides what was measured."""

from __future__ import annotations

import pytest
import torch

import decnn
from decnn.study.benchmarks import cost, ideas, measuring, plain, scaling
from decnn.study.runs import machines


@pytest.fixture
def pairs() -> tuple[decnn.DecNN, decnn.DecNN]:
    """Ours and plain with the same weights."""
    torch.manual_seed(0)
    ours = decnn.DecNN(decnn.MLP(), decnn.ResNetDecoder(width=2))
    straight = decnn.DecNN(decnn.MLP(), plain.decoder(2))
    for mine, theirs in ((ours.parameters(), straight.parameters()), (ours.buffers(), straight.buffers())):
        for value, copy in zip(mine, theirs, strict=True):
            assert value.shape == copy.shape
            copy.data.copy_(value)
    return ours, straight


def test_one_step_of_both_gives_the_same_weights(pairs, batch):
    x, y = batch
    ours, straight = pairs

    def loss(model, x, y):
        return decnn.objectives.recursive(model, x, y, [1, 8, 3]).total

    for model in pairs:
        measuring.training_step(model, loss)(x, y)
    for mine, theirs in zip(ours.state_dict().values(), straight.state_dict().values(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-7)


def test_both_vote_alike(pairs, batch):
    ours, straight = (model.eval() for model in pairs)
    paths = decnn.sample_paths(6, 3, 8, torch.Generator().manual_seed(0))
    assert torch.equal(decnn.path_votes(ours, batch[0], paths), plain.votes(straight, batch[0], paths))


def record() -> dict:
    seconds = {"Standard": 2.0, "DecNN": 20.0, "ReDecNN": 30.0, "Dropout": 3.0, "Ensemble": 10.0}
    cells = [
        {
            "method": method, "column": column, "kind": kind, "seconds": value * (1 + (kind == "plain")), "sd": 0.5,
            "parameters": 248074, "multiply_adds": 1e6, "flops": 5e10,
        }
        for method, value in seconds.items()
        for column in cost.COLUMNS
        for kind in ("plain", "ours")
    ]  # fmt: skip
    about = {"machine": "a machine, 2 threads", "width": 8, "batch": 128, "repetitions": 5, "steps": 2}
    return {**about, "peak_flops": {"float32": 1e11}, "cells": cells}


def test_ratios_are_to_the_standard_network_of_the_same_implementation():
    html = cost.table_html(record())
    assert '<th scope="row">ReDecNN</th><td>78.6 (5.8)</td><td>60.0 ± 0.5 (15.0)</td><td>30.0 ± 0.5 (15.0)</td>' in html
    assert '<th scope="row">MC-Dropout</th><td>14.0 (1.0)</td><td>6.0 ± 0.5 (1.5)</td>' in html
    assert "SMOKE RUN" in cost.table_html(record(), smoke=True)


def test_facts_name_the_peak_and_the_gain():
    html = cost.facts_html(record())
    assert "float32 100" in html
    assert '<th scope="row">DecNN</th><td>248,074</td><td>1.0</td><td>50</td><td>50</td><td>2.00</td>' in html


@pytest.mark.parametrize("method", cost.TRAINED)
def test_every_step_of_the_benchmark_trains(method, monkeypatch):
    torch.set_default_dtype(torch.float32)
    shape, classes, _ = cost.COLUMNS["MNIST"]
    x, y = torch.rand(4, *shape), torch.randint(0, classes, (4,))
    stacks, stack = [], cost.Stack
    monkeypatch.setattr(cost, "Stack", lambda networks: stacks.append(stack(networks)) or stacks[-1])
    for straight, build in ((True, cost._plain_step), (False, lambda m, n: cost._our_step(m, n, "cpu"))):
        networks = cost._networks(method, shape, classes, 1, "cpu", straight)
        step = build(method, networks)
        trained = [p for network in stacks or networks for p in network.parameters()]
        before = [p.detach().clone() for p in trained]
        step(x, y)
        assert len(trained) > 0
        assert all(not torch.equal(a, b) for a, b in zip(before, trained, strict=True))
    assert cost.operations(cost._plain_step(method, networks), x, y) > 0


@pytest.mark.parametrize("name", scaling.RANGES)
def test_a_law_is_found_where_there_is_one(name):
    true = (lambda n: 0.5 * n**2) if name in scaling.POWER else (lambda n: 3 + 0.25 * n)
    text, residual, fitted = scaling.law(name, [{"size": n, "seconds": true(n)} for n in scaling.RANGES[name]])
    assert residual < 1e-9
    assert fitted(100) == pytest.approx(true(100))
    assert ("power 2.00" if name in scaling.POWER else "3 + 0.25 n") in text


def test_a_scatter_shows_in_the_residual():
    points = [{"size": n, "seconds": s} for n, s in ((1, 1.0), (2, 4.0), (3, 3.0))]
    assert scaling.law("depth", points)[1] > 0.1


def test_a_small_measurement_has_every_series():
    torch.set_default_dtype(torch.float32)
    record = scaling.measure({name: (1, 2) for name in scaling.RANGES} | {"examples": (128, 256)}, repetitions=1)
    assert set(record["series"]) == set(scaling.RANGES)
    assert all(point["seconds"] > 0 for points in record["series"].values() for point in points)
    figure, _ = scaling.chart(record)
    assert "D, ReDecNN" in scaling.laws_html(record)
    assert [len(axis.lines) > 0 for axis in figure.axes] == [True] * 4


@pytest.mark.parametrize(
    "idea", [i.field for i in ideas.IDEAS if i.field not in ("bfloat16", "compiled", "layers_together")]
)
def test_ideas_change_the_speed_and_not_the_function(idea):
    """In value and in gradient, in float64, with the weights of the library's own decoder."""
    g = decnn.ResNetDecoder(latent=6, width=2)
    other = plain.decoder(2, latent=6, ideas=plain.Ideas(**{idea: True}))
    for value, copy in zip(g.parameters(), other.parameters(), strict=True):
        copy.data.copy_(value)
    h, target = torch.randn(3, 6), torch.randn(3, 1, 32, 32)
    results = []
    for model in (g, other):
        x_hat = model(h)
        results.append((x_hat, torch.autograd.grad((x_hat - target).square().sum(), list(model.parameters()))))
    torch.testing.assert_close(*results, rtol=1e-8, atol=1e-9)


def test_the_gain_of_an_idea_is_without_over_with():
    seconds = {name: 2.0 for name in ideas.BASELINES.values()} | {i.field: 3.0 for i in ideas.IDEAS}
    html = ideas.ideas_html([{"width": 8, "machine": "m", "seconds": seconds}])
    assert html.count("<td>1.50</td><td>kept</td>") == 5
    assert html.count("<td>0.67</td><td>dropped</td>") == 3
    old = {name: value for name, value in seconds.items() if name != "layers_together"}
    assert "<td>-</td><td>dropped</td>" in ideas.ideas_html([{"width": 8, "machine": "m", "seconds": old}])


def test_a_measurement_has_every_idea():
    torch.set_default_dtype(torch.float32)
    chosen = tuple(i for i in ideas.IDEAS if i.field in ("sub_pixel", "layers_together"))
    found = ideas.measure(1, repetitions=1, ideas=chosen)["seconds"]
    assert set(found) == {"ours", "sub_pixel", "ours, Equation 4", "layers_together"}


def test_layers_decoded_together_leave_the_weights_and_statistics_of_layers_decoded_in_turn(pairs, batch):
    """One step of Equation 4, in float64: values, gradients and the order in which statistics are updated."""
    ours, straight = pairs
    for model, loss in ((ours, ideas._decodable), (straight, ideas._decodable_together)):
        measuring.training_step(model, loss)(*batch)
    for mine, theirs in zip(ours.state_dict().values(), straight.state_dict().values(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-7)


def test_a_machine_that_emulates_bfloat16_has_a_record_of_its_own(monkeypatch):
    files = set()
    for emulated in (True, False):
        monkeypatch.setattr(machines, "emulated", lambda device, answer=emulated: answer)
        files.add(machines.place("speed", machines.stamp()).name.endswith("-emulated.json"))
    assert files == {True, False}
