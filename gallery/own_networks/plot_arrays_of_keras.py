"""
Weights from Keras, flax, haiku or ONNX
=======================================

Frameworks keep the gates of a GRU or an LSTM in other orders, and shapes do not show which. The layout is
named, and the cell then is one in closed form: Jacobian, invariant box and certificates included. Neither
framework is needed.
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

# %%
# What ``layer.get_weights()`` gives for ``keras.layers.GRU(8)``: here numbers drawn in its place.
rng = np.random.default_rng(1)
kernel, recurrent, bias = rng.normal(size=(3, 24)), 1.2 * rng.normal(size=(8, 24)), 0.3 * rng.normal(size=(2, 24))
from_keras = dk.models.GRU.from_arrays("keras", kernel=kernel, recurrent_kernel=recurrent, bias=bias)

# %%
# The same cell as flax keeps it, one dictionary for each gate; Keras has them side by side, z r h.
z, r, h = (slice(8 * k, 8 * k + 8) for k in range(3))
params = {f"i{g}": {"kernel": kernel[:, s], "bias": bias.sum(0)[s]} for g, s in (("z", z), ("r", r))}
params |= {f"h{g}": {"kernel": recurrent[:, s]} for g, s in (("z", z), ("r", r))}
params |= {"in": {"kernel": kernel[:, h], "bias": bias[0, h]}, "hn": {"kernel": recurrent[:, h], "bias": bias[1, h]}}
from_flax = dk.models.GRU.from_arrays("flax", **params)
inputs = rng.normal(size=(1, 60, 3))
states = [dk.record(model, inputs).states[0] for model in (from_keras, from_flax)]
print(f"the two differ by {np.abs(states[0] - states[1]).max():.0e}")

# %%
# And from here on it is a system like any other.
points = dk.find_fixed_points(dk.as_system(from_keras), seed=0)
print(points)
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6), layout="constrained")
left.plot(states[0][:, :4], linewidth=1)
left.set_prop_cycle(None)
left.plot(states[1][:, :4], "o", markersize=3, markevery=3)
left.set(xlabel="step", ylabel="unit (line: Keras, dots: flax)")
dk.plots.plot_spectrum(dk.linearize(dk.as_system(from_keras), points), ax=right)

# %%
# Calls: :meth:`dynakit.models.GRU.from_arrays`, :func:`dynakit.record`, :func:`dynakit.find_fixed_points`,
# :func:`dynakit.plots.plot_spectrum`.
