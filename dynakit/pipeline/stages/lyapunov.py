"""Whether neighbours part or come together: the leading Lyapunov exponents."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import plots
from ...analysis import LimitCycles, LyapunovSpectrum, lyapunov_spectrum
from ...errors import InputError
from ...report import Column, Figure, Finder, Number, Stage, Table, Words
from ..subject import Subject

N_EXPONENTS = 6
N_TRANSIENT, N_STEPS = 200, 1000  # of the driven network
LOOP_TRANSIENT, LOOP_STEPS = 500, 2000  # of the closed loop: the states are on what attracts, but frames must align
MOST_LISTED = 12  # spectra in words


def _answering(subject: Subject) -> dict[str, Any]:
    """Exponents under the task's own inputs, the trials joined end to end.

    A trial is too short for an average over time; joined, they are one long stretch of what the network was
    trained on, which it meets in the states that the trial before has left.
    """
    subject.refuse_lines()
    system = subject.system
    inputs = subject.trials.joined[: N_TRANSIENT + N_STEPS]
    before = min(N_TRANSIENT, len(inputs) // 4)
    found = lyapunov_spectrum(
        system,
        system.initial_state(),
        inputs,
        n_steps=len(inputs) - before,
        n_transient=before,
        n_exponents=min(N_EXPONENTS, system.state_size),
    )
    return {"lyapunov": found}


def _generating(subject: Subject, cycles: LimitCycles) -> dict[str, Any]:
    """Exponents of the closed loop on each object, in the order of the cycles."""
    if not len(cycles):
        raise InputError("cues and random states lead to nothing that lasts")
    found = lyapunov_spectrum(
        subject.loop,
        cycles.states,
        n_steps=LOOP_STEPS,
        n_transient=LOOP_TRANSIENT,
        n_exponents=min(N_EXPONENTS, subject.system.state_size),
    )
    return {"lyapunov": found}


def _words(lyapunov: LyapunovSpectrum, cycles: LimitCycles | None) -> list[str]:
    if lyapunov.driven:
        return [f"under the task's own inputs: {line}" for line in lyapunov.sentences()]
    names = [f"start {k}" if cycles is None else cycles.called(k) for k in range(len(lyapunov))]
    return [f"{name}: {line}" for name, line in zip(names, lyapunov.sentences())][:MOST_LISTED]


def _largest(lyapunov: LyapunovSpectrum) -> str:
    first = _first(lyapunov)
    return f"{first:.3g} ± {2 * _first_error(lyapunov):.1g}" if np.isfinite(first) else ""


def _table(lyapunov: LyapunovSpectrum) -> dict[str, dict[str, np.ndarray]]:
    return {f"Lyapunov exponents: {lyapunov.headline()}": lyapunov.table()}


def _first(lyapunov: LyapunovSpectrum) -> float:
    return float(lyapunov.exponents[_top(lyapunov), 0])


def _first_error(lyapunov: LyapunovSpectrum) -> float:
    return float(lyapunov.standard_errors[_top(lyapunov), 0])


def _top(lyapunov: LyapunovSpectrum) -> int:
    first = lyapunov.exponents[:, 0]
    return int(np.nanargmax(first)) if np.isfinite(first).any() else 0


STAGE = Stage(
    name="lyapunov",
    about="LyapunovSpectrum under the trials' inputs; of a closed loop on each of the cycles",
    place=90,
    run=Finder(_answering),
    loop=Finder(_generating, needs=("cycles",)),
    numbers=(
        Number(
            60,
            "largest exponent, nats per step",
            "How fast neighbours part (positive: chaos) or come together (negative) on average along the way, with two "
            "standard errors.",
            _largest,
            needs=("lyapunov",),
        ),
    ),
    columns=(
        Column("exponent", "largest Lyapunov exponent, nats per step", _first, needs=("lyapunov",)),
        Column("exponent_error", "its standard error", _first_error, needs=("lyapunov",)),
    ),
    words=(Words("Lyapunov exponents", _words, needs=("lyapunov",), uses=("cycles",)),),
    figures=(
        Figure(
            "exponents",
            "Leading Lyapunov exponents with two standard errors; negative: neighbours approach.",
            plots.plot_exponents,
            needs=("lyapunov",),
        ),
    ),
    tables=(Table(_table, needs=("lyapunov",)),),
)
