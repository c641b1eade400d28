"""
The directions that part and meet
=================================

Exponents say how fast neighbours part; covariant Lyapunov vectors say in which direction, at every state of the
orbit, and the map carries each direction into the next (Ginelli et al. 2007). Where the two of Hénon's map
touch, stretching and shrinking cannot be told apart: there the attractor folds.
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

# %%
system = dk.catalog.henon()
found = dk.covariant_vectors(system, [0.1, 0.1], n_steps=1500, n_transient=200, n_backward=200)
print(found)

# %%
# The definition holds at each step: :math:`J(x_n)\,v_n \parallel v_{n+1}`.
pushed = np.einsum("nij,njk->nik", system.jacobian(found.states).numpy(), found.vectors)[:-1]
pushed /= np.linalg.norm(pushed, axis=1, keepdims=True)
parallel = np.abs((pushed * found.vectors[1:]).sum(1))
print(f"carried into the next within {np.abs(parallel - 1).max():.0e}")

# %%
# The angle between the two, over the attractor.
angle = np.degrees(np.arccos(np.abs((found.vectors[..., 0] * found.vectors[..., 1]).sum(1)).clip(0, 1)))
fig, ax = plt.subplots(figsize=(6.2, 3.6), layout="constrained")
dots = ax.scatter(*found.states.T, c=angle, s=6, cmap="viridis")
for k, colour in enumerate(("#D55E00", "#0072B2")):
    ax.quiver(*found.states[::40].T, *found.vectors[::40, :, k].T, color=colour, width=0.003, headwidth=1, scale=22)
ax.set(xlabel="x", ylabel="y")
fig.colorbar(dots, label="angle between the vectors (degrees)")

# %%
# Calls: :func:`dynakit.covariant_vectors`, :meth:`dynakit.System.jacobian`.
