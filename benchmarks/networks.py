"""The trained networks of the benchmarks, made from their seeds by the code of this package.

    python benchmarks/networks.py [NAME ...]      trains what is missing

A name is a recipe and a seed, such as ``gru16_0``.  Networks are kept below ``out/benchmarks/networks``; a network
whose recipe has changed is trained anew.  The 3-bit flip-flop is trained as in the flip-flop study; the set/reset
memories have gaps of random length, without which they need not be fixed points.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dynakit as dk
from dynakit.linalg import one_thread

FOLDER = Path(__file__).parents[1] / "out" / "benchmarks" / "networks"
SEEDS = (0, 1)
LEAKY = {"autapses": False, "sigma_rec": 0.05}


@dataclass(frozen=True)
class Recipe:
    """What is trained, on what, and for how long."""

    model: type[dk.models.RecurrentModel]
    n_hidden: int
    task: dk.tasks.Task = field(default_factory=dk.tasks.FlipFlop)
    options: dict[str, Any] = field(default_factory=dict)
    max_updates: int = 800

    def train(self, seed: int) -> Any:
        """One network; the seed draws its first weights and its trials."""
        model = self.model.for_task(self.task, n_hidden=self.n_hidden, seed=seed, **self.options)
        dk.train(model, self.task, dk.training.BPTT(max_updates=self.max_updates), seed=seed)
        return model

    def folder(self, name: str) -> Path:
        """Where the network of this recipe lies."""
        return FOLDER / f"{name}-{hashlib.sha256(repr(self).encode()).hexdigest()[:8]}"


def _set_reset(n_hidden: int, **law: Any) -> Recipe:
    return Recipe(dk.models.LeakyRNN, n_hidden, dk.tasks.SetReset(), {**LEAKY, **law}, 1000)


RECIPES = {
    "elman16": Recipe(dk.models.Elman, 16),
    "gru16": Recipe(dk.models.GRU, 16),
    "lstm16": Recipe(dk.models.LSTM, 16),
    "gru100": Recipe(dk.models.GRU, 100),
    "elman128": Recipe(dk.models.Elman, 128),
    "leaky100": Recipe(dk.models.LeakyRNN, 100, options=LEAKY),
    "dale100": Recipe(dk.models.LeakyRNN, 100, options={**LEAKY, "dale": "abs"}),
    **{f"setreset_plain{n}": _set_reset(n) for n in (20, 30, 50)},
    **{f"setreset_dale{n}": _set_reset(n, dale="abs", signed_io=False) for n in (20, 30, 50)},
}


def recipe(name: str) -> tuple[Recipe, int]:
    """The recipe and the seed of a network, ``gru16_0``."""
    kind, _, seed = name.rpartition("_")
    return RECIPES[kind], int(seed)


def network(name: str) -> Any:
    """The network, trained now or at an earlier call."""
    made, seed = recipe(name)
    path = made.folder(name)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with one_thread():
            dk.models.save(made.train(seed), path)
    return dk.models.load(path)


def main() -> None:
    """Train what is missing and say how well each network scores."""
    for name in sys.argv[1:] or [f"{kind}_{seed}" for kind in RECIPES for seed in SEEDS]:
        task = recipe(name)[0].task
        trials = task.sample(256, seed=1000)
        print(
            name,
            f"score {task.score(dk.record(network(name), trials.inputs).outputs, trials):.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
