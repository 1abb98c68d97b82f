"""What the paper compares with: MC-Dropout, Bayes by backprop and ensembles, each a sampler of classifiers.

All three answer `sample_logits(x, num_samples)` with logits (N, B, K). `Stack` runs networks of one
architecture as one batched computation: the members of an ensemble, or one method under several seeds.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from itertools import chain

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from decnn.likelihood import as_classes, cross_entropy
from decnn.modes import DROPOUT, evaluating
from decnn.objectives import Terms

__all__ = ["BayesNN", "Ensemble", "MCDropout", "Stack", "bayes"]


class MCDropout(nn.Module):
    """A network whose dropout stays on: each sample of a batch draws new masks.

    Arguments:
        classifier: trained with dropout.

    Raises:
        ValueError: the classifier has no active dropout, so that all samples would agree.

    Source: Gal and Ghahramani (2016).

    Example:
        >>> from decnn import MLP
        >>> model = MCDropout(MLP(dropout=0.5))
        >>> tuple(model.sample_logits(torch.rand(2, 1, 32, 32), 5).shape)
        (5, 2, 10)
    """

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        if not any(m.p > 0 for m in classifier.modules() if isinstance(m, DROPOUT)):
            raise ValueError("expected a classifier with dropout > 0, got none: its samples would all agree")
        self.classifier = classifier

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K) of the network without dropout."""
        with evaluating(self.classifier):
            return self.classifier(x)

    @torch.no_grad()
    def sample_logits(self, x: Tensor, num_samples: int) -> Tensor:
        """Logits (N, B, K), a new mask for each sample, unit and input."""
        with evaluating(self.classifier, dropout=True):
            return torch.stack([self.classifier(x) for _ in _at_least_one(num_samples)])


def _at_least_one(num_samples: int) -> range:
    if num_samples < 1:
        raise ValueError(f"expected num_samples >= 1, got {num_samples}: nothing would vote")
    return range(num_samples)


class BayesNN(nn.Module):
    """Bayes by backprop around any classifier: every weight is N(mu, sigma^2) with sigma = softplus(rho).

    Training mode draws one sample of the weights for a whole batch; eval mode uses the means.

    Arguments:
        classifier: gives architecture and names; its values are replaced by draws from N(0, 0.1^2).
        prior_std: standard deviation of the prior N(0, prior_std^2).
        rho: mean of the initial rho ~ N(rho, 0.1^2); -7 gives sigma = 0.0009.

    Raises:
        ValueError: a classifier with buffers, such as batch normalisation's.

    Source: Blundell et al. (2015), with the defaults of the library that Wu et al. (2021), A.1, names.

    Example:
        >>> from decnn import MLP
        >>> model = BayesNN(MLP(hidden=16, num_layers=2))
        >>> tuple(model.sample_logits(torch.rand(2, 1, 32, 32), 5).shape), bool(model.kl() > 0)
        ((5, 2, 10), True)
    """

    def __init__(self, classifier: nn.Module, prior_std: float = 0.1, rho: float = -7.0) -> None:
        super().__init__()
        if any(True for _ in classifier.buffers()):
            raise ValueError(
                "expected a classifier without buffers (batch normalisation has some): they have no posterior"
            )
        self.prior_std = prior_std
        self.names = [name for name, _ in classifier.named_parameters()]
        shapes = [p.shape for p in classifier.parameters()]
        self.mu = nn.ParameterList(0.1 * torch.randn(shape) for shape in shapes)
        self.rho = nn.ParameterList(rho + 0.1 * torch.randn(shape) for shape in shapes)
        self._classifier = [copy.deepcopy(classifier)]  # in a list: its own values are not parameters here
        self.in_shape, self.num_classes = (getattr(classifier, name, None) for name in ("in_shape", "num_classes"))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K): of one weight sample in training mode, of the means in eval mode."""
        return self._sample(self._stds(), x) if self.training else self._call(list(self.mu), x)

    def bound(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, K) of one weight sample, and KL(q || prior): the two halves of the evidence bound."""
        stds = self._stds()
        return self._sample(stds, x), self._kl(stds)

    @torch.no_grad()
    def sample_logits(self, x: Tensor, num_samples: int) -> Tensor:
        """Logits (N, B, K), one sample of all weights for each row."""
        return torch.stack([self._sample(self._stds(), x) for _ in _at_least_one(num_samples)])

    def kl(self) -> Tensor:
        """KL(q || prior) in nats, in closed form: sum of ln(s0/s) + (s^2 + mu^2) / (2 s0^2) - 1/2."""
        return self._kl(self._stds())

    def _stds(self) -> list[Tensor]:
        return [F.softplus(r) for r in self.rho]  # a third of a step's time on the CPU: once a step

    def _kl(self, stds: Sequence[Tensor]) -> Tensor:
        total = 0.0
        for m, std in zip(self.mu, stds, strict=True):
            ratio = (std.square() + m.square()) / (2 * self.prior_std**2)
            total = total + (math.log(self.prior_std) - std.log() + ratio - 0.5).sum()
        return total

    def _sample(self, stds: Sequence[Tensor], x: Tensor) -> Tensor:
        return self._call([m + s * torch.randn_like(m) for m, s in zip(self.mu, stds, strict=True)], x)

    def _call(self, weights: Sequence[Tensor], x: Tensor) -> Tensor:
        self._classifier[0].train(self.training)
        return functional_call(self._classifier[0], dict(zip(self.names, weights, strict=True)), (x,))


