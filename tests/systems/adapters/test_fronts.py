"""Layers behind embeddings and encoders: the whole network is taken, and is the layer under what it is handed."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk
from dynakit.errors import InputError

from ..members import Encoded, K, M, N, encoded, seeded


class LanguageModel(nn.Module):
    """Tokens, time first, with a state and tied weights, as in torch's example."""

    def __init__(self, n_tokens=6):
        super().__init__()
        self.drop, self.encoder = nn.Dropout(0.2), nn.Embedding(n_tokens, N)
        self.rnn, self.decoder = nn.LSTM(N, N), nn.Linear(N, n_tokens)
        self.decoder.weight = self.encoder.weight

    def forward(self, tokens, hidden):
        output, hidden = self.rnn(self.drop(self.encoder(tokens)), hidden)
        return F.log_softmax(self.decoder(self.drop(output)).flatten(0, 1), dim=1), hidden


class Policy(nn.Module):
    """An observation and a state in; logits, a value and the next state out."""

    def __init__(self):
        super().__init__()
        self.enc, self.core = nn.Sequential(nn.Linear(M, 4), nn.Tanh()), nn.GRUCell(4, N)
        self.pi, self.v = nn.Linear(N, K), nn.Linear(N, 1)

    def forward(self, obs, state):
        state = self.core(self.enc(obs), state)
        return self.pi(state), self.v(state).squeeze(-1), state


def test_a_language_model_takes_one_hot_tokens_and_says_what_its_forward_says():
    model = seeded(LanguageModel).eval()
    tokens = torch.randint(6, (30, 4), generator=torch.Generator().manual_seed(0))
    zeros = torch.zeros(1, 4, N)
    with torch.no_grad():
        theirs = model(tokens, (zeros, zeros))[0].unflatten(0, (30, 4)).transpose(0, 1)
    record = dk.record(model, F.one_hot(tokens, 6).double(), time_axis=0)
    assert_allclose(record.outputs, theirs, atol=1e-5)
    assert type(model.encoder) is nn.Embedding
    assert model.decoder.weight is model.encoder.weight


def test_tokens_by_number_are_refused_with_the_call_that_makes_them_one_hot():
    model, inputs = seeded(LanguageModel), torch.arange(12).reshape(3, 4) % 6
    with pytest.raises(dk.InputError, match=r"one_hot\(inputs, 6\)\.double\(\)$"):
        dk.record(model, inputs)
    assert len(dk.record(model, F.one_hot(inputs, 6).double(), time_axis=1)) == 3


def test_no_states_have_no_answers():
    system = dk.as_system(seeded(LanguageModel))
    assert system.observe(torch.zeros(0, 2 * N)).shape == (0, 6)
    assert system.step(torch.zeros(0, 2 * N), torch.zeros(0, 6)).shape == (0, 2 * N)


def test_fixed_points_under_a_token_are_those_of_the_layer_under_its_row():
    model = seeded(LanguageModel, scale=2.0)
    bare = dk.as_system(model.rnn)
    points = dk.find_fixed_points(dk.as_system(model), drive=np.eye(6)[2], seed=0)
    expected = dk.find_fixed_points(bare, drive=model.encoder.weight[2].detach(), seed=0)
    assert points.certified.tolist() == expected.certified.tolist() == [True] * len(expected)
    assert_allclose(points.states, expected.states, atol=1e-9)
    assert (points.completeness, points.degree) == (expected.completeness, expected.degree)


def test_a_policy_is_read_out_by_its_logits():
    model = seeded(Policy)
    system = dk.as_system(model)
    assert (system.input_size, system.state_size, system.output_size) == (M, N, K)
    obs, x = torch.randn(7, M), torch.randn(7, N)
    logits, _, state = model(obs, x)
    assert_allclose(system.step(x, obs), state.detach(), atol=1e-6)
    assert_allclose(system.observe(state.detach()), logits.detach(), atol=1e-6)


def test_a_readout_of_ones_own_is_put_on_what_lies_behind_the_front():
    system = dk.as_system(seeded(Policy), readout="v")
    assert (system.input_size, system.output_size) == (M, 1)


@pytest.mark.parametrize("drive", [[0.0, 0.0, 0.0], [1.0, -2.0, 0.5]])
def test_box_pieces_and_bounds_are_those_of_the_layer_under_what_it_is_handed(drive):
    model = seeded(lambda: Encoded(nn.GRU(M, N, batch_first=True), nn.Linear(N, K)))
    handed = torch.tanh(model.encoder(torch.tensor(drive))).detach()
    system, bare = dk.as_system(model), dk.as_system(model.rnn)
    assert_allclose(system.box(drive).lo, bare.box(handed).lo)
    x = torch.linspace(-1, 1, N)
    ours, theirs = system.jacobian_bounds(x, drive, 0.01), bare.jacobian_bounds(x, handed, 0.01)
    assert_allclose(ours.hi, theirs.hi, atol=1e-6)
    relu = encoded("RNN", nonlinearity="relu")
    found = dk.enumerate_fixed_points(relu, drive=drive)
    assert found.completeness == "proved"
    assert_allclose(relu.step(found.states, drive), found.states, atol=1e-9)


def test_inputs_made_of_more_than_one_step_are_no_front():
    class Differences(Encoded):
        def forward(self, inputs):
            return super().forward(torch.diff(inputs, dim=1, prepend=inputs[:, :1]))

    model = seeded(lambda: Differences(nn.GRU(M, N, batch_first=True), nn.Linear(N, K)))
    with pytest.raises(dk.InputError, match="what stands before it, cannot be told"):
        dk.as_system(model)


