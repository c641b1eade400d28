"""The result of a check of multifunctionality as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .multifunctionality import Multifunctionality


def summarize(multi: Multifunctionality) -> str:
    """Verdict, targets, confusions, what nobody asked for, what is not known, and what it cost."""
    blocks = [[multi.headline()]]
    blocks += [_target(multi, k) for k in range(len(multi))]
    blocks += [_confusion(multi), _untrained(multi), _unknown(multi), _between(multi)]
    blocks.append([f"{multi.cpu_seconds:.1f} s of processor time"])
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _target(multi: Multifunctionality, k: int) -> list[str]:
    name = f"{str(multi.names[k])!r} ({multi.target_kinds[k]})"
    low, high = multi.existence_low[k], multi.existence_high[k]
    cues = f"{multi.n_reached[k]} of {multi.n_cues[k]} cues lead to it [{low:.2f}, {high:.2f}]"
    lines = [f"{name} {'is held' if multi.held[k] else 'FAILS, ' + multi.failing[k]}", f"  {cues}"]
    if multi.cue_lengths[k] > 0:
        lines[-1] += f"; a cue of {multi.cue_lengths[k]} steps is enough"
    if multi.attractor_index[k] < 0:
        return lines
    lines.append(f"  attractor {multi.attractor_index[k]}: {multi.kinds[k]}, {_shape(multi, k)}")
    lines.append(f"  {_certificate(multi, k)}")
    lines.append(f"  {_basin(multi, k)}")
    shock = multi.smallest_shocks[k]
    if np.isfinite(shock):
        lines.append(f"  the smallest shock found that makes it leave is {shock:.3g} ({multi.shock_units})")
    return lines


def _shape(multi: Multifunctionality, k: int) -> str:
    if multi.target_kinds[k] == "chaos":
        there, back = multi.cloud_distances[k]
        return (
            f"clouds {there:.3g} and {back:.3g} apart (halves of the target {multi.cloud_baselines[k]:.3g}), "
            f"exponent off by {multi.exponent_differences[k]:.3g} per unit of time"
        )
    if multi.target_kinds[k] == "fixed point":
        return f"{multi.errors[k]:.3g} off the target"
    way = {1: "in its direction", -1: "AGAINST its direction"}.get(int(multi.senses[k]), "direction not told")
    return f"curve {multi.errors[k]:.3g} of the radius off, {way}, period {multi.period_ratios[k]:.5g} times its own"


def _certificate(multi: Multifunctionality, k: int) -> str:
    said = []
    if np.isfinite(multi.rotation_numbers[k]):
        said.append(f"rotation number {multi.rotation_numbers[k]:+.8f}")
    if np.isfinite(multi.digits[k]):
        said.append(f"{multi.digits[k]:.0f} digits")
    if np.isfinite(multi.residuals[k]):
        said.append(f"residual {multi.residuals[k]:.0e} with {multi.harmonics[k]} harmonics")
    if np.isfinite(multi.decays[k]):
        said.append(f"{multi.decays[k]:.3g} of a deviation is left after a revolution")
    if multi.exponents.shape[1]:
        said.append(
            f"exponents {', '.join(f'{v:.3g}' for v in multi.exponents[k] if np.isfinite(v))} per step"
        )
    return ", ".join(said)


def _basin(multi: Multifunctionality, k: int) -> str:
    middle, late = multi.convergence[k]
    share = f"basin {multi.fractions[k]:.3f} [{multi.low[k]:.3f}, {multi.high[k]:.3f}]"
    speed = f", {middle:.0f} steps to come near (95 %: {late:.0f})" if np.isfinite(middle) else ""
    return f"{share} of {multi.n_samples} states ({multi.sampler}){speed}"


def _confusion(multi: Multifunctionality) -> list[str]:
    wide = max(8, *(len(str(name)) for name in multi.names))
    columns = [f"{k:>6d}" for k in range(len(multi.attractors))] + ["  none"]
    lines = ["Cues (rows) and the attractors they lead to", " " * (wide + 2) + "".join(columns)]
    for name, row in zip(multi.names, multi.confusion):
        lines.append(f"  {name!s:<{wide}}" + "".join(f"{n:>6d}" for n in row))
    return lines


def _untrained(multi: Multifunctionality) -> list[str]:
    lines = []
    for k in np.flatnonzero(multi.untrained):
        mean, spread = multi.attractor_means[k], multi.attractor_sds[k]
        f, low, high = (values[k] for values in multi.attractor_fractions)
        rho = multi.attractors.rotation_numbers[k]
        turns = f", {rho:+.5f} turns per step" if np.isfinite(rho) else ""
        lines.append(
            f"  attractor {k}: {multi.attractors.kinds[k]}{turns}, outputs {_numbers(mean)} +- {_numbers(spread)}, "
            f"basin {f:.3f} [{low:.3f}, {high:.3f}]"
        )
    bound = f"any attractor not seen takes less than {multi.unseen_bound:.2g} of these states ({multi.confidence:.0%})"
    return [f"{len(lines) or 'No'} untrained attractor{'s' * (len(lines) != 1)}; {bound}", *lines]


def _unknown(multi: Multifunctionality) -> list[str]:
    left = {} if multi.basins is None else multi.basins.n_left
    said = [f"  {n} of {multi.n_samples} random states: {reason}" for reason, n in left.items()]
    said += [f"  cue of {text}" for text in multi.lost_cues]
    return ["Not at any attractor", *said] if said else []


def _between(multi: Multifunctionality) -> list[str]:
    lines = [f"Fixed points: {multi.fixed_points.headline()}"]
    return lines + [f"Edge state: {edge.headline()}" for edge in multi.edges]


def _numbers(values: np.ndarray) -> str:
    return f"({', '.join(f'{v:.3g}' for v in values)})"
