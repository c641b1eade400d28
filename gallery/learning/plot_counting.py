r"""
How far a counter counts
========================

A perfect score on :math:`a^n b^n` up to 10 does not say that the network can count. A rectified unit can add
and take away one exactly, without end; if it leaks, by however little, there is a largest n, and it can be
foretold (the language: Gers and Schmidhuber 2001; who can count: Weiss, Goldberg and Yahav 2018).
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

import dynakit as dk

task = dk.tasks.CountingLanguage("ab", n=(1, 10))


# %%
# One unit counts, :math:`c' = \operatorname{relu}((1 - \epsilon) c \pm 1)`, and three keep the last symbol: S,
# a or b.
def counter(leak):
    model = dk.models.Elman.for_task(task, 4, activation="relu")
    with torch.no_grad():
        torch.nn.utils.vector_to_parameters(torch.zeros(51), model.parameters())
        model.rnn.weight_hh_l0[0, 0] = 1 - leak
        model.rnn.weight_ih_l0.copy_(torch.tensor([[0.0, 1, -1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]))
        model.readout.weight.copy_(torch.tensor([[-1, -1, 0, 0.5], [0, 1, 1, -1], [1, -1, 0, -0.5]]))
    return model


# %%
# The count after n - 1 of n symbols b has to be above 1/2. It falls short of 1 by about :math:`\epsilon n^2`,
# so that the largest n is near :math:`1 / \sqrt{2 \epsilon}`.
leaks = np.logspace(-4.5, -1, 8)
trials = task.sample(200, seed=0)
reach = [dk.largest_n(dk.as_system(counter(leak)), task, most=300) for leak in leaks]
print("score up to n = 10:", [task.score(counter(leak)(trials.inputs).outputs, trials) for leak in leaks])
print("right up to n =", reach)
fig, ax = plt.subplots(figsize=(5.4, 3.6), layout="constrained")
ax.loglog(leaks, 1 / np.sqrt(2 * leaks), color="0.6", label="foretold")
ax.loglog(leaks, reach, "o", color="#0072B2", label="found")
ax.axhspan(1, 10, color="0.92", label="what the task draws")
ax.set(xlabel="leak per step", ylabel="largest n", ylim=(1, 300))
ax.legend(frameon=False)

# %%
# Calls: :func:`dynakit.largest_n`, :class:`dynakit.tasks.CountingLanguage`, :class:`dynakit.models.Elman`.
