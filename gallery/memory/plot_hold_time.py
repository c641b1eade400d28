"""
Asked later than in training
============================

The same trials, with more and more quiet steps before the answer is asked for. The network that was trained
with one fixed wait fails some tens of steps after it; the one that never knew when it would be asked goes on.
Bars are 95 % intervals, the dotted line is what the best constant answer would score.
"""

from pathlib import Path

import numpy as np

import dynakit as dk

# %%
# Steps are drawn on a logarithmic axis, beginning with those of the training.
networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
ax = dk.plots.new_axes()
for kind, gap, mark in (("fixed", 20, "s-"), ("random", (10, 80), "o-")):
    task = dk.tasks.SetReset(1, quiet_gap=gap)
    system = dk.as_system(dk.models.load(networks / f"set_reset_{kind}"))
    held = dk.hold_time(system, task, (0, 10, 20, 40, 80, 160, 320, 640), n_trials=100)
    print(kind, held)
    below, above = np.abs(held.intervals.T - held.shares)
    name = "trained with 20 steps" if kind == "fixed" else "trained with 10 to 80 steps"
    ax.errorbar(held.gaps + 1, held.shares, (below, above), fmt=mark, capsize=2, label=name)
ax.axhline(held.chance, color="#7F7F7F", linestyle=":", label="best constant answer")
ax.set(xscale="log", xlabel="steps more than in training, plus 1", ylabel="right answers", ylim=(0, 1.05))
ax.legend(frameon=False, loc="lower left")
ax.spines[["top", "right"]].set_visible(False)

# %%
# Calls: :func:`dynakit.hold_time`, whose result has ``shares``, ``intervals`` and ``chance``.
