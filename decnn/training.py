"""The one training loop: Adam, a batch order and noise that follow from seed and step alone, checkpoints.

Because every step's randomness is a function of (seed, step), a run that was killed goes on from its
last checkpoint to exactly the result of a run that was not. A stack's noise follows from the step.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from decnn.baselines import Ensemble, MCDropout, Stack
from decnn.checkpoints import checkpoint_metadata, load_checkpoint, save_checkpoint
from decnn.compose import DecNN
from decnn.data import as_floats, check_attributes, check_images, check_labels
from decnn.objectives import Terms
from decnn.precision import arithmetic, check_precision
from decnn.rematerialisation import rematerialised

__all__ = ["Diverged", "derived_seed", "fit"]

VOTERS = {  # that would train something else than what they vote with
    Ensemble: "whose members would be trained as one mixture: train a Stack of them, and vote by its members()",
    MCDropout: "which answers without dropout when it is called: train the network inside",
}
Objective = Callable[[nn.Module, Tensor, Tensor], Tensor]


class Diverged(RuntimeError):
    """The objective became NaN or infinite; `step` says where, and the last good checkpoint is left."""

    def __init__(self, step: int) -> None:
        super().__init__(
            f"the objective was not finite at step {step}: lower the learning rate; a checkpoint, if any, is of before"
        )
        self.step = step

    def __reduce__(self) -> tuple[type[Diverged], tuple[int]]:
        return Diverged, (self.step,)


def fit(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    objective: Objective,
    *,
    steps: int,
    batch_size: int = 128,
    lr: float = 1e-4,
    seeds: Sequence[int] = (0,),
    precision: str = "float32",
    device: str = "cpu",
    checkpoint: Path | str | None = None,
    identity: str = "",
    save_every: float = 60.0,
    progress: str | None = None,
    checkpoint_activations: bool = False,
) -> nn.Module:
    """Minimise `objective(model, x, y)` with Adam over shuffled batches; returns the model, in eval mode.

    Arguments:
        model: any network; a `Stack` of M gets its own batch order for each of M seeds.
        images: (N, C, H, W) floats in [0, 1]; or uint8 in 0..255, memory-mapped or not, of which each batch
            becomes float32 as it is drawn.
        labels: (N,) class numbers, or (N, A) attributes of 0 and 1; integers.
        objective: the scalar to minimise, e.g. `lambda m, x, y: decnn.objectives.standard(m, x, y).total`;
            torch's global generator is seeded anew for each step, so it may draw paths or masks. Of Terms, the total.
        steps: number of updates.
        batch_size: B.
        lr: Adam's learning rate.
        seeds: one for a model, one for each member of a stack, of which they decide the batches: noise, such as
            dropout's, is one for all members, whatever their seeds.
        precision: "float32", or "bfloat16" for products of bfloat16 factors, with channels-last convolutions.
        device: where to train; the images are moved there once.
        checkpoint: file to resume from and to save to, about every `save_every` seconds.
        identity: names the run that the checkpoint belongs to, which needs one; a file of another run is refused.
        progress: label of a progress bar with the time left, or None for no bar.
        checkpoint_activations: of a DecNN, keep each decoder's input alone and compute the rest again for the
            gradient: the same result with a fraction of the memory, in a third more time.

    Raises:
        ValueError: images or labels out of range, seeds that do not match, a frozen model, a checkpoint of another
            run or without a name for it.
        Diverged: the objective is not finite.
        torch.OutOfMemoryError: a step does not fit the GPU; the message says what to do.

    Source: Wu et al. (2021), A.1: Adam, lr 1e-4, batch 128, 50 epochs.

    Example:
        >>> import decnn
        >>> x, y = torch.rand(8, 1, 32, 32), torch.arange(8)
        >>> f = fit(decnn.MLP(), x, y, lambda m, x, y: decnn.objectives.standard(m, x, y).total, steps=2, batch_size=4)
        >>> f.training
        False
    """
    from tqdm import tqdm

    checkpoint = None if checkpoint is None else Path(checkpoint)
    _check_run(model, images, labels, steps, batch_size, seeds, precision, checkpoint, identity, progress)
    stacked = isinstance(model, Stack)
    asked = rematerialised(model) if checkpoint_activations else model  # both are the same modules
    model = model.to(device).train()
    if precision == "bfloat16":
        model = model.to(memory_format=torch.channels_last)
    images, labels = images.to(device), labels.to(device, torch.long)
    optimiser = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
    start, spent = 0, 0.0
    if checkpoint is not None and checkpoint.exists():
        start = load_checkpoint(checkpoint, model, optimiser, identity)
        if start > steps:
            raise ValueError(f"expected a checkpoint of at most {steps} steps, got one of {start}: {checkpoint}")
        spent = float(checkpoint_metadata(checkpoint)["seconds"])
    began = time.monotonic() - spent
    order = _Orders(seeds, len(images), batch_size)
    noise_seed = 0 if stacked else seeds[0]
    # Looking at the loss makes a GPU wait for its queue, so there it is looked at in bundles.
    look_every = 1 if torch.device(device).type == "cpu" else 25
    pending: list[Tensor] = []
    saved = time.monotonic()
    bar = tqdm(total=steps, initial=start, desc=progress, disable=progress is None, mininterval=1, smoothing=0.05)

    careful = _out_of_memory_explained(batch_size, isinstance(model, DecNN) and not checkpoint_activations)
    # A page that only looks may want no gradients.
    with torch.random.fork_rng(), torch.inference_mode(False), torch.enable_grad(), bar, careful:
        for step in range(start, steps):
            torch.manual_seed(derived_seed("noise", noise_seed, step))
            index = order.batch(step).to(device)
            x, y = as_floats(images[index]), labels[index]
            x, y = (rows.expand(len(seeds), *rows.shape[1:]) for rows in (x, y))
            x, y = (x, y) if stacked else (x[0], y[0])
            with arithmetic(precision, device):
                loss = _total(objective(asked, x, y))
            optimiser.zero_grad()
            loss.backward()
            pending.append(loss.detach())
            due = checkpoint is not None and time.monotonic() - saved > save_every
            if len(pending) >= look_every or due or step == steps - 1:
                finite = torch.stack(pending).isfinite()
                if not finite.all():
                    raise Diverged(step + 1 - len(pending) + int((~finite).nonzero()[0]))
                pending.clear()
            optimiser.step()
            bar.update()
            last = step == steps - 1
            # The objective may be finite where its gradient is not: what is kept has to be good.
            if (due or last) and not all(parameter.isfinite().all() for parameter in model.parameters()):
                raise Diverged(step)
            if checkpoint is not None and (due or last):
                save_checkpoint(checkpoint, model, optimiser, step + 1, identity, time.monotonic() - began)
                saved = time.monotonic()
    return model.eval()


def _total(loss: Terms | Tensor) -> Tensor:
    loss = loss.total if isinstance(loss, Terms) else loss
    if not isinstance(loss, Tensor) or loss.dim():
        got = f"a tensor {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        raise ValueError(f"expected the objective to return Terms, or one number as a tensor, got {got}")
    return loss


@contextmanager
def _out_of_memory_explained(batch_size: int, helps: bool) -> Iterator[None]:
    """Whether checkpointed activations would help is for the caller to say."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        advice = (
            "give --checkpoint-activations to `decnn run`, or checkpoint_activations=True to `fit`, for the same "
            "result in a fraction of the memory"
            if helps
            else "take a smaller batch, a GPU with more memory, or --device cpu"
        )
        raise torch.OutOfMemoryError(
            f"expected a training step of {batch_size} images to fit the device's memory, got: {error}: {advice}"
        ) from error


