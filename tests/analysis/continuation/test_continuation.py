"""Branches of fixed points: bifurcations known in closed form, and laws that every branch obeys."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.optimize import brentq

import dynakit as dk
from dynakit.errors import InputError
from dynakit.systems.cells.cells import ElmanCell


def traced(system, *args, points=None, **kwargs):
    return dk.trace_fixed_points(
        system, dk.find_fixed_points(system) if points is None else points, *args, **kwargs
    )


def of_kind(branches, kind):
    return np.sort(branches.events.of_kind(kind).parameter)


def normal_form(theta, cubic):
    """Rotation by theta, growing by mu, with the term cubic |z|^2 z: a Neimark-Sacker point at mu = 0."""
    c, s = np.cos(theta), np.sin(theta)
    turn = torch.tensor([[c, s], [-s, c]], dtype=torch.float64)

    def family(mu):
        return dk.FunctionSystem(lambda z: (1 + mu + cubic * (z * z).sum(1, keepdim=True)) * (z @ turn), 2)

    return family


# --- where bifurcations are -----------------------------------------------------------------------------


@pytest.mark.parametrize("w", [1.1, 2.0, 5.0])
def test_folds_of_one_unit_are_where_its_slope_is_one(w):
    branches = traced(dk.catalog.tanh_unit(w), drives=[[-6.0], [6.0]])
    x = np.sqrt(1 - 1 / w)
    fold = w * x - np.arctanh(x)
    assert branches.events.kinds.tolist() == ["fold", "fold"]
    assert_allclose(of_kind(branches, "fold"), [-fold, fold], atol=1e-14)
    assert_allclose(np.abs(branches.events.states[:, 0]), x, atol=1e-12)
    assert (branches.events.residuals < 1e-14).all()
    assert branches.events.forms.tolist() == ["quadratic", "quadratic"]


def test_one_branch_holds_the_whole_hysteresis_loop_with_its_stabilities():
    branches = traced(dk.catalog.tanh_unit(2.0), drives=[[-1.0], [1.0]])
    assert branches.n_branches == 1
    assert branches.ends == (("range", "range"),)
    assert sorted(branches.parameter[[0, -1]]) == [-1.0, 1.0]
    inside = np.abs(branches.states[:, 0]) < np.sqrt(0.5) - 1e-9
    outside = np.abs(branches.states[:, 0]) > np.sqrt(0.5) + 1e-9
    assert (branches.verdicts[inside] == "unstable").all()
    assert (branches.verdicts[outside] == "stable").all()
    assert (branches.verdicts[~inside & ~outside] == "marginal").all()
    assert inside.sum() > 5
    assert_allclose(branches.drives[:, 0], branches.parameter, atol=1e-15)
    x, b = branches.states[:, 0], branches.parameter
    assert_allclose(np.tanh(2 * x + b), x, atol=1e-14)
    assert (np.diff(x) > 0).all() or (np.diff(x) < 0).all()  # no row out of its place on the curve


@pytest.mark.parametrize("w", [-2.0, -1.3])
def test_flips_of_one_inhibited_unit_are_where_its_slope_is_minus_one(w):
    branches = traced(dk.catalog.tanh_unit(w), drives=[[-4.0], [4.0]])
    x = np.sqrt(1 + 1 / w)
    flip = np.arctanh(x) - w * x
    assert_allclose(of_kind(branches, "flip"), [-flip, flip], atol=1e-13)
    assert len(branches.events) == 2
    assert_allclose(branches.events.critical, -1, atol=1e-13)


def test_the_delayed_logistic_map_turns_into_a_circle_at_two():
    branches = traced(dk.catalog.delayed_logistic(1.7), family=dk.catalog.delayed_logistic, span=(0.9, 2.2))
    circle = branches.events.of_kind("neimark-sacker")
    assert_allclose(circle.parameter, [2.0], atol=1e-14)
    assert_allclose(circle.states, [[0.5, 0.5]], atol=1e-14)
    assert_allclose(circle.angles, [np.pi / 3], atol=1e-14)
    assert circle.forms.tolist() == ["supercritical"]
    assert_allclose(of_kind(branches, "branch point"), [1.0], atol=1e-12)  # it crosses the extinct state


@pytest.mark.parametrize("angle", [0.3, 2.0])
def test_a_rotation_loses_stability_when_its_radius_is_one(angle):
    family = lambda radius: dk.catalog.rotation(angle, radius)  # noqa: E731
    events = traced(family(0.9), family=family).events
    assert events.kinds.tolist() == ["neimark-sacker"]
    assert_allclose(events.parameter, [1.0], atol=1e-14)
    assert_allclose(events.angles, [angle], atol=1e-14)
    assert events.forms.tolist() == ["undetermined"]  # a linear map has no circle of its own


def test_from_one_point_before_the_pitchfork_comes_the_whole_fork():
    root = brentq(lambda x: np.tanh(1.6 * x) - x, 0.5, 1, xtol=1e-15)
    for start in (0.7, 1.6):
        branches = traced(dk.catalog.tanh_unit(start), family=dk.catalog.tanh_unit, span=(0.7, 1.6))
        assert branches.n_branches == 2
        assert branches.events.kinds.tolist() == ["branch point"]
        assert branches.events.forms.tolist() == ["pitchfork"]
        assert_allclose(branches.events.parameter, [1.0], atol=1e-14)
        end = branches[branches.parameter == 1.6]
        assert_allclose(np.sort(end.states[:, 0]), [-root, 0, root], atol=1e-14)


def test_the_logistic_map_exchanges_stability_at_one_and_doubles_its_period_at_three():
    branches = traced(dk.catalog.logistic(2.0), family=dk.catalog.logistic, span=(0.8, 3.2))
    events = branches.events
    assert dict(zip(events.kinds.tolist(), events.forms.tolist())) == {
        "branch point": "transcritical",
        "flip": "supercritical",
    }
    assert_allclose(of_kind(branches, "branch point"), [1.0], atol=1e-14)
    assert_allclose(of_kind(branches, "flip"), [3.0], atol=1e-13)
    for k in range(branches.n_branches):
        arm = branches[branches.branch == k]
        wanted = 0 if np.abs(arm.states).max() < 1e-9 else 1 - 1 / arm.parameter
        assert_allclose(arm.states[:, 0], wanted, atol=1e-12)


def test_a_tiny_bias_breaks_the_pitchfork_into_a_fold_and_a_branch_that_passes_by():
    bias = 1e-5
    branches = traced(
        dk.catalog.tanh_unit(2.0, bias), family=lambda w: dk.catalog.tanh_unit(w, bias), span=(0.8, 2.0)
    )
    # tanh(w x + b) = x with slope w (1 - x^2) = 1
    x = brentq(lambda x: np.arctanh(x) - x / (1 - x * x) - bias, -0.9, -1e-9, xtol=1e-15)
    assert branches.n_branches == 2
    assert branches.events.kinds.tolist() == ["fold"]
    assert_allclose(branches.events.parameter, 1 / (1 - x * x), rtol=1e-12)


@pytest.mark.parametrize(("cubic", "form"), [(-1.0, "supercritical"), (1.0, "subcritical")])
def test_the_cubic_term_decides_whether_what_is_born_is_stable(cubic, form):
    circle = traced(
        normal_form(1.1, cubic)(-0.2), family=normal_form(1.1, cubic), points=[0.0, 0.0], span=(-0.3, 0.3)
    )
    assert circle.events.kinds.tolist() == ["neimark-sacker"]
    assert circle.events.forms.tolist() == [form]
    flip = lambda mu: dk.FunctionSystem(lambda x: -(1 + mu) * x - cubic * x**3, 1)  # noqa: E731
    doubled = traced(flip(-0.2), family=flip, points=[0.0], span=(-0.3, 0.3))
    assert doubled.events.kinds.tolist() == ["flip"]
    assert doubled.events.forms.tolist() == [form]


@pytest.mark.parametrize(
    ("square", "cubic", "form"),
    [(1.0, -0.9, "supercritical"), (1.0, -1.1, "subcritical"), (2.0, -3.9, "supercritical")],
)
def test_the_square_term_helps_a_flip_to_be_supercritical(square, cubic, form):
    """x' = -(1 + mu) x + b x^2 + c x^3 has the coefficient c + b^2 (Kuznetsov 2004, eq. 4.11)."""
    flip = lambda mu: dk.FunctionSystem(lambda x: -(1 + mu) * x + square * x**2 + cubic * x**3, 1)  # noqa: E731
    doubled = traced(flip(-0.1), family=flip, points=[0.0], span=(-0.15, 0.15))
    at_zero = np.abs(doubled.events.parameter) < 1e-9
    assert doubled.events.kinds[at_zero].tolist() == ["flip"]
    assert doubled.events.forms[at_zero].tolist() == [form]


