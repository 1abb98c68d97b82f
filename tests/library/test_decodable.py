"""decnn.decodable: networks of other people, wrapped as they are, are pairs (f, g) like the library's own."""

from __future__ import annotations

import copy
import functools
import math
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import VisionTransformer, resnet18

import decnn
from decnn.hooks import Hooked
from decnn.modes import untracked
from decnn.objectives import recursive, standard

IN_SHAPE = (3, 32, 32)
ADAPTERS = ("linear", "pad")


@functools.cache
def _drawn() -> nn.Module:
    return resnet18(num_classes=10)  # 11 million random numbers: drawn once


def residual() -> nn.Module:
    return copy.deepcopy(_drawn())


def transformer() -> nn.Module:
    net = VisionTransformer(32, 16, num_layers=2, num_heads=2, hidden_dim=8, mlp_dim=16, num_classes=10)
    nn.init.normal_(net.heads.head.weight)  # torchvision's zeros let no gradient through
    return net


def sequential() -> nn.Module:
    """A map, then a vector, each overwritten by the layer behind it."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, 2), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(900, 16), nn.ReLU(inplace=True),
        nn.Linear(16, 10),
    )  # fmt: skip


def residual_by_hand(net: nn.Module, x: Tensor) -> list[Tensor]:
    hs = [net.layer1(net.maxpool(net.relu(net.bn1(net.conv1(x)))))]
    for stage in (net.layer2, net.layer3, net.layer4):
        hs.append(stage(hs[-1]))
    return hs


def transformer_by_hand(net: nn.Module, x: Tensor) -> list[Tensor]:
    patches = net.conv_proj(x).flatten(2).transpose(1, 2)
    tokens = torch.cat([net.class_token.expand(len(x), -1, -1), patches], dim=1) + net.encoder.pos_embedding
    first, second = net.encoder.layers
    return [first(tokens), second(first(tokens))]


def sequential_by_hand(net: nn.Module, x: Tensor) -> list[Tensor]:
    convolved = net[0](x)
    return [convolved, net[3](convolved.relu().flatten(1))]


NETWORKS = {
    "residual": (residual, [f"layer{stage}" for stage in (1, 2, 3, 4)], residual_by_hand),
    "transformer": (transformer, [f"encoder.layers.encoder_layer_{block}" for block in (0, 1)], transformer_by_hand),
    "sequential": (sequential, ["0", "3"], sequential_by_hand),
}


@pytest.fixture(params=NETWORKS)
def network(request) -> tuple[nn.Module, list[str], object]:
    make, layers, by_hand = NETWORKS[request.param]
    return make(), layers, by_hand


def wrapped(network, adapter: str) -> decnn.DecNN:
    net, layers, _ = network
    largest = max(math.prod(shape) for shape in Hooked(net, layers, IN_SHAPE).activation_shapes)
    decoder = decnn.ResNetDecoder(largest if adapter == "pad" else 8, IN_SHAPE, width=1)
    return decnn.decodable(net, layers, IN_SHAPE, decoder, adapter)


@pytest.fixture(params=ADAPTERS)
def model(request, network) -> decnn.DecNN:
    return wrapped(network, request.param)


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    return torch.rand(3, *IN_SHAPE), torch.tensor([3, 1, 4])


@pytest.mark.parametrize("training", [False, True])
def test_logits_are_the_bare_networks(network, model, batch, training):
    net, x = network[0].train(training), batch[0]
    expected = net(x)
    for logits in (model(x), model.activations(x)[0], model.recompose(x, [1])[0].logits):
        torch.testing.assert_close(logits, expected, rtol=0, atol=0)


def test_activations_are_those_of_a_forward_pass_by_hand(network, batch):
    net, layers, by_hand = network
    f = Hooked(net.eval(), layers, IN_SHAPE)
    expected = by_hand(net, batch[0])
    torch.testing.assert_close(f.activations(batch[0])[1], expected, rtol=0, atol=0)
    assert f.activation_shapes == tuple(tuple(h.shape[1:]) for h in expected)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_adapters_are_an_affine_map_or_zeros_behind(network, batch, adapter):
    model = wrapped(network, adapter).eval()
    latent = model.decoder.latent
    vectors = [h.flatten(1) for h in network[2](network[0], batch[0])]
    if adapter == "pad":
        expected = [torch.cat([v, v.new_zeros(len(v), latent - v.shape[1])], dim=1) for v in vectors]
    else:
        affine = [step[-1] for step in model.classifier.adapters]
        expected = [v @ a.weight.T + a.bias for v, a in zip(vectors, affine, strict=True)]
    torch.testing.assert_close(model.activations(batch[0])[1], expected)


def test_every_parameter_learns_from_equation_5(model, batch):
    recursive(model, *batch, path=range(1, model.num_layers + 1)).total.backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without == []


def test_with_alpha_0_equation_5_is_equation_1(model, batch):
    model.eval()
    path = [model.num_layers, 1]
    assert torch.equal(recursive(model, *batch, path, alpha=0.0).total, standard(model, *batch).total)


def test_every_step_of_a_path_has_the_shapes_of_the_first(model, batch):
    x, _ = batch
    steps = model.recompose(x, range(1, model.num_layers + 1))
    for step in steps[1:]:
        assert step.x_hat.shape == x.shape
        assert step.logits.shape == (3, 10)
        assert [h.shape for h in step.activations] == [(3, model.decoder.latent)] * model.num_layers


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_the_state_holds_network_adapters_and_decoder(network, batch, adapter):
    model = wrapped(network, adapter).eval()
    net, layers, by_hand = network
    other = wrapped((copy.deepcopy(net).apply(_forget), layers, by_hand), adapter).eval()
    other.load_state_dict(model.state_dict())
    path = range(1, model.num_layers + 1)
    for mine, others in zip(model.recompose(batch[0], path), other.recompose(batch[0], path), strict=True):
        torch.testing.assert_close(others, mine, rtol=0, atol=0)
    learnt = [name for name in model.state_dict() if "adapters" in name]
    assert len(learnt) == (2 * model.num_layers if adapter == "linear" else 0)


def _forget(module: nn.Module) -> None:
    if hasattr(module, "reset_parameters"):
        module.reset_parameters()


def test_training_voting_and_attacking_need_nothing_more(model, batch):
    images, labels = torch.rand(8, *IN_SHAPE), torch.arange(8)
    decnn.fit(model, images, labels, lambda m, x, y: recursive(m, x, y, [1, 2]).total, steps=2, batch_size=4)
    votes = decnn.path_votes(model, batch[0], torch.tensor([[1, 2], [2, 2]]), reference=images)
    assert votes.shape == (2, 3)
    moved = decnn.attacks.fgsm(model, *batch, eps=0.1)
    assert moved.shape == batch[0].shape
    assert (moved - batch[0]).abs().max() > 0.09


def normalised(track: bool = True, kind: type[nn.Module] = nn.BatchNorm2d) -> nn.Module:
    """A small network with normalisation."""
    norm = kind(4, track_running_stats=track)
    return nn.Sequential(nn.Conv2d(3, 4, 3, 4), norm, nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(256, 10))


def small(net: nn.Module) -> decnn.DecNN:
    return decnn.decodable(net, ["1", "2"], IN_SHAPE, decnn.ResNetDecoder(8, IN_SHAPE, width=1))


@pytest.mark.parametrize("track", [True, False])
@pytest.mark.parametrize("kind", [nn.BatchNorm2d, nn.InstanceNorm2d])
def test_the_running_statistics_of_the_network_are_those_of_inputs(batch, kind, track):
    """Decodings would pull them away, and f(x) in eval mode with them; the decoder's are of decodings, as ever."""
    net = normalised(track, kind)
    model, alone = small(net), copy.deepcopy(net)
    before = model.decoder.blocks[0].norm1.running_mean.clone()
    model.recompose(batch[0], [1, 2, 2])
    alone(batch[0])
    torch.testing.assert_close(net.state_dict(), alone.state_dict(), rtol=0, atol=0)
    assert (net[1].track_running_stats, net[1].momentum) == (track, 0.1)
    net.eval()
    with untracked(net):
        torch.testing.assert_close(net(batch[0]), alone.eval()(batch[0]), rtol=0, atol=0)
    assert not torch.equal(model.decoder.blocks[0].norm1.running_mean, before)


