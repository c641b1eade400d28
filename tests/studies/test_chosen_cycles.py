"""Cycles chosen by a stimulus or by the frequency of a drive, in miniature: each piece with a known answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import dynakit as dk

STUDY = Path(__file__).resolve().parents[2] / "studies" / "multifunctional_cycles"


def drawn(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def test_a_network_that_hears_itself_is_one_of_one_input():
    import population

    model = dk.models.LSTM(3, 6, 3, seed=2).double()
    alone, whole = dk.as_system(population.told(model)), dk.as_system(model)
    x, told = drawn(4, 12), drawn(4, 1)
    heard = torch.cat([whole.observe(x)[:, :2], told], 1)
    torch.testing.assert_close(alone.step(x, told), whole.step(x, heard), rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(alone.observe(x), whole.observe(x)[:, :2], rtol=1e-12, atol=1e-13)


def test_what_is_told_goes_with_each_orbit():
    import population

    slow, fast = population.tasks()["stimulus"].orbits, population.tasks()["frequencies"].orbits
    for orbit, turn, sense, s in zip(slow, population.STIMULUS_TURNS, (1, -1), population.STIMULI):
        x, y, told = orbit(np.array([0.0, 0.25])).T
        np.testing.assert_allclose(np.c_[x, y], [[1, 0], [0, sense]], atol=1e-12)
        assert orbit.period == turn
        assert told.tolist() == pytest.approx([s, s])
    for orbit, period in zip(fast, population.DRIVES):
        told = orbit(np.arange(period + 1) / orbit.period)[:, 2]
        np.testing.assert_allclose(told, np.sin(2 * np.pi * np.arange(period + 1) / period), atol=1e-9)
        assert orbit.period % period == orbit.period % population.DRIVEN_TURN == 0


def test_the_stroboscopic_map_is_a_period_of_steps_with_its_jacobian():
    import frequencies

    system = dk.as_system(dk.models.LSTM(1, 3, 2, seed=1))
    u = frequencies.drive(5, 1.0)
    assert u[:, 0].tolist() == pytest.approx(np.sin(2 * np.pi * np.arange(5) / 5).tolist())
    strobe, x = frequencies.stroboscopic(system, u), drawn(2, 6)
    np.testing.assert_allclose(strobe.step(x), system.trajectory(x, u[None].expand(2, -1, -1))[:, -1], rtol=1e-12)
    for k in range(6):
        ahead = torch.zeros(6, dtype=torch.float64)
        ahead[k] = 1e-6
        slope = (strobe.step(x + ahead) - strobe.step(x - ahead)) / 2e-6
        torch.testing.assert_close(strobe.jacobian(x)[..., k], slope, rtol=1e-6, atol=1e-9)


def test_turns_are_counted_with_their_sign():
    import frequencies

    rotation = dk.catalog.rotation(-2 * np.pi * 0.0371)
    found = frequencies.turning(rotation, torch.tensor([[1.0, 0.0]]).double(), torch.zeros(10, 0).double())
    assert abs(found["turns per step"]) == pytest.approx(0.0371, rel=1e-6)
    assert found["turns per period"] == 10 * found["turns per step"]
    row = {"turns per period": -0.5, "stroboscopic": "periodic", "periods of the drive": 2.0}
    assert frequencies.locked(row) == "-1:2"
    assert frequencies.locked({"turns per period": 1.0, "stroboscopic": "fixed point"}) == "1:1"
    assert frequencies.locked({"turns per period": 0.3, "stroboscopic": "invariant circle"}) == ""


def test_laws_of_a_fold_and_of_a_birth_name_the_end():
    import stimulus

    s = np.array([0.0, 0.1, 0.15, 0.18])
    rows = [{"stimulus": v, "leading multiplier": 1 - np.sqrt(0.2 - v), "radius": np.sqrt(0.3 - v)} for v in s]
    assert stimulus.vanishing(rows, lambda row: (1 - row["leading multiplier"]) ** 2) == pytest.approx(0.2)
    assert stimulus.vanishing(rows, lambda row: row["radius"] ** 2) == pytest.approx(0.3)


def test_a_cycle_is_followed_until_it_is_born(monkeypatch):
    """Stuart-Landau in Euler's steps: the circle of radius^2 = s + (1 - A) / dt is born at s = (A - 1) / dt."""
    import stimulus

    dt = 0.2
    A = np.sqrt(1 - dt**2)

    def step(x, s):
        r2 = x.square().sum(-1, keepdim=True)
        turned = torch.stack([x[:, 0] - dt * x[:, 1], x[:, 1] + dt * x[:, 0]], 1)
        return turned + dt * (s - r2) * x

    system = dk.FunctionSystem(step, 2, 1, argument_order="state, input", readout=lambda x: x)
    monkeypatch.setattr(system, "initial_state", lambda: torch.tensor([0.5, 0.0], dtype=torch.float64))
    branch = stimulus.follow(system, "B", 1.0, -1, 0.1 / 4)
    assert all(row["kind"] == "invariant circle" for row in branch["rows"])
    radii = [np.sqrt(row["stimulus"] + (1 - A) / dt) for row in branch["rows"]]
    np.testing.assert_allclose([row["radius"] for row in branch["rows"]], radii, rtol=1e-6)
    end = stimulus.vanishing(branch["rows"], lambda row: row["radius"] ** 2)
    assert end == pytest.approx((A - 1) / dt, abs=1e-6)


def test_an_end_is_named_by_what_its_multiplier_does():
    import stimulus

    rest = dk.trace_fixed_points(dk.catalog.tanh_unit(0.5), [[0.0]], drives=[[-0.1], [0.1]])
    turns = {"turns per step": 0.05, "radius": 1.0, "its angle": 0.0}
    then = {"kind": "fixed point", "turns per step": np.nan}
    how = {}
    for multiplier, angle in ((0.999, 0.0), (0.999, 1.0), (0.9, 0.0)):
        rows = [{"stimulus": s, "leading multiplier": multiplier, **turns, "its angle": angle} for s in (0.0, 0.1)]
        how[multiplier, angle] = stimulus.ending({"rows": rows, "then": then}, rest)["how"]
    assert list(how.values()) == ["fold", "torus", "not settled"]
    assert stimulus.ending({"rows": rows, "then": None}, rest)["how"] == "not lost"
