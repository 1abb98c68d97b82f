"""Released models: small, half precision, specification inside; what is saved is what is loaded."""

import pytest
import torch

import decnn
from decnn import weights
from decnn.study.experiments import Spec


def test_a_saved_model_is_loaded_to_half_precision(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    torch.set_default_dtype(torch.float32)
    model = decnn.DecNN(decnn.MLP(hidden=16), decnn.ResNetDecoder(latent=16, width=1)).eval()
    architecture = {"classifier": {"hidden": 16}, "decoder": {"latent": 16, "width": 1}}
    weights.save(model, tmp_path / "mine.safetensors", {"seed": 7}, architecture)
    loaded = decnn.load("mine")
    assert loaded.specification == {"seed": 7}
    assert not loaded.training
    for name, value in loaded.state_dict().items():
        torch.testing.assert_close(value, model.state_dict()[name], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", weights.released())
def test_a_released_model_is_small_and_says_how_it_was_trained(name):
    torch.set_default_dtype(torch.float32)
    assert (weights.FOLDER / f"{name}.safetensors").stat().st_size <= 1e6
    model = decnn.load(name)
    assert Spec.from_dict({k: model.specification[k] for k in ("training", "evaluation", "version")}).key
    assert model(torch.rand(2, 1, 32, 32)).isfinite().all()
    assert model.decode(torch.rand(2, 128)).isfinite().all()


def test_an_unknown_name_is_answered_with_the_known():
    with pytest.raises(ValueError, match="expected a released model, one of"):
        decnn.load("redecnn-minst")
