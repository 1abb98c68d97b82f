"""What the loaders of photographs and of recordings have in common: decoding that is cut short."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType

import pytest


class Killed(BaseException):
    """What no handler of errors catches."""


@pytest.fixture(params=["write", "fsync", "replace"])
def cut_short(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[ModuleType, ModuleType, str], AbstractContextManager]:
    """A context in which a loader dies: after its first block of three files, or while the cache is written.

    It takes the loader's module, and the module and the name of the function that decodes a block.
    """

    def killed(*_: object) -> None:
        raise Killed

    @contextmanager
    def dying(loader: ModuleType, module: ModuleType, name: str) -> Iterator[None]:
        with monkeypatch.context() as patch:
            if request.param == "write":
                patch.setattr(loader, "BLOCK", 3)
                done = getattr(module, name)
                patch.setattr(module, name, lambda *a: done(*a) if a[-1].start == 0 else killed())
            else:
                patch.setattr(os, request.param, killed)
            with pytest.raises(Killed):
                yield

    return dying
