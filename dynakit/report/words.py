"""The report in words: how many memories, what switches them, what is slow, and whether the score rests on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import orbit_words

if TYPE_CHECKING:
    from .report import Report

HELD = 0.99  # share of released states that must keep their memory for it to count as held


def summarize(report: Report) -> str:
    """What the network does, and how, in a few paragraphs of plain text."""
    blocks = [_title(report)]
    for heading, lines in (
        ("Does the closed loop hold the orbits?", orbit_words.held(report)),
        ("Does the score rest on attractors?", _verdict(report)),
        ("What it remembers", _memories(report)),
        ("What lies between", _between(report)),
        ("What switches it", _switches(report)),
        ("What is slow", _slow(report)),
        ("What it does in the long run", orbit_words.cycles(report)),
        ("Lyapunov exponents", orbit_words.exponents(report)),
        ("Under other constant inputs", _other_drives(report)),
        ("How it spikes", _spiking(report)),
        ("Where the activity lives", _geometry(report)),
        ("How it is wired", _wiring(report)),
        ("Not done", [f"{stage}: {reason}" for stage, reason in report.skipped.items()]),
    ):
        if lines:
            blocks.append(heading + "\n" + "\n".join(f"  {line}" for line in lines))
    return "\n\n".join(blocks)


def _n(count: int, noun: str) -> str:
    """A count with its noun in the right number."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _range(values: np.ndarray, unit: str) -> str:
    """One value, or the least and the greatest, in three digits."""
    low, high = (f"{v:.3g}" if v < 1000 else f"{v:.0f}" for v in (values.min(), values.max()))
    return f"{low} {unit}" if low == high else f"{low} to {high} {unit}"


def _title(report: Report) -> str:
    lines = [report.network]
    if report.task is not None:
        lines.append(f"Task: {report.task!r}")
    if report.score is not None:
        lines.append(f"Score {report.score:.4f} on {len(report.trials)} fresh trials, noise off")
    return "\n".join(lines)


def _verdict(report: Report) -> list[str]:
    memory, attractors = report.memory, report.attractors
    if memory is None or attractors is None:
        return []
    n, steps = len(memory), int(memory.times[-1])
    held = 100 * memory.kept_at_end
    asked, kept = (
        len(set(memory.labels.tolist())),
        len(set(attractors.memories.tolist()) & set(memory.labels.tolist())),
    )
    if asked < 2:
        return [
            f"NOTHING TO TEST. The readout says the same at the end of all {n} trials: no memory is told from another."
        ]
    if memory.kept_at_end >= HELD and kept >= asked and attractors.unresolved > 1 - HELD:
        return [
            f"NOT SHOWN. {held:.0f} % of {n} released states keep their memory for {steps} steps, but "
            f"{100 * attractors.unresolved:.0f} % of them come to rest at no stable fixed point: "
            "look for slow drift or cycles."
        ]
    if memory.kept_at_end >= HELD and kept >= asked:
        return [
            f"YES. {n} states from the ends of trials were left alone for {steps} steps: {held:.0f} % keep their",
            f"memory, and each of the {asked} memories has a stable fixed point of its own.",
            *_poor_score(report),
        ]
    if memory.kept_at_end >= HELD:
        return [
            f"NOT SHOWN. {held:.0f} % of {n} released states keep their memory for {steps} steps, but "
            f"{f'only {kept}' if kept else 'none'} of the {asked} memories have a stable fixed point: "
            "look for slow drift or cycles."
        ]
    return [
        f"NO. {n} states from the ends of trials were left alone for {steps} steps: only {held:.0f} % still say",
        f"the same (the most fleeting memory lasts {memory.hold_time} steps). {_what_is_there(report)}",
    ]


def _poor_score(report: Report) -> list[str]:
    if report.score is None or report.score >= HELD:
        return []
    return [f"With a score of {report.score:.2f}, what is remembered is not always what the task asks for."]


def _what_is_there(report: Report) -> str:
    n = len(report.fixed_points["rest"].stable) if "rest" in report.fixed_points else 0
    if n == 1:
        return "There is a single stable point at rest: the memory is a transient, not an attractor."
    return f"There are {n} stable points at rest."


def _memories(report: Report) -> list[str]:
    attractors = report.attractors
    if attractors is None:
        return []
    if not len(attractors):
        return ["no stable fixed point was found at rest"]
    lines = [
        f"{_n(len(attractors), 'stable fixed point')} at rest for "
        f"{attractors.n_memories} {'memory' if attractors.n_memories == 1 else 'memories'}: "
        + ", ".join(dict.fromkeys(attractors.memories.tolist()))
    ]
    if attractors.unresolved > 0:
        lines.append(
            f"{100 * attractors.unresolved:.0f} % of the released states are near none of them{_still_moving(report)}"
        )
    return lines


def _still_moving(report: Report) -> str:
    memory = report.memory
    if memory is None or not (memory.end_speeds > 1e-20).any():
        return ""
    return f": after {int(memory.times[-1])} steps they still drift"


