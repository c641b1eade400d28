"""The linear pieces that a map is said to be made of are that map."""

from __future__ import annotations

import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit import models

from .members import MEMBERS, K, M, N, member, sample, seeded

PIECEWISE_LINEAR = [name for name in MEMBERS if member(name).regularity == "piecewise_linear"]


@pytest.mark.parametrize("name", PIECEWISE_LINEAR)
def test_a_map_of_linear_pieces_knows_its_hinges(name):
    system = member(name)
    x, u = sample(system)
    for state, drive in zip(x, u):
        pieces = system.pieces(drive)
        assert pieces is not None
        distance = pieces.hinges(state).abs().min()
        assert_allclose(distance, system.kinks(state, drive), rtol=0, atol=1e-12)


def test_every_kind_of_piecewise_linear_system_is_among_them():
    assert {
        "Elman relu",
        "leaky rate relu abs",
        "closed leaky relu",
        "two relu layers",
        "three steps, relu",
    } <= set(PIECEWISE_LINEAR)


def test_smooth_maps_and_readouts_of_the_users_own_have_no_pieces():
    assert dk.catalog.tanh_unit().pieces() is None
    assert MEMBERS["leaky current tanh None"]().pieces() is None
    loop = dk.as_system(seeded(lambda: nn.RNN(M, N, nonlinearity="relu")), readout=lambda h: h[:, :M] ** 2)
    assert dk.ClosedLoop(loop).pieces() is None


@pytest.mark.parametrize("form", models.leaky.FORMS)
def test_a_loop_adds_no_hinges(form):
    model = seeded(lambda: models.LeakyRNN(M, N, M, form=form))
    pieces = dk.ClosedLoop(dk.as_system(model)).pieces()
    assert len(pieces.b) == N


def test_a_loop_around_rates_heard_before_the_step_keeps_both_layers_of_hinges():
    cell = dk.as_system(seeded(lambda: models.LeakyRNN(M, N, K, form="current")))
    upper = dk.as_system(seeded(lambda: models.Elman(M, N, K, activation="relu")))
    whole, heard = (
        upper.open_pieces(),
        dk.as_system(seeded(lambda: models.LeakyRNN(M, N, M))).readout_pieces(),
    )
    x = torch.linspace(-1, 1, N, dtype=torch.float64)
    assert_allclose(
        whole.fed(heard).step(x), upper.step(x, heard.P @ x + heard.Q @ x.relu() + heard.p), atol=1e-14
    )
    assert cell.readout_pieces().Q.any()
