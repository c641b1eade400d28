"""Networks upon networks: one state, one step, and what does not fit."""

import pytest
import torch
from torch import nn

from dynakit import as_system
from dynakit.errors import InputError
from dynakit.models import GRU, LSTM, Elman, LayeredNetwork, Pointwise


@pytest.fixture
def layered():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = [GRU(3, 4, 2), Pointwise("tanh"), LSTM(2, 5, 3), nn.Linear(3, 2), Pointwise("softmax")]
        return LayeredNetwork(layers).double()


def test_running_on_from_a_state_is_the_same_run(layered):
    u = torch.randn(3, 9, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    whole = layered(u)
    rest = layered(u[:, 4:], whole.states[:, 3])
    torch.testing.assert_close(rest.outputs, whole.outputs[:, 4:], rtol=0, atol=1e-15)
    torch.testing.assert_close(layered.step(whole.states[:, 3], u[:, 4]), whole.states[:, 4], rtol=0, atol=1e-15)
    torch.testing.assert_close(layered.read(whole.states), whole.outputs, rtol=0, atol=1e-15)
    assert torch.equal(layered.rates(whole.states), whole.states[..., 4:9])  # h of the LSTM, behind that of the GRU


def test_each_layer_hears_the_outputs_of_the_one_below(layered):
    u = torch.randn(3, 9, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    gru, _, lstm, head, _ = layered.layers
    outputs = torch.softmax(head(lstm(torch.tanh(gru(u).outputs)).outputs), -1)
    torch.testing.assert_close(layered(u).outputs, outputs, rtol=0, atol=1e-15)
    assert float(outputs.detach().std()) > 1e-3  # inputs are heard


def test_what_is_left_out_is_said():
    layered = LayeredNetwork([Elman(3, 4, 2), nn.Linear(2, 2)], left_out=["dropout"])
    assert "without dropout" in repr(layered)
    assert as_system(layered).name == "Elman (tanh), without its dropout"


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([GRU(3, 4, 2), LSTM(3, 4, 2)], "layer 1 of layers hands on 2 values, and the one behind it takes 3"),
        ([nn.Linear(3, 2)], "no recurrent network"),
        ([GRU(3, 4, 2), nn.Tanh()], "got Tanh"),
        ([GRU(3, 4, 2), nn.GRU(2, 3)], "got GRU"),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers, message):
    with pytest.raises(InputError, match=message):
        LayeredNetwork(layers)


def test_functions_without_weights_are_known_by_name():
    with pytest.raises(InputError, match="activation"):
        Pointwise("tahn")
