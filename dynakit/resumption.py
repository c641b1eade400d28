"""A long call that was killed, made again: what it had done is read from a folder instead of being done again.

Searches and averages do their work in chunks, and what a chunk finds is decided by the arrays it is given and by the
map.  Within ``resuming(folder)`` each chunk that took long is kept under a hash of all that decides it.  Nothing else
is remembered: the call that is made again takes the same steps, and reads what it finds kept; so what it returns
is the same, to the last bit.  A chunk that was cut short, or damaged, is done again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from . import artifacts, checks
from .errors import ArtifactError, InputError
from .records import Record, load_record, save_record, unsavable
from .versions import versions

LEAST = 0.5  # seconds that a chunk must have taken to be kept: writing one takes a hundredth
PROBES = 4  # states at which a map is asked, besides its weights, which map it is

Arrays = dict[str, np.ndarray]
Made = TypeVar("Made", bound=Arrays | None)


@dataclass(frozen=True)
class Chunks:
    """Where chunks are kept, and from how many seconds on."""

    folder: Path
    least: float


@dataclass(frozen=True, eq=False)
class KeptResults(Record):
    """Results by name, and of others the reason why they are not there."""

    results: dict[str, Any]
    reasons: dict[str, str]


_CHUNKS: ContextVar[Chunks | None] = ContextVar("chunks", default=None)


@contextlib.contextmanager
def resuming(folder: str | os.PathLike[str], *, least: float = LEAST) -> Iterator[None]:
    """Let long calls within leave what they have done in a folder, and take up what a killed one left there.

    The stages of :func:`dynakit.analyze`, batches of starts of :func:`dynakit.find_fixed_points` and stretches of
    :func:`dynakit.lyapunov_spectrum` are kept, each as soon as it is done; what is returned is equal to what an
    undisturbed call returns, to the last bit.  Of a map that is a function of your own nothing is kept: what it will do
    cannot be told from outside.  The folder may be deleted as soon as the call has returned.

    Arguments:
        folder: made if it is not there.
        least: seconds that a chunk must have taken to be kept.

    Raises:
        ArtifactError: the folder cannot be written.

    >>> import dynakit as dk, tempfile
    >>> with tempfile.TemporaryDirectory() as folder, dk.resuming(folder):
    ...     points = dk.find_fixed_points(dk.catalog.tanh_unit(2.0))
    >>> len(points)
    3
    """
    place, least = checks.folder("folder", folder), checks.number("least", least, above=0.0)
    try:
        place.mkdir(parents=True, exist_ok=True)
        artifacts.sweep(place)
    except OSError as error:
        raise ArtifactError(f"folder {place} cannot be written: {error.strerror or error}") from error
    token = _CHUNKS.set(Chunks(place, least))
    try:
        yield
    finally:
        _CHUNKS.reset(token)


def of_map(system: Any, x: Any, u: Any) -> tuple[Any, ...] | None:
    """What tells the map from all others, asked at a few states; None if nothing does, or if nobody asks."""
    if _CHUNKS.get() is None or not system.fingerprint:
        return None
    return type(system).__name__, repr(system), system.fingerprint, system.step(x[:PROBES], u[:PROBES])


def kept(decided_by: tuple[Any, ...] | None, make: Callable[[], Made]) -> Made:
    """The arrays that ``make()`` gives, or gave when the same decided them; None is not kept."""
    chunks = _CHUNKS.get()
    if chunks is None or decided_by is None:
        return make()
    path = chunks.folder / f"chunk-{_name(decided_by)}.npz"
    with contextlib.suppress(OSError, ArtifactError, ValueError):
        data = path.read_bytes()
        if hashlib.sha256(data[32:]).digest() == data[:32]:
            return cast(Made, artifacts.read_npz(data[32:], str(path)))
    began = time.monotonic()
    arrays = make()
    if arrays is not None and time.monotonic() - began >= chunks.least:
        data = artifacts.npz_bytes(arrays)
        with _said(chunks.folder):
            artifacts.write_atomically(path, hashlib.sha256(data).digest() + data)
    return arrays


def kept_results(decided_by: tuple[Any, ...] | None, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The same for results by name; an InputError in place of one is why it is not there."""
    chunks = _CHUNKS.get()
    if chunks is None or decided_by is None:
        return make()
    path = chunks.folder / f"results-{_name(decided_by)}"
    with contextlib.suppress(ArtifactError):
        found = load_record(path)
        if isinstance(found, KeptResults):
            return found.results | {name: InputError(reason) for name, reason in found.reasons.items()}
    began = time.monotonic()
    made = make()
    reasons = {name: str(value) for name, value in made.items() if isinstance(value, InputError)}
    record = KeptResults({name: value for name, value in made.items() if name not in reasons}, reasons)
    if time.monotonic() - began >= chunks.least and not unsavable(record):
        with _said(chunks.folder):
            save_record(record, path)
    return made


@contextlib.contextmanager
def _said(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, ArtifactError):
            raise
        raise ArtifactError(f"folder {folder} cannot be written: {error.strerror or error}") from error


def _name(decided_by: Any) -> str:
    """A hash of all that decides a chunk, the code and the libraries among it."""
    digest = hashlib.sha256()
    _feed(digest, (*decided_by, tuple(versions().values())))
    return digest.hexdigest()[:32]


def _feed(digest: Any, value: Any) -> None:
    """Add a value to a hash, so that no two sets of values are added as the same bytes."""
    if isinstance(value, dict):
        value = [part for pair in value.items() for part in pair]
    if isinstance(value, tuple | list):
        digest.update(f"({len(value)}".encode())
        for item in value:
            _feed(digest, item)
        return
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        digest.update(f"[{value.dtype.str}{value.shape}".encode() + np.ascontiguousarray(value).tobytes())
        return
    text = repr(value).encode()
    digest.update(f"<{type(value).__name__} {len(text)} ".encode() + text)
