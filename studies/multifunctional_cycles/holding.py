"""What a trained network holds: the judgement that (b), (c) and (e) share.

One function, :func:`measure`, is all that says held or not; it asks ``dk.check_multifunctionality``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import parts
import population

import dynakit as dk

PHASES = np.arange(120) / 120  # of drawn curves
N_DRAWN = 1500  # states in a figure of basins


def measure(kind: str, task: str, recipe: str, n_updates: int, seed: int, n_basin: int) -> dict[str, Any]:
    """One trained network: the verdict, each cycle with its certificate, and everything else that attracts."""
    goal = population.tasks()[task]
    model = population.trained(kind, task, recipe, n_updates, seed)
    loop = dk.ClosedLoop(dk.as_system(model))
    found = dk.check_multifunctionality(
        loop,
        goal.orbits or (),
        n_samples=n_basin,
        settings=dk.MultifunctionalitySettings(cue_steps=goal.cue_steps, n_shocks=0),
        seed=seed,
    )
    who = {"network": kind, "task": task, "recipe": recipe, "seed": seed}
    n_weights = sum(p.numel() for p in model.parameters())
    return {
        "network": {**who, "state size": loop.state_size, "trained weights": n_weights, **_network(found)},
        "cycles": [{**who, **_cycle(found, j)} for j in range(len(found))],
        "attractors": [{**who, **_attractor(found, k)} for k in range(len(found.attractors))],
        "_targets": [orbit(PHASES) for orbit in goal.orbits or ()],
        "_basins": _drawn(found) if seed == 0 or found.untrained.any() else None,
    }


def _network(found: dk.Multifunctionality) -> dict[str, Any]:
    basins = found.basins
    n_untrained = 0 if basins is None else int(basins.counts[found.untrained].sum())
    ends = parts.interval(n_untrained, found.n_samples)
    return {
        "verdict": found.verdict,
        "held": int(found.held.sum()),
        "targets": len(found),
        "first failing clause": next((str(text) for text in found.failing if text), ""),
        "attractors": len(found.attractors),
        "untrained": int(found.untrained.sum()),
        "share of untrained": n_untrained / found.n_samples,
        "low": ends[0],
        "high": ends[1],
        "bound on untrained": found.untrained_bound,
        "share unresolved": 1.0 if basins is None else basins.fraction_left,
        "random states": found.n_samples,
        "sampler": found.sampler,
        "fixed points": len(found.fixed_points),
        "stable fixed points": len(found.fixed_points.stable),
        "CPU s": found.cpu_seconds,
    }


def _cycle(found: dk.Multifunctionality, j: int) -> dict[str, Any]:
    """What is said of one target; transverse numbers per step, by both methods."""
    k = int(found.attractor_index[j])
    moduli, exponents = _transverse(found, k)
    both = np.isfinite(moduli) & np.isfinite(exponents)
    wrong = np.abs(moduli - exponents)[both]
    sums = np.abs(np.cumsum(moduli) - np.cumsum(exponents))[
        both
    ]  # volumes converge faster than single directions
    return {
        "target": str(found.names[j]),
        "held": bool(found.held[j]),
        "failing": str(found.failing[j]),
        "kind": str(found.kinds[j]),
        "error": found.errors[j],
        "direction": found.senses[j],
        "period ratio": found.period_ratios[j],
        "rotation number": found.rotation_numbers[j],
        "digits": found.digits[j],
        "harmonics": int(found.harmonics[j]),
        "residual": found.residuals[j],
        "left after one turn": found.decays[j],
        "cues": int(found.n_cues[j]),
        "cues that lead there": int(found.n_reached[j]),
        "shortest cue": int(found.cue_lengths[j]),
        "basin": found.fractions[j],
        "low": found.intervals[j, 0],
        "high": found.intervals[j, 1],
        "log moduli, collocation": " ".join(f"{v:.9g}" for v in moduli),
        "exponents, frame": " ".join(f"{v:.9g}" for v in exponents),
        "largest difference": float(wrong.max()) if both.any() else np.nan,
        "difference of sums": float(sums.max()) if both.any() else np.nan,
        "_moduli": moduli,
        "_exponents": exponents,
        "_curve": found.attractors.output_curve(PHASES, k) if k >= 0 else None,
    }


def _transverse(found: dk.Multifunctionality, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Leading transverse log moduli and exponents of an invariant circle, nats per step, falling."""
    if k < 0 or found.attractors.kinds[k] != "invariant circle":
        return np.zeros(0), np.zeros(0)
    with np.errstate(divide="ignore"):
        moduli = np.log(found.attractors.transverse_moduli[k])
    exponents = np.sort(found.attractors.exponents[k])[::-1]
    n = min(int(np.isfinite(moduli).sum()), int(np.isfinite(exponents).sum()) - 1)
    return moduli[:n], _averaged(exponents[1 : n + 1], moduli[:n])


def _averaged(exponents: np.ndarray, moduli: np.ndarray) -> np.ndarray:
    """Exponents of equal moduli averaged: of a pair only the sum converges fast; a pair cut in half says nothing."""
    groups = np.concatenate([[0], np.cumsum(np.abs(np.diff(moduli)) > 1e-6 * np.abs(moduli[1:]))])[
        : len(moduli)
    ]
    return np.array([exponents[groups == group].mean() for group in groups])


def _attractor(found: dk.Multifunctionality, k: int) -> dict[str, Any]:
    """One attractor: what it is, and how many random states go there."""
    shares, (low, high) = found.attractor_fractions, found.attractor_intervals.T
    names = [str(name) for name, own in zip(found.names, found.matches[:, k]) if own]
    return {
        "attractor": k,
        "target": " = ".join(names) or ("none" if found.untrained[k] else ""),
        "untrained": bool(found.untrained[k]),
        "kind": str(found.attractors.kinds[k]),
        "rotation number": found.attractors.rotation_numbers[k],
        "share": shares[k],
        "low": low[k],
        "high": high[k],
        "random states": found.n_samples,
        "sampler": found.sampler,
        "mean output": " ".join(f"{v:.4g}" for v in found.attractor_means[k]),
        "sd output": " ".join(f"{v:.4g}" for v in found.attractor_sds[k]),
        "_curve": found.attractors.output_curve(PHASES, k),
    }


def _drawn(found: dk.Multifunctionality) -> dict[str, Any] | None:
    """Random states and attractors in the plane of the components of the attractors."""
    basins = found.basins
    if basins is None:
        return None
    axes = basins.attractor_states  # a few points span no plane
    plane = dk.project(axes if len(axes) > 8 else np.concatenate([axes, basins.states]), n_components=2)
    return {
        "places": plane.transform(basins.states[:N_DRAWN]),
        "labels": basins.labels[:N_DRAWN],
        "attractors": [plane.transform(x) for x in basins.attractors],
        "variance": plane.explained_variance_ratio,
    }


def run_all(
    specs: list[tuple[str, str, str, int]], n_seeds: int, n_basin: int, n_jobs: int
) -> list[dict[str, Any]]:
    """Train and judge the networks of (kind, task, recipe, n_updates), seeds 0 .. n_seeds - 1."""
    training = [job for spec in specs for job in population.train_all(*spec, n_seeds)]
    parts.rows(population.train, training, n_jobs)
    jobs = [(*spec, seed, n_basin) for spec in specs for seed in range(n_seeds)]
    return parts.rows(measure, jobs, n_jobs)


def rows_of(found: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    """The rows of one table: of "network" one each, of "cycles" and "attractors" several."""
    if what == "network":
        return [one["network"] for one in found]
    return [row for one in found for row in one[what]]