@pytest.mark.parametrize("seed", [2, 5])  # far below, and above only for the square terms
def test_square_terms_decide_about_a_circle_as_the_formula_says(seed):
    """z' = l z + g20 z^2 / 2 + g11 z z~ + g02 z~^2 / 2 + g21 z^2 z~ / 2 in the plane (Kuznetsov 2004, eq. 4.20)."""
    rng = np.random.default_rng(seed)
    g20, g11, g02, g21 = rng.normal(size=4) + 1j * rng.normal(size=4)
    turn = np.exp(1j * rng.uniform(0.3, 1.4))
    wanted = (np.conj(turn) * g21).real / 2 - abs(g11) ** 2 / 2 - abs(g02) ** 2 / 4
    wanted -= ((1 - 2 * turn) * np.conj(turn) ** 2 / (2 * (1 - turn)) * g20 * g11).real

    def family(mu):
        def step(x):
            z = torch.complex(x[:, 0], x[:, 1])
            back = z.conj()
            z = (1 + mu) * turn * z + g20 * z**2 / 2 + g11 * z * back + g02 * back**2 / 2 + g21 * z**2 * back / 2
            return torch.stack([z.real, z.imag], dim=1)

        return dk.FunctionSystem(step, 2)

    branches = traced(family(-0.01), family=family, points=[0.0, 0.0], span=(-0.02, 0.02))
    at_zero = np.abs(branches.events.parameter) < 1e-9
    assert branches.events.kinds[at_zero].tolist() == ["neimark-sacker"]
    assert branches.events.forms[at_zero].tolist() == ["supercritical" if wanted < 0 else "subcritical"]


