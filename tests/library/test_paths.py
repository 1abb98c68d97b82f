"""decnn.paths: many paths at once are the paths one by one, and a reference walks once for all that follow."""

from __future__ import annotations

import copy
import functools
import math
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from scipy.stats import chisquare
from torch import nn

from decnn import PathEnsemble, decodings, path_probs, path_votes, sample_paths

# Three layers and twelve paths of depth 4: shared beginnings, and one path twice.
PATHS = torch.cat([sample_paths(11, 4, 3, torch.Generator().manual_seed(0)), torch.tensor([[1, 1, 1, 1]])])
PATHS[0] = PATHS[-1]


@pytest.mark.parametrize("chunk", [1, 7, 512])
def test_paths_walked_together_equal_each_path_alone(pair, batch, chunk):
    """At every depth; a chunk may split one image from its batch."""
    x, _ = batch
    pair.eval()
    depths = list(PathEnsemble(pair, PATHS, chunk=chunk).logits(x))
    assert len(depths) == 4
    for n, path in enumerate(PATHS.tolist()):
        for logits, step in zip(depths, pair.recompose(x, path)[1:], strict=True):
            torch.testing.assert_close(logits[n], step.logits)


@pytest.mark.parametrize("chunk", [4, 512])
def test_a_shared_beginning_is_decoded_once_and_at_most_a_chunk_at_a_time(toy, toy_batch, chunk):
    sizes = []
    toy.decoder.register_forward_hook(lambda module, inputs, output: sizes.append(len(output)))
    list(PathEnsemble(toy.eval(), PATHS, chunk=chunk).logits(toy_batch[0]))
    prefixes = {tuple(path[:d]) for path in PATHS.tolist() for d in range(1, 5)}
    assert sum(sizes) == 4 * len(prefixes) < 4 * PATHS.numel()
    assert max(sizes) <= chunk


def test_a_reference_normalises_each_path_by_statistics_of_its_own(pair, batch):
    """Batch normalisation written out: the first six inputs give mean and variance to all."""
    x, reference = batch[0], torch.rand(6, 1, 32, 32)
    model = copy.deepcopy(pair.eval())
    before = copy.deepcopy(pair.state_dict())
    depths = list(PathEnsemble(pair, PATHS[:4], reference).logits(x))
    torch.testing.assert_close(pair.state_dict(), before, rtol=0, atol=0)
    assert not any(module.training for module in pair.modules())

    def by_the_first_six(norm, h):
        own, mean = h[:6], h[:6].mean((0, 2, 3), keepdim=True)
        spreads = [(own.var((0, 2, 3), correction=c, keepdim=True) + norm.eps).sqrt() for c in (0, 1)]
        normal = torch.cat([(own - mean) / spreads[0], (h[6:] - mean) / spreads[1]])
        return normal * norm.weight[:, None, None] + norm.bias[:, None, None]

    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.forward = functools.partial(by_the_first_six, norm)
    for n, path in enumerate(PATHS[:4].tolist()):
        for logits, step in zip(depths, model.recompose(torch.cat([reference, x]), path)[1:], strict=True):
            torch.testing.assert_close(logits[n], step.logits[6:])
    _, activations = model.activations(torch.cat([reference, x]))
    for decoded, h in zip(decodings(pair, x, reference), activations, strict=True):
        torch.testing.assert_close(decoded, model.decode(h)[6:])


def test_what_is_decoded_beside_a_reference_is_bounded_too(pair, batch):
    pair.eval()
    reference, sizes = torch.rand(3, 1, 32, 32), []
    whole = list(PathEnsemble(pair, PATHS, reference).logits(batch[0]))
    pair.decoder.register_forward_hook(lambda module, inputs, output: sizes.append(len(output)))
    torch.testing.assert_close(list(PathEnsemble(pair, PATHS, reference, chunk=2).logits(batch[0])), whole)
    assert set(sizes) == {3, 2, 1}  # the reference, and five inputs two by two


def test_an_ensemble_is_asked_again_and_again_and_its_reference_walks_once(pair, batch):
    """One image has the votes that it has among others, in any order, from any thread."""
    pair.eval()
    x, reference = batch[0], torch.rand(6, 1, 32, 32)
    ensemble, sizes = PathEnsemble(pair, PATHS, reference), []
    *_, whole = ensemble.logits(x)
    ensemble._own.model.decoder.register_forward_hook(lambda module, inputs, output: sizes.append(len(output)))
    with ThreadPoolExecutor(4) as pool:
        alone = list(pool.map(lambda i: list(ensemble.logits(x[i : i + 1]))[-1], reversed(range(len(x)))))
    torch.testing.assert_close(torch.cat(alone[::-1], dim=1), whole)
    assert set(sizes) == {1}
    assert torch.equal(ensemble.votes(x), path_votes(pair, x, PATHS, reference))


def test_a_reference_is_that_of_the_network_as_it_was(pair, batch):
    pair.eval()
    ensemble = PathEnsemble(pair, PATHS, torch.rand(6, 1, 32, 32))
    before = list(ensemble.logits(batch[0]))
    with torch.no_grad():
        for parameter in pair.parameters():
            parameter.mul_(2)
    torch.testing.assert_close(list(ensemble.logits(batch[0])), before, rtol=0, atol=0)


