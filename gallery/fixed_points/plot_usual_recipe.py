"""
What the usual recipe leaves out
================================

Minimise the speed q from 64 random states with Adam, keep what ended low: the recipe of most notebooks. The
loss ends near zero, which looks like success, and the three-bit network whose 27 fixed points are known has
lost all eight of its memories, because random states lie near the middle and end at its saddles.
"""

from pathlib import Path

import numpy as np
import torch

import dynakit as dk

networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
system = dk.as_system(dk.models.load(networks / "flip_flop_tanh"))
known = dk.find_fixed_points(system)

# %%
# The recipe, as it is found in tutorials.
box = np.random.default_rng(0).uniform(-1, 1, (64, 16))
x = torch.tensor(box, requires_grad=True)
optimizer, rest = torch.optim.Adam([x], lr=1e-2), torch.zeros(64, 3, dtype=torch.float64)
for _ in range(1000):
    optimizer.zero_grad()
    loss = ((system.step(x, rest) - x) ** 2).sum(1).mean() / 2
    loss.backward()
    optimizer.step()
print(f"mean q at the end: {loss.item():.1e}")

# %%
# Which of the 27 known points its 64 ends reached (within 0.05), by unstable directions.
reached = np.linalg.norm(known.states[:, None] - x.detach().numpy(), axis=2).min(1) < 0.05
ax, kinds = dk.plots.new_axes(), np.arange(4)
ax.bar(kinds - 0.2, np.bincount(known.n_unstable), 0.4, color="#BDBDBD", label="there are")
ax.bar(kinds + 0.2, np.bincount(known.n_unstable, reached), 0.4, color="#0072B2", label="the recipe reached")
ax.set_xticks(kinds, ["stable", "1 unstable", "2 unstable", "3 unstable"])
ax.set_ylabel("fixed points")
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)

# %%
# Calls: :func:`dynakit.find_fixed_points`, :meth:`dynakit.System.step`. Minimising q directly is what
# :func:`dynakit.find_slow_points` is for.