def test_a_long_pulse_erases_a_memory_just_beyond_its_fold():
    system = dk.catalog.tanh_unit(2.0)
    stable = dk.find_fixed_points(system).stable
    branches = traced(system, points=stable, drives=[[0.0], [1.0]])
    lower = int(stable.states[:, 0].argmin())
    fold = branches.events[branches.events.branch == branches.point_branch[lower]].parameter[0]
    n = 300
    pulse = dk.map_transitions(
        system, stable, {"up": np.ones((n, 1))}, rest=[0.0], n_settle=100, amplitudes=(0.0, 1.0)
    )
    beyond = pulse.critical_amplitudes[lower, 0] - fold
    assert 0 < beyond < 20 / n**2  # to pass the ghost of the fold takes about pi / sqrt(beyond) steps


# --- laws -----------------------------------------------------------------------------------------------


def test_every_point_finds_its_branch_and_each_branch_is_told_once():
    system = dk.catalog.tanh_network(np.diag([2.0, 3.0]), W_in=np.array([[1.0], [0.3]]))
    points = dk.find_fixed_points(system)
    assert len(points) == 9
    together = traced(system, drives=[[-2.0], [2.0]])
    for k in (0, 8):
        alone = traced(system, points=points[[k]], drives=[[-2.0], [2.0]])
        assert alone.n_branches == 1
        assert alone.point_branch.tolist() == [0]
        known = together[together.branch == together.point_branch[k]]
        assert_allclose(np.sort(alone.events.parameter), _events_of(together, known), atol=1e-12)
    backwards = traced(system, points=points[::-1], drives=[[-2.0], [2.0]])
    assert backwards.n_branches == together.n_branches == len(set(together.point_branch))
    assert_allclose(of_kind(backwards, "fold"), of_kind(together, "fold"), atol=1e-12)


