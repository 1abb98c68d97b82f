"""decnn.training: every step follows from seed and number, so that nothing is lost when a run is."""

from __future__ import annotations

import errno
import itertools
import os
import pickle

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from decnn import MLP, DecNN, Diverged, ResNetDecoder, fit, sample_paths
from decnn.baselines import Ensemble, MCDropout, Stack
from decnn.checkpoints import checkpoint_metadata
from decnn.objectives import decodable, recursive, standard

STEPS, ALWAYS = 7, -1.0  # save_every=ALWAYS: a checkpoint after each step


def classify(model, x, y):
    return standard(model, x, y).total


def compose(model, x, y):
    (path,) = sample_paths(1, 3, model.num_layers).tolist()
    return recursive(model, x, y, path).total


def mlp(dropout: float = 0.5, seed: int = 0) -> MLP:
    torch.manual_seed(seed)
    return MLP((1, 4, 4), 3, hidden=8, num_layers=2, dropout=dropout)


def narrow() -> DecNN:
    torch.manual_seed(0)
    return DecNN(MLP((1, 32, 32), 3, hidden=8, num_layers=2), ResNetDecoder(latent=8, width=1))


RUNS = {  # model, objective, settings
    "dropout": (mlp, classify, {}),
    "paths": (narrow, compose, {}),
    "paths-bfloat16": (lambda: narrow().float(), compose, {"precision": "bfloat16"}),
    "stack": (
        lambda: Stack([mlp(), mlp(seed=1)]),
        lambda stack, x, y: stack.each(classify, x, y).sum(),
        {"seeds": (4, 2)},
    ),
}


