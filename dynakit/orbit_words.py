"""The part of the summary that is about motion: orbits to be held, cycles, and Lyapunov exponents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .analysis import LimitCycles, LyapunovSpectrum, Multifunctionality
    from .report import Report

MOST_LISTED = 12  # objects, of which the kinds of the rest are only counted
MOVING = ("periodic", "invariant circle")


def held(report: Report) -> list[str]:
    """Which orbits of the task the closed loop holds, each to be chosen by a cue, and what it holds besides."""
    multi = report.multifunctionality
    if multi is None:
        return []
    n, of = int(multi.held.sum()), len(multi)
    answer = {"MULTIFUNCTIONAL": "YES", "PARTIAL": "IN PART"}.get(multi.verdict, "NO")
    lines = [f"{answer}. Left to hear itself, the network holds {n} of {of} orbits, each chosen by a cue."]
    lines += [_orbit(multi, k) for k in range(of)]
    lines.append(_untrained(multi))
    if report.score is not None and n < of:
        lines.append(
            f"The score of {report.score:.4f} is that of predicting one step, and no evidence of stored orbits."
        )
    return lines


def _orbit(multi: Multifunctionality, k: int) -> str:
    cues = f"{multi.n_reached[k]} of {multi.n_cues[k]} cues lead to it"
    if not multi.held[k]:
        return f"{multi.names[k]}: not held, {multi.failing[k]}"
    if multi.cue_lengths[k] > 0:
        cues += f", {multi.cue_lengths[k]} steps are enough"
    basin = f"basin {multi.fractions[k]:.2f} [{multi.low[k]:.2f}, {multi.high[k]:.2f}]"
    off = f", {100 * multi.errors[k]:.2g} % of the radius off" if np.isfinite(multi.errors[k]) else ""
    return f"{multi.names[k]}: attractor {multi.attractor_index[k]}{off}; {cues}; {basin}"


def _untrained(multi: Multifunctionality) -> str:
    states, sure = f"{multi.n_samples} random states ({multi.sampler})", f"at {100 * multi.confidence:.0f} % confidence"
    shares = multi.attractor_fractions[0][multi.untrained]
    if not len(shares):
        return (
            f"no untrained attractor was met by {states}: {sure} they take at most {multi.untrained_bound:.2g}"
        )
    which = ", ".join(
        f"attractor {k} {share:.2f}" for k, share in zip(np.flatnonzero(multi.untrained), shares)
    )
    noun = "attractor takes" if len(shares) == 1 else "attractors take"
    bound = f"what nobody trained takes at most {multi.untrained_bound:.2g} {sure}"
    return f"{len(shares)} untrained {noun} a share of {states}: {which}; {bound}"


def cycles(report: Report) -> list[str]:
    """What the network does in the long run, object by object where anything moves."""
    found = report.cycles
    if found is None:
        return []
    lines = [f"released states end at {found.headline()}"]
    if report.closed_loop:
        lines = [f"cues and random states lead to {len(found) or 'no'} attractor{'s' * (len(found) != 1)}"]
    listed = range(len(found)) if report.closed_loop else np.flatnonzero(np.isin(found.kinds, MOVING))
    lines += [_object(found, int(k)) for k in listed[:MOST_LISTED]]
    if len(listed) > MOST_LISTED:
        lines.append(f"and {len(listed) - MOST_LISTED} more")
    return lines


def _object(found: LimitCycles, k: int) -> str:
    """One object; it is called an attractor only where its multipliers show it."""
    kind = "cycle" if found.kinds[k] == "periodic" else str(found.kinds[k])
    verdict = str(found.verdicts[k])
    said = [f"attractor {k}: {kind}" if verdict == "attracting" else f"object {k}: {kind}, {verdict}"]
    if kind in ("cycle", "invariant circle"):
        said.append(f"period {found.periods[k]:.6g} {'units of time' if found.continuous else 'steps'}")
    if np.isfinite(found.rotation_numbers[k]):
        said.append(f"rotation number {found.rotation_numbers[k]:+.8f}")
    if np.isfinite(found.residuals[k]):
        said.append(f"residual {found.residuals[k]:.0e}")
    if found.certified[k]:
        said.append(f"certified: an exact one within {found.existence_radius[k]:.0e}")
    moduli = found.transverse_moduli[k]
    moduli = moduli[np.isfinite(moduli)][:3]
    if len(moduli):
        per = "step" if found.kinds[k] == "invariant circle" else "period"
        per = "step" if kind == "fixed point" else per
        said.append(f"multipliers {', '.join(f'{m:.3g}' for m in moduli)} per {per}")
    return ", ".join(said)


def exponents(report: Report) -> list[str]:
    """The leading exponents, of the driven network or on each attractor of the closed loop."""
    lyap = report.lyapunov
    if lyap is None:
        return []
    if lyap.exponents.ndim == 1:
        return [f"under the task's own inputs: {lyap.kind}; {_leading(lyap, ())}"]
    return [f"attractor {k}: {_leading(lyap, (k,))}" for k in range(min(len(lyap), MOST_LISTED))]


def _leading(lyap: LyapunovSpectrum, which: tuple[int, ...]) -> str:
    values = lyap.exponents[which]
    finite = values[np.isfinite(values)]
    if not len(finite):
        return "no finite exponents"
    shown = ", ".join(f"{v:.3g}" if abs(v) > 1e-7 else "0" for v in finite)
    return f"exponents {shown} nats per step (+- {lyap.standard_errors[which][0]:.1g})"
