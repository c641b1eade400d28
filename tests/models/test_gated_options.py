"""Gated networks with other functions, an early reset, dropout and other first values, against loops in NumPy."""

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.errors import InputError
from dynakit.models import ACTIVATIONS, GRU, LSTM, by_name, load, save
from dynakit.seeding import torch_stream
from dynakit.training import RTRL

HARD = {
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "hard_sigmoid": lambda a: np.minimum(np.maximum(a + 3, 0), 6) / 6,
    "hard_sigmoid_keras2": lambda a: np.clip(0.2 * a + 0.5, 0, 1),
}
F = {"tanh": np.tanh, "relu": lambda a: np.maximum(a, 0)}
U = np.random.default_rng(0).normal(size=(9, 3))
X0 = np.random.default_rng(1).normal(size=14)


def grown(model):
    """Weights large enough for gates to close and to open."""
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(4.0)
    return model.double()


def run(model, x0, **kwargs):
    return model(torch.from_numpy(U)[None], torch.from_numpy(x0), **kwargs).states[0].detach().numpy()


def lstm_loop(model, heard):
    W_ih, W_hh, b_ih, b_hh = (p.detach().numpy() for p in model.rnn.parameters())
    s, f = HARD[model.recurrent_activation], F[model.activation]
    h, c, states = X0[:7], X0[7:], []
    for u in U:
        i, keep, g, o = np.split(W_ih @ u + b_ih + W_hh @ (h * heard) + b_hh, 4)
        c = s(keep) * c + s(i) * f(g)
        h = s(o) * f(c)
        states.append(np.r_[h, c])
    return np.array(states)


def gru_loop(model, heard):
    (U_r, U_z, U_n), (W_r, W_z, W_n), (b_r, b_z, b_n), (c_r, c_z, c_n) = (
        np.split(p.detach().numpy(), 3) for p in model.rnn.parameters()
    )
    s, f = HARD[model.recurrent_activation], F[model.activation]
    h, states = X0[:7], []
    for u in U:
        known = h * heard
        r, z = s(U_r @ u + b_r + W_r @ known + c_r), s(U_z @ u + b_z + W_z @ known + c_z)
        late = r * (W_n @ known + c_n) if model.reset == "after" else W_n @ (r * known) + c_n
        h = (1 - z) * f(U_n @ u + b_n + late) + z * h
        states.append(h)
    return np.array(states)


