"""decnn.uncertainty: Eq. 6 on votes counted by hand."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import entropy

from decnn import vote_entropy


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
