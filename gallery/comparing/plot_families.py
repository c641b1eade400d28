"""
Three families, by four measures
================================

Nine networks: three wirings, each three times, with units in another order and weights that are a little off. The
third of each family hears its inputs along other directions. States, linear maps, answers to inputs and weights
are compared pair by pair.
"""

import matplotlib.pyplot as plt
import numpy as np

import dynakit as dk

rng = np.random.default_rng(0)
n, networks = 8, []
for _ in range(3):
    W, W_in = rng.normal(size=(n, n)) * 0.9 / n**0.5, rng.normal(size=(n, 2))
    for member in range(3):
        order = rng.permutation(n)
        drawn = W_in if member < 2 else rng.normal(size=(n, 2))
        noisy = W + 0.02 * rng.normal(size=(n, n))
        networks.append(dk.catalog.tanh_network(noisy[np.ix_(order, order)], W_in=drawn[order]))

# %%
# Once per network: the states under the same inputs; the Jacobians of state and input at rest.
inputs = 0.5 * rng.normal(size=(20, 50, 2))
states = [dk.record(net, inputs, np.zeros((20, n))).states for net in networks]
jacobians = [net.jacobian(np.zeros((1, n)))[0].numpy() for net in networks]
into = [net.input_jacobian(np.zeros((1, n)))[0].numpy() for net in networks]

# %%
# Then pair by pair. All operators are compared together: what one pair finds helps the others.


def pairs(compare):
    return np.array([[compare(i, j) for j in range(9)] for i in range(9)])


dynamics = dk.compare_all_operators(jacobians)
print(dynamics)
found = {
    "states: shape": pairs(lambda i, j: dk.compare_shapes(states[i], states[j], n_null=0).angle),
    "linear maps": dynamics.distances,
    "answers to inputs": pairs(
        lambda i, j: dk.compare_controllability((jacobians[i], into[i]), (jacobians[j], into[j])).distance
    ),
    "weights": pairs(lambda i, j: dk.compare_weights(jacobians[i], jacobians[j], n_starts=0).distance),
}
fig, panes = plt.subplots(1, 4, figsize=(10, 2.8), layout="constrained")
for ax, (name, distances) in zip(panes, found.items()):
    image = ax.imshow(distances, cmap="Greys")
    ax.set(title=name, xticks=range(9), yticks=range(9), xlabel="network")
    fig.colorbar(image, ax=ax, shrink=0.7)
panes[0].set_ylabel("network")

# %%
# Linear maps and weights know families alone. The third of each is a stranger to measures that see where inputs
# enter, and so it is to states: under inputs, states say as much about these as about the network. How much a
# value is, its null says: the rows of other trials.
print(dk.compare_shapes(states[0], states[1]))
print(dk.compare_kernels(states[0], states[2]))
print(dk.compare_subspaces(states[0], states[3], variance=0.9))
print(dk.compare_operators(jacobians[0], jacobians[1]))

# %%
# An operator may also be fitted to states. Under inputs it takes what they do for what the network does.
print(dk.fit_operator(states[0]))

# %%
# Williams et al. (2021), Kornblith et al. (2019), Ostrow et al. (2023), Huang and Ostrow et al. (2025), Huang et al.
# (2025).
#
# Calls: :func:`dynakit.compare_shapes`, :func:`dynakit.compare_kernels`, :func:`dynakit.compare_subspaces`,
# :func:`dynakit.fit_operator`, :func:`dynakit.compare_operators`, :func:`dynakit.compare_all_operators`,
# :func:`dynakit.compare_controllability`, :func:`dynakit.compare_weights`.
