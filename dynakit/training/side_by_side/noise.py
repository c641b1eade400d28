"""The noise of leaky networks, drawn for each as it draws it alone: that of inputs first, then that of units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...models.leaky_scan import drive_noise


def add_noise(
    models: Sequence[Any],
    inputs: Tensor,
    n_steps: Sequence[int],
    generators: Sequence[torch.Generator],
) -> tuple[Tensor, Tensor | None]:
    """The inputs (network, trial, time, input) with the noise that they have; and that of the units, or None.

    ``n_steps`` are those of the trials of each network.  What enters the units is (time, network, unit, trial), scaled
    as the drive of the network is.
    """
    first = models[0]
    if not getattr(first, "noisy", False):
        return inputs, None
    noisy_inputs, units = inputs.clone() if first.sigma_in > 0 else inputs, None
    if first.sigma_rec > 0:
        units = inputs.new_zeros(inputs.shape[2], len(models), first.n_hidden, inputs.shape[1])
    for k, (model, steps, generator) in enumerate(zip(models, n_steps, generators)):
        sizes = (steps, inputs.shape[1])
        if first.sigma_in > 0:
            shape = (*sizes, model.n_inputs)
            drawn = torch.randn(shape, generator=generator, dtype=inputs.dtype, device=generator.device)
            noisy_inputs[k, :, :steps] += model.input_noise * drawn.to(inputs.device).transpose(0, 1)
        if units is not None:
            leak = model._leak(model.sigma_rec)
            drawn = drive_noise((*sizes, model.n_hidden), inputs, leak, generator)
            units[:steps, k] = drawn.transpose(1, 2)
    return noisy_inputs, units
