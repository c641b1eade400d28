"""Contracts that every recurrent model keeps, and the LSTM against an independent loop."""

import math

import numpy as np
import pytest
import torch

from dynakit import as_system
from dynakit.errors import InputError
from dynakit.models import (
    GRU,
    LIF,
    LSTM,
    MODELS,
    BidirectionalElman,
    BidirectionalLSTM,
    Elman,
    FullyConnected,
    LeakyRNN,
    MemoryBlocks,
    Reservoir,
    SpikingNetwork,
    SpikingRNN,
    WindowedMLP,
    by_name,
)

VARIANTS = {
    "elman": lambda: Elman(3, 7, 2),
    "elman relu": lambda: Elman(3, 7, 2, activation="relu"),
    "elman sigmoid": lambda: Elman(3, 7, 2, activation="sigmoid"),
    "fully connected": lambda: FullyConnected(3, 7, 2),
    "fully connected, no bias": lambda: FullyConnected(3, 7, 2, activation="tanh", bias=False),
    "gru": lambda: GRU(3, 7, 2),
    "memory blocks": lambda: MemoryBlocks(3, 7, 2),
    "memory blocks, wide": lambda: MemoryBlocks(3, 7, 2, block_size=7, biases="all", output_bias=[-1.0]),
    "window": lambda: WindowedMLP(3, 7, 2, before=4),
    "window, none": lambda: WindowedMLP(3, 7, 2, before=0, activation="relu"),
    "bidirectional lstm": lambda: BidirectionalLSTM(3, 7, 2),
    "bidirectional elman": lambda: BidirectionalElman(3, 7, 2),
    "window ahead": lambda: WindowedMLP(3, 7, 2, before=2, after=3),
    "lstm": lambda: LSTM(3, 7, 2),
    "peepholes": lambda: LSTM(3, 7, 2, peepholes=True),
    "lstm hard": lambda: LSTM(3, 7, 2, recurrent_activation="hard_sigmoid", recurrent_dropout=0.4),
    "lstm softplus": lambda: LSTM(3, 7, 2, activation="softplus", peepholes=True),
    "lstm hard, Keras 2": lambda: LSTM(3, 7, 2, recurrent_activation="hard_sigmoid_keras2", init="keras"),
    "gru early": lambda: GRU(3, 7, 2, reset="before", recurrent_dropout=0.2),
    "gru hard": lambda: GRU(3, 7, 2, recurrent_activation="hard_sigmoid", init="glorot"),
    "leaky": lambda: LeakyRNN(3, 7, 2, dale="abs", sigma_rec=0.1),
    "leaky rate": lambda: LeakyRNN(3, 7, 2, form="rate", activation="tanh", mask_rec=np.eye(7)),
    "leaky rectified": lambda: LeakyRNN(3, 7, 2, form="rectified", autapses=False),
    "leaky, a tau per unit": lambda: LeakyRNN(3, 7, 2, tau=range(20, 90, 10), sigma_rec=0.1),
    "reservoir": lambda: Reservoir(3, 7, 2, density=0.5, dt=0.1, bias=0.3),
    "reservoir discrete": lambda: Reservoir(3, 7, 2, density=0.5, form="discrete", readout="linear"),
    "lif": lambda: LIF(3, 7, 2, tau_syn=4.0, refractory=2.0),
    "lif bare": lambda: LIF(3, 7, 2, tau=math.inf, tau_readout=None, reset="zero"),
    "lif, a tau per neuron": lambda: LIF(3, 7, 2, tau=[5.0, 10.0, 20.0, 30.0, 50.0, 90.0, math.inf]),
    "spiking, a tau per neuron": lambda: SpikingRNN(3, 7, 2, tau=[5.0, 10.0, 20.0, 30.0, 50.0, 90.0, 100.0]),
    "spiking": lambda: SpikingRNN(3, 7, 2),
    "spiking rate": lambda: SpikingRNN(3, 7, 2, form="rate"),
}


CAUSAL = [name for name, make in VARIANTS.items() if make().causal]


@pytest.fixture(params=CAUSAL)
def model(request):
    return VARIANTS[request.param]().eval()


@pytest.fixture
def inputs():
    return torch.randn(4, 9, 3, generator=torch.Generator().manual_seed(0))


def test_every_registered_model_is_covered():
    assert {type(make()) for make in VARIANTS.values()} == set(MODELS.values())