class LeakAroundOneStep(nn.Module):
    """Calls its layer with one step at a time and leaks around it; its state is twice as wide as its inputs."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.fc = layer, nn.Linear(6, 2)

    def forward(self, u):
        h, outputs = torch.zeros(len(u), 6), []
        for t in range(u.shape[1]):
            by_cell = isinstance(self.layer, nn.RNNCellBase)
            new = self.layer(u[:, t], h) if by_cell else self.layer(u[:, t : t + 1], h[None])[1][0]
            h = 0.8 * h + 0.2 * new
            outputs.append(self.fc(h))
        return torch.stack(outputs, 1)


@pytest.mark.parametrize("layer", [nn.RNNCell(3, 6), nn.GRUCell(3, 6), nn.RNN(3, 6, batch_first=True)])
def test_rows_taken_for_units_are_not_what_a_layer_was_handed(layer):
    """Two rows of three inputs have as many numbers as one state of six."""
    with pytest.raises(InputError, match="does not hand on from step to step the state that 'layer' returns"):
        dk.as_system(LeakAroundOneStep(layer))


class OwnBehind(nn.Module):
    """A step of one's own behind encoders; a subclass says what its forward makes of its inputs."""

    def __init__(self, n_inputs=M):
        super().__init__()
        self.embed, self.enc = nn.Embedding(5, M), nn.Sequential(nn.Linear(4, M), nn.Tanh())
        self.W, self.U, self.fc = nn.Linear(n_inputs, N), nn.Linear(N, N), nn.Linear(N, K)
        self.hidden_size, self.input_size = N, n_inputs

    def one_step(self, x, h):
        return 0.8 * h + 0.2 * torch.tanh(self.W(x) + self.U(h))

    def run(self, encoded):
        h, out = encoded.new_zeros(len(encoded), N), []
        for u in encoded.unbind(1):
            h = self.one_step(u, h)
            out.append(self.fc(h))
        return torch.stack(out, 1)


class OwnEncoded(OwnBehind):
    def forward(self, x):
        return self.run(self.enc(x))


class OwnTokens(OwnBehind):
    def forward(self, tokens):
        return self.run(self.embed(tokens))


class OwnParts(OwnBehind):
    def __init__(self):
        super().__init__(2 * M)

    def forward(self, inputs):
        return self.run(torch.cat([self.enc(inputs["seen"]), self.embed(inputs["said"])], -1))


TOKENS = torch.arange(50).reshape(2, 25) ** 2 % 5
SEEN = torch.randn(2, 25, 4, generator=torch.Generator().manual_seed(0))
BEHIND = {
    "an encoder": (OwnEncoded, "enc", SEEN),
    "an embedding": (OwnTokens, "embed", TOKENS),
    "both": (OwnParts, {"seen": "enc", "said": "embed"}, {"seen": SEEN, "said": TOKENS}),
}


@pytest.mark.parametrize("name", BEHIND)
def test_a_step_of_ones_own_behind_an_encoder_is_the_whole_network(name):
    kind, encoder, given = BEHIND[name]
    model = seeded(kind).eval()
    with torch.no_grad():
        theirs = model(given)
    said = dk.as_system(model, step="one_step", readout="fc", form=dk.Form(encoder=encoder))
    found = [] if isinstance(given, dict) else [dk.as_system(model)]
    for system in (said, *found):
        inputs = system.encode(given)
        assert inputs.shape == (2, 25, system.input_size)
        assert_allclose(dk.record(system, inputs).outputs, theirs, atol=1e-6)
        points = dk.find_fixed_points(system, drive=inputs[0, 0], max_starts=8)
        assert points.certified.all()
        x, u = points.states[0], inputs[0, 0]
        shift = 1e-6 * torch.eye(system.input_size, dtype=torch.float64)
        slopes = (system.step(x, u + shift) - system.step(x, u - shift)) / 2e-6
        assert_allclose(system.input_jacobian(x, u), slopes.T, atol=1e-8)
    assert all("with what stands before it" in system.name and system.compared == 20 for system in found)


def test_an_encoder_is_refused_by_what_it_lacks():
    model = seeded(OwnEncoded)
    for encoder, message in (
        ("nothing", "form.encoder='nothing' is not an attribute of model"),
        ("hidden_size", "form.encoder must be a module or a callable, got int"),
        ("U", f"form.encoder gives {N} values, but the step takes {M} inputs"),
        (lambda u: u - u.mean(0), "does not turn vectors"),
    ):
        with pytest.raises(InputError, match=message):
            dk.as_system(model, step="one_step", form=dk.Form(encoder=encoder))


def test_tokens_and_parts_that_do_not_fit_are_refused_by_name():
    tokens = dk.as_system(seeded(OwnTokens).eval())
    assert_allclose(tokens.encode([2, 0]), np.eye(5)[[2, 0]])
    with pytest.raises(InputError, match="given must be tokens 0 to 4, got 0 to 5"):
        tokens.encode([0, 5])
    with pytest.raises(InputError, match=r"given must end in 5 inputs, got shape \(2, 3\)"):
        tokens.encode(torch.rand(2, 3))
    with pytest.raises(InputError, match="must be one array"):
        tokens.encode({"said": TOKENS})
    form = dk.Form(encoder={"seen": "enc", "said": "embed"})
    parts = dk.as_system(seeded(OwnParts), step="one_step", form=form)
    with pytest.raises(InputError, match=r"must be a dictionary of \['seen', 'said'\]"):
        parts.encode({"seen": SEEN})
    with pytest.raises(InputError, match=r"given\['said'\] must be tokens 0 to 4"):
        parts.encode({"seen": SEEN, "said": TOKENS + 5})
