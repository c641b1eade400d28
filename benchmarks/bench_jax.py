"""The first search of a jitted GRU of JAX, its construction included, and the second, against the same in torch.

    python benchmarks/bench_jax.py

Needs the extra ``jax``.  Random weights of gain 1.5 on 16 units, zero drive, default starts.  ``jax`` is a step that
torch carries out from its trace, ``jax, looped`` the same step within a loop of ``lax``, which JAX has to run;
``torch`` the step in torch, ``torch's layer`` in closed form.  Both libraries are imported and warm; each row is the
median of networks with weights of their own.  ``compiled``: functions that JAX compiled meanwhile.  Writes jax.csv.
"""

from __future__ import annotations

import csv
import logging
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

import dynakit as dk
from dynakit.linalg import one_thread

HERE = Path(__file__).parent
N_UNITS, N_INPUTS, GAIN = 16, 3, 1.5
SEEDS = (0, 1, 2)


def weights(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Of the gates r and z and of the candidate: (3, unit, unit) and (3, input, unit)."""
    rng = np.random.default_rng(seed)
    W = GAIN * rng.normal(size=(3, N_UNITS, N_UNITS)) / np.sqrt(N_UNITS)
    return W, rng.normal(size=(3, N_INPUTS, N_UNITS))


def step(sigmoid: Any, tanh: Any, W: Any, U: Any, x: Any, u: Any) -> Any:
    """One step of a GRU (Cho et al. 2014)."""
    r, z = (sigmoid(x @ W[k] + u @ U[k]) for k in (0, 1))
    return (1 - z) * tanh(r * (x @ W[2]) + u @ U[2]) + z * x


def in_jax(seed: int) -> dk.System:
    """Compiled by JAX."""
    f = jax.jit(lambda x, u: step(jax.nn.sigmoid, jnp.tanh, *weights(seed), x, u))
    return dk.FunctionSystem(f, N_UNITS, N_INPUTS)


def looped(seed: int) -> dk.System:
    """A loop of one pass."""
    W, U = weights(seed)
    once = lambda u: lambda _, x: step(jax.nn.sigmoid, jnp.tanh, W, U, x, u)  # noqa: E731
    return dk.FunctionSystem(jax.jit(lambda x, u: jax.lax.fori_loop(0, 1, once(u), x)), N_UNITS, N_INPUTS)


def in_torch(seed: int) -> dk.System:
    """Differentiated by torch."""
    W, U = map(torch.tensor, weights(seed))
    return dk.FunctionSystem(lambda x, u: step(torch.sigmoid, torch.tanh, W, U, x, u), N_UNITS, N_INPUTS)


def layer(seed: int) -> dk.System:
    """torch's layer, whose Jacobian is written down."""
    rnn = torch.nn.GRU(N_INPUTS, N_UNITS, bias=False).double()
    with torch.no_grad():
        for own, value in zip((rnn.weight_hh_l0, rnn.weight_ih_l0), weights(seed), strict=True):
            own.copy_(torch.tensor(np.concatenate([w.T for w in value])))
    return dk.as_system(rnn)


FORMS = {"jax": in_jax, "jax, looped": looped, "torch": in_torch, "torch's layer": layer}


@contextmanager
def compilations() -> Iterator[list[str]]:
    """What JAX says that it compiles."""
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("jax")
    logger.addHandler(handler)
    propagate, logger.propagate = logger.propagate, False
    try:
        with jax.log_compiles():
            yield said
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


def searches(make: Callable[[int], dk.System], seed: int) -> list[dict[str, Any]]:
    """The first, with the system's construction, and the second."""
    rows, system = [], None
    for search in ("first", "second"):
        with compilations() as said:
            cpu, wall = time.process_time(), time.perf_counter()
            system = make(seed) if system is None else system
            points = dk.find_fixed_points(system)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        compiled = sum(text.startswith("Compiling") for text in said)
        found = {"points": len(points), "certified": int(points.certified.sum())}
        rows.append({"search": search, "cpu_s": cpu, "wall_s": wall, "compiled": compiled, **found})
    return rows


def median(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Of times and compilations; points of all networks together."""
    middle = {name: statistics.median(row[name] for row in rows) for name in ("cpu_s", "wall_s", "compiled")}
    total = {name: sum(row[name] for row in rows) for name in ("points", "certified")}
    times = {name: f"{value:.2f}" if name != "compiled" else value for name, value in middle.items()}
    return {"search": rows[0]["search"], **times, **total}


def main() -> None:
    """Search each, in turn, and write the table."""
    jax.config.update("jax_enable_x64", True)
    with one_thread():
        for make in FORMS.values():
            dk.find_fixed_points(make(len(SEEDS)))
        done: dict[str, list[list[dict[str, Any]]]] = {name: [] for name in FORMS}
        for seed in SEEDS:
            for name, make in FORMS.items():
                done[name].append(searches(make, seed))
    rows = [
        {"written in": name, **median([run[k] for run in runs]), "jax": jax.__version__}
        for name, runs in done.items()
        for k in (0, 1)
    ]
    with open(HERE / "jax.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