class _Orders:
    """Shuffled batches without replacement, epoch after epoch, as a function of (seed, step)."""

    def __init__(self, seeds: Sequence[int], count: int, batch_size: int) -> None:
        # Members with one seed read the same batches, which are then fetched once.
        self.seeds = seeds if len(set(seeds)) > 1 else seeds[:1]
        self.count, self.batch_size = count, min(batch_size, count)
        self.per_epoch = count // self.batch_size
        self.epoch: int | None = None

    def batch(self, step: int) -> Tensor:
        """Indices (S, B), a row for each seed, or a single row if there is one seed only."""
        epoch, position = divmod(step, self.per_epoch)
        if epoch != self.epoch:
            self.epoch = epoch
            self.permutations = torch.stack([self._permutation(seed) for seed in self.seeds])
        return self.permutations[:, position * self.batch_size : (position + 1) * self.batch_size]

    def _permutation(self, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(derived_seed("order", seed, self.epoch))
        return torch.randperm(self.count, generator=generator)


def derived_seed(*parts: str | int) -> int:
    """A seed in 0..2^63-1 that depends on all parts and on nothing else.

    Example:
        >>> derived_seed("order", 0, 1) == derived_seed("order", 0, 1) != derived_seed("order", 1, 0)
        True
    """
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _check_run(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    steps: int,
    batch_size: int,
    seeds: Sequence[int],
    precision: str,
    checkpoint: Path | None,
    identity: str,
    progress: str | None,
) -> None:
    """Raise ValueError where `fit` would fail later, or worse, would not."""
    for kind, instead in VOTERS.items():
        if isinstance(model, kind):
            raise ValueError(f"expected a network or a Stack, got {kind.__name__}, {instead}")
    if not isinstance(labels, Tensor):
        raise ValueError(f"expected labels as a tensor of integers, got {type(labels).__name__}: torch.tensor(labels)")
    if isinstance(seeds, int):
        raise ValueError(f"expected a sequence of seeds, one for each network, got {seeds}: ({seeds},)")
    check_images(as_floats(images[:1]) if getattr(images, "dtype", None) == torch.uint8 else images)
    _check_targets(model.member if isinstance(model, Stack) else model, labels)
    check_precision(precision)
    if len(images) != len(labels):
        raise ValueError(f"expected as many labels as images, got {len(labels)} labels for {len(images)} images")
    if steps and not any(parameter.requires_grad for parameter in model.parameters()):
        raise ValueError(
            f"expected a {type(model).__name__} that can learn, got frozen weights: model.requires_grad_()"
        )
    if any(parameter.is_inference() for parameter in model.parameters()):
        raise ValueError(
            "expected a network made outside torch.inference_mode(), got one made inside: nothing could learn"
        )
    if batch_size < 1 or steps < 0:
        raise ValueError(f"expected batch_size >= 1 and steps >= 0, got {batch_size} and {steps}")
    networks = len(model) if isinstance(model, Stack) else 1
    if len(seeds) != networks:
        raise ValueError(f"expected one seed for each network, got {len(seeds)} for {networks}")
    if not isinstance(progress, str | None):
        raise ValueError(f"expected progress as the bar's label, or None for no bar, got {progress!r}")
    if checkpoint is not None and not identity:
        raise ValueError(
            f"expected an identity beside the checkpoint {checkpoint}, such as 'mnist, lr 1e-3, seed 0', got none: "
            "without it the file of another run would be taken for this one's result"
        )


def _check_targets(network: nn.Module, labels: Tensor) -> None:
    """Labels or attributes, in the range of the network's answers where it tells how many it has."""
    wrapped = getattr(network, "classifier", None)
    answers = getattr(network, "num_classes", None) or getattr(wrapped, "num_classes", None)
    if answers is None:
        answers = labels.shape[1] if getattr(labels, "ndim", 1) == 2 else int(labels.max()) + 1
    (check_attributes if getattr(labels, "ndim", 1) == 2 else check_labels)(labels, answers)
