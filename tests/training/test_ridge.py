"""Ridge: the solution of the normal equations, what counts, blending, and two cycles held by one reservoir."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit import linalg
from dynakit.errors import InputError, NumericalError
from dynakit.models import GRU, LSTM, Elman, LeakyRNN, Reservoir
from dynakit.tasks import Cycles, FlipFlop, from_arrays
from dynakit.training import Ridge, train


def exactly(A, B, penalty):
    """(A^T A + diag(penalty))^-1 A^T B in rational numbers, by Gauss and Jordan."""
    A, B, penalty = ([[Fraction(float(v)) for v in row] for row in np.atleast_2d(M)] for M in (A, B, penalty))
    n, rows = len(A[0]), range(len(A))
    system = [
        [sum(A[t][i] * A[t][j] for t in rows) + (penalty[0][i] if i == j else 0) for j in range(n)]
        + [sum(A[t][i] * B[t][k] for t in rows) for k in range(len(B[0]))]
        for i in range(n)
    ]
    for i in range(n):
        pivot = next(k for k in range(i, n) if system[k][i])
        system[i], system[pivot] = system[pivot], system[i]
        system[i] = [v / system[i][i] for v in system[i]]
        for k in range(n):
            if k != i:
                system[k] = [v - system[k][i] * w for v, w in zip(system[k], system[i])]
    return np.array([[float(v) for v in row[n:]] for row in system])


@pytest.mark.parametrize(("spread", "beta", "lost"), [(0, 1e-2, 1e-14), (5, 1e-9, 1e-10), (7, 0.0, 1e-8)])
def test_ridge_is_the_solution_of_the_normal_equations(spread, beta, lost):
    rng = np.random.default_rng(0)
    A = rng.normal(size=(12, 5)) @ (np.diag(10.0 ** -np.linspace(0, spread, 5)) @ rng.normal(size=(5, 5)))
    B, penalty = rng.normal(size=(12, 2)), np.array([beta] * 4 + [0.0])
    X, condition = linalg.ridge(A, B, penalty)
    truth = exactly(A, B, penalty)
    assert (
        np.abs(X - truth).max() <= lost * np.abs(truth).max()
    )  # about the root of the condition, in units of 1e-16
    singular = np.linalg.svd(np.concatenate([A, np.diag(np.sqrt(penalty))]), compute_uv=False)
    assert 0.1 < condition / (singular[0] / singular[-1]) ** 2 < 10


def test_of_many_solutions_the_shortest():
    A, B = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]), np.array([[2.0], [0.0]])
    X, condition = linalg.ridge(A, B, np.zeros(3))
    assert_allclose(X[:, 0], [1.0, 1.0, 0.0], atol=1e-15)
    assert condition > 1e16


def regressed(model, trials, rows, beta, intercept=True):
    """The readout by NumPy's least squares on the stacked rows."""
    with torch.no_grad():
        twin = type(model)(**model.config()).double().eval()
        twin.load_state_dict({k: v.double() for k, v in model.state_dict().items()})
        q = twin.features(twin(trials.inputs.double()).states).numpy()[rows]
    n = q.shape[1]
    q = np.concatenate([q, np.full((len(q), 1), float(intercept))], 1)
    stacked = np.concatenate([q, np.sqrt(beta) * np.eye(n, n + 1)])
    return np.linalg.lstsq(
        stacked, np.concatenate([trials.targets.numpy()[rows], np.zeros((n, 2))]), rcond=None
    )[0]


MAKERS = {
    "reservoir": lambda: Reservoir(2, 20, 2, density=0.3, dt=0.1),
    "reservoir linear": lambda: Reservoir(2, 20, 2, density=0.3, form="discrete", readout="linear"),
    "elman": lambda: Elman(2, 20, 2),
    "gru": lambda: GRU(2, 20, 2),
    "lstm": lambda: LSTM(2, 20, 2),
    "leaky": lambda: LeakyRNN(2, 20, 2, activation="tanh", sigma_rec=0.1),
}


@pytest.mark.parametrize("name", MAKERS)
def test_every_linear_readout_can_be_solved_for(name):
    model, task = MAKERS[name](), FlipFlop(n_bits=2, n_steps=40)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    data = task.sample(8, seed=5)
    whole = from_arrays(data.inputs, data.targets)
    history = train(model, whole, Ridge(n_trials=8, washout=10, beta=0.1), seed=0)
    W, b = model.linear_readout()
    rows = np.s_[:, 10:]
    oracle = regressed(model, data, np.broadcast_to(np.arange(40) >= 10, (8, 40)), 0.1)
    assert_allclose(W.detach(), oracle[:-1].T, atol=2e-5 * (1 + np.abs(oracle).max()))
    assert_allclose(b.detach(), oracle[-1], atol=2e-5 * (1 + np.abs(oracle).max()))
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert changed in ({"W_out", "b_out"}, {"readout.weight", "readout.bias"})
    with torch.no_grad():
        outputs = model.eval()(data.inputs).outputs[rows]
    assert_allclose(history.losses, float((outputs - data.targets[rows]).square().mean()), rtol=1e-3)
    assert len(history) == 1
    assert history.condition > 1


