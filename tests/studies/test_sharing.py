"""Units that cycles share, in miniature: groups and lesions with known answers, and the part end to end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import dynakit as dk

STUDY = Path(__file__).resolve().parents[2] / "studies" / "multifunctional_cycles"


def test_units_are_grouped_by_the_cycles_they_are_active_on():
    import sharing

    active = np.array([[True, True, False, False], [True, False, True, False]])
    assert [group.tolist() for group in sharing.groups(active)] == [[0], [1], [2], [3]]


@pytest.mark.parametrize("kind", ["LSTM", "leaky ReLU"])
def test_a_lesioned_unit_is_read_by_nobody(kind):
    import sharing

    cls, _, options = sharing.KINDS[kind]
    model = cls(2, 6, 2, seed=1, **options)
    lesioned = sharing.without(model, np.array([2, 4]))
    states = torch.randn(5, dk.as_system(model).state_size, generator=torch.Generator().manual_seed(0)).double()
    other = states.clone()
    other[:, [2, 4]] += 1.0
    system, whole = dk.as_system(lesioned), dk.as_system(model)
    kept = [0, 1, 3, 5]
    u = torch.zeros(5, 2, dtype=torch.float64)
    assert torch.equal(system.step(states, u)[:, kept], system.step(other, u)[:, kept])
    assert torch.equal(system.observe(states), system.observe(other))
    assert not torch.equal(whole.observe(states), whole.observe(other))


def test_a_circle_is_held_in_its_direction_and_at_its_speed():
    import sharing

    orbit = dk.tasks.Cycles.seeing_double(radius=1.0).orbits[0]
    angle = 0.2 * np.arange(93)
    circle = lambda speed, radius=1.0: radius * np.stack([np.cos(speed * angle), np.sin(speed * angle)], 1)  # noqa: E731
    assert sharing.held(circle(1.0), orbit)
    assert sharing.held(circle(1.03, 1.1), orbit)
    assert not any(sharing.held(circle(*wrong), orbit) for wrong in ((-1.0,), (1.1,), (1.0, 1.3)))
    assert not sharing.held(np.full((93, 2), np.nan), orbit)


def test_sharing(tmp_path, monkeypatch):
    import sharing

    monkeypatch.setattr(sharing, "N_DRAWS", 1)
    monkeypatch.setattr(sharing, "ALONE", 4 * sharing.population.TURN)
    monkeypatch.setattr(sharing, "held", lambda tail, orbit: True)
    (row,) = sharing.measure("leaky ReLU", "seeing double", 2, 1)
    assert 0 <= row["p"] <= 1
    assert row["shared"] <= min(row["active, A"], row["active, B"])
    assert row["A held without 1 shared"] == 1.0
    sharing.figure([row], tmp_path / "s.png")
    assert (tmp_path / "s.png").stat().st_size > 10_000
