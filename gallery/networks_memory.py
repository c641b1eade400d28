"""Train the small networks of the examples on portraits, fixed points, modes and memory: once, with fixed seeds.

From the root of the repository, for all of them or for those that are named; each takes less than a minute:

    python gallery/networks_memory.py [NAME ...]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import dynakit as dk

FOLDER = Path(__file__).resolve().parent / "networks"
THREE, TWO = dk.tasks.FlipFlop(3, n_steps=60), dk.tasks.FlipFlop(2, n_steps=60)
FIXED, RANDOM = dk.tasks.SetReset(quiet_gap=20), dk.tasks.SetReset(quiet_gap=(10, 80))
CONTEXT = dk.tasks.ContextIntegration(None, dt=15.0)
DOTS = dk.tasks.PerceptualDecision(stimulus=1000.0, delay=100.0)


def trained(model: Any, task: Any, n_updates: int, rate: float = 1e-2) -> Any:
    """The model, trained in place; seed 0."""
    history = dk.train(model, task, dk.training.BPTT(learning_rate=rate, max_updates=n_updates), seed=0)
    print(f"{history}, {history.seconds[-1]:.0f} s")
    return model


def flip_flop_tanh() -> Any:
    """Three bits in 16 tanh units."""
    return trained(dk.models.Elman.for_task(THREE, 16), THREE, 500)


def flip_flop_gru() -> Any:
    """Two bits in 12 gated units."""
    return trained(dk.models.GRU.for_task(TWO, 12), TWO, 400)


def flip_flop_lstm() -> Any:
    """Two bits in 8 LSTM units."""
    return trained(dk.models.LSTM.for_task(TWO, 8), TWO, 400)


def dale(task: Any, **options: Any) -> Any:
    """A leaky network under Dale's law with noise in its units."""
    return dk.models.LeakyRNN.for_task(task, 40, dale="abs", autapses=False, sigma_rec=0.05, **options)


def set_reset_fixed() -> Any:
    """Set and reset with quiet periods of always 20 steps."""
    return trained(dale(FIXED), FIXED, 300)


def set_reset_random() -> Any:
    """Set and reset with quiet periods of 10 to 80 steps."""
    return trained(dale(RANDOM), RANDOM, 300)


def context() -> Any:
    """Evidence in one of two inputs, whichever the context names (Mante et al. 2013)."""
    options = {"activation": "tanh", "dt": CONTEXT.dt, "tau": 50.0, "spectral_radius": 0.5, "sigma_rec": 0.02}
    return trained(dk.models.LeakyRNN.for_task(CONTEXT, 64, **options), CONTEXT, 900, 5e-3)


def decision() -> Any:
    """Left or right from moving dots, held until it is asked for."""
    return trained(
        dk.models.LeakyRNN.for_task(DOTS, 32, dt=DOTS.dt, tau=100.0, activation="tanh"), DOTS, 1200
    )


NETWORKS = {f.__name__: f for f in (
    flip_flop_tanh, flip_flop_gru, flip_flop_lstm, set_reset_fixed, set_reset_random, context, decision
)}  # fmt: skip

if __name__ == "__main__":
    for name in sys.argv[1:] or NETWORKS:
        dk.models.save(NETWORKS[name](), FOLDER / name)
