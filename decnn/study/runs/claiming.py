"""Who trains what: one worker at a time for each training, however many machines share the cache folder.

A claim is a file `<training key>.<generation>`, and the last generation speaks for the training: its content says who
holds it or how it ended, its time stamp is the holder's heartbeat. Who wants a training that nobody holds creates the
next generation. O_EXCL lets exactly one of all who try succeed, on one machine and on NFS (version 3 and later);
flock and fcntl were not chosen because some network file systems ignore them, or keep them within one machine, and
none tells the others who holds the lock. The last generation is never renamed or removed, so that two workers who
both find a claim stale cannot remove each other's new one: they try to create the same file.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import socket
import tempfile
import threading
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from decnn.checkpoints import write_atomically
from decnn.study import paths

__all__ = ["Claim", "Standing", "claimed", "clear", "fail", "held", "last_lines", "look", "running"]

HEARTBEAT = 20.0  # seconds between signs of life
# Seconds without one after which a claim may be taken over. NFS shows time stamps up to a minute late, and may hang.
STALE = 300.0
LINES = 8  # of an error that are kept


@dataclass(frozen=True)
class Standing:
    """What the last claim on a training says.

    Attributes:
        state: running, interrupted (its holder gave no sign of life), released or failed.
        what: the runs, in words.
        host, pid, since: who took it, and when.
        place: tells machines and containers apart, so that `pid` is looked up where it means something.
        error: the last lines of what went wrong.
    """

    state: str
    what: str = ""
    host: str = "unknown"
    pid: int = 0
    since: str = ""
    place: str = ""
    error: str = ""

    @property
    def holder(self) -> str:
        """Who holds or held it, and since when, as a sentence's part."""
        return f"process {self.pid} on {self.host} since {self.since}"


class Claim:
    """Trainings that this process holds; `claimed` makes one."""

    def __init__(self, files: list[Path], standing: Standing, borrowed: frozenset[str] = frozenset()) -> None:
        self.files = files
        self.borrowed = borrowed
        self.standing = standing
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def held(self) -> bool:
        """Whether nobody has taken any of it over, as happens to a process that stood still for minutes."""
        return all(_last(file.parent, file.stem) == file for file in self.files)

    def end(self, state: str, error: str = "") -> None:
        """Stop the heartbeat and say how it ended: released or failed, of which what was borrowed knows nothing."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        for file in self.files:
            ended = ("released", "") if file.stem in self.borrowed else (state, error)
            last = Standing(**{**asdict(self.standing), **dict(zip(("state", "error"), ended, strict=True))})
            if _last(file.parent, file.stem) == file:
                write_atomically(file, json.dumps(asdict(last)).encode())

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT):
            for file in self.files:
                with contextlib.suppress(OSError):  # taken over, or the file server is away: `held` tells
                    os.utime(file)  # without a time of ours the file server sets its own: clocks may differ


@contextlib.contextmanager
def claimed(keys: Iterable[str], what: str, borrowed: Iterable[str] = ()) -> Iterator[Claim | None]:
    """Hold trainings while the block runs; None where somebody else holds one of them.

    An exception that leaves the block is kept in the claim, for `decnn status --watch`, and goes on.

    Arguments:
        keys: of the trainings; all of them are held, or none.
        what: the runs, in words.
        borrowed: trainings that are held as well, and that do not fail if the runs do: others need them too.

    Example:
        >>> with claimed(["doctest"], "an example") as claim, claimed(["doctest"], "the same") as other:
        ...     print(claim is None, other is None, look("doctest").state)
        False True running
        >>> look("doctest").state
        'released'
    """
    claim = _take(keys, what, borrowed)
    if claim is None:
        yield None
        return
    claim._thread.start()
    try:
        yield claim
    except Exception as error:
        with contextlib.suppress(OSError):  # a full disk must not hide the run's own error; unrenewed, a claim ends
            claim.end("failed", last_lines("".join(traceback.format_exception(error))))
        raise
    except BaseException:  # an interrupted run has not failed
        claim.end("released")
        raise
    claim.end("released")


def fail(keys: Iterable[str], what: str, error: str) -> bool:
    """Note the error of a worker that could not do so itself; False where somebody works on it after all."""
    claim = _take(keys, what)
    if claim is not None:
        claim.end("failed", last_lines(error))
    return claim is not None


def look(key: str) -> Standing | None:
    """The last claim on a training, None if there never was one."""
    last = _last(_folder(), key)
    return None if last is None else _read(last)


def held(key: str) -> bool:
    """Whether somebody is at a training."""
    standing = look(key)
    return standing is not None and standing.state == "running"


def running() -> int:
    """How many trainings somebody is at."""
    return sum(held(key) for key in {path.stem for path in _folder().iterdir() if not path.name.startswith(".")})


def clear() -> None:
    """Remove every claim; for when nothing is running.

    A worker that claims a training in this very moment may lose it again, and stops at its next record.
    """
    for file in [path for path in _folder().iterdir() if not path.name.startswith(".")]:
        file.unlink(missing_ok=True)


def last_lines(text: str) -> str:
    """The end of an error's text, where the reason stands."""
    return "\n".join([line.rstrip() for line in text.splitlines() if line.strip()][-LINES:])