def test_a_reference_gives_its_statistics_to_the_network_too(batch):
    """A path of one step by hand: whatever comes first has its own mean and variance, the rest takes them over."""
    net, reference = normalised().eval(), torch.rand(6, *IN_SHAPE)
    model = small(net).eval()
    (logits,) = decnn.PathEnsemble(model, torch.tensor([[2]]), reference).logits(batch[0])
    walked = [h[1] for h in (model.activations(reference)[1], model.activations(batch[0])[1])]
    own = copy.deepcopy(model)
    for norm in (m for m in own.modules() if isinstance(m, nn.BatchNorm2d)):
        norm.momentum = 1.0
    own.train().activations(own.decode(walked[0]))
    torch.testing.assert_close(logits[0], own.eval()(own.decode(walked[1])))
    assert not torch.allclose(logits[0], model(own.decode(walked[1])))


def test_a_network_that_keeps_no_statistics_takes_those_of_a_reference(batch):
    """Else what one input gets would depend on those beside it."""
    net, paths, reference = normalised(track=False), torch.tensor([[2, 1]]), torch.rand(6, *IN_SHAPE)
    model = small(net).eval()
    *_, together = decnn.PathEnsemble(model, paths, reference).logits(batch[0])
    first = model.activations(batch[0])[1]  # of one batch, as the network has it
    *_, again = decnn.PathEnsemble(model, paths, reference, chunk=2).logits(batch[0])
    torch.testing.assert_close(again, together)
    torch.testing.assert_close(model.activations(batch[0])[1], first, rtol=0, atol=0)
    assert net[1].running_mean is None
    with pytest.raises(ValueError, match=r"with running statistics, got a layer without: .* pass reference="):
        decnn.path_votes(model, batch[0], paths)