def bayes(model: BayesNN, x: Tensor, y: Tensor, kl_weight: float) -> Terms:
    """Negative evidence bound: CE(f_w(x), y) + kl_weight KL(q || prior), with w one sample of the weights.

    `kl_weight` is 1 / number of training examples: CE is a mean over examples.

    Source: Blundell et al. (2015), Eq. 1.

    Example:
        >>> from decnn import MLP
        >>> model = BayesNN(MLP(hidden=16, num_layers=2))
        >>> bool(bayes(model, torch.rand(2, 1, 32, 32), torch.tensor([0, 1]), kl_weight=1 / 60000).total > 0)
        True
    """
    logits, kl = model.bound(x)
    return Terms(cross_entropy(logits, y), complexity=kl_weight * kl)


class Stack(nn.Module):
    """Networks of one architecture side by side: parameters stacked along a first axis M, run by vmap.

    Noise (dropout masks, weight samples) is the same for all members in a step, so that a member's course
    does not depend on who is trained beside it; members differ by initialisation and by their batches.

    Arguments:
        models: M networks of one architecture, whose mode, training or not, is the stack's too.

    Raises:
        ValueError: no network, or networks that differ in architecture or mode.

    Example:
        >>> import decnn
        >>> stack = Stack([decnn.MLP(), decnn.MLP(), decnn.MLP()])
        >>> x, y = torch.rand(2, 1, 32, 32), torch.tensor([3, 7])
        >>> tuple(stack(x).shape)
        (3, 2, 10)

        Members are trained apart, each with batches of its own, and vote together:

        >>> one = lambda member, x, y: decnn.objectives.standard(member, x, y).total
        >>> stack = decnn.fit(stack, x, y, lambda s, x, y: s.each(one, x, y).sum(), steps=2, seeds=(0, 1, 2))
        >>> ensemble = Ensemble(stack.members())
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__()
        if not models:
            raise ValueError("expected at least one network, got none")
        first, *others = map(_architecture, models)
        if any(other != first for other in others):
            raise ValueError(
                "expected networks of one architecture and mode, got such that differ in layers, in names or shapes of "
                "parameters, or in training and eval"
            )
        learns = {name: parameter.requires_grad for name, parameter in models[0].named_parameters()}
        params, buffers = stack_module_state(list(models))
        self.names, self.buffer_names = list(params), list(buffers)
        self.params = nn.ParameterList(nn.Parameter(p.detach(), learns[name]) for name, p in params.items())
        for index, name in enumerate(self.buffer_names):
            self.register_buffer(f"buffer_{index}", buffers[name])
        self._model = [copy.deepcopy(models[0])]  # structure only
        self.training = models[0].training

    @property
    def member(self) -> nn.Module:
        """The architecture: a network whose own values are not those of any member."""
        return self._model[0]

    def __len__(self) -> int:
        return len(self.params[0])

    def forward(self, x: Tensor) -> Tensor:
        """Logits (M, B, K) of inputs (B, ...) that all members read."""
        return self.each(lambda model, x: model(x), x[None].expand(len(self), *x.shape))

    def each(self, function: Callable[..., Tensor], *batches: Tensor) -> Tensor:
        """function(member, batch of that member), one result for each member; batches are (M, B, ...)."""
        call = _Call(self.member.train(self.training), function)

        def one(params: dict[str, Tensor], buffers: dict[str, Tensor], *args: Tensor) -> Tensor:
            return functional_call(call, ({f"model.{k}": v for k, v in {**params, **buffers}.items()},), args)

        params = dict(zip(self.names, self.params, strict=True))
        buffers = {name: getattr(self, f"buffer_{i}") for i, name in enumerate(self.buffer_names)}
        return vmap(one, randomness="same")(params, buffers, *batches)

    def members(self) -> list[nn.Module]:
        """The M networks as modules of their own, with copies of their parameters."""
        models = []
        for index in range(len(self)):
            model = copy.deepcopy(self.member)
            state = {name: p[index] for name, p in zip(self.names, self.params, strict=True)}
            state |= {name: getattr(self, f"buffer_{i}")[index] for i, name in enumerate(self.buffer_names)}
            with torch.no_grad():  # by name: a state dict leaves buffers out that are not to be saved
                for name, value in chain(model.named_parameters(), model.named_buffers()):
                    value.copy_(state[name])
            models.append(model)
        return models


def _architecture(model: nn.Module) -> tuple:
    """What members have in common; repr tells a ReLU from a Tanh and one rate of dropout from another."""
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    return str(model), shapes, model.training


class _Call(nn.Module):
    """Gives functional_call a module whose forward is function(model, *args)."""

    def __init__(self, model: nn.Module, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.model = model
        self.function = function

    def forward(self, *args: Tensor) -> Tensor:
        return self.function(self.model, *args)


class Ensemble(nn.Module):
    """Naive ensemble: members trained alike from different initialisations, each with one vote.

    Arguments:
        members: at least two networks of one architecture.
        attributes: whether logits are those of attributes, each there or not, and not of K classes.

    Source: Lakshminarayanan et al. (2017), without adversarial training; Wu et al. (2021), section 4.1.

    Example:
        >>> from decnn import MLP
        >>> model = Ensemble([MLP(), MLP()])
        >>> tuple(model.sample_logits(torch.rand(3, 1, 32, 32)).shape), tuple(model(torch.rand(3, 1, 32, 32)).shape)
        ((2, 3, 10), (3, 10))
    """

    def __init__(self, members: Sequence[nn.Module], attributes: bool = False) -> None:
        super().__init__()
        self.attributes = attributes
        if len(members) < 2:
            raise ValueError(f"expected at least two members, got {len(members)}: one network has no disagreement")
        self.stack = Stack(members)
        self.training = self.stack.training

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K) of the mean probabilities over members."""
        logits = self.stack(x)
        logs = as_classes(logits).log_softmax(-1) if self.attributes else logits.log_softmax(-1)
        mean = torch.logsumexp(logs, dim=0) - math.log(len(self.stack))
        return mean[..., 1] - mean[..., 0] if self.attributes else mean

    @torch.no_grad()
    def sample_logits(self, x: Tensor, num_samples: int | None = None) -> Tensor:
        """Logits (M, B, K) of the members, or of the first `num_samples` of them.

        Raises:
            ValueError: fewer than one, or more than there are.
        """
        if num_samples is not None and not 1 <= num_samples <= len(self.stack):
            raise ValueError(
                f"expected num_samples in 1..{len(self.stack)}, the members, got {num_samples}: leave it out for all"
            )
        with evaluating(self.stack):
            return self.stack(x)[:num_samples]
