"""decnn.uncertainty: many paths at once are the paths one by one, and Eq. 6 on votes counted by hand."""

from __future__ import annotations

import copy
import functools
import math
from collections import Counter

import pytest
import torch
from scipy.stats import chisquare, entropy
from torch import nn

from decnn import decodings, path_probs, path_votes, sample_paths, vote_entropy
from decnn.uncertainty import path_logits

# Three layers and twelve paths of depth 4: shared beginnings, and one path twice.
PATHS = torch.cat([sample_paths(11, 4, 3, torch.Generator().manual_seed(0)), torch.tensor([[1, 1, 1, 1]])])
PATHS[0] = PATHS[-1]


@pytest.mark.parametrize("chunk", [1, 7, 512])
def test_paths_walked_together_equal_each_path_alone(pair, batch, chunk):
    """At every depth; a chunk may split one image from its batch."""
    x, _ = batch
    pair.eval()
    depths = list(path_logits(pair, x, PATHS, chunk))
    assert len(depths) == 4
    for n, path in enumerate(PATHS.tolist()):
        for logits, step in zip(depths, pair.recompose(x, path)[1:], strict=True):
            torch.testing.assert_close(logits[n], step.logits)


@pytest.mark.parametrize("chunk", [4, 512])
def test_a_shared_beginning_is_decoded_once_and_at_most_a_chunk_at_a_time(toy, toy_batch, chunk):
    sizes = []
    toy.decoder.register_forward_hook(lambda module, inputs, output: sizes.append(len(output)))
    list(path_logits(toy.eval(), toy_batch[0], PATHS, chunk))
    prefixes = {tuple(path[:d]) for path in PATHS.tolist() for d in range(1, 5)}
    assert sum(sizes) == 4 * len(prefixes) < 4 * PATHS.numel()
    assert max(sizes) <= chunk


def test_a_reference_normalises_each_path_by_statistics_of_its_own(pair, batch):
    """Batch normalisation written out: the first six inputs give mean and variance to all."""
    x, reference = batch[0], torch.rand(6, 1, 32, 32)
    model = copy.deepcopy(pair.eval())
    before = copy.deepcopy(pair.state_dict())
    depths = list(path_logits(pair, x, PATHS[:4], reference=reference))
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
    whole = list(path_logits(pair, batch[0], PATHS, reference=reference))
    pair.decoder.register_forward_hook(lambda module, inputs, output: sizes.append(len(output)))
    torch.testing.assert_close(list(path_logits(pair, batch[0], PATHS, chunk=2, reference=reference)), whole)
    assert set(sizes) == {3, 2, 1}  # the reference, and five inputs two by two


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
    *_, last = path_logits(pair, x, PATHS)
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


# --- vote_entropy ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("votes", "num_classes", "nats"),
    [
        ([7], 10, 0.0),
        ([4, 4, 4], 5, 0.0),
        ([0, 1], 2, math.log(2)),
        ([2, 0, 1, 3], 4, math.log(4)),
        ([0, 1, 2, 2, 1, 0], 10, math.log(3)),
        ([1, 1, 0], 3, math.log(3) - 2 / 3 * math.log(2)),
        ([0, 0, 0, 9], 10, math.log(4) - 3 / 4 * math.log(3)),
    ],
)
def test_vote_entropy_of_votes_counted_by_hand(votes, num_classes, nats):
    assert vote_entropy(torch.tensor(votes)[:, None], num_classes).item() == pytest.approx(nats, rel=1e-14, abs=0)


def test_vote_entropy_is_the_entropy_of_the_shares_and_lies_in_0_to_ln_k():
    votes = torch.randint(0, 4, (7, 50))
    nats = vote_entropy(votes, 4)
    assert nats.shape == (50,)
    expected = [entropy([(column == k).double().mean() for k in range(4)]) for column in votes.T]
    torch.testing.assert_close(nats, torch.tensor(expected))
    assert nats.min() >= 0
    assert nats.max() <= math.log(4)
    torch.testing.assert_close(vote_entropy(votes, 9), nats)  # classes without a vote add nothing


def test_neither_the_order_of_samples_nor_the_names_of_classes_matter():
    votes = torch.randint(0, 5, (9, 20))
    nats = vote_entropy(votes, 5)
    assert torch.equal(vote_entropy(votes[torch.randperm(9)], 5), nats)
    torch.testing.assert_close(vote_entropy(torch.randperm(5)[votes], 5), nats)


@pytest.mark.parametrize(
    ("votes", "message"),
    [
        (torch.tensor([[0, 3]]), r"expected votes in 0\.\.2, got 0\.\.3: set num_classes"),
        (torch.tensor([[-1, 2]]), r"expected votes in 0\.\.2, got -1\.\.2"),
        (torch.tensor([0, 1]), r"shape \(N, B\).*got \(2,\)"),
        (torch.zeros(0, 4, dtype=torch.long), r"N, B >= 1, got \(0, 4\)"),
        (torch.rand(2, 4), "votes that are labels, integers or booleans, got torch.float"),
    ],
)
def test_votes_that_cannot_be_counted_are_refused(votes, message):
    with pytest.raises(ValueError, match=message):
        vote_entropy(votes, 3)


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
        list(path_logits(toy, x, paths, chunk=0))


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