@pytest.mark.parametrize("gates", HARD)
@pytest.mark.parametrize("activation", F)
def test_an_lstm_is_what_its_options_say(gates, activation):
    model = grown(LSTM(3, 7, 2, recurrent_activation=gates, activation=activation))
    np.testing.assert_allclose(run(model, X0), lstm_loop(model, 1.0), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("gates", HARD)
@pytest.mark.parametrize("activation", F)
@pytest.mark.parametrize("reset", ["after", "before"])
def test_a_gru_is_what_its_options_say(gates, activation, reset):
    model = grown(GRU(3, 7, 2, recurrent_activation=gates, activation=activation, reset=reset))
    np.testing.assert_allclose(run(model, X0[:7]), gru_loop(model, 1.0), rtol=1e-12, atol=1e-13)


def test_the_two_hard_sigmoids_are_two_functions():
    one = torch.tensor([1.0], dtype=torch.float64)
    assert dk.models.gate("hard_sigmoid").function(one).item() == pytest.approx(2 / 3, rel=1e-15)
    assert dk.models.gate("hard_sigmoid_keras2").function(one).item() == pytest.approx(0.7, rel=1e-15)
    for name in ("hard_sigmoid", "hard_sigmoid_keras2"):
        low, high = dk.models.gate(name).kinks
        x = torch.tensor([low - 1, low, 0.0, high, high + 1], dtype=torch.float64)
        assert dk.models.gate(name).function(x).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]
        inner = torch.linspace(low - 1, high + 1, 53, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(dk.models.gate(name).function(inner).sum(), inner)
        torch.testing.assert_close(dk.models.gate(name).slope(inner), slope, rtol=1e-14, atol=0)
    torch.testing.assert_close(
        dk.models.gate("hard_sigmoid").function(x), torch.nn.functional.hardsigmoid(x), rtol=0, atol=1e-15
    )


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_without_options_torchs_own_kernel_runs(kind):
    model, inputs = kind(3, 7, 2, recurrent_dropout=0.3).eval(), torch.randn(4, 9, 3)
    expected = model.rnn(inputs.transpose(0, 1))[0].transpose(0, 1)
    assert torch.equal(model(inputs).states[..., :7], expected)
    assert torch.equal(model(inputs).states, kind(3, 7, 2)(inputs).states)


@pytest.mark.parametrize(("kind", "loop", "size"), [(LSTM, lstm_loop, 14), (GRU, gru_loop, 7)])
def test_dropout_keeps_one_mask_for_a_sequence(kind, loop, size):
    model = grown(kind(3, 7, 2, recurrent_dropout=0.4)).train()
    drawn = torch.rand((1, 7), generator=torch_stream(0, "mask"), dtype=torch.float64)
    heard = (drawn >= 0.4).double().numpy()[0] / 0.6
    assert 0 < (heard == 0).sum() < 7
    got = run(model, X0[:size], generator=torch_stream(0, "mask"))
    np.testing.assert_allclose(got, loop(model, heard), rtol=1e-12, atol=1e-13)
    assert not np.allclose(got, run(model, X0[:size], generator=torch_stream(1, "mask")))
    np.testing.assert_allclose(run(model.eval(), X0[:size]), loop(model, 1.0), rtol=1e-12, atol=1e-13)


def test_each_trial_has_its_own_mask_of_the_right_size():
    model = GRU(1, 500, 1, recurrent_dropout=0.25).train()
    W = model.rnn.weight_hh_l0.detach()
    with torch.no_grad():
        W.copy_(torch.cat([torch.zeros(1000, 500), torch.eye(500)]))
        for p in (model.rnn.weight_ih_l0, model.rnn.bias_ih_l0, model.rnn.bias_hh_l0):
            p.zero_()
    start, end = 1e-3, model(torch.zeros(2, 1, 1), torch.full((2, 500), 1e-3)).states[:, 0] / 1e-3
    heard = (end - 0.5) * 4  # h' = h / 2 + tanh(heard / 2) / 2
    assert torch.allclose(heard[heard > 0.1], torch.tensor(1 / 0.75), atol=start)
    assert 0.18 < float((heard < 0.1).float().mean()) < 0.32
    assert not torch.equal(heard[0] < 0.1, heard[1] < 0.1)


def test_dropout_is_off_in_analysis_and_refused_where_it_cannot_be():
    model = LSTM(2, 6, 1, recurrent_dropout=0.5).train()
    inputs = torch.randn(3, 8, 2, generator=torch.Generator().manual_seed(0))
    plain = LSTM(2, 6, 1)
    np.testing.assert_array_equal(dk.record(model, inputs).states, dk.record(plain, inputs).states)
    assert dk.as_system(model).fingerprint == dk.as_system(plain).fingerprint
    with pytest.raises(InputError, match="recurrent_dropout"):
        model.gates(inputs, model(inputs).states)
    task = dk.tasks.FlipFlop(n_bits=2, n_steps=10)
    with pytest.raises(InputError, match="noise in its states"):
        dk.train(LSTM.for_task(task, 4, recurrent_dropout=0.5), task, RTRL(max_updates=1))


@pytest.mark.parametrize(("kind", "gates"), [(LSTM, 4), (GRU, 3)])
def test_keras_values_are_drawn_for_all_gates_as_one_matrix(kind, gates):
    model = kind(3, 60, 2, init="keras")
    W, U_in = model.rnn.weight_hh_l0.detach(), model.rnn.weight_ih_l0.detach()
    torch.testing.assert_close(W.T @ W, torch.eye(60), rtol=0, atol=1e-5)
    for block in W.chunk(gates):  # so a gate has a fourth, or a third, of the squared norm
        assert block.square().sum() == pytest.approx(60 / gates, rel=0.15)
        assert 0.4 < float(torch.linalg.eigvals(block).abs().max()) < 0.75
    limit = (6 / (3 + gates * 60)) ** 0.5
    assert 0.98 * limit < float(U_in.abs().max()) <= limit
    bias = (model.rnn.bias_ih_l0 + model.rnn.bias_hh_l0).detach()
    assert bias.tolist() == ([0.0] * 60 + [1.0] * 60 + [0.0] * 120 if kind is LSTM else [0.0] * 180)
    assert not LSTM(3, 5, 2, init="keras", forget_bias=0.0).rnn.bias_ih_l0.any()


def test_options_are_saved_and_said(tmp_path):
    model = GRU(2, 4, 1, reset="before", recurrent_activation="hard_sigmoid", recurrent_dropout=0.2)
    save(model, tmp_path / "net")
    again = load(tmp_path / "net")
    assert again.config() == model.config()
    assert "reset='before'" in repr(model)
    assert "hard_sigmoid" in repr(again)
    systems = [dk.as_system(m) for m in (model, again, GRU(2, 4, 1, reset="before"), GRU(2, 4, 1))]
    assert systems[0].fingerprint == systems[1].fingerprint
    assert len({system.fingerprint for system in systems}) == 3  # the map, not the weights alone


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LSTM(2, 3, 1, recurrent_activation="hard"), "recurrent_activation must be"),
        (lambda: GRU(2, 3, 1, activation="tan"), "activation.*did you mean 'tanh'"),
        (lambda: GRU(2, 3, 1, reset="late"), "reset must be"),
        (lambda: LSTM(2, 3, 1, recurrent_dropout=1.0), "recurrent_dropout must be"),
        (lambda: GRU(2, 3, 1, init="orthogonal"), "init must be"),
    ],
)
def test_unknown_options_are_refused_in_a_sentence(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_gates_are_no_activations_of_rate_networks():
    assert "hard_sigmoid" not in ACTIVATIONS
    assert by_name("gru") is GRU


# --- as systems


def test_a_hard_lstm_has_its_one_point_certified_inside_its_box():
    model = LSTM(1, 4, 1, recurrent_activation="hard_sigmoid").double()
    system = dk.as_system(model)
    box = system.box()
    x = box.lo + (box.hi - box.lo) * torch.rand(500, 8, generator=torch.Generator().manual_seed(0)).double()
    after = system.step(x)
    assert bool(((after > box.lo) & (after < box.hi)).all())
    points = dk.find_fixed_points(system)
    assert points.completeness == "consistent"
    assert points.certified.all()
    assert system.regularity == "smooth"


@pytest.mark.parametrize("reset", ["after", "before"])
def test_a_gate_that_can_be_one_leaves_no_box(reset):
    """A unit whose update gate is 1 stands wherever it is."""
    model = GRU(1, 2, 1, reset=reset, recurrent_activation="hard_sigmoid").double()
    assert dk.as_system(model).box() is not None
    with torch.no_grad():
        model.rnn.bias_ih_l0[2:4] = 8.0
    system = dk.as_system(model)
    assert system.box() is None
    torch.testing.assert_close(system.step([0.3, -0.4]), torch.tensor([0.3, -0.4], dtype=torch.float64))
    assert LSTM(1, 2, 1, activation="relu") is not None
    assert dk.as_system(LSTM(1, 2, 1, activation="relu")).box() is None


def test_a_point_on_the_kink_of_a_gate_is_seen_there():
    """One unit, h = z h + (1 - z) n with a_z = 3 in its point: stable on either side, and the kink is known."""
    model = GRU(1, 1, 1, recurrent_activation="hard_sigmoid").double()
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
        model.rnn.weight_hh_l0[1] = 2.0  # a_z = 2 h - 3: z = 0 for h < 0, rising beyond
        model.rnn.bias_ih_l0[1] = -3.0
    system = dk.as_system(model)
    assert system.kinks([0.0]).item() == 0.0
    assert system.kinks([0.25]).item() == pytest.approx(0.5)
    points = dk.find_fixed_points(system, [[0.1], [-0.1]])
    assert points.states.tolist() == [[0.0]]
    assert points.verdicts.tolist() == ["stable"]
