"""decnn.decoders, decnn.unet and decnn.batchnorm: the fast decoders are the textbook ones."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck

from decnn import ResNetDecoder, UNetDecoder
from decnn.batchnorm import norm_act
from decnn.decoders import folded, parameter_count
from decnn.precision import arithmetic

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


class PlainBlock(nn.Module):
    """The residual block as science.md states it: upsample first, then the 1x1 shortcut."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inner, inner, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, outer, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outer)
        self.up = nn.Identity()
        if inner != outer:
            self.up = nn.Upsample(scale_factor=2)
            self.shortcut = nn.Conv2d(inner, outer, 1, bias=False)
            self.shortcut_norm = nn.BatchNorm2d(outer)

    def forward(self, x):
        y = torch.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(self.up(y)))
        x = self.up(x)
        return torch.relu(y + (self.shortcut_norm(self.shortcut(x)) if hasattr(self, "shortcut") else x))


class PlainDecoder(nn.Module):
    def __init__(self, latent: int, channels: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(latent, 128 * width)
        sizes = [(8, 4), (4, 4), (4, 2), (2, 2), (2, 1), (1, 1), (1, 1), (1, 1)]
        self.blocks = nn.Sequential(*(PlainBlock(i * width, o * width) for i, o in sizes))
        self.head = nn.Conv2d(width, channels, 3, padding=1, bias=False)

    def forward(self, h):
        return self.head(self.blocks(self.linear(h).view(len(h), -1, 4, 4)))


class PlainStage(nn.Module):
    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inner, outer, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outer)
        self.conv2 = nn.Conv2d(outer, outer, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outer)

    def forward(self, x):
        x = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(x)))