def _events_of(branches, rows):
    return np.sort(branches.events.parameter[np.isin(branches.events.branch, np.unique(rows.branch))])


@pytest.mark.parametrize("kind", [torch.nn.GRUCell, torch.nn.LSTMCell, torch.nn.RNNCell])
def test_a_branch_meets_the_points_that_a_search_finds_under_each_drive(kind):
    cell = kind(2, 5)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for p in cell.parameters():
            p.uniform_(-2.5, 2.5, generator=generator)
    system = dk.as_system(cell)
    drives = np.array([[0.0, 0.0], [1.0, -0.5], [1.0, 1.5]])
    found = [dk.find_fixed_points(system, drive=u) for u in drives]
    branches = traced(system, points=found[1], drives=drives)
    assert (branches.point_branch >= 0).all()
    assert branches.residuals.max() < 1e-12
    assert branches.parameter_name == "position along the drives"
    assert {end for ends in branches.ends for end in ends} == {"range"}
    for k, points in enumerate(found):
        rows = branches[branches.parameter == k]
        assert len(rows)
        assert_allclose(rows.drives, np.broadcast_to(drives[k], rows.drives.shape), atol=1e-15)
        gaps = np.linalg.norm(rows.states[:, None] - points.states, axis=-1)
        assert gaps.min(axis=1).max() < 1e-9  # each arrives at a fixed point
        if k == 1:
            assert gaps.min(axis=0).max() < 1e-9  # and none of those given is missing


def test_stability_changes_at_events_only():
    cell = torch.nn.GRUCell(2, 6)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in cell.parameters():
            p.uniform_(-3, 3, generator=generator)
    branches = traced(dk.as_system(cell), drives=[[0.0, 0.0], [2.0, -1.0]])
    for k in range(branches.n_branches):
        arm = branches[branches.branch == k]
        event = np.isin(arm.parameter, branches.events.parameter)
        changes = np.flatnonzero(np.diff(np.ma.filled(arm.n_unstable, -1)))
        assert len(changes)
        assert (event[changes] | event[changes + 1]).all()


@pytest.mark.parametrize(("gap", "bend"), [(0.02, 15.0)])
def test_branches_side_by_side_are_not_mixed_up_in_a_bend(gap, bend):
    def step(x, u):
        y = x - torch.tanh(bend * u)
        return x - 0.3 / gap**2 * (y - gap) * y * (y + gap)

    system = dk.FunctionSystem(step, 1, 1, argument_order="state, input")
    starts = np.array([[-gap], [0.0], [gap]]) - np.tanh(bend)
    branches = traced(system, points=starts, drives=[[-1.0], [1.0]])
    assert branches.point_branch.tolist() == [0, 1, 2]
    for k, offset in enumerate((-gap, 0.0, gap)):
        arm = branches[branches.branch == k]
        assert_allclose(arm.states[:, 0] - np.tanh(bend * arm.parameter), offset, atol=1e-9)
    assert len(branches.events) == 0


def test_an_island_closes_on_itself():
    family = lambda mu: dk.FunctionSystem(lambda x: x + 0.1 * (1 - x**2 - mu**2), 1)  # noqa: E731
    branches = traced(family(0.0), points=[[1.0], [-1.0]], family=family, span=(-2.0, 2.0))
    assert branches.ends == (("closed", "closed"),)
    assert_allclose(of_kind(branches, "fold"), [-1, 1], atol=1e-14)
    assert_allclose(branches.states[:, 0] ** 2 + branches.parameter**2, 1, atol=1e-13)
    assert branches.point_branch.tolist() == [0, 0]


