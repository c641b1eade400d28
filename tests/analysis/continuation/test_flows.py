"""Branches of equilibria: their bifurcations are those of the right-hand side, whatever the step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.errors import InputError

W = np.array([[2.0, -2.0], [2.0, 0.5]])
FOLD = 2 / (3 * np.sqrt(3))  # of x' = x - x^3 + u


def rotor(dt: float, around: str = ""):
    """x' = -x + tanh(g W x): the eigenvalues at 0 are -1 + g (1.25 +- i sqrt(3.4375)), on the axis at g = 0.8."""
    weights = torch.from_numpy(W)

    def member(g: float) -> dk.System:
        flow = dk.Flow(lambda x: -x + torch.tanh(g * x @ weights.T), 2, dt=dt)
        return dk.Iterated(flow, 3) if around == "iterated" else dk.Driven(flow, []) if around == "driven" else flow

    return member


@pytest.mark.parametrize("around", ["", "driven", "iterated"])
@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_a_hopf_point_does_not_move_with_the_step(dt, around):
    family = rotor(dt, around)
    branches = dk.trace_fixed_points(family(0.5), np.zeros((1, 2)), family=family, span=(0.5, 1.2))
    assert (branches.dynamics, branches.events.kinds.tolist()) == ("flow", ["hopf"])
    assert abs(branches.events.parameter[0] - 0.8) < 1e-10
    assert_allclose(branches.events.critical, [0.8j * np.sqrt(3.4375)], atol=1e-9)
    assert_allclose(branches.events.angles, [0.8 * np.sqrt(3.4375)], atol=1e-9)
    assert branches.events.forms.tolist() == ["supercritical"]  # tanh saturates
    assert "hopf" in repr(branches)
    assert "of a flow" in repr(branches)
    for g, values, verdict in zip(branches.parameter, branches.eigenvalues, branches.verdicts):
        expected = np.linalg.eigvals(-np.eye(2) + g * W)
        assert_allclose(np.sort_complex(values), np.sort_complex(expected), atol=1e-9)
        assert verdict == ("marginal" if abs(g - 0.8) < 1e-9 else "unstable" if g > 0.8 else "stable")


@pytest.mark.parametrize(("sign", "form"), [(-1.0, "supercritical"), (1.0, "subcritical")])
def test_what_is_born_at_a_hopf_point(sign, form):
    """z' = (mu + 3 i) z + sign |z|^2 z, and its time reversed and rescaled, in one more dimension that decays."""

    def family(mu: float) -> dk.Flow:
        def f(x: torch.Tensor) -> torch.Tensor:
            a, b, c = x.unbind(-1)
            r = a**2 + b**2
            return torch.stack([mu * a - 3 * b + sign * r * a, 3 * a + mu * b + sign * r * b, -c + a * b], -1)

        return dk.Flow(f, 3, dt=0.05)

    events = dk.trace_fixed_points(family(-0.5), np.zeros((1, 3)), family=family, span=(-1, 1)).events
    assert (events.kinds.tolist(), events.forms.tolist()) == (["hopf"], [form])
    assert_allclose(events.parameter, [0.0], atol=1e-12)
    assert_allclose(events.critical, [3j], atol=1e-9)


@pytest.mark.parametrize("dt", [0.01, 0.5])
def test_folds_of_a_flow_under_an_input(dt):
    flow = dk.Flow(lambda x, u: x - x**3 + u, 1, 1, argument_order="state, input", dt=dt)
    branches = dk.trace_fixed_points(flow, dk.find_fixed_points(flow), drives=[[-1.0], [1.0]])
    assert branches.n_branches == 1
    assert branches.events.kinds.tolist() == ["fold", "fold"]
    assert_allclose(np.sort(branches.events.parameter), [-FOLD, FOLD], atol=1e-12)
    assert_allclose(branches.events.critical, 0, atol=1e-9)
    x = branches.states[:, 0]
    assert_allclose(branches.eigenvalues[:, 0], 1 - 3 * x**2, atol=1e-9)
    assert_allclose(branches.residuals, 0, atol=1e-9)


@pytest.mark.parametrize(("power", "form"), [(3, "pitchfork"), (2, "transcritical")])
def test_branches_of_a_flow_that_cross(power, form):
    def family(mu: float) -> dk.Flow:
        return dk.Flow(lambda x: mu * x - x**power, 1, dt=0.1)

    branches = dk.trace_fixed_points(family(-0.5), [[0.0]], family=family, span=(-1, 1))
    assert (branches.events.kinds.tolist(), branches.events.forms.tolist()) == (["branch point"], [form])
    assert_allclose(branches.events.parameter, [0.0], atol=1e-9)
    assert branches.n_branches == 2


def test_a_family_is_of_flows_or_of_maps():
    def mixed(mu: float) -> dk.System:
        return dk.Flow(lambda x: mu - x, 1, dt=0.1) if mu < 1 else dk.FunctionSystem(lambda x: 0 * x + mu, 1)

    with pytest.raises(InputError, match="family must return flows"):
        dk.trace_fixed_points(mixed(0.5), [[0.5]], family=mixed, span=(0.5, 1.5))


def test_equilibria_keep_their_identity_from_flow_to_flow():
    """x' = mu x - x^3 at mu = -1, 1, 2: one equilibrium, which two others leave on the way."""
    flows = [dk.Flow(lambda x, mu=mu: mu * x - x**3, 1, dt=0.05) for mu in (-1.0, 1.0, 2.0)]
    tracks = dk.track_fixed_points(flows)
    assert tracks.dynamics == "flow"
    assert tracks.n_points.tolist() == [1, 3, 3]
    assert tracks.n_tracks == 3
    middle = tracks.of_track(int(tracks.track[np.flatnonzero(tracks.checkpoint == 0)[0]]))
    assert_allclose(middle.eigenvalues[:, 0], [-1.0, 1.0, 2.0], atol=1e-9)
    assert middle.verdicts.tolist() == ["stable", "unstable", "unstable"]
    assert tracks.changes.kinds.tolist() == ["branch point"] * 2  # the pitchfork, halfway: one birth, one change
    assert_allclose(tracks.changes.updates, 0.5, atol=1e-9)
