"""decnn.baselines: stacked networks equal networks alone, and samplers sample what they say."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Normal, kl_divergence

from decnn import MLP, BayesNN, ConvNet, Ensemble, Linear, MCDropout, fit
from decnn.baselines import Stack, bayes
from decnn.objectives import standard

SHAPE, K = (1, 4, 4), 3
NETWORKS = {
    "MLP": lambda: MLP(SHAPE, K, hidden=6, num_layers=2),
    "Dropout": lambda: MLP(SHAPE, K, hidden=6, num_layers=2, dropout=0.5),
    "BayesNN": lambda: BayesNN(MLP(SHAPE, K, hidden=6, num_layers=2), rho=-2.0),
    "ConvNet": lambda: ConvNet(SHAPE, K, filters=8, num_layers=3),
    "Linear": lambda: Linear(SHAPE, K),
    "BatchNorm": lambda: nn.Sequential(nn.Flatten(), nn.Linear(16, 6), nn.BatchNorm1d(6), nn.Linear(6, K)),
}
NOISY = ("Dropout", "BayesNN")


def network(name: str, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return NETWORKS[name]()


def loss(model, x, y):
    if isinstance(model, BayesNN):
        return bayes(model, x, y, kl_weight=1 / 20).total
    return standard(model, x, y).total


def stacked_loss(stack, x, y):
    return stack.each(loss, x, y).sum()


@pytest.fixture
def x():
    return torch.rand(5, *SHAPE)


# --- Stack -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_a_stack_equals_its_members_called_one_by_one(name, x):
    members = [network(name, seed).eval() for seed in range(3)]
    stack = Stack(members)  # in the mode of its members
    assert len(stack) == 3
    expected = torch.stack([member(x) for member in members])
    torch.testing.assert_close(stack(x), expected)
    torch.testing.assert_close(torch.stack([member.eval()(x) for member in stack.members()]), expected)
    y = torch.tensor([0, 1, 2, 2, 1])
    own = torch.stack([x, x.flip(0), 1 - x])  # each member reads a batch of its own
    each = stack.each(lambda model, x, y: F.cross_entropy(model(x), y), own, y.expand(3, -1))
    expected = [F.cross_entropy(member(b), y) for member, b in zip(members, own, strict=True)]
    torch.testing.assert_close(each, torch.stack(expected))


@pytest.mark.parametrize("name", ["Dropout", "BatchNorm"])
def test_an_ensemble_of_trained_networks_votes_as_they_do(name, x):
    members = [network(name, seed).eval() for seed in range(2)]
    model = Ensemble(members)
    torch.testing.assert_close(model.sample_logits(x), torch.stack([member(x) for member in members]))
    assert not model.training
    before = model.sample_logits(x)
    torch.testing.assert_close(model.train().sample_logits(x), before, rtol=0, atol=0)
    assert model.training


def straight(kind: type[nn.Module]) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 4), kind(), nn.Linear(4, 3))


@pytest.mark.parametrize(
    "networks",
    [
        lambda: [MLP(hidden=8), MLP(hidden=9)],
        lambda: [straight(nn.ReLU), straight(nn.Tanh)],
        lambda: [MLP(dropout=0.1), MLP(dropout=0.2)],
        lambda: [MLP(), MLP().eval()],
    ],
    ids=["sizes", "activations", "rates", "modes"],
)
def test_networks_of_two_architectures_are_no_stack(networks):
    with pytest.raises(ValueError, match="expected networks of one architecture and mode"):
        Stack(networks())


def test_no_network_is_no_stack():
    with pytest.raises(ValueError, match="expected at least one network, got none"):
        Stack([])


def test_a_stack_leaves_frozen_layers_alone_and_hands_every_buffer_over(x):
    members = [straight(nn.ReLU) for _ in range(2)]
    for place, member in enumerate(members):
        member[1].requires_grad_(False)
        member.register_buffer("scale", torch.tensor(float(place)), persistent=False)
    stack = Stack(members)
    stack(x).square().sum().backward()
    assert [parameter.grad is None for parameter in stack.params] == [True, True, False, False]
    for place, (member, own) in enumerate(zip(members, stack.members(), strict=True)):
        torch.testing.assert_close(own(x), member(x))
        assert own.scale == place
        assert not own[1].weight.requires_grad


def test_a_stack_keeps_copies(x):
    members = [network("MLP", seed) for seed in range(2)]
    stack = Stack(members)
    before = stack(x)
    for model in (*members, *stack.members()):
        nn.init.zeros_(model.head.weight)
    torch.testing.assert_close(stack(x), before, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["MLP", "Dropout", "BayesNN", "ConvNet"])
def test_a_stack_trained_together_equals_members_trained_one_by_one(name):
    images, labels, seeds = torch.rand(20, *SHAPE), torch.randint(0, K, (20,)), (5, 0, 3)
    settings = {"steps": 12, "batch_size": 6, "lr": 1e-2}
    start = [network(name, seed) for seed in seeds]
    together = fit(Stack(start), images, labels, stacked_loss, seeds=seeds, **settings).members()
    for seed, model in zip(seeds, together, strict=True):
        (alone,) = fit(Stack([network(name, seed)]), images, labels, stacked_loss, seeds=[seed], **settings).members()
        torch.testing.assert_close(model.state_dict(), alone.state_dict(), rtol=1e-9, atol=1e-10)
        if name not in NOISY:  # noise has its own seed in a stack, batches have not
            plain = fit(network(name, seed), images, labels, loss, seeds=[seed], **settings)
            torch.testing.assert_close(model.state_dict(), plain.state_dict(), rtol=1e-9, atol=1e-10)
    first = next(start[0].parameters())
    assert (next(together[0].parameters()) - first).abs().max() > 1e-2  # they have moved
    assert not torch.allclose(next(together[0].parameters()), next(together[1].parameters()), atol=1e-3)


# --- samplers ----------------------------------------------------------------------------------------------

SAMPLERS = {
    "MC-Dropout": lambda: MCDropout(network("Dropout", 0)),
    "BayesNN": lambda: network("BayesNN", 0),
    "BayesNN-dropout": lambda: BayesNN(network("Dropout", 0)),
    "Ensemble": lambda: Ensemble([network("MLP", seed) for seed in range(4)]),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_samples_differ_and_leave_every_mode_as_it_was(name, x):
    for train in (True, False):
        model = SAMPLERS[name]().train(train)
        logits = model.sample_logits(x, 4)
        assert logits.shape == (4, 5, K)
        assert not logits.requires_grad
        assert all(not torch.allclose(logits[i], logits[j]) for i in range(4) for j in range(i))
        assert {module.training for module in model.modules()} == {train}


@pytest.mark.parametrize("name", SAMPLERS)
def test_in_eval_mode_a_call_is_deterministic(name, x):
    model = SAMPLERS[name]().eval()
    torch.testing.assert_close(model(x), model(x), rtol=0, atol=0)


def test_mc_dropout_called_is_the_network_without_dropout_whatever_its_mode(x):
    model = MCDropout(network("Dropout", 0).train())
    clean = network("MLP", 1)
    clean.load_state_dict(model.classifier.state_dict())
    torch.testing.assert_close(model(x), clean(x))
    assert model.classifier.training


@pytest.mark.parametrize("name", ["MLP", "Linear"])
def test_mc_dropout_without_dropout_is_refused(name):
    with pytest.raises(ValueError, match="expected a classifier with dropout > 0, got none: its samples would all"):
        MCDropout(network(name, 0))


# --- BayesNN -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("prior_std", "rho"), [(0.1, -7.0), (1.0, 0.5)])
def test_kl_is_that_of_torch_distributions(prior_std, rho):
    model = BayesNN(network("MLP", 0), prior_std, rho)
    expected = sum(
        kl_divergence(Normal(m, F.softplus(r)), Normal(torch.zeros(()), prior_std)).sum()
        for m, r in zip(model.mu, model.rho, strict=True)
    )
    torch.testing.assert_close(model.kl(), expected)


def test_bayes_starts_from_the_stated_distributions():
    model = BayesNN(MLP(SHAPE, K, hidden=50), rho=-7.0)
    mu, rho = (torch.cat([p.flatten() for p in group]).detach() for group in (model.mu, model.rho))
    assert len(mu) == sum(p.numel() for p in MLP(SHAPE, K, hidden=50).parameters())
    for values, mean in ((mu, 0.0), (rho, -7.0)):
        assert abs(values.mean().item() - mean) < 0.1 * 4 / len(mu) ** 0.5
        assert values.std().item() == pytest.approx(0.1, rel=0.05)


def test_bayes_in_eval_mode_is_the_classifier_at_the_means(x):
    model, plain = network("BayesNN", 0).eval(), network("MLP", 1)
    plain.load_state_dict(dict(zip(model.names, model.mu, strict=True)))
    torch.testing.assert_close(model(x), plain(x))


def test_bayes_minimises_cross_entropy_and_weighted_kl(x):
    model, y = network("BayesNN", 0), torch.tensor([0, 1, 2, 2, 1])
    draws = []
    for value in (lambda: bayes(model, x, y, 0.01).total, lambda: F.cross_entropy(model(x), y) + 0.01 * model.kl()):
        torch.manual_seed(3)  # the same weight sample
        total = value()
        draws.append((total, torch.autograd.grad(total, list(model.parameters()))))
    torch.testing.assert_close(*draws)
    assert all(gradient.any() for gradient in draws[0][1])


def test_bayes_samples_have_the_closed_form_mean_and_variance(x):
    """For a linear classifier: logits ~ N(mu x + m, sigma^2 x^2 + s^2), one sample of weights for a batch."""
    model, num_samples = BayesNN(Linear(SHAPE, K), rho=-1.0), 4000
    logits = model.sample_logits(x, num_samples)
    weight_var, bias_var = (F.softplus(rho).square() for rho in model.rho)
    mean = x.flatten(1) @ model.mu[0].T + model.mu[1]
    var = x.flatten(1).square() @ weight_var.T + bias_var
    assert ((logits.mean(0) - mean).abs() < 5 * (var / num_samples).sqrt()).all()
    assert ((logits.var(0) / var - 1).abs() < 5 * (2 / num_samples) ** 0.5).all()
    same = model.sample_logits(x[:1].expand(2, *SHAPE), 3)
    torch.testing.assert_close(same[:, 0], same[:, 1])


# --- Ensemble ----------------------------------------------------------------------------------------------


def test_an_ensemble_gives_each_member_a_row_and_averages_probabilities(x):
    members = [network("MLP", seed) for seed in range(4)]
    model = Ensemble(members).eval()
    logits = torch.stack([member(x) for member in members])
    torch.testing.assert_close(model.sample_logits(x), logits.detach())
    torch.testing.assert_close(model.sample_logits(x, 3), logits[:3].detach())
    for count in (0, -1, len(logits) + 1):
        with pytest.raises(ValueError, match=rf"expected num_samples in 1..{len(logits)}, the members, got {count}"):
            model.sample_logits(x, count)
    torch.testing.assert_close(model(x).exp(), logits.softmax(-1).mean(0))


@pytest.mark.parametrize("count", [0, 1])
def test_an_ensemble_of_fewer_than_two_is_refused(count):
    with pytest.raises(ValueError, match=f"expected at least two members, got {count}"):
        Ensemble([network("MLP", 0)] * count)