def test_instance_normalisation_has_no_part_in_a_reference(batch):
    """Each input has statistics of its own: beside a reference it is what it is alone."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.InstanceNorm2d(4), nn.Flatten(), nn.Linear(1024, 10)).eval()
    decoder = nn.Sequential(nn.Flatten(), nn.Linear(1024, 3072), nn.Unflatten(1, IN_SHAPE))
    decoder.out_shape, decoder.accepts = IN_SHAPE, lambda shape: tuple(shape) == (4, 16, 16)
    model = decnn.decodable(net, ["0", "1"], IN_SHAPE, decoder).eval()
    for reference in (None, torch.rand(6, *IN_SHAPE)):
        (logits,) = decnn.PathEnsemble(model, torch.tensor([[2]]), reference).logits(batch[0])
        torch.testing.assert_close(logits[0], model.recompose(batch[0], [2])[-1].logits)


def test_a_network_may_be_compiled_serve_threads_and_be_of_any_type(batch):
    net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 8), nn.Linear(8, 4), nn.Linear(4, 10)).double()
    compiled = nn.Module()
    compiled._orig_mod = net  # as torch.compile has it
    model = decnn.decodable(compiled, ["1", "2"], IN_SHAPE).eval()
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float64}
    x = batch[0].double()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: model.activations(x)[0], range(20)))
    for logits in found:
        torch.testing.assert_close(logits, net(x), rtol=0, atol=0)


def test_a_sequential_copy_of_the_perceptron_is_the_perceptron():
    """Three hidden layers of one size need no adapter: the same numbers, and the same gradients."""
    pair = decnn.DecNN(decnn.MLP(hidden=16, num_layers=3), decnn.ResNetDecoder(latent=16, width=2))
    own = copy.deepcopy(pair)
    hidden = [part for layer in own.classifier.layers for part in (layer, nn.ReLU(inplace=True))]
    net = nn.Sequential(nn.Flatten(), *hidden, own.classifier.head)
    model = decnn.decodable(net, ["2", "4", "6"], (1, 32, 32), own.decoder)
    x, y = torch.rand(4, 1, 32, 32), torch.tensor([3, 1, 4, 1])
    for path in ([], [1], [3, 1, 2]):
        torch.testing.assert_close(model.recompose(x, path), pair.recompose(x, path), rtol=0, atol=0)
    for both in (pair, model):
        recursive(both, x, y, [3, 1, 2]).total.backward()
    gradients = [[p.grad for p in both.parameters()] for both in (pair, model)]
    torch.testing.assert_close(gradients[1], gradients[0], rtol=0, atol=0)


def test_the_pass_that_finds_the_shapes_leaves_no_trace():
    """Statistics, modes (some frozen), the stream of random numbers and the hooks are those from before."""
    net = nn.Sequential(residual(), nn.Dropout()).train()
    net[0].bn1.eval()
    before, modes, stream = copy.deepcopy(net.state_dict()), [m.training for m in net.modules()], torch.get_rng_state()
    f = Hooked(net, ["0.layer1"], IN_SHAPE)
    torch.testing.assert_close(net.state_dict(), before, rtol=0, atol=0)
    assert [m.training for m in net.modules()] == modes
    assert torch.equal(torch.get_rng_state(), stream)
    f.activations(torch.rand(2, *IN_SHAPE))
    assert not any(m._forward_hooks for m in net.modules())
    pickle.loads(pickle.dumps(f))


def test_a_decoder_of_maps_reads_maps_without_adapter(batch):
    net = nn.Sequential(nn.Conv2d(3, 2, 3, 2, 1), nn.Conv2d(2, 2, 3, 2, 1), nn.Flatten(), nn.Linear(128, 10))
    model = decnn.decodable(net, ["0", "1"], IN_SHAPE, decnn.UNetDecoder(2, IN_SHAPE))
    assert model.classifier.activation_shapes == ((2, 16, 16), (2, 8, 8))
    assert model.recompose(batch[0], [1, 2])[-1].x_hat.shape == batch[0].shape


@pytest.mark.parametrize(
    ("sizes", "adapter", "latent"),
    [((24, 24), "linear", 24), ((24, 30), "linear", 128), ((24, 30), "pad", 30)],
    ids=["vectors of one size", "the paper's", "the largest"],
)
def test_the_decoder_that_is_built_reads(sizes, adapter, latent):
    first, second = sizes
    net = nn.Sequential(nn.Flatten(), nn.Linear(1024, first), nn.Linear(first, second), nn.Linear(second, 3))
    model = decnn.decodable(net, ["1", "2"], (1, 32, 32), adapter=adapter)
    assert (model.decoder.latent, model.decoder.width, model.classifier.num_classes) == (latent, 64, 3)


class Odd(nn.Module):
    """Submodules that cannot be hooked: one that returns a tuple, one that is left out, one that turns its axes."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(32, 4, batch_first=True)
        self.unused = nn.Linear(4, 4)
        self.turn = nn.Flatten(0, 1)
        self.head = nn.Linear(4, 5)

    def forward(self, x):
        h, _ = self.recurrent(x.squeeze(1))
        return self.head(self.turn(h).unflatten(0, (-1, 32))).mean(1)


