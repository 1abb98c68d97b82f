"""Assertions on decoded activations: what a layer must still show, written as code and checked on inputs.

An assertion speaks of the image that a path of layers decodes to. It is a number for each input, its violation,
and holds where that is at most 0. So a user writes about pictures, not about 128 activations without names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from decnn import metrics
from decnn.compose import DecNN, Step
from decnn.modes import evaluating

__all__ = ["Assertion", "Report", "Seen", "check", "resembles", "same_class", "shows"]


@dataclass(frozen=True)
class Seen:
    """What an assertion may look at.

    Attributes:
        x: the inputs (B, C, H, W).
        logits: f(x), (B, K).
        x_hat: what the path decodes to (B, C, H, W); for the path (l,) that is g(h_l(x)).
        reading: f(x_hat), (B, K).
    """

    x: Tensor
    logits: Tensor
    x_hat: Tensor
    reading: Tensor


@dataclass(frozen=True)
class Assertion:
    """A named statement about the image that a path decodes to.

    Attributes:
        name: what it says, for people.
        path: layers 1..L; one layer for its decoding, several for compositions along them.
        violation: `Seen` -> (B,); the statement holds where it is <= 0, and the higher, the worse it is violated.

    Example:
        >>> bright = Assertion("h_4 is not dark", (4,), lambda seen: 0.1 - seen.x_hat.mean((1, 2, 3)))
        >>> bright.path
        (4,)
    """

    name: str
    path: tuple[int, ...]
    violation: Callable[[Seen], Tensor]


def same_class(*path: int, by: nn.Module | None = None, name: str = "") -> Assertion:
    """The decoding is still read as the class k that the network gives the input.

    Violation: max_{c != k} p_c - p_k, in [-1, 1], with p the probabilities that `by` reads in x_hat and
    k = argmax f(x).

    Arguments:
        path: one layer or several.
        by: who reads, logits (B, K); by default f itself.
        name: by default "same class at h_l", with the path.

    Example:
        >>> same_class(4).name, same_class(8, 1).path
        ('same class at h_4', (8, 1))
    """

    def violation(seen: Seen) -> Tensor:
        reading = seen.reading if by is None else _read(by, seen.x_hat)
        if reading.shape != seen.logits.shape:
            raise ValueError(
                f"expected a judge with logits {tuple(seen.logits.shape)}, those of the network, got "
                f"{tuple(reading.shape)}: choose one that tells the same classes"
            )
        probs, own = reading.softmax(-1), seen.logits.argmax(-1, keepdim=True)
        others = probs.scatter(1, own, -1)
        return others.amax(-1) - probs.gather(1, own)[:, 0]

    return Assertion(name or f"same class at {_place(path)}", path, violation)


def resembles(*path: int, within: float, name: str = "") -> Assertion:
    """The decoding resembles the input: MSE(x_hat, x) <= within, a mean over channels and pixels.

    Violation: MSE - within, in squared units of the input.

    Raises:
        ValueError: a negative bound, which nothing can meet.

    Example:
        >>> resembles(1, within=0.02).name
        'resembles the input at h_1'
    """
    if within < 0:
        raise ValueError(f"expected within >= 0, a bound of the mean squared error, got {within}")

    def violation(seen: Seen) -> Tensor:
        return F.mse_loss(seen.x_hat, seen.x, reduction="none").flatten(1).mean(1) - within

    return Assertion(name or f"resembles the input at {_place(path)}", path, violation)


def shows(attribute: int, *path: int, by: nn.Module, name: str = "") -> Assertion:
    """What is there in the input is still there in the decoding: a hat, a beard.

    Violation: min(p(x), 1 - p(x_hat)) - 1/2, in [-1/2, 1/2], with p the probability by which `by` finds the
    attribute: above 0 only where it is found in the input and lost in the decoding.

    Arguments:
        attribute: which of the judge's answers.
        path: one layer or several.
        by: a network with one logit for each attribute, (B, A).
        name: by default "attribute 3 stays at h_l".

    Example:
        >>> shows(17, 4, by=nn.Identity(), name="the hat is still there").name
        'the hat is still there'
    """

    def violation(seen: Seen) -> Tensor:
        answers = [_read(by, images) for images in (seen.x, seen.x_hat)]
        if not 0 <= attribute < answers[0].shape[1]:
            raise ValueError(f"expected an attribute in 0..{answers[0].shape[1] - 1}, the judge's, got {attribute}")
        there, still = (answer[:, attribute].sigmoid() for answer in answers)
        return there.minimum(1 - still) - 0.5

    return Assertion(name or f"attribute {attribute} stays at {_place(path)}", path, violation)


@dataclass(frozen=True)
class Report:
    """What came of assertions on a set of inputs.

    Attributes:
        names: of the A assertions.
        violations: (N, A); above 0 is violated.
        predictions: argmax f(x), (N,).
    """

    names: tuple[str, ...]
    violations: Tensor
    predictions: Tensor

    @property
    def violated(self) -> Tensor:
        """Which input violates which assertion: booleans (N, A)."""
        return self.violations > 0

    def rates(self) -> dict[str, float]:
        """Share of inputs that violate each assertion, in percent."""
        return dict(zip(self.names, (100 * self.violated.double().mean(0)).tolist(), strict=True))

    def auroc(self, mistakes: Tensor) -> dict[str, float]:
        """How well each assertion's violation tells mistakes (N,) from right answers; 0.5 is chance.

        Raises:
            ValueError: no mistake or nothing else, or another number of inputs.
        """
        columns = zip(self.names, self.violations.unbind(1), strict=True)
        return {name: metrics.auroc(scores, mistakes) for name, scores in columns}

    def worst(self, name: str) -> Tensor:
        """The inputs that violate an assertion, by their number, the worst first.

        Raises:
            ValueError: an assertion that was not checked, with those that were.
        """
        if name not in self.names:
            raise ValueError(f"expected one of {', '.join(self.names)}, got {name!r}: check it first")
        scores = self.violations[:, self.names.index(name)]
        order = scores.argsort(descending=True, stable=True)
        return order[scores[order] > 0]


@torch.no_grad()
def check(model: DecNN, x: Tensor, assertions: Sequence[Assertion], batch_size: int = 500) -> Report:
    """Run assertions over inputs, in eval mode; paths that begin alike share their beginning.

    Arguments:
        model: f and g.
        x: inputs (N, C, H, W).
        assertions: with names of their own.
        batch_size: inputs looked at at a time.

    Raises:
        ValueError: no input, no assertion, a name given twice, a path without layers or with one outside 1..L, or
            a violation that is not one number for each input.

    Source: Wu et al. (2021), section 1: decodings make assertions on activations possible.

    Example:
        >>> import decnn
        >>> model = decnn.DecNN(decnn.MLP(), decnn.ResNetDecoder(width=4))
        >>> report = check(model, torch.rand(6, 1, 32, 32), [same_class(1), resembles(8, within=100.0)])
        >>> tuple(report.violations.shape), report.rates()["resembles the input at h_8"]
        ((6, 2), 0.0)
    """
    if len(x) == 0 or not assertions:
        raise ValueError(f"expected inputs and assertions, got {len(x)} inputs and {len(assertions)} assertions")
    names = tuple(assertion.name for assertion in assertions)
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"expected a name of its own for each assertion, got {twice[0]!r} twice: pass name=...")
    for assertion in assertions:
        if not assertion.path:
            raise ValueError(f"expected at least one layer for {assertion.name!r}, got none: name what is decoded")
        model.check_path(assertion.path)
    with evaluating(model):
        parts = [_violations(model, batch, assertions) for batch in x.split(batch_size)]
    violations, predictions = (torch.cat(part) for part in zip(*parts, strict=True))
    return Report(names, violations, predictions)


def _violations(model: DecNN, x: Tensor, assertions: Sequence[Assertion]) -> tuple[Tensor, Tensor]:
    """Violations (B, A) and predictions (B,) of a batch."""
    steps = {(): Step(*model.activations(x), x_hat=None)}

    def step(path: tuple[int, ...]) -> Step:
        if path not in steps:
            x_hat = model.decode(step(path[:-1]).activations[path[-1] - 1])
            steps[path] = Step(*model.activations(x_hat), x_hat=x_hat)
        return steps[path]

    columns, logits = [], steps[()].logits
    for assertion in assertions:
        last = step(tuple(assertion.path))
        column = assertion.violation(Seen(x, logits, last.x_hat, last.logits))
        if column.shape != (len(x),):
            raise ValueError(
                f"expected one number for each of {len(x)} inputs from {assertion.name!r}, got {tuple(column.shape)}: "
                "reduce over pixels and classes"
            )
        if column.isnan().any():
            raise ValueError(
                f"expected numbers from {assertion.name!r}, got NaN for {int(column.isnan().sum())} of {len(x)}: "
                "look at the inputs and the weights"
            )
        columns.append(column)
    return torch.stack(columns, dim=1), logits.argmax(-1)


def _read(judge: nn.Module, images: Tensor) -> Tensor:
    with evaluating(judge):
        return judge(images)


def _place(path: Sequence[int]) -> str:
    return ", ".join(f"h_{layer}" for layer in path)
