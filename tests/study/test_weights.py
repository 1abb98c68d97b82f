"""Released models: small, half precision, specification inside; what is saved is what is loaded."""

import pytest
import torch

import decnn
from decnn import weights
from decnn.study.pages import provenance
from decnn.study.runs import release, runner
from decnn.study.runs.records import Records
from decnn.study.specifications import Spec, specification
from decnn.study.specifications.models import build


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
    assert model.specification["seconds"] > 0
    assert model(torch.rand(2, 1, 32, 32)).isfinite().all()
    assert model.decode(torch.rand(2, 128)).isfinite().all()


@pytest.mark.usefixtures("own_cache")
def test_released_weights_are_evaluated_without_training_and_the_record_says_so(images, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    spec, other = (specification(method, "mnist-5k", tiny, 0) for method in ("ReDecNN", "DecNN"))
    assert release.take([spec, other]) == 0
    torch.set_default_dtype(torch.float32)
    model = build(spec.training)
    architecture = {"classifier": {}, "decoder": {"width": tiny.width}}
    known = {**spec.to_dict(), "seconds": 7.0}
    weights.save(model, tmp_path / f"{release.name_of(spec)}.safetensors", known, architecture)
    monkeypatch.setattr(runner, "objective", lambda *_: lambda *_: pytest.fail("trained"))
    assert release.take([spec, other]) == 1
    records = Records(tmp_path / "records")
    runner.fill([spec], records, progress=False)
    record = records.find(spec)
    assert (record["weights"], record["seconds"]["training"]) == ("released, rounded to float16", 7.0)
    found = [record]
    assert provenance.command("table_01b", "reader", found).endswith("--seeds 0 --released --refresh")
    assert release.take([spec]) == 0, "they are there"


def test_an_unknown_name_is_answered_with_the_known():
    with pytest.raises(ValueError, match="expected a released model, one of"):
        decnn.load("redecnn-minst")


def test_every_released_network_can_be_released_again():
    assert {name.split("-")[1] for name in weights.released()} <= set(release.DATASETS)