MAPS = nn.Sequential(nn.Conv2d(3, 4, 3))


@pytest.mark.parametrize(
    ("net", "layers", "in_shape", "message"),
    [
        (residual, ["layer1"], 32, r"in_shape as \(C, H, W\), without the batch axis, got 32"),
        (
            lambda: nn.Sequential(nn.Linear(7, 3)),
            ["0"],
            (7,),
            r"a decoder for inputs \(7,\), got none: the paper's ret",
        ),
        (residual, [], IN_SHAPE, r"a list of names of layers, got \[\]: ResNet has conv1, bn1"),
        (residual, "layer1", IN_SHAPE, "a list of names of layers, got 'layer1'"),
        (residual, ["layer7"], IN_SHAPE, r"a layer of ResNet, got 'layer7': did you mean 'layer\d'\?"),
        (residual, ["blocks"], IN_SHAPE, "got 'blocks': its first are conv1, bn1, relu"),
        (residual, [""], IN_SHAPE, "got '': its first are"),
        (residual, ["layer1", "layer1"], IN_SHAPE, r"each layer once, got \['layer1', 'layer1'\]"),
        (
            residual,
            ["layer1.0.relu"],
            IN_SHAPE,
            r"'layer1.0.relu' to be called once in a pass, got 2 calls",
        ),
        (
            residual,
            ["layer1"],
            (1, 32, 32),
            r"ResNet to read inputs \(2, 1, 32, 32\), got RuntimeError .*: set in_s",
        ),
        (transformer, ["encoder.layers"], (3, 64, 64), r"VisionTransformer to read inputs .*got AssertionError"),
        (lambda: MAPS, ["0"], IN_SHAPE, r"Sequential to return logits \(2, K\) for 2 inputs, got \(2, 4, 30, 30\)"),
        (
            Odd,
            ["recurrent"],
            (1, 32, 32),
            "'recurrent' to return one tensor, got tuple: name a layer inside it or",
        ),
        (Odd, ["unused"], (1, 32, 32), "'unused' to be called once in a pass, got 0 calls: name a layer that a pass"),
        (Odd, ["turn"], (1, 32, 32), r"'turn' to return \(2, \.\.\.\) for 2 inputs, got \(64, 4\): name a layer whose"),
    ],
)
def test_what_cannot_be_wrapped_is_refused(net, layers, in_shape, message):
    with pytest.raises(ValueError, match=message):
        decnn.decodable(net(), layers, in_shape)


@pytest.mark.parametrize(
    ("adapter", "message"),
    [
        ("padding", "expected adapter 'linear' or 'pad', got 'padding'"),
        ("pad", "reads the largest layer, 900 values, .* latent 8: build it with latent=900, or choose 'linear'"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused(adapter, message):
    with pytest.raises(ValueError, match=message):
        decnn.decodable(sequential(), ["0", "3"], IN_SHAPE, decnn.ResNetDecoder(8, IN_SHAPE, width=1), adapter)


def test_another_input_shape_is_refused(model):
    with pytest.raises(ValueError, match=r"expected inputs of shape \(B, 3, 32, 32\), got \(3, 32, 32\): add a batch"):
        model.activations(torch.rand(IN_SHAPE))


def test_to_agree_with_a_pretrained_model_leaves_no_trace_of_decodings_either(batch):
    net = normalised()
    model, alone, pretrained = small(net), copy.deepcopy(net), copy.deepcopy(net)
    decnn.objectives.decodable(model, *batch, pretrained=pretrained)
    alone(batch[0])
    torch.testing.assert_close(net.state_dict(), alone.state_dict(), rtol=0, atol=0)
