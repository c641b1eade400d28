"""Slow points draw in what is around them, unless something in between holds it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.analysis.linearization import Pull

TURN = 0.3  # radians per step


def planar(rate):
    """x -> R x with the modulus of x multiplied by ``rate`` of it."""
    c, s = np.cos(TURN), np.sin(TURN)
    R = torch.tensor([[c, -s], [s, c]])
    return dk.FunctionSystem(lambda x: x @ R.T * rate(x.norm(dim=-1, keepdim=True)), 2)


def pull(rate):
    system = planar(rate)
    return Pull(system, torch.zeros(0, dtype=torch.float64), np.zeros(2))


def at(*radii):
    return torch.tensor([[r, 0.0] for r in radii], dtype=torch.float64)


@pytest.mark.parametrize("modulus", [0.5, 0.99999])
def test_a_linear_map_draws_in_everything(modulus):
    assert pull(lambda r: modulus + 0 * r).draws_in(at(0.1, 1e6)).all()


def test_a_point_that_repels_or_is_neutral_draws_in_nothing():
    for modulus in (1.0, 1.0001):
        slow = pull(lambda r, m=modulus: m + 0 * r)
        assert not slow.draws_in(at(1e-9)).any()
        assert not slow.draws_from_afar(at(1e-3)[0])


def test_the_linear_part_rules_only_near_the_point():
    slow = pull(lambda r: 0.999 / (1 + r**2))
    assert slow.draws_in(at(1e-3, 0.3)).tolist() == [True, False]
    assert slow.draws_from_afar(at(0.3)[0])  # nothing lies between


def test_a_circle_in_between_holds_what_is_outside():
    slow = pull(lambda r: 1 - 1e-4 * (1 - (r / 0.1) ** 2) * (1 - (r / 0.2) ** 2))  # repels at 0.1, attracts at 0.2
    assert slow.draws_from_afar(at(0.05)[0])
    for radius in (0.105, 0.19, 0.21, 0.5):
        assert not slow.draws_from_afar(at(radius)[0]), radius
