r"""
How large a memory is before it dies
====================================

While a constant input grows, the basin of the memory on the other side shrinks; but it is still there, with a
good share of the states, when the memory meets its saddle and both are gone. Attractors keep their number along
the way.
"""

import matplotlib.pyplot as plt

import dynakit as dk

# %%
# One unit, x' = tanh(2 x + b). The folds are at :math:`b = \pm(\sqrt2 - \operatorname{artanh}(1/\sqrt2)) = \pm
# 0.5328`, and there the boundary has come as far as :math:`x = \mp 1/\sqrt2`: the basin is lost all at once,
# with 0.146 of the states.
traced = dk.trace_basins(
    lambda b: dk.catalog.tanh_unit(2.0, b),
    [-0.7, -0.54, -0.52, -0.4, -0.2, 0.0, 0.2, 0.4, 0.52, 0.54, 0.7],
    dk.samplers.Box([-1.0], [1.0]),
    attractors=dk.find_fixed_points,
    n_samples=400,
    seed=0,
)
print(traced)
print(f"born by {traced.births}, gone by {traced.deaths}")

# %%
# Shares of the states between -1 and 1.
fig, ax = plt.subplots(figsize=(6.8, 3.4), layout="constrained")
dk.plots.plot_basin_fractions(traced, labels=["low", "high"], ax=ax)
for fold in (-0.5328, 0.5328):
    ax.axvline(fold, color="k", linestyle=":")
ax.set_xlabel("constant input b (dotted: the folds)")

# %%
# Continuation of basins: Datseris, Luiz Rossi and Wagemakers (2023).
#
# Calls: :func:`dynakit.trace_basins`, :func:`dynakit.plots.plot_basin_fractions`,
# :func:`dynakit.catalog.tanh_unit`.
