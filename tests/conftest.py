"""The strict regime of the tests: float64, a fixed seed, a cache of their own; and tiny pairs (f, g)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import decnn
from decnn import data
from decnn.data.named import source
from decnn.study.runs import runner
from decnn.study.runs.records import Records
from decnn.study.specifications import Profile, Spec, tasks


@pytest.fixture(scope="session", autouse=True)
def _own_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    torch.set_num_threads(1)  # a second thread costs more than it brings at these sizes
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECNN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _strict() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
    torch.set_default_dtype(before)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that look at all that the cache holds, or that must find it empty."""
    monkeypatch.setenv("DECNN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    """Five images and their labels."""
    return torch.rand(5, 1, 32, 32), torch.tensor([3, 1, 4, 1, 9])


def perceptron() -> decnn.DecNN:
    return decnn.DecNN(decnn.MLP(hidden=16, num_layers=3), decnn.ResNetDecoder(latent=16, width=2))


def convolutional() -> decnn.DecNN:
    """Maps of two shapes: 32x32 twice, and 16x16."""
    return decnn.DecNN(decnn.ConvNet((1, 32, 32), 10, filters=2, num_layers=3), decnn.UNetDecoder(filters=2))


LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


@pytest.fixture(params=["perceptron-contiguous", "perceptron-channels_last", "convolutional-channels_last"])
def make_pair(request: pytest.FixtureRequest) -> Callable[[], decnn.DecNN]:
    """Builds a small pair of the library's own; channels-last convolutions take norm_act's fast path."""
    kind, layout = request.param.split("-")

    def make() -> decnn.DecNN:
        torch.manual_seed(1)
        pair = {"perceptron": perceptron, "convolutional": convolutional}[kind]()
        return pair.to(memory_format=LAYOUTS[layout])

    return make


@pytest.fixture
def pair(make_pair: Callable[[], decnn.DecNN]) -> decnn.DecNN:
    return make_pair()


class Smooth(nn.Module):
    """A classifier without kinks: h_l = softplus(W_l h_{l-1} + b_l), 2x2 pixels, 3 classes, L = 3."""

    in_shape, num_classes, activation_shapes = (1, 2, 2), 3, ((4,),) * 3

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
        self.head = nn.Linear(4, 3)

    def activations(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        h, hs = x.flatten(1), []
        for layer in self.layers:
            h = F.softplus(layer(h))
            hs.append(h)
        return self.head(h), hs

    def forward(self, x: Tensor) -> Tensor:
        return self.activations(x)[0]


class Affine(nn.Module):
    """A decoder without kinks: one affine map to 2x2 pixels."""

    out_shape = (1, 2, 2)

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def accepts(self, shape: tuple[int, ...]) -> bool:
        return shape == (4,)

    def forward(self, h: Tensor) -> Tensor:
        return self.linear(h).unflatten(1, self.out_shape)


class Scripted(decnn.BayesNN):
    """A sampler whose samples (N, B, K) are given: an image holds its number."""

    def __init__(self, logits: Tensor) -> None:
        nn.Module.__init__(self)
        self.logits = logits

    def forward(self, x: Tensor) -> Tensor:
        return self.logits[0, x.flatten().long()]

    def sample_logits(self, x: Tensor, num_samples: int) -> Tensor:
        return self.logits[:, x.flatten().long()]


@pytest.fixture
def scripted() -> type[Scripted]:
    return Scripted


@pytest.fixture
def toy() -> decnn.DecNN:
    """A smooth pair of 92 parameters, for closed forms and numerical gradients."""
    return decnn.DecNN(Smooth(), Affine())


@pytest.fixture
def toy_batch() -> tuple[Tensor, Tensor]:
    return torch.rand(4, 1, 2, 2), torch.tensor([0, 1, 2, 1])


@pytest.fixture
def tiny() -> Profile:
    """A profile of three steps."""
    return Profile("tiny", (0, 1), steps=3, batch_size=8, lr=1e-3, init="he", width=1, train_size=32, samples=3,
                   vote_size=24, outlier_size=12, filters=2, reference=16, purpose="tests")  # fmt: skip


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., data.Images]]:
    """Stands in for data.load: 64 noisy pictures of classes or of attributes, in the user's default precision."""

    def load(name: str, split: str, attributes: Sequence[str] | None = None, recipe: str | None = None) -> data.Images:
        generator = torch.Generator().manual_seed(len(split))
        names = tuple(attributes or (source(name).class_names if name in data.names() else "0123456789"))
        classes = torch.arange(64) % len(names)
        x = 0.5 * torch.rand(64, 3 if attributes else 1, 32, 32, generator=generator)
        x[torch.arange(64), :, 3 * classes % 32] += 0.5
        labels = torch.randint(0, 2, (64, len(names)), generator=generator) if attributes else classes
        return data.Images(x, labels, name, split, len(names), split * 2, names)

    monkeypatch.setattr(data, "load", load)
    torch.set_default_dtype(torch.float32)
    tasks._whole.cache_clear()
    yield load
    tasks._whole.cache_clear()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Records]:
    """Fill records with a folder and a cache of their own."""

    def run(name: str, specs: list[Spec], **settings) -> Records:
        monkeypatch.setenv("DECNN_CACHE", str(tmp_path / name / "cache"))
        records = Records(tmp_path / name / "records")
        assert runner.fill(specs, records, progress=False, **settings) == {}
        return records

    return run