class PlainUNet(nn.Module):
    """The figure of the U-Net, grid by grid, behind an upsampling of the map to 32x32."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(PlainStage(filters, filters) for _ in range(4))
        self.up = nn.ModuleList(PlainStage(2 * filters, filters) for _ in range(3))
        self.head = nn.Conv2d(filters, channels, 3, padding=1, bias=False)
        self.front, self.halve, self.enlarge = nn.Upsample(size=(32, 32)), nn.MaxPool2d(2), nn.Upsample(scale_factor=2)

    def forward(self, h):
        map_32 = self.down[0](self.front(h))
        map_16 = self.down[1](self.halve(map_32))
        map_8 = self.down[2](self.halve(map_16))
        map_4 = self.down[3](self.halve(map_8))
        out_8 = self.up[0](torch.cat([map_8, self.enlarge(map_4)], 1))
        out_16 = self.up[1](torch.cat([map_16, self.enlarge(out_8)], 1))
        return self.head(self.up[2](torch.cat([map_32, self.enlarge(out_16)], 1)))


# Decoder, its textbook twin, and the shape of an activation.
TWINS = {
    "resnet-grey": (lambda: ResNetDecoder(6, width=2), lambda: PlainDecoder(6, 1, 2), (6,)),
    "resnet-rgb": (lambda: ResNetDecoder(6, (3, 32, 32), 5), lambda: PlainDecoder(6, 3, 5), (6,)),
    "unet-grey-32": (lambda: UNetDecoder(4), lambda: PlainUNet(1, 4), (4, 32, 32)),
    "unet-rgb-8": (lambda: UNetDecoder(3, (3, 32, 32)), lambda: PlainUNet(3, 3), (3, 8, 8)),
    "unet-grey-1": (lambda: UNetDecoder(3), lambda: PlainUNet(1, 3), (3, 1, 1)),
}


def shaken(decoder: nn.Module) -> nn.Module:
    """Batch normalisations in general position: neither unit weights nor untouched statistics."""
    for module in decoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean):
                nn.init.normal_(tensor.data)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return decoder


@pytest.mark.parametrize(("channels", "count"), [(1, 7_575_872), (3, 7_577_024)])
def test_width_64_has_the_published_number_of_parameters(channels, count):
    with torch.device("meta"):
        assert parameter_count(ResNetDecoder(out_shape=(channels, 32, 32))) == count
        assert parameter_count(PlainDecoder(128, channels, 64)) == count


@pytest.mark.parametrize(("channels", "count"), [(1, 629_056), (3, 630_208)])
def test_64_filters_have_the_stated_number_of_parameters(channels, count):
    with torch.device("meta"):
        assert parameter_count(UNetDecoder(out_shape=(channels, 32, 32))) == count
        assert parameter_count(PlainUNet(channels, 64)) == count


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("train", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", TWINS)
def test_decoder_equals_the_plain_one(name, train, layout):
    """In value, in every gradient and in the running statistics."""
    make, make_plain, shape = TWINS[name]
    g, plain = shaken(make()).train(train), make_plain().train(train)
    plain.load_state_dict(g.state_dict())
    g.to(memory_format=LAYOUTS[layout])
    h = torch.randn(3, *shape, requires_grad=True)
    target = torch.randn(3, *g.out_shape)
    results = []
    for decoder in (g, plain):
        x_hat = decoder(h)
        gradients = torch.autograd.grad((x_hat - target).square().sum(), [h, *decoder.parameters()])
        assert all(gradient.any() for gradient in gradients)
        results.append((x_hat, gradients, dict(decoder.named_buffers())))
    torch.testing.assert_close(*results, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["resnet-grey", "unet-rgb-8"])
def test_folded_decoder_equals_the_decoder_in_eval_mode(name, layout):
    make, _, shape = TWINS[name]
    g = shaken(make()).to(memory_format=LAYOUTS[layout])
    before = copy.deepcopy(g.state_dict())
    fast, h = folded(g), torch.randn(3, *shape)
    assert g.training
    torch.testing.assert_close(g.state_dict(), before, rtol=0, atol=0)
    torch.testing.assert_close(fast(h), g.eval()(h))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fast.modules())
    assert parameter_count(fast) == 0


@pytest.mark.parametrize("decoder", [ResNetDecoder, UNetDecoder])
@pytest.mark.parametrize("out_shape", [(1, 28, 28), (1, 32), (32, 32)])
def test_another_grid_is_refused(decoder, out_shape):
    with pytest.raises(ValueError, match=r"expected out_shape \(C, 32, 32\), got .*resize the inputs"):
        decoder(out_shape=out_shape)


def test_a_decoder_accepts_vectors_of_its_latent_size_only():
    g = ResNetDecoder(latent=6, width=1)
    assert [g.accepts(shape) for shape in ((6,), [6], (7,), (6, 4, 4), ())] == [True, True, False, False, False]


# --- norm_act ----------------------------------------------------------------------------------------------

ENDS = list(itertools.product((True, False), repeat=2))  # with shortcut, with ReLU


def maps(channels: int, *grid: int, batch: int = 3) -> torch.Tensor:
    """Feature maps in channels-last layout, with means and spreads that differ by channel."""
    x = (1 + torch.rand(1, channels, 1, 1)) * torch.randn(batch, channels, *grid) + torch.randn(1, channels, 1, 1)
    return x.contiguous(memory_format=torch.channels_last).requires_grad_()


@pytest.mark.parametrize(("with_shortcut", "relu"), ENDS)
@pytest.mark.parametrize(("channels", "grid"), [(1, (4, 4)), (3, (5, 7)), (4, (8, 8)), (15, (6, 2)), (16, (4, 4))])
def test_norm_act_equals_the_modules_it_stands_for(channels, grid, with_shortcut, relu):
    norm = shaken(nn.BatchNorm2d(channels, eps=1e-3, momentum=0.3))
    plain = copy.deepcopy(norm)
    x, shortcut = maps(channels, *grid), maps(channels, *grid) if with_shortcut else None
    inputs = [x, shortcut] if with_shortcut else [x]
    for _ in range(2):  # the second call meets statistics that the first has moved
        fast = norm_act(norm, x, shortcut, relu)
        slow = plain(x) + (shortcut if with_shortcut else 0)
        slow = slow.relu() if relu else slow
    assert ("NormAct" in fast.grad_fn.name()) == (channels < 16)  # which of the two ways was taken
    towards = torch.randn_like(fast)
    gradients = [
        torch.autograd.grad((y * towards).sum(), [*inputs, module.weight, module.bias])
        for y, module in ((fast, norm), (slow, plain))
    ]
    torch.testing.assert_close(fast, slow)
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(norm.state_dict(), plain.state_dict())
    assert int(norm.num_batches_tracked) == 2


@pytest.mark.parametrize(("with_shortcut", "relu"), ENDS)
def test_norm_act_has_the_numerical_gradient(with_shortcut, relu):
    norm = shaken(nn.BatchNorm2d(2))
    inputs = [maps(2, 2, 3), norm.weight, norm.bias] + [maps(2, 2, 3)] * with_shortcut
    assert gradcheck(lambda x, _w, _b, *shortcut: norm_act(norm, x, *shortcut, relu=relu), inputs)


def test_norm_act_refuses_a_second_derivative():
    """The hand-written gradient is of first order: a wrong second one must not come out silently."""
    x = maps(2, 2, 3)
    (slope,) = torch.autograd.grad(norm_act(nn.BatchNorm2d(2), x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.square().sum().backward()


@pytest.mark.parametrize("mean", [0.0, 1.0, 3.0])
def test_bfloat16_norm_act_is_as_close_as_batchnorm_itself(mean):
    x = (torch.randn(16, 8, 16, 16, dtype=torch.float32) + mean).contiguous(memory_format=torch.channels_last)
    exact, fast, plain = (nn.BatchNorm2d(8, dtype=torch.float32) for _ in range(3))
    reference = exact(x).relu()
    error = (norm_act(fast, x.bfloat16()).float() - reference).square().mean().sqrt()
    usual = (plain(x.bfloat16()).relu().float() - reference).square().mean().sqrt()
    assert 0 < error < 2 * usual
    torch.testing.assert_close(fast.running_mean, exact.running_mean, rtol=0, atol=1e-3)
    torch.testing.assert_close(fast.running_var, exact.running_var, rtol=3e-3, atol=0)


@pytest.mark.parametrize(
    ("make", "shape"), [(lambda: ResNetDecoder(6, width=8), (6,)), (lambda: UNetDecoder(8), (8, 16, 16))]
)
def test_bfloat16_decoding_is_close_to_float32(make, shape):
    """And no farther from it than with PyTorch's batch normalisation, which contiguous maps take."""
    plain = make().float()
    g = copy.deepcopy(plain).to(memory_format=torch.channels_last)
    h = torch.randn(8, *shape, dtype=torch.float32)
    exact = plain(h)
    with arithmetic("bfloat16"):
        low, usual = g(h), plain(h)
    assert low.dtype == torch.bfloat16
    error, usual_error = ((x.float() - exact).square().mean() for x in (low, usual))
    assert 0 < error < 1.5 * usual_error
    assert error < 3e-3 * exact.square().mean()
