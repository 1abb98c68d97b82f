"""decnn.checkpoints: a file is whole or it is refused with its path, and a write that fails leaves the old one."""

import errno
import os

import pytest
import torch

from decnn import MLP
from decnn.checkpoints import checkpoint_metadata, load_checkpoint, save_checkpoint, write_atomically


def classifier() -> MLP:
    return MLP((1, 4, 4), 3, hidden=8, num_layers=2)


@pytest.mark.parametrize(
    "spoil", [lambda b: b"", lambda b: b[:9], lambda b: b[:-5], lambda b: b"\xff" * 64], ids=range(4)
)
def test_a_damaged_checkpoint_is_refused_with_its_path(tmp_path, spoil):
    checkpoint = tmp_path / "run.safetensors"
    save_checkpoint(checkpoint, classifier(), None, 2, "mine")
    checkpoint.write_bytes(spoil(checkpoint.read_bytes()))
    with pytest.raises(ValueError, match=r"got a damaged file .*run\.safetensors .*: delete it"):
        load_checkpoint(checkpoint, classifier(), None, "mine")


def test_weights_that_lost_a_bit_behind_a_whole_header_are_refused(tmp_path):
    checkpoint = tmp_path / "run.safetensors"
    save_checkpoint(checkpoint, classifier(), None, 2, "mine")
    content = bytearray(checkpoint.read_bytes())
    content[-7] ^= 1
    checkpoint.write_bytes(content)
    with pytest.raises(ValueError, match=r"the checksum of .*run\.safetensors, got others: the file is damaged"):
        load_checkpoint(checkpoint, classifier(), None, "mine")


def test_a_checkpoint_of_weights_alone_round_trips(tmp_path):
    model = classifier()
    save_checkpoint(tmp_path / "weights", model, None, 12, "mine", seconds=2.5, source="elsewhere")
    other = classifier()
    assert load_checkpoint(tmp_path / "weights", other, None, "mine") == 12
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in other.state_dict().items())
    told = checkpoint_metadata(tmp_path / "weights")
    assert told.pop("checksum")
    assert told == {"identity": "mine", "step": "12", "seconds": "2.5", "source": "elsewhere"}


@pytest.mark.parametrize("where", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, where, error):
    def fail(*_):
        raise error

    path = tmp_path / "deep" / "record.json"
    write_atomically(path, b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, where, fail)
        with pytest.raises(type(error)) as caught:
            write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in path.parent.iterdir()] == ["record.json"]
    if isinstance(error, OSError):
        assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
        assert "No space left on device" in str(caught.value)
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
