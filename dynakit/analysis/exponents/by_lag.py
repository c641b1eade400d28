"""How much of an error reaches back k steps: what makes long time lags hard to learn.

An error at the last step that is asked, T, reaches the state k steps before as dy_T/dx_{T-k} = C J_T ... J_{T-k+1}, by
the Jacobians J_t of the steps and C of the readout.  Its size falls or grows like exp(lambda k), lambda the largest
Lyapunov exponent along the trial (Hochreiter 1991; Bengio, Simard and Frasconi 1994): a network that forgets,
lambda < 0, cannot be taught by gradients what lies much further back than 1 / |lambda| steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ... import chunks, linalg
from ...checks import count, number, reals, rectangular
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...systems.base import System, checked
from ...wording import counted, lasting
from .lyapunov import lyapunov_spectrum

LEVELS = (0.5, 0.01)  # of the error signal: how far back they are found is said


@dataclass(frozen=True, kw_only=True, repr=False)
class GradientByLag(Result):
    """The error signal of each trial by the steps it has travelled back.

    Attributes:
        log_norms: (trial, lag) ln of |dy_T/dx_{T-k}| over |dy_T/dx_T|, Frobenius norms, T the last step that is asked;
            lag 0, 1, 2, ...; NaN before the start of the trial and where the outputs hear nothing of x_T; -inf where
            nothing arrives
        asked: (trial,) the step T, from 0
        exponents: (trial,) largest Lyapunov exponent along the trial until T, nats per step; NaN where T = 0
    """

    log_norms: np.ndarray = per_item()
    asked: np.ndarray = per_item()
    exponents: np.ndarray = per_item()

    @property
    def lags(self) -> np.ndarray:
        """(lag,) steps back."""
        return np.arange(self.log_norms.shape[1])

    @property
    def median(self) -> np.ndarray:
        """(lag,) median over the trials that reach so far back of the share of the error signal; NaN: none does."""
        return np.exp(_medians(self.log_norms))

    @property
    def rate(self) -> float:
        """Growth of the median per step, nats, over all lags at which something arrives; NaN with fewer than two."""
        logs = _medians(self.log_norms)
        present = np.isfinite(logs)
        return float(np.polyfit(self.lags[present], logs[present], 1)[0]) if present.sum() > 1 else np.nan

    def reach(self, level: float = 0.01) -> float:
        """The first lag from which on the median stays below ``level``; infinite if it does not within the trials.

        Raises InputError unless ``level`` is a number above 0.
        """
        logs, log_level = _medians(self.log_norms), np.log(number("level", level, above=0, closed=False))
        above = np.flatnonzero(logs[~np.isnan(logs)] >= log_level)
        n_known = int((~np.isnan(logs)).sum())
        last = int(above[-1]) + 1 if len(above) else 0
        return float(last) if last < n_known else np.inf

    def headline(self) -> str:
        n_known, rate = int((~np.isnan(_medians(self.log_norms))).sum()), self.rate
        if n_known < 2:
            return f"{counted(len(self), 'trial')}: no lag at which an error signal is known"
        said = []
        for level in LEVELS:
            lag = self.reach(level)
            within = lasting(n_known - 1 if np.isinf(lag) else lag)
            said.append(f"{'does not fall' if np.isinf(lag) else 'falls'} below {level:.0%} within {within}")
        text = f"{counted(len(self), 'trial')}: the error signal {' and '.join(said)}"
        text += "" if np.isnan(rate) else f", by {rate:+.3g} nats per step"
        known = self.exponents[~np.isnan(self.exponents)]
        return text + (f"; largest exponent {np.median(known):+.3g}" if len(known) else "")


@with_provenance
def gradient_by_lag(
    system: System, trials: Any, asked: Any = None, *, max_lag: int | None = None
) -> GradientByLag:
    """How much of the error signal of the last answer reaches back, by lag.

    Arguments:
        system: the network as a System.
        trials: Trials of a task, or inputs (trial, time, input) or (time, input); run from the network's own first
            state.
        asked: (trial,) the step whose answer is looked at, from 0; None: the last step that is scored, of inputs alone
            the last.
        max_lag: the longest lag, in steps; None: to the start of the longest trial.

    Raises:
        InputError: the inputs do not fit the system or are not finite, or it jumps, so that it has no Jacobians.

    >>> import dynakit as dk
    >>> task = dk.tasks.FlipFlop(n_bits=1, n_steps=30)
    >>> lags = dk.gradient_by_lag(dk.as_system(dk.models.Elman.for_task(task, 16)), task.sample(32))
    >>> bool(lags.rate < 0), lags.log_norms.shape
    (True, (32, 30))
    """
    checked(system).refuse_jumps("a gradient")
    inputs = system.as_inputs(getattr(trials, "inputs", trials))
    reals("the inputs of trials", inputs)
    inputs = inputs[None] if inputs.ndim == 2 else inputs
    end = _asked(trials, asked, inputs)
    longest = int(end.max(initial=0)) if max_lag is None else count("max_lag", max_lag, least=0)
    with linalg.one_thread(), torch.no_grad():
        states = system.trajectory(system.initial_state(), inputs)
        parts = chunks.parts(len(inputs), 4 * chunks.FLOAT * system.state_size**2)
        logs = [_backwards(system, states[p], inputs[p], end[p], longest) for p in parts]
    return GradientByLag(log_norms=np.concatenate(logs), asked=end, exponents=_exponents(system, inputs, end))


def _asked(trials: Any, asked: Any, inputs: Tensor) -> np.ndarray:
    """The step of each trial whose answer is looked at, (trial,)."""
    n_trials, n_steps = inputs.shape[:2]
    if asked is None:
        asked = getattr(trials, "last_asked", np.full(n_trials, n_steps - 1))
    steps = np.atleast_1d(rectangular("asked", asked))
    if steps.shape != (n_trials,) or steps.dtype.kind not in "iu":
        got = f"{steps.shape} of {steps.dtype}"
        raise InputError(f"asked must be one whole number per trial, shape ({n_trials},), got {got}")
    wrong = np.flatnonzero((steps < 0) | (steps >= n_steps))
    if len(wrong):
        raise InputError(f"asked must be steps from 0 to {n_steps - 1}, got {steps[wrong[0]]} for trial {wrong[0]}")
    return steps.astype(np.int64)


def _backwards(system: System, states: Tensor, inputs: Tensor, asked: np.ndarray, longest: int) -> np.ndarray:
    """ln of the norms (trial, lag) relative to lag 0."""
    rows, end = torch.arange(len(states)), torch.from_numpy(asked)
    signal, heard = _unit(system.observe_jacobian(states[rows, end]))  # (trial, output, unit)
    logs, total = np.full((len(states), longest + 1), np.nan), np.zeros(len(states))
    total[(heard == 0).numpy()] = np.nan
    logs[:, 0] = total
    for lag in range(1, longest + 1):
        here = (end >= lag).nonzero()[:, 0]
        at = end[here] - lag
        J = system.jacobian(states[here, at], inputs[here, at + 1])
        signal[here], norms = _unit(signal[here] @ J)
        with np.errstate(divide="ignore"):
            total[here.numpy()] += np.log(norms.numpy())
        logs[here.numpy(), lag] = total[here.numpy()]
    return logs


def _unit(signal: Tensor) -> tuple[Tensor, Tensor]:
    """Matrices scaled to Frobenius norm 1, and their norms; a matrix of zeros stays."""
    norms = torch.linalg.matrix_norm(signal)
    return signal / torch.where(norms > 0, norms, 1.0)[:, None, None], norms


def _exponents(system: System, inputs: Tensor, asked: np.ndarray) -> np.ndarray:
    """The largest exponent along each trial until it is asked, (trial,)."""
    found = np.full(len(asked), np.nan)
    for end in np.unique(asked[asked > 0]):
        rows = np.flatnonzero(asked == end)
        course = inputs[torch.from_numpy(rows), : int(end) + 1]
        start = np.tile(system.initial_state().numpy(), (len(rows), 1))
        spectrum = lyapunov_spectrum(system, start, course, n_steps=int(end) + 1, n_exponents=1, n_transient=0)
        found[rows] = spectrum.exponents[:, 0]
    return found


def _medians(logs: np.ndarray) -> np.ndarray:
    """Medians (lag,) over what is not NaN; NaN where nothing is."""
    some = ~np.isnan(logs).all(0)
    out = np.full(logs.shape[1], np.nan)
    with np.errstate(invalid="ignore"):
        out[some] = np.nanmedian(logs[:, some], axis=0)
    return out
