"""
A certificate in place of a tolerance
=====================================

A small residual is no proof: it may be a slow point. Around each point found here an interval test (Krawczyk
1969; Rump 2010) gives two balls: in the small one a root exists, in the large one there is no other. Where
such balls are, "how small must q be?" is no longer a question.
"""

from pathlib import Path

import numpy as np

import dynakit as dk

networks = Path(dk.__file__).parents[1] / "gallery" / "networks"  # of a checkout
system = dk.as_system(dk.models.load(networks / "flip_flop_tanh"))
points = dk.find_fixed_points(system)
print(points)

# %%
# Of each point three sizes: what is left of F(x) − x, how far the root may be, and how far it is alone.
# Between the second and the third lie twelve orders of magnitude: two starts that end within this gap found
# the same point.
ax = dk.plots.new_axes()
which = np.arange(len(points))
for values, mark, name in (
    (np.maximum(points.residuals, 1e-17), "x", "residual"),
    (points.existence_radius, "v", "a root exists within"),
    (points.uniqueness_radius, "^", "no other root within"),
):
    ax.semilogy(which, values, mark, label=name)
ax.set(xlabel="fixed point, by number of unstable directions", ylabel="state units", ylim=(1e-18, 10))
ax.legend(frameon=False, loc="center", bbox_to_anchor=(0.5, 0.6))
ax.spines[["top", "right"]].set_visible(False)

# %%
# Calls: :func:`dynakit.models.load`, :func:`dynakit.as_system`, :func:`dynakit.find_fixed_points`, and of its
# result ``residuals``, ``existence_radius``, ``uniqueness_radius`` and ``evidence``.
