"""Train the family of small networks that the examples compare: two bits, four seeds of each kind, stopped early.

From the root of the repository, in about ten seconds:

    python gallery/networks_family.py
"""

from __future__ import annotations

from pathlib import Path

import dynakit as dk

FOLDER = Path(__file__).resolve().parent / "networks" / "family"
TASK = dk.tasks.FlipFlop(2, n_steps=60, p_flip=0.08)
RECIPE = dk.training.BPTT(learning_rate=1e-2, max_updates=200, batch_size=32, stop_at_score=0.995)

if __name__ == "__main__":
    for seed in range(4):
        tanh, gated = dk.models.Elman.for_task(TASK, 16, seed=seed), dk.models.GRU.for_task(TASK, 10, seed=seed)
        for kind, model in {"tanh": tanh, "gru": gated}.items():
            print(kind, seed, dk.train(model, TASK, RECIPE, seed=seed))
            dk.models.save(model, FOLDER / f"{kind}_{seed}")