def test_states_say_the_outputs_and_a_step_is_the_run(model, inputs):
    with torch.no_grad():
        outputs, states = model(inputs)
        torch.testing.assert_close(model.read(states), outputs, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(model.step(states[:, 3], inputs[:, 4]), states[:, 4], rtol=1e-5, atol=1e-6)


def test_state_is_markov(model, inputs):
    """Running on from any state with the rest of the inputs gives the rest of the trajectory."""
    whole = model(inputs)
    rest = model(inputs[:, 5:], whole.states[:, 4])
    torch.testing.assert_close(rest.states, whole.states[:, 5:], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(rest.outputs, whole.outputs[:, 5:], rtol=1e-5, atol=1e-6)
    assert whole.states.shape == (4, 9, model.state_size)
    assert model.rates(whole.states).shape == (4, 9, 7)


def test_batch_equals_loop_and_x0_is_spread(model, inputs):
    x0 = torch.randn(model.state_size, generator=torch.Generator().manual_seed(1))
    whole = model(inputs, x0)
    for k in range(len(inputs)):
        alone = model(inputs[k : k + 1], x0[None])
        torch.testing.assert_close(alone.states[0], whole.states[k], rtol=1e-5, atol=1e-6)


def test_states_can_be_differentiated(model):
    if isinstance(model, SpikingNetwork):
        return  # jumps; their surrogates are compared in test_spiking.py
    model.double()
    x0 = (
        torch.randn(2, model.state_size, generator=torch.Generator().manual_seed(1)).double().requires_grad_()
    )
    inputs = torch.randn(2, 3, 3, generator=torch.Generator().manual_seed(2)).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda u, x: model(u, x), (inputs, x0))


def test_seed_decides_and_the_callers_generator_is_untouched():
    for make in VARIANTS.values():
        before = torch.get_rng_state()
        first, second = make(), make()
        assert torch.equal(before, torch.get_rng_state())
        for a, b in zip(first.parameters(), second.parameters(), strict=True):
            assert torch.equal(a, b)
        config = {**first.config(), "seed": 1}
        assert any(
            not torch.equal(a, b) for a, b in zip(first.parameters(), type(first)(**config).parameters())
        )


def test_eval_draws_nothing(model, inputs):
    before = torch.get_rng_state()
    model(inputs)
    assert torch.equal(before, torch.get_rng_state())


BAD_CALLS = [
    (lambda m, u: (u[0],), r"inputs must have shape \(trial, time, 3\)"),
    (lambda m, u: (u[..., :2],), "inputs must have shape"),
    (lambda m, u: (u[:, :0],), "at least one step"),
    (lambda m, u: (u.double(),), "inputs must be torch.float32"),
    (lambda m, u: (u.numpy(),), "inputs must be a torch tensor"),
    (lambda m, u: (u, torch.zeros(m.state_size + 1)), "x0 must have shape"),
    (lambda m, u: (u, torch.zeros(3, m.state_size)), "x0 must have shape"),
    (lambda m, u: (u, torch.zeros(4, m.state_size).double()), "x0 must be torch.float32"),
]


@pytest.mark.parametrize(("call", "message"), BAD_CALLS)
def test_bad_calls_are_named(model, inputs, call, message):
    with pytest.raises(InputError, match=message):
        model(*call(model, inputs))


@pytest.mark.parametrize("name", sorted(set(VARIANTS) - set(CAUSAL)))
def test_a_network_that_sees_ahead_has_no_step_and_is_no_system(name, inputs):
    model = VARIANTS[name]()
    with pytest.raises(InputError, match="is not causal"):
        model.step(torch.zeros(4, model.state_size), inputs[:, 0])
    with pytest.raises(InputError, match="is not causal: its outputs depend on what is still to come"):
        as_system(model)


@pytest.mark.parametrize("name", ["bidirectional lstm", "bidirectional elman"])
def test_both_directions_together_say_what_the_whole_says(name, inputs):
    model = VARIANTS[name]()
    forward, backward = (model.direction(way) for way in ("forward", "backward"))
    parts = forward(inputs).outputs + backward(inputs.flip(1)).outputs.flip(1)
    torch.testing.assert_close(parts, model(inputs).outputs, rtol=1e-5, atol=1e-6)
    rates = forward.rates(forward(inputs).states)
    torch.testing.assert_close(model(inputs).states[..., :7], rates, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["bidirectional lstm", "bidirectional elman"])
def test_the_backward_direction_begins_at_the_end_of_each_trial(name, inputs):
    model, lengths = VARIANTS[name](), torch.tensor([9, 4, 6, 1])
    padded = inputs.clone()
    for k, end in enumerate(lengths):
        padded[k, end:] = 1e3
    together = model(padded, lengths=lengths).outputs
    for k, end in enumerate(lengths):
        torch.testing.assert_close(together[k, :end], model(inputs[k : k + 1, :end]).outputs[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("lengths", [[9, 4, 6, 0], [10, 1, 1, 1], [9, 4, 6], [1.0] * 4, [[1], [2, 3], [4], [5]], 3])
def test_lengths_that_are_no_steps_of_the_trials_are_refused(lengths, inputs):
    with pytest.raises(InputError, match="lengths must"):
        BidirectionalLSTM(3, 7, 2)(inputs, lengths=lengths)


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor])
def test_biases_of_blocks_may_be_given_in_any_row(kind):
    model = MemoryBlocks(3, 4, 2, block_size=2, input_bias=kind([-1.0, -2.0]))
    assert model.b_rec[:2].tolist() == [-1.0, -2.0]
    assert list(model.config()["input_bias"]) == [-1.0, -2.0]


@pytest.mark.parametrize("peepholes", [False, True])
def test_the_gates_of_a_run_are_those_that_made_its_cells(inputs, peepholes):
    model = LSTM(3, 7, 2, peepholes=peepholes)
    states = model(inputs).states
    gates, c = model.gates(inputs, states), states[..., 7:]
    before = torch.cat([torch.zeros(4, 1, 7), c[:, :-1]], 1)
    torch.testing.assert_close(gates["f"] * before + gates["i"] * gates["g"], c, rtol=1e-5, atol=1e-6)


def test_chrono_cells_live_for_times_up_to_the_longest():
    model = LSTM(3, 400, 2, chrono=100.0)
    b_ih, b_hh = (bias.detach() for bias in (model.rnn.bias_ih_l0, model.rnn.bias_hh_l0))
    times = b_ih[400:800].exp()  # 1 / (1 - f) = 1 + e^b
    assert times.min() >= 1
    assert times.max() <= 99
    assert times.mean() == pytest.approx(50, abs=5)  # uniform
    assert torch.equal(b_ih[:400], -b_ih[400:800])
    assert not b_hh[:800].any()


def test_glorot_weights_are_orthogonal_where_they_recur():
    model = LSTM(3, 6, 2, init="glorot", forget_bias=1.0)
    for W in model.rnn.weight_hh_l0.detach().chunk(4):
        torch.testing.assert_close(W @ W.T, torch.eye(6), rtol=0, atol=1e-5)
    bias = (model.rnn.bias_ih_l0 + model.rnn.bias_hh_l0).detach()
    assert torch.equal(bias, torch.tensor([0.0] * 6 + [1.0] * 6 + [0.0] * 12))
    limit = math.sqrt(6 / (3 + 6))
    assert 0.5 * limit < model.rnn.weight_ih_l0.abs().max() <= limit


def test_a_window_is_a_perceptron_of_what_it_holds(inputs):
    model = WindowedMLP(3, 7, 2, before=2, after=1)
    line = torch.cat([torch.zeros(4, 2, 3), inputs, torch.zeros(4, 1, 3)], 1)
    for t in range(9):
        said = model.readout(torch.tanh(model.hidden(line[:, t : t + 4].flatten(1))))
        torch.testing.assert_close(model(inputs).outputs[:, t], said)


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_window_goes_on_from_any_state_with_the_inputs_that_follow(after, inputs):
    model = WindowedMLP(3, 7, 2, before=2, after=after)
    whole = model(inputs)
    rest = model(inputs[:, 5:], whole.states[:, 4])
    torch.testing.assert_close(rest.states, whole.states[:, 5:])


@pytest.mark.parametrize(
    ("sizes", "settings", "n_weights"),
    [
        ((7, 4, 7), {}, 264),  # Hochreiter and Schmidhuber 1997, table 1
        ((7, 6, 7), {"block_size": 2}, 276),
        ((2, 4, 1), {"block_size": 2, "biases": "all"}, 93),  # table 7
        ((8, 4, 4), {"block_size": 2, "biases": "all"}, 156),  # table 9
        ((8, 6, 8), {"block_size": 2, "biases": "all"}, 308),
    ],
)
def test_memory_blocks_have_the_published_numbers_of_weights(sizes, settings, n_weights):
    assert sum(p.numel() for p in MemoryBlocks(*sizes, **settings).parameters()) == n_weights


def test_memory_blocks_are_the_published_equations():
    model = MemoryBlocks(2, 4, 3, block_size=2, input_bias=-0.5, output_bias=[-1.0, -2.0], scale=0.8).double()
    u, rng = torch.randn(1, 6, 2, dtype=torch.float64), np.random.default_rng(0)
    x0 = torch.tensor(rng.normal(size=12))
    s = lambda a: 1 / (1 + np.exp(-a))  # noqa: E731
    W_in, W, W_out = (p.detach().numpy() for p in (model.W_in, model.W_rec, model.W_out))
    heard, c = x0.numpy()[:8], x0.numpy()[8:]
    for now in u[0].numpy():
        a = W_in @ now + W @ heard + np.r_[np.zeros(4), -0.5, -0.5, -1.0, -2.0]
        i, o = s(a[4:6]), s(a[6:])
        c = c + np.repeat(i, 2) * (4 * s(a[:4]) - 2)
        heard = np.r_[np.repeat(o, 2) * (2 * s(c) - 1), i, o]
    outputs, states = model(u, x0)
    np.testing.assert_allclose(states[0, -1].detach().numpy(), np.r_[heard, c], rtol=1e-12)
    np.testing.assert_allclose(outputs[0, -1].detach().numpy(), s(W_out @ heard[:4]), rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LSTM(2, 4, 1, forget_bias=1.0, chrono=50), "forget_bias and chrono both say"),
        (lambda: LSTM(2, 4, 1, chrono=2), "chrono must be"),
        (lambda: LSTM(2, 4, 1, init="orthogonal"), "init must be"),
        (lambda: GRU(2, 4, 1).gates(torch.zeros(1, 3, 2), torch.zeros(1, 3, 4)), "has no gates that could saturate"),
        (lambda: MemoryBlocks(2, 5, 1, block_size=2), "must be a multiple of block_size=2, got 5"),
        (lambda: MemoryBlocks(2, 4, 1, output_bias=[-1.0, -2.0]), "output_bias must be one number or one per block, 4"),
        (lambda: MemoryBlocks(2, 4, 1).linear_readout(), "logistic units"),
        (lambda: WindowedMLP(2, 4, 1, before=-1), "before must be at least 0"),
        (lambda: BidirectionalLSTM(2, 4, 1).direction("left"), "name must be"),
        (lambda: BidirectionalLSTM(2, 4, 1)(torch.zeros(1, 3, 2), torch.zeros(8)), "x0 must be None"),
        (lambda: FullyConnected(2, 4, 1).linear_readout(), "its outputs are units of the layer"),
        (lambda: FullyConnected(2, 4, 1, bias="no"), "bias must be True or False, got 'no'"),
        (lambda: LSTM(2, 4, 1, peepholes=1), "peepholes must be True or False, got 1"),
        (lambda: MemoryBlocks(2, 4, 1, output_bias=float("nan")), "output_bias must be a finite number, got nan$"),
    ],
)
def test_bad_sizes_and_calls_are_refused_in_a_sentence(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_lstm_says_what_its_state_is(inputs):
    with pytest.raises(InputError, match=r"x0 must have shape \(14,\).*got \(7,\).*LSTM is \[h, c\]"):
        LSTM(3, 7, 2)(inputs, torch.zeros(7))


def test_lstm_cells_are_those_of_torch(inputs):
    model = LSTM(3, 7, 2)
    x0 = torch.randn(14, generator=torch.Generator().manual_seed(1))
    h, (_, c_n) = model.rnn(
        inputs.transpose(0, 1), (x0[:7].expand(1, 4, 7).contiguous(), x0[7:].expand(1, 4, 7).contiguous())
    )
    states = model(inputs, x0).states
    torch.testing.assert_close(states[..., :7], h.transpose(0, 1), rtol=0, atol=0)
    torch.testing.assert_close(states[:, -1, 7:], c_n[0], rtol=0, atol=1e-6)


def lstm_loop(model, u, h, c):
    """The equations, one unit block after the other, in NumPy."""

    def s(x):
        return 1 / (1 + np.exp(-x))

    W_ih, W_hh, b_ih, b_hh = (p.detach().numpy() for p in model.rnn.parameters())
    p_i, p_f, p_o = model.peephole.detach().numpy() if model.peepholes else np.zeros((3, len(h)))
    n, states = len(h), []
    for u_t in u:
        a = W_ih @ u_t + b_ih + W_hh @ h + b_hh
        i, f, g = s(a[:n] + p_i * c), s(a[n : 2 * n] + p_f * c), np.tanh(a[2 * n : 3 * n])
        c = f * c + i * g
        o = s(a[3 * n :] + p_o * c)  # sees the new c
        h = o * np.tanh(c)
        states.append(np.concatenate([h, c]))
    return np.array(states)


@pytest.mark.parametrize("peepholes", [False, True])
def test_lstm_equations(peepholes, rng):
    model = LSTM(3, 7, 2, peepholes=peepholes).double()
    u, x0 = rng.normal(size=(11, 3)), rng.normal(size=14)
    got = model(torch.from_numpy(u)[None], torch.from_numpy(x0)).states[0].detach()
    np.testing.assert_allclose(got, lstm_loop(model, u, x0[:7], x0[7:]), rtol=1e-12, atol=1e-13)


def test_peepholes_of_zero_change_nothing(inputs):
    plain, peep = LSTM(3, 7, 2), LSTM(3, 7, 2, peepholes=True)
    assert plain.peephole is None
    with torch.no_grad():
        peep.peephole.zero_()
    torch.testing.assert_close(peep(inputs).states, plain(inputs).states, rtol=1e-5, atol=1e-6)


def test_by_name():
    assert by_name("gru") is GRU
    assert by_name("LeakyRNN") is LeakyRNN
    with pytest.raises(InputError, match="did you mean 'lstm'"):
        by_name("lsmt")
