"""One seed, many independent named streams.

A stream is addressed by name (``stream(seed, "batch", 17)``), so a new consumer of randomness never shifts
the numbers another one draws, and nothing ever touches a global generator.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError

if TYPE_CHECKING:
    import torch


def as_seed(seed: Any) -> int:
    """A seed as an int: ints pass through, a NumPy or torch Generator gives its next draw."""
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        if seed < 0:
            raise InputError(f"seed must not be negative, got {seed}")
        return int(seed)
    if isinstance(seed, np.random.Generator):
        return int(seed.integers(2**63))
    import torch

    if isinstance(seed, torch.Generator):
        return int(torch.randint(2**62, (), generator=seed, device=seed.device))
    raise InputError(f"seed must be an int or a NumPy or torch Generator, got {seed!r}")


def _sequence(seed: Any, names: tuple[str | int, ...]) -> np.random.SeedSequence:
    plain = tuple(n.item() if isinstance(n, np.generic) else n for n in names)  # np.int64(3) is 3
    digest = hashlib.sha256(repr(plain).encode()).digest()
    return np.random.SeedSequence(as_seed(seed), spawn_key=tuple(np.frombuffer(digest, "<u4").tolist()))


def stream(seed: Any, *names: str | int) -> np.random.Generator:
    """The NumPy generator of the stream ``names`` under ``seed``."""
    return np.random.Generator(np.random.PCG64(_sequence(seed, names)))


def torch_stream(seed: Any, *names: str | int) -> torch.Generator:
    """The torch generator (on the CPU) of the stream ``names`` under ``seed``."""
    import torch

    state = int(_sequence(seed, names).generate_state(1, np.uint64)[0])
    return torch.Generator().manual_seed(state)