def _between(report: Report) -> list[str]:
    points = report.fixed_points.get("rest")
    if points is None:
        return []
    lines = []
    counts = points.n_unstable.compressed()
    unstable = counts[counts > 0]
    if len(unstable):
        by_dimension = (
            f"{(unstable == k).sum()} with {_n(k, 'unstable direction')}" for k in np.unique(unstable)
        )
        lines.append(f"{_n(len(unstable), 'unstable point')}: {', '.join(by_dimension)}")
    doubtful = int(np.isin(points.verdicts, ("marginal", "undetermined")).sum())
    if doubtful:
        lines.append(
            f"{_n(doubtful, 'point')} whose stability floating point cannot decide (marginal or undetermined)"
        )
    if points.non_isolated.any():
        lines.append(
            f"{_n(int(points.non_isolated.sum()), 'point')} not isolated: part of a continuum, or about to merge"
        )
    lines += _flow(report)
    lines.append(_completeness(report))
    return lines


def _flow(report: Report) -> list[str]:
    """Where the step of a leaky network is unstable although the flow it stands for is stable."""
    modes = report.modes
    flow = None if modes is None else modes.flow_verdicts
    if modes is None or flow is None:
        return []
    n = int(((modes.verdicts == "unstable") & (flow == "stable")).sum())
    return (
        [f"{_n(n, 'point')} unstable for the network's time step only: its flow is stable there"] if n else []
    )


def _completeness(report: Report) -> str:
    points = report.fixed_points["rest"]
    used = f"{points.n_starts} starts, {points.n_failed} of which led nowhere"
    if len(points):
        used += f"; max |F(x) - x| = {points.residuals.max():.0e}"
    if points.completeness == "consistent":
        return (
            f"the signs of det(I - J) sum to {points.degree:+d}, as they must if no point is missing ({used})"
        )
    if points.completeness == "incomplete" and not points.n_found:
        return f"INCOMPLETE: a map of a box into itself has a fixed point, and none was found ({used})"
    if points.completeness == "incomplete":
        sums = f"the signs sum to {points.degree}, not to {points.expected_degree}"
        return f"INCOMPLETE: {sums}: points are missing ({used})"
    if points.expected_degree is not None and points.degree is not None:
        return f"the search ran out of starts while points still turned up: points are likely to be missing ({used})"
    if points.expected_degree is not None:
        return f"the signs of det(I - J) cannot be summed, because of points that are not isolated ({used})"
    return f"no theorem says how many there must be: points may be missing ({used})"


def _switches(report: Report) -> list[str]:
    transitions = report.transitions
    if transitions is None:
        return []
    lines = [f"{transitions.n_switches} switches among {transitions.targets.size} (attractor, pulse) pairs"]
    if report.machine_agreement is not None:
        right = report.machine_agreement
        slow = right.by_attractor < right.by_readout
        lines.append(
            f"{right.by_attractor} of {right.total} responses are those of the task's own automaton"
            + (
                f"; by its readout, {right.by_readout} are: slow states are still on their way"
                if slow
                else ""
            )
        )
    critical = transitions.critical_amplitudes[np.isfinite(transitions.critical_amplitudes)]
    if len(critical):
        lines.append(
            "the weakest pulse that still switches has "
            f"{critical.min():.2f} to {critical.max():.2f} of the trained amplitude"
        )
    lost = int((transitions.targets < 0).sum())
    if lost:
        lines.append(f"{lost} responses end near no known attractor")
    return lines


def _slow(report: Report) -> list[str]:
    return _slow_modes(report) + _slow_points(report)


def _slow_points(report: Report) -> list[str]:
    slow = report.slow_points
    if slow is None:
        return []
    if not len(slow):
        return [
            f"none of {len(slow.start_status)} descents in speed ended at a slow point besides the fixed ones"
        ]
    what = f"{_n(len(slow), 'slow point')} besides the fixed ones, |F(x) - x| >= {np.sqrt(2 * slow.speeds.min()):.1e}"
    if not len(slow.ghosts):
        return [what]
    times = _range(slow.ghosts.passage_times, "steps")
    return [what, f"{_n(len(slow.ghosts), 'ghost')} among them: trajectories linger there for about {times}"]


def _slow_modes(report: Report) -> list[str]:
    modes = report.modes
    if modes is None or not len(modes):
        return []
    stable = modes.verdicts == "stable"
    if not stable.any():
        return []
    slowest = modes.time_constants[stable][:, 0]
    text = f"slowest mode at the stable points: time constant {_range(slowest, 'steps')}"
    if modes.dt is not None:
        text += f" ({_range(slowest * modes.dt, 'ms')})"
    n_slow = int((modes.time_constants[stable] > 100).sum(axis=1).max())
    return [text] + ([f"up to {n_slow} modes slower than 100 steps at one point"] if n_slow else [])


def _other_drives(report: Report) -> list[str]:
    return [f"{name}: {points.headline()}" for name, points in report.fixed_points.items() if name != "rest"]


def _geometry(report: Report) -> list[str]:
    p = report.projection
    if p is None:
        return []
    share = 100 * p.explained_variance_ratio.sum()
    return [
        f"{len(p)} principal axes hold {share:.0f} % of the variance; participation ratio {p.participation_ratio:.1f}"
    ]


def _spiking(report: Report) -> list[str]:
    return [] if report.spikes is None else [report.spikes.headline()]


def _wiring(report: Report) -> list[str]:
    stats = report.connectivity
    if stats is None:
        return []
    excitatory, inhibitory = int((stats.sign > 0).sum()), int((stats.sign < 0).sum())
    if excitatory + inhibitory < len(stats):
        return [stats.headline()]
    balance = float(np.nanmean(stats.balance))
    return [
        stats.headline(),
        f"{excitatory} excitatory and {inhibitory} inhibitory units, mean balance {balance:+.2f}",
    ]
