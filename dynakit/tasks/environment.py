"""Trials drawn from an environment in the manner of neurogym (Molano-Mazon et al. 2022).

The environment is used by its methods alone: neither neurogym nor gymnasium is imported.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from .. import checks, seeding
from ..errors import InputError
from ..surroundings import in_own_surroundings
from .arrays import ArrayTask, from_arrays

MOST_STEPS = 10_000  # an environment that ends no trial within so many steps is given up

Drawn = tuple[np.ndarray, np.ndarray | None, dict[str, Any]]  # one trial: observations, ground truth, labels


@in_own_surroundings
def from_environment(
    env: Any,
    n_trials: int = 200,
    *,
    seed: Any = 0,
    rest: Any = None,
    drives: Mapping[str, Any] | None = None,
    pulses: Mapping[str, Any] | None = None,
    decode: Any = None,
    machine: Mapping[tuple[str, str], str] | None = None,
    dt: float | None = None,
) -> ArrayTask:
    """Trials drawn from an environment, as a task.

    Preferred is the interface of neurogym's ``TrialEnv``: ``new_trial()``, then the whole trial's
    observations ``env.ob`` (time, input) and ground truth ``env.gt``: integer classes (time,), turned into
    one-hot targets over ``env.action_space.n``, or floating-point values (time,) or (time, output).  Where a
    wrapper hides these, the environment inside is used, without what the wrapper would have changed.

    Otherwise ``reset()`` and ``step(action)`` are run with random actions until a trial ends, and targets
    come from ``info["gt"]`` if every step has one; the inputs then depend on those actions wherever the
    environment reacts to them.

    Each trial keeps its length.  Scalar entries of ``env.trial``
    that all trials share become conditions.  The environment's own generators are seeded, and it is left
    advanced.

    Args:
        env: an environment, wrapped or not.
        n_trials: trials to draw.
        seed: an int or a Generator.
        rest, drives, pulses, decode, machine: as for :func:`from_arrays`.
        dt: ms per step; None: ``env.dt``, where it is a number.

    Raises:
        InputError: ``env`` has neither interface, a trial does not end, or its ground truth cannot be used.
    """
    stream = seeding.stream(seeding.as_seed(seed), "environment")
    draw = _reader(env, stream)
    n_trials = checks.count("n_trials", n_trials)
    _seed(env, int(stream.integers(2**31)))
    observed, truths, described = zip(*(draw() for _ in range(n_trials)))
    asked = all(gt is not None for gt in truths)
    return from_arrays(
        list(observed),
        [_targets(env, gt, len(ob)) for gt, ob in zip(truths, observed)] if asked else None,
        None,
        _shared_scalars(described),
        pulses,
        dt=_step_of(env) if dt is None else dt,
        rest=rest,
        drives=drives,
        decode=decode,
        machine=machine,
    )


def _step_of(env: Any) -> float | None:
    """Milliseconds per step, where the environment says so."""
    dt = getattr(_having(env, "dt"), "dt", None)
    if isinstance(dt, bool) or not isinstance(dt, (int, float)):
        return None
    return float(dt) if np.isfinite(dt) and dt > 0 else None


def _layers(env: Any) -> Iterator[Any]:
    """The environment as given, then what its wrappers hide."""
    yield env
    if getattr(env, "unwrapped", env) is not env:
        yield env.unwrapped


def _having(env: Any, name: str) -> Any:
    """The outermost layer of the environment with this attribute, or None."""
    return next((layer for layer in _layers(env) if getattr(layer, name, None) is not None), None)


def _reader(env: Any, generator: np.random.Generator) -> Callable[[], Drawn]:
    """The function that draws one trial."""
    if _having(env, "new_trial") is not None:
        return partial(_whole_trial, env)
    missing = [f"{name}()" for name in ("reset", "step") if not callable(getattr(env, name, None))]
    space = getattr(env, "action_space", None)
    act, n = getattr(space, "sample", None), getattr(space, "n", None)
    if act is None and isinstance(n, (int, np.integer)) and n > 0:
        act = partial(generator.integers, n)
    if not callable(act):
        missing.append("action_space.sample() or action_space.n")
    elif not missing:
        return partial(_stepped_trial, env, act)
    raise InputError(
        "env must have new_trial() with .ob and .gt, or reset(), step(action) and an action_space; a "
        f"{type(env).__name__} has no new_trial() and no {', no '.join(missing)}; trials you already have go to "
        "from_arrays"
    )


def _seed(env: Any, seed: int) -> None:
    """Seed every generator the environment offers to seed."""
    if _having(env, "seed") is not None and callable(_having(env, "seed").seed):
        _having(env, "seed").seed(seed)
    if callable(getattr(env, "reset", None)) and "seed" in inspect.signature(env.reset).parameters:
        env.reset(seed=seed)
    if callable(getattr(getattr(env, "action_space", None), "seed", None)):
        env.action_space.seed(seed)


def _whole_trial(env: Any) -> Drawn:
    """One trial of an environment that builds it all at once."""
    _having(env, "new_trial").new_trial()
    layer = _having(env, "ob")
    if layer is None:
        raise InputError(
            f"env.ob must hold the observations of the trial after new_trial(); {type(env).__name__} has none"
        )
    gt = getattr(layer, "gt", None)
    return _observations(layer.ob), None if gt is None else np.array(gt), _labels(env)


def _stepped_trial(env: Any, act: Callable[[], Any]) -> Drawn:
    """One trial of an environment that must be walked through, with random actions."""
    ob = env.reset()
    ob = ob[0] if isinstance(ob, tuple) else ob  # gymnasium returns (observation, info)
    labels = _labels(env)
    observed, truths = [], []
    for _ in range(MOST_STEPS):
        observed.append(np.array(ob))
        ob, _, *ended, info = env.step(act())
        truths.append(info.get("gt"))
        if any(ended) or info.get("new_trial", False):
            known = all(gt is not None for gt in truths)
            return _observations(observed), np.array(truths) if known else None, labels
    raise InputError(
        f"env must end its trials, but {type(env).__name__} ended none within {MOST_STEPS} steps"
    )


def _labels(env: Any) -> dict[str, Any]:
    """A copy of what the environment says about its present trial."""
    trial = getattr(_having(env, "trial"), "trial", None)
    return dict(trial) if isinstance(trial, dict) else {}


def _observations(value: Any) -> np.ndarray:
    """The observations of one trial as (time, input) floats."""
    try:
        array = np.atleast_1d(np.array(value, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise InputError(f"env's observations must be arrays of numbers ({error})") from None
    if not len(array):
        raise InputError("env's trials must have at least one step, got one without any")
    return array.reshape(len(array), -1)


def _targets(env: Any, gt: np.ndarray, n_steps: int) -> np.ndarray:
    """Ground truth of one trial as (time, output) floats; classes become one-hot."""
    if gt.ndim == 0 or len(gt) != n_steps:
        raise InputError(
            f"env.gt must have one entry per step, got shape {gt.shape} for a trial of {n_steps} steps"
        )
    if gt.dtype.kind == "f":
        return gt.reshape(n_steps, -1).astype(np.float64)
    n = getattr(getattr(env, "action_space", None), "n", None)
    if gt.dtype.kind not in "biu" or gt.ndim != 1 or n is None:
        raise InputError(
            "env.gt must be floating-point values, or integer classes (time,) of an environment whose "
            f"action_space.n says how many there are; got dtype {gt.dtype}, shape {gt.shape}, n {n}"
        )
    if gt.min() < 0 or gt.max() >= n:
        raise InputError(f"env.gt must hold classes 0..{n - 1}, got {gt.min()}..{gt.max()}")
    return np.eye(int(n))[gt.astype(int)]


def _shared_scalars(described: tuple[dict[str, Any], ...]) -> dict[str, np.ndarray]:
    """The numbers and strings that describe every trial."""
    scalar = (bool, int, float, str, np.bool_, np.integer, np.floating)
    names = [name for name in described[0] if all(isinstance(d.get(name), scalar) for d in described)]
    return {str(name): np.array([d[name] for d in described]) for name in names}