def test_units_that_are_alike_fold_at_one_place_and_nothing_is_lost():
    system = dk.catalog.tanh_network(2 * np.eye(2), W_in=np.ones((2, 1)))
    branches = traced(system, drives=[[-1.0], [1.0]])
    assert_allclose(np.abs(branches.events.parameter), 0.5328399753535520, atol=1e-10)
    assert (branches.point_branch >= 0).all()
    assert "lost" not in str(branches.ends)


@pytest.mark.parametrize("n", [1, 6])
def test_a_rectified_unit_folds_at_its_kink(n):
    W = 0.1 * np.random.default_rng(0).normal(size=(n, n)) * (1 - np.eye(n))
    W[0] = 0
    W[0, 0] = 2.0  # x = relu(2 x + u): x = 0 and x = -u for u < 0, nothing beyond
    column = np.eye(n)[:, :1] * 1.0
    system = ElmanCell(
        torch.tensor(column), torch.tensor(W), torch.full((n,), 0.1, dtype=torch.float64), "relu"
    )
    found = dk.find_fixed_points(system, drive=[-1.1])
    branches = traced(system, points=found, drives=[[-2.1], [0.9]])
    assert branches.n_branches == 1
    assert branches.events.kinds.tolist() == ["border collision"]
    assert branches.events.forms.tolist() == ["nonsmooth fold"]
    assert_allclose(branches.events.parameter, [-0.1], atol=1e-12)
    end = branches[branches.parameter == -2.1]
    assert_allclose(np.sort(end.states[:, 0]), [0, 2], atol=1e-12)


def test_a_kink_that_changes_stability_only_is_told_too():
    family = lambda mu: dk.FunctionSystem(  # noqa: E731
        lambda x: mu + torch.where(x < 0, 0.5 * x, -1.5 * x), 1, regularity="piecewise_linear"
    )
    branches = traced(family(-1.0), points=[-2.0], family=family, span=(-1.0, 1.0))
    assert branches.events.kinds.tolist() == ["border collision"]
    assert branches.events.forms.tolist() == ["persistence"]
    assert_allclose(branches.events.parameter, [0.0], atol=1e-9)
    assert branches.verdicts[branches.parameter < -1e-6].tolist().count("stable") > 1
    assert set(branches.verdicts[branches.parameter > 1e-6]) == {"unstable"}


def test_points_that_are_none_are_marked_and_their_neighbours_are_traced():
    branches = traced(dk.catalog.tanh_unit(2.0), points=[[0.3], [0.0]], drives=[[0.0], [1.0]])
    assert branches.point_branch.tolist() == [-1, 0]
    assert "1 given points are no fixed points" in repr(branches)
    empty = traced(dk.catalog.tanh_unit(2.0), points=np.zeros((0, 1)), drives=[[0.0], [1.0]])
    assert len(empty) == empty.n_branches == 0


def test_a_line_of_fixed_points_is_no_branch_and_says_so():
    system = dk.FunctionSystem(lambda x, u: torch.stack([x[:, 0], 0.5 * x[:, 1] + u[:, 0]], 1), 2, 1)
    branches = traced(system, points=[0.0, 0.0], drives=[[0.0], [1.0]])
    assert "lost" in branches.ends[0]


def test_falling_drives_and_rows_on_one_line_change_nothing():
    system = dk.catalog.tanh_unit(2.0)
    folds = of_kind(traced(system, drives=[[-1.0], [1.0]]), "fold")
    for drives in ([[1.0], [-1.0]], np.linspace(-1, 1, 41)[:, None]):
        assert_allclose(of_kind(traced(system, drives=drives), "fold"), folds, atol=1e-13)
    there_and_back = traced(system, drives=[[-1.0], [1.0], [-1.0]], points=[[-np.tanh(1.0)]])
    assert there_and_back.parameter_name == "position along the drives"
    assert there_and_back.point_branch.tolist() == [-1]