def test_blending_weighs_the_rows_of_each_target():
    rng = np.random.default_rng(0)
    names = np.array(["b", "a"])[rng.integers(2, size=10)]
    inputs, targets = rng.normal(size=(10, 30, 2)), rng.normal(size=(10, 30, 2))
    task = from_arrays(inputs, targets, conditions={"name": names})
    answers = {}
    for blend in (0.3, {"a": 0.3, "b": 0.7}, {"a": 3.0, "b": 7.0}, None):
        model = MAKERS["reservoir"]()
        method = Ridge(beta=1e-2 * (100 if blend == {"a": 3.0, "b": 7.0} else 1), blend=blend, n_trials=10)
        train(model, task, method)
        answers[str(blend)] = model.W_out.detach().double().numpy()
    by_number, by_name, scaled, plain = answers.values()
    assert_allclose(by_name, by_number)
    assert_allclose(scaled, by_number, rtol=1e-4, atol=1e-5)  # 10 times the weights, 100 times beta
    assert np.abs(plain - by_number).max() > 1e-2
    # alpha = 1: the other target does not count
    model, alone = MAKERS["reservoir"](), MAKERS["reservoir"]()
    train(model, task, Ridge(blend=1.0, n_trials=10))
    train(
        alone,
        from_arrays(inputs[names == "a"], targets[names == "a"]),
        Ridge(n_trials=int((names == "a").sum())),
    )
    assert_allclose(model.W_out.detach(), alone.W_out.detach(), atol=1e-4)


def test_what_the_mask_leaves_out_does_not_count():
    rng = np.random.default_rng(1)
    inputs, targets = rng.normal(size=(4, 50, 2)), rng.normal(size=(4, 50, 2))
    mask = np.ones((4, 50, 2))
    mask[:, :20, 1] = 0  # of the second output only
    spoiled = targets.copy()
    spoiled[:, :20, 1] = 1e3
    one, other = MAKERS["reservoir"](), MAKERS["reservoir"]()
    train(one, from_arrays(inputs, targets, mask), Ridge(n_trials=4))
    train(other, from_arrays(inputs, spoiled, mask), Ridge(n_trials=4))
    assert torch.equal(one.W_out, other.W_out)
    with pytest.raises(InputError, match="washout=50 and the mask of the trials leave nothing to fit"):
        train(one, from_arrays(inputs, targets), Ridge(washout=50))


def words(**conditions):
    rng = np.random.default_rng(0)
    return from_arrays(rng.normal(size=(6, 9, 2)), rng.normal(size=(6, 9, 2)), conditions=conditions or None)


@pytest.mark.parametrize(
    ("task", "arguments", "message"),
    [
        (words(), {"blend": 0.5}, "by must say .* as 0 are in words: none"),
        (words(a=list("xyxyxy"), b=list("xyxyxy")), {"blend": 0.5}, "as 2 are in words: a, b"),
        (words(a=list("xyzxyz")), {"blend": 0.5}, "for two targets, but the trials show 3: x, y, z"),
        (words(a=list("xyzxyz")), {"blend": {"x": 1.0, "y": 1.0}}, "no weight for 'z'"),
        (words(a=list("xyxyxy")), {"blend": 0.5, "by": "c"}, "by must be one of 'a'"),
        (words(), {"by": "a"}, "give blend, too"),
        (words(), {"blend": 1.5}, "blend must be"),
        (words(), {"beta": -1.0}, "beta must be"),
        (words(), {"washout": -1}, "washout must be"),
    ],
)
def test_bad_settings_are_named(task, arguments, message):
    with pytest.raises(InputError, match=message):
        train(MAKERS["reservoir"](), task, Ridge(**{"n_trials": 6, **arguments}))


def test_readouts_that_cannot_be_solved_for_are_refused():
    with pytest.raises(InputError, match="signed_io=False"):
        train(LeakyRNN(2, 20, 2, dale="abs", signed_io=False), FlipFlop(n_bits=2), Ridge())
    model = LeakyRNN(2, 20, 2, spectral_radius=1e6)
    with pytest.raises(NumericalError, match="not finite from step"):
        train(model.double(), from_arrays(np.ones((2, 400, 2)), np.ones((2, 400, 2))), Ridge())


def test_one_reservoir_holds_two_circles_of_opposite_direction():
    dt, turn = 0.05, 126
    task = Cycles.seeing_double(x_cen=5.0, dt=dt, n_steps=12 * turn, cue_steps=4 * turn)
    model = Reservoir.for_task(task, 500, spectral_radius=1.4, dt=dt)
    history = train(model, task, Ridge(beta=1e-2, blend=0.5, washout=4 * turn, n_trials=2))
    assert history.scores[0] > 0.9999
    system = dk.as_system(model)
    loop = dk.ClosedLoop(system)
    start = system.trajectory(np.zeros(500), np.stack(list(task.cues().values())))[:, -1]
    y = loop.observe(loop.trajectory(start, 6 * turn)[:, -2 * turn :]).numpy()
    for orbit, centre, direction in ((y[0], 5.0, 1), (y[1], -5.0, -1)):
        z = orbit[:, 0] - centre + 1j * orbit[:, 1]
        assert_allclose(np.abs(z), 5.0, rtol=1e-3)
        assert_allclose(np.angle(z[1:] / z[:-1]).mean() / dt, direction, rtol=1e-4)