def test_decodings_are_those_of_eval_mode_and_leave_the_model_as_it_was(pair, batch):
    before = copy.deepcopy(pair.train().state_dict())
    for reference in (None, torch.rand(6, 1, 32, 32)):
        found = decodings(pair, batch[0], reference)
        torch.testing.assert_close(pair.state_dict(), before, rtol=0, atol=0)
        assert all(module.training for module in pair.modules())
        torch.testing.assert_close(decodings(copy.deepcopy(pair).eval(), batch[0], reference), found)


def test_votes_and_probabilities_are_those_of_the_last_composition(pair, batch):
    x, _ = batch
    pair.eval()
    *_, last = PathEnsemble(pair, PATHS).logits(x)
    probs, votes = path_probs(pair, x, PATHS), path_votes(pair, x, PATHS)
    assert (probs.shape, votes.shape) == ((12, 5, 10), (12, 5))
    torch.testing.assert_close(probs, last.exp() / last.exp().sum(-1, keepdim=True))
    torch.testing.assert_close(probs.sum(-1), torch.ones(12, 5))
    assert votes.tolist() == probs.argmax(-1).tolist()
    assert not probs.requires_grad


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (torch.tensor([[1, 2], [3, 4]]), r"expected layers 1\.\.3 in a path, got 4 in \[3, 4\]"),
        (torch.tensor([[0]]), r"expected layers 1\.\.3 in a path, got 0"),
        (torch.tensor([1, 2]), r"paths of shape \(N, D\).*got \(2,\): draw them with sample_paths"),
        (torch.zeros(0, 2, dtype=torch.long), r"N, D >= 1, got \(0, 2\)"),
        (torch.zeros(2, 0, dtype=torch.long), r"N, D >= 1, got \(2, 0\)"),
        ([[1, 2]], r"paths as a tensor \(N, D\), got list: torch.tensor"),
    ],
)
def test_paths_that_cannot_be_walked_are_refused(toy, toy_batch, paths, message):
    for function in (path_votes, path_probs):
        with pytest.raises(ValueError, match=message):
            function(toy, toy_batch[0], paths)


# --- sample_paths ------------------------------------------------------------------------------------------


def test_sampled_layers_are_uniform_on_1_to_l():
    paths = sample_paths(4000, 3, 5, torch.Generator().manual_seed(0))
    assert (paths.shape, paths.dtype) == ((4000, 3), torch.int64)
    for column in paths.T:
        counts = Counter(column.tolist())
        assert sorted(counts) == [1, 2, 3, 4, 5]
        assert chisquare(list(counts.values())).pvalue > 1e-3
    pairs = Counter((5 * paths[:, 0] + paths[:, 1]).tolist())  # one layer says nothing about the next
    assert chisquare(list(pairs.values())).pvalue > 1e-3
    assert len(pairs) == 25


def test_paths_follow_from_their_generator():
    draw = [sample_paths(9, 4, 8, torch.Generator().manual_seed(seed)).tolist() for seed in (0, 0, 1)]
    assert draw[0] == draw[1] != draw[2]
    state = torch.get_rng_state()
    sample_paths(9, 4, 8, torch.Generator())
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", ["num_paths", "depth", "num_layers"])
def test_nothing_to_sample_is_refused(name):
    with pytest.raises(ValueError, match=f"expected {name} >= 1, got 0"):
        sample_paths(**{"num_paths": 2, "depth": 2, "num_layers": 2, name: 0})


# --- bad input ------------------------------------------------------------------------------------------------


def test_nothing_to_vote_on_and_references_of_another_shape_are_refused(toy):
    toy.eval()
    x, paths = torch.rand(3, *toy.classifier.in_shape), sample_paths(2, 2, toy.num_layers)
    with pytest.raises(ValueError, match="expected at least one input, got none: check the selection"):
        path_votes(toy, x[:0], paths)
    with pytest.raises(ValueError, match=r"expected reference inputs of shape .*, as x, got \(1, 5, 5\)"):
        path_votes(toy, x, paths, reference=torch.rand(2, 1, 5, 5))
    with pytest.raises(ValueError, match=r"expected reference inputs of torch.float.*, got torch.uint8: .*as_floats"):
        path_votes(toy, x, paths, reference=(255 * x).byte())
    with pytest.raises(ValueError, match="expected chunk >= 1, got 0"):
        PathEnsemble(toy, paths, chunk=0)


def test_a_single_logit_is_no_vote(toy, toy_batch):
    toy.eval()
    toy.classifier.activations = lambda x, own=toy.classifier.activations: (own(x)[0][:, :1], own(x)[1])
    with pytest.raises(ValueError, match="expected logits of at least two classes, got one: of attributes"):
        path_votes(toy, toy_batch[0], torch.tensor([[1]]))


def test_a_nan_is_no_vote(pair, batch):
    """argmax would make it one for class 0, and all of them certainty."""
    with torch.no_grad():
        pair.classifier.layers[-1].weight.fill_(math.nan)
    for ask in (path_votes, path_probs):
        with pytest.raises(
            ValueError, match="expected finite logits, got NaN or infinity on 12 of 12 paths and 5 of 5"
        ):
            ask(pair.eval(), batch[0], PATHS)