def test_the_ends_of_a_span_may_come_in_any_order_and_as_an_array():
    known = traced(dk.catalog.tanh_unit(2.0), family=dk.catalog.tanh_unit, span=(0.5, 3.0))
    for span in ([3.0, 0.5], np.array([0.5, 3.0])):
        again = traced(dk.catalog.tanh_unit(2.0), family=dk.catalog.tanh_unit, span=span)
        assert_allclose(again.events.parameter, known.events.parameter)
        assert_allclose(again.parameter, known.parameter)


def test_branches_come_back_from_disk(tmp_path):
    from dynakit.records import load_record

    branches = traced(dk.catalog.tanh_unit(2.0), drives=[[-1.0], [1.0]])
    branches.save(tmp_path / "b")
    assert load_record(tmp_path / "b") == branches
    assert next(iter(branches.events.table())) == "kinds"


# --- arguments ------------------------------------------------------------------------------------------

UNIT = dk.catalog.tanh_unit(2.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either drives or family"),
        ({"drives": [[0.0], [1.0]], "family": dk.catalog.tanh_unit}, "either drives or family"),
        ({"drives": [[0.0, 1.0], [1.0, 2.0]]}, r"drives must have shape \(row, 1\)"),
        ({"drives": [[0.0]]}, "drives must have at least two rows"),
        ({"drives": [[0.0], [1.0], [1.0]]}, "drives must move from row to row, but rows 1 and 2"),
        ({"drives": [[0.0], [np.nan]]}, "drives must be finite"),
        (
            {"drives": [[0.5], [1.0]]},
            r"drives must pass through the drive of every point, but not through \[0.0\]",
        ),
        ({"drives": [[0.0], [1.0]], "span": (0, 1)}, "span is the range of a family"),
        ({"family": 3}, "family must be a function"),
        ({"family": lambda mu: mu}, "family must return a System, got float"),
        ({"family": lambda mu: dk.catalog.henon(mu)}, "family must keep the sizes of system"),
        (
            {
                "family": lambda mu: (dk.catalog.tanh_unit if mu < 2.3 else dk.catalog.henon)(mu),
                "span": (1.0, 3.0),
            },
            "family must keep the sizes of system",
        ),
        ({"family": lambda mu: dk.catalog.tanh_unit(mu, 3.0)}, "system must be a member of family"),
        ({"family": dk.catalog.tanh_unit, "span": (3.0, 4.0)}, r"within span \(3, 4\)"),
        ({"family": dk.catalog.tanh_unit, "span": 3.0}, "span must be a pair"),
        ({"family": dk.catalog.tanh_unit, "span": (1.0, 1.0)}, "span must be"),
        ({"points": np.zeros((2, 3)), "drives": [[0.0], [1.0]]}, r"points must have shape \(\.\.\., 1\)"),
        ({"points": [[np.nan]], "drives": [[0.0], [1.0]]}, "points must be finite"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    points = arguments.get("points", dk.find_fixed_points(UNIT))
    with pytest.raises(InputError, match=message):
        dk.trace_fixed_points(UNIT, points, **{k: v for k, v in arguments.items() if k != "points"})


def test_drives_of_an_autonomous_system_and_jumps_are_refused():
    with pytest.raises(InputError, match="drives need a system with inputs"):
        dk.trace_fixed_points(dk.catalog.henon(), [0.0, 0.0], drives=np.zeros((2, 0)))
    jumping = dk.FunctionSystem(torch.sign, 1, regularity="discontinuous")
    with pytest.raises(InputError, match="jump"):
        dk.trace_fixed_points(jumping, [0.0], family=lambda mu: jumping)