def data(model: nn.Module, count: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    one = model.member if isinstance(model, Stack) else getattr(model, "classifier", model)
    images = torch.rand(count, *one.in_shape, generator=generator, dtype=next(model.parameters()).dtype)
    return images, torch.randint(0, 3, (count,), generator=generator)


def run(name: str, objective=None, **settings) -> dict[str, torch.Tensor]:
    make, usual, own = RUNS[name]
    model = make()
    settings = {"steps": STEPS, "batch_size": 6, "lr": 1e-2, "identity": "mine", **own, **settings}
    return fit(model, *data(model), objective or usual, **settings).state_dict()


def broken_at(call: int, objective, error: BaseException):
    """The objective, but its `call`-th call (from 0) raises."""
    calls = iter(range(10**6))

    def spoilt(model, x, y):
        if next(calls) == call:
            raise error
        return objective(model, x, y)

    return spoilt


def assert_identical(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


@pytest.mark.parametrize("kill_at", [0, 1, 5])
@pytest.mark.parametrize("name", RUNS)
def test_an_interrupted_run_ends_bit_for_bit_like_one_that_was_not(tmp_path, name, kill_at):
    checkpoint = tmp_path / "run.safetensors"
    again = {"checkpoint": checkpoint, "identity": name, "save_every": ALWAYS}
    for kill in (kill_at, 1):  # killed, resumed, killed once more
        with pytest.raises(KeyboardInterrupt):
            run(name, broken_at(kill, RUNS[name][1], KeyboardInterrupt()), **again)
    assert int(checkpoint_metadata(checkpoint)["step"]) == kill_at + 1
    torch.rand(3)  # the caller's random state plays no part
    resumed = run(name, **again)
    assert_identical(resumed, run(name))
    assert int(checkpoint_metadata(checkpoint)["step"]) == STEPS
    assert_identical(resumed, run(name, broken_at(0, None, AssertionError("trained again")), **again))


def test_a_full_disk_stops_the_run_and_the_last_checkpoint_goes_on(tmp_path, monkeypatch):
    checkpoint = tmp_path / "run.safetensors"
    run("dropout", steps=3, checkpoint=checkpoint)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
        with pytest.raises(OSError, match=r"could not write \(No space left\); what was there before is untouched"):
            run("dropout", checkpoint=checkpoint, save_every=ALWAYS)
    assert checkpoint_metadata(checkpoint)["step"] == "3"
    assert_identical(run("dropout", checkpoint=checkpoint), run("dropout"))


@pytest.mark.parametrize("name", RUNS)
def test_the_same_seed_gives_the_same_network_and_another_seed_another(name):
    assert_identical(run(name), run(name))
    one, other = run(name), run(name, seeds=(8, 9) if name == "stack" else (8,))
    weights = [key for key in one if one[key].dim() > 1]
    assert weights
    assert not any(torch.equal(one[key], other[key]) for key in weights)


def test_fit_leaves_the_callers_random_state_alone():
    state = torch.get_rng_state()
    run("dropout")  # its first line seeds for the model
    torch.set_rng_state(state)
    model = mlp()
    before = torch.get_rng_state()
    assert not fit(model, *data(model), classify, steps=2).training
    assert torch.equal(torch.get_rng_state(), before)


def test_eight_bit_images_and_their_floats_train_the_same_network():
    torch.set_default_dtype(torch.float32)
    pixels = torch.randint(0, 256, (20, 4, 4, 1), dtype=torch.uint8).permute(0, 3, 1, 2)
    settings = {"steps": STEPS, "batch_size": 6}
    kept, floats = (
        fit(mlp(), x, torch.arange(20) % 3, classify, **settings).state_dict() for x in (pixels, pixels.float() / 255)
    )
    assert_identical(kept, floats)


def test_attributes_are_learnt_like_classes():
    """Two attributes of an image, each told by a pixel of its own."""

    def attributes(model, x, y):
        return nn.functional.binary_cross_entropy_with_logits(model(x), y.to(x.dtype))

    x = torch.rand(64, 1, 4, 4)
    y = (x.flatten(1)[:, :3] > 0.5).long()
    model = fit(mlp(dropout=0.0), x, y, attributes, steps=300, batch_size=32, lr=1e-2)
    assert ((model(x) > 0).long() == y).double().mean() > 0.95
    with pytest.raises(ValueError, match=r"attributes: expected shape \(N, 3\), got \(64, 2\)"):
        fit(mlp(), x, y[:, :2], attributes, steps=1)
    with pytest.raises(ValueError, match="attributes: expected 0 or 1, got 2 at index"):
        fit(mlp(), x, y + 1, attributes, steps=1)


@pytest.mark.parametrize(("count", "batch_size", "per_epoch"), [(20, 5, 4), (22, 5, 4), (3, 5, 1)])
def test_an_epoch_reads_no_image_twice_and_epochs_differ(count, batch_size, per_epoch):
    seen = []

    def spy(model, x, y):
        seen.append((x[:, 0, 0, 0] * count).round().int().tolist())
        return classify(model, x, y)

    images = (torch.arange(count) / count)[:, None, None, None].expand(count, 1, 4, 4)
    fit(mlp(), images, torch.zeros(count, dtype=torch.long), spy, steps=2 * per_epoch, batch_size=batch_size)
    size = min(batch_size, count)
    assert [len(batch) for batch in seen] == [size] * 2 * per_epoch
    epochs = [list(itertools.chain(*part)) for part in (seen[:per_epoch], seen[per_epoch:])]
    assert [len(set(epoch)) for epoch in epochs] == [size * per_epoch] * 2
    assert epochs[0] != epochs[1]


# --- memory ------------------------------------------------------------------------------------------------


def every_layer(model, x, y):
    return decodable(model, x, y).total


@pytest.mark.parametrize("objective", [compose, every_layer])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_checkpointed_activations_change_nothing_but_the_memory(make_pair, objective, precision):
    """Weights and batch normalisation's statistics, to the last bit; the decoder draws masks as well."""
    results = []
    for checkpointed in (False, True):
        model = make_pair()
        model.decoder.register_forward_pre_hook(lambda _, inputs: nn.functional.dropout(inputs[0], 0.3))
        x, y = torch.rand(12, 1, 32, 32, generator=torch.Generator().manual_seed(0)), torch.arange(12) % 10
        settings = {"steps": 3, "batch_size": 6, "precision": precision, "checkpoint_activations": checkpointed}
        results.append(fit(model, x, y, objective, **settings).state_dict())
    assert_identical(*results)


def test_without_room_on_the_gpu_the_message_names_the_flag():
    def full(model, x, y):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    helps, no_help = "give --checkpoint-activations to `decnn run`", "take a smaller batch, .*--device cpu"
    for name, checkpointed, advice in (("paths", False, helps), ("paths", True, no_help), ("dropout", False, no_help)):
        with pytest.raises(torch.OutOfMemoryError, match=f"step of 6 images.*Tried to allocate 2.00 GiB: {advice}"):
            run(name, full, checkpoint_activations=checkpointed)


def test_only_a_decoder_has_activations_to_checkpoint():
    with pytest.raises(ValueError, match="expected a DecNN to rematerialise, got MLP"):
        run("dropout", checkpoint_activations=True)


# --- divergence --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("step", [0, 4, STEPS - 1])
def test_divergence_names_its_step_and_leaves_the_last_good_checkpoint(tmp_path, value, step):
    checkpoint = tmp_path / "run.safetensors"

    def exploding(model, x, y):
        return classify(model, x, y) * (value if next(calls) == step else 1.0)

    for saving in ({}, {"checkpoint": checkpoint, "save_every": ALWAYS}):
        calls = iter(range(100))
        with pytest.raises(Diverged, match=f"not finite at step {step}: lower the learning rate") as caught:
            run("dropout", exploding, **saving)
        assert caught.value.step == step
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert checkpoint.exists() == (step > 0)
    if step:
        assert int(checkpoint_metadata(checkpoint)["step"]) == step
        assert_identical(run("dropout", steps=step, checkpoint=checkpoint), run("dropout", steps=step))


@pytest.mark.parametrize("step", [4, STEPS - 1])
def test_a_gradient_that_is_not_finite_spoils_no_checkpoint(tmp_path, step):
    """The objective may be finite where its gradient is not, as sqrt at 0."""
    checkpoint, calls = tmp_path / "run.safetensors", iter(range(100))

    def kinked(model, x, y):
        value = classify(model, x, y)
        return value + (0 * value).sqrt() if next(calls) == step else value

    with pytest.raises(Diverged):
        run("dropout", kinked, checkpoint=checkpoint, save_every=ALWAYS)
    assert all(tensor.isfinite().all() for tensor in load_file(checkpoint).values())
    assert int(checkpoint_metadata(checkpoint)["step"]) == step


# --- what is taken -------------------------------------------------------------------------------------------


def test_any_integers_terms_and_a_network_that_does_not_tell_its_classes():
    x, y = torch.rand(8, 1, 4, 4), torch.arange(8) % 3

    def trained(labels, objective):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
        return fit(net, x.double(), labels, objective, steps=3, batch_size=4, lr=0.1).state_dict()

    expected = trained(y, lambda m, x, y: standard(m, x, y).total)
    for dtype in (torch.int8, torch.uint8, torch.int32):
        assert_identical(trained(y.to(dtype), standard), expected)


# --- files -------------------------------------------------------------------------------------------------


def test_a_checkpoint_of_another_run_is_refused_and_kept(tmp_path):
    checkpoint = tmp_path / "run.safetensors"
    run("dropout", steps=2, checkpoint=checkpoint, identity="mine")
    content = checkpoint.read_bytes()
    with pytest.raises(ValueError, match=r"expected a checkpoint of at most 1 steps, got one of 2: .*run\.safetensors"):
        run("dropout", steps=1, checkpoint=checkpoint, identity="mine")
    with pytest.raises(ValueError, match=r"expected a checkpoint of yours, got one of 'mine' in .*run\.safetensors"):
        run("dropout", checkpoint=checkpoint, identity="yours")
    assert checkpoint.read_bytes() == content


# --- input -------------------------------------------------------------------------------------------------

IMAGES, LABELS = torch.full((4, 1, 4, 4), 0.5), torch.tensor([0, 1, 2, 0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": LABELS + 1}, r"labels: expected 0\.\.2 \(3 classes\), got 3 at index 2"),
        ({"images": IMAGES / 0}, "images: expected values in"),
        ({"images": 0 * (IMAGES / 0)}, "images: expected numbers, got NaN in 64 of 64"),
        ({"images": 255 * IMAGES}, r"images: expected values in \[0, 1\], got min 127.5"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "at least one image, got an empty batch"),
        ({"images": IMAGES[:3]}, "labels"),
        ({"labels": LABELS[:3]}, "labels"),
        ({"seeds": (0, 1)}, "expected one seed for each network, got 2 for 1"),
        ({"seeds": ()}, "expected one seed for each network, got 0 for 1"),
        ({"seeds": 0}, r"expected a sequence of seeds, one for each network, got 0: \(0,\)"),
        ({"labels": LABELS.tolist()}, "expected labels as a tensor of integers, got list"),
        ({"progress": True}, "expected progress as the bar's label, or None for no bar, got True"),
        ({"objective": lambda *_: 1.0}, "expected the objective to return Terms, or one number as a tensor, got float"),
        ({"objective": lambda m, x, y: m(x)[:, 0]}, r"one number as a tensor, got a tensor \(4,\)"),
        ({"precision": "float16"}, "expected precision float32 or bfloat16, got 'float16'"),
        ({"batch_size": 0}, "batch_size"),
        ({"steps": -1}, "steps"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_cannot_be_fitted_is_refused_before_any_work(change, message):
    model = mlp()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    arguments = {"images": IMAGES.double(), "labels": LABELS, "steps": 1, "objective": classify} | change
    with pytest.raises(ValueError, match=message):
        fit(model, **arguments)
    assert_identical(model.state_dict(), before)


def test_a_checkpoint_needs_a_name_and_a_frozen_network_is_refused(tmp_path):
    checkpoint = tmp_path / "run.safetensors"
    with pytest.raises(ValueError, match=r"expected an identity beside the checkpoint .*run\.safetensors.*, got none"):
        run("dropout", checkpoint=checkpoint, identity="")
    model = mlp().requires_grad_(False)
    with pytest.raises(ValueError, match=r"expected a MLP that can learn, got frozen weights: model\.requires_grad_"):
        fit(model, *data(model), classify, steps=1)
    assert not checkpoint.exists()
    assert model.training


def test_what_votes_is_no_network_to_train():
    for model, message in (
        (Ensemble([mlp(seed=0), mlp(seed=1)]), "got Ensemble, whose members would be trained as one mixture: train a"),
        (MCDropout(mlp()), "got MCDropout, which answers without dropout when it is called: train the network inside"),
    ):
        with pytest.raises(ValueError, match=message):
            fit(model, IMAGES.double(), LABELS, classify, steps=1)


def test_a_page_that_only_infers_may_train():
    model = mlp()
    with torch.inference_mode():
        found = fit(model, IMAGES.double(), LABELS, classify, steps=2).state_dict()
        with pytest.raises(ValueError, match=r"expected a network made outside torch\.inference_mode"):
            fit(mlp(), IMAGES.double(), LABELS, classify, steps=2)
    assert_identical(found, fit(mlp(), IMAGES.double(), LABELS, classify, steps=2).state_dict())


def test_a_stack_needs_a_seed_for_each_member():
    with pytest.raises(ValueError, match="expected one seed for each network, got 1 for 2"):
        run("stack", seeds=(0,))


def test_no_step_changes_nothing():
    model = mlp()
    assert_identical(fit(model, IMAGES.double(), LABELS, classify, steps=0).state_dict(), mlp().state_dict())


def test_training_needs_no_mode_of_the_caller():
    model = mlp()
    before = [p.detach().clone() for p in model.parameters()]
    with torch.no_grad():
        fit(model, IMAGES.double(), LABELS, classify, steps=1, batch_size=2)
    assert all(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
