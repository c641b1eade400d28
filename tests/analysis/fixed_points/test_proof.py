"""Proofs in ball arithmetic: as certificates, with nothing assumed of the machine's functions, and much closer."""

from __future__ import annotations

import sys

import flint
import mpmath
import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.analysis.fixed_points.certificate import certify
from dynakit.analysis.fixed_points.proof import prove

from .rooted import NETWORKS, rooted

MP = mpmath.mp.clone()
MP.dps = 60


@pytest.mark.parametrize("name", NETWORKS)
def test_proofs_agree_with_certificates(name):
    system, x = rooted(name)
    x = x[:2]
    likely, proved = certify(system, x), prove(system, x)
    assert proved.certified.all()
    assert (proved.existence_radius <= 1.01 * likely.existence_radius).all()
    assert (proved.residual <= likely.residual).all()
    ratio = proved.uniqueness_radius / likely.uniqueness_radius
    assert (ratio >= 0.7).all()  # balls are a little wider where a quantity enters several times
    assert (ratio <= 1).all()


@pytest.mark.parametrize("w", [1.2, 1.5, 3.0])
def test_the_radius_is_the_distance_to_the_root_itself(w):
    root = MP.findroot(lambda x: MP.tanh(MP.mpf(w) * x) - x, 1 - MP.exp(-2 * w))
    state = float(root) + 1e-15
    found = prove(dk.catalog.tanh_unit(w), [[state]])
    distance = abs(MP.mpf(state) - root)
    assert distance <= MP.mpf(found.existence_radius[0]) <= MP.mpf("1.0001") * distance
    assert found.uniqueness_radius[0] < float(root)


def test_weights_and_states_are_the_floats_they_are():
    """0.1 is not 1/10: the root of x' = 0.1 x + 0.9 is off 1 by what the floats are off."""
    a, b = MP.mpf(0.1), MP.mpf(0.9)
    found = prove(dk.catalog.linear([[0.1]], [0.9]), [[1.0]])
    distance = abs(b / (1 - a) - 1)
    assert 0 < distance <= MP.mpf(found.existence_radius[0]) <= MP.mpf("1.0001") * distance


@pytest.mark.parametrize("state", [0.0, 1e-9, 1e-6])
def test_degenerate_roots_are_refused(state):
    assert not prove(dk.catalog.tanh_unit(1.0), [[state]]).certified.any()
    assert not prove(dk.FunctionSystem(lambda x: x + x**2, 1), [[state]]).certified.any()
    assert not prove(dk.catalog.linear([[1.0, 0.0], [0.0, 0.5]]), [[state, 0.0]]).certified.any()


def test_a_proof_may_succeed_where_rounding_defeats_the_certificate():
    system = dk.FunctionSystem(lambda x: 0.5 * x + 1e14 * (torch.tanh(x) - torch.tanh(x)) + 0.25, 1)
    assert not certify(system, [[0.5]]).certified.any()
    found = prove(system, [[0.5]])
    assert found.certified.all()
    assert found.existence_radius[0] < 1e-12


def test_bad_points_are_marked():
    system, x = rooted("GRU")
    x = torch.cat([x[:1], torch.full((1, 6), torch.nan, dtype=torch.float64)])
    assert prove(system, x).certified.tolist() == [True, False]
    assert all(len(field) == 0 for field in prove(system, x[:0]))
    foreign = dk.FunctionSystem(lambda x: torch.special.i0(x) - 1, 1)
    assert not prove(foreign, [[0.0]]).certified.any()


def test_the_precision_in_use_elsewhere_is_left_alone():
    before = flint.ctx.prec
    prove(dk.catalog.henon(), [[0.0, 0.0]])
    assert flint.ctx.prec == before


def test_without_the_library_there_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "flint", None)
    with pytest.raises(ImportError, match=r"a proof needs ball arithmetic: pip install 'dynakit\[proof\]'"):
        prove(dk.catalog.henon(), np.zeros((1, 2)))