def _take(keys: Iterable[str], what: str, borrowed: Iterable[str] = ()) -> Claim | None:
    """Claim all trainings or none. Nobody waits while holding one, so nobody waits for ever."""
    borrowed = frozenset(borrowed) - set(keys := sorted(set(keys)))
    keys = sorted({*keys, *borrowed})
    if any(held(key) for key in keys):  # before any is touched, so that a waiter leaves no trace
        return None
    since = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    standing = Standing("running", what, socket.gethostname(), os.getpid(), since, _place())
    claim = Claim([], standing, borrowed)
    try:
        for key in keys:
            file = _create(_folder(), key, standing)
            if file is None:
                break
            claim.files.append(file)
    finally:
        if len(claim.files) < len(keys):
            claim.end("released")
    return claim if len(claim.files) == len(keys) else None


def _create(folder: Path, key: str, standing: Standing) -> Path | None:
    """The next generation, if the last one is not held and nobody is faster."""
    last = _last(folder, key)
    if last is not None:
        former = _read(last)
        if former is None or former.state == "running":
            return None
    file = folder / f"{key}.{_generation(last) + 1}"
    try:
        with file.open("x") as opened:
            opened.write(json.dumps(asdict(standing)))
    except FileExistsError:
        return None
    # A worker that looked long ago may create a generation that is past already and was tidied away.
    if _last(folder, key) != file:
        file.unlink(missing_ok=True)
        return None
    for earlier in folder.glob(f"{key}.*"):
        if _generation(earlier) < _generation(file):
            earlier.unlink(missing_ok=True)
    return file


def _last(folder: Path, key: str) -> Path | None:
    return max(folder.glob(f"{key}.*"), key=_generation, default=None)


def _generation(file: Path | None) -> int:
    return 0 if file is None else int(file.suffix[1:])


def _read(file: Path) -> Standing | None:
    """What a claim says, an "interrupted" one told from a running one; None if it went away meanwhile."""
    try:
        text, beat = file.read_text(), file.stat().st_mtime
    except FileNotFoundError:
        return None
    try:
        standing = Standing(**json.loads(text))
    except (json.JSONDecodeError, TypeError):  # created, and not written yet
        standing = Standing("running")
    if standing.state != "running":
        return standing
    # On its own machine a dead process is known at once. A number that was given out anew only delays that.
    dead = standing.place != "" and standing.place == _place() and _gone(standing.pid)
    if not dead and _now(file.parent) - beat <= STALE:
        return standing
    return Standing(**{**asdict(standing), "state": "interrupted"})


def _now(folder: Path) -> float:
    """The time by the clock that stamps the heartbeats: the file server's."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".now-") as probe:
        return os.fstat(probe.fileno()).st_mtime


def _place() -> str:
    """This boot of this machine and, in a container, its own numbering of processes; empty where not known."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip() + os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _gone(pid: int) -> bool:
    """Whether a process of this machine is dead; one that nobody has waited for yet is."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return True
    except OSError:  # somebody else's process
        return False
    return state in "ZX"


def _folder() -> Path:
    paths.claims().mkdir(parents=True, exist_ok=True)
    return paths.claims()
