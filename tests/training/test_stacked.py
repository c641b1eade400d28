"""Networks side by side compute what each computes alone, step by step, gradients and noise included."""

import pytest
import torch

from dynakit.errors import InputError
from dynakit.models import GRU, LSTM, Elman, LeakyRNN
from dynakit.seeding import torch_stream
from dynakit.training.stacked import check_alike, rollout, stack

LEAKY = {"dt": 30.0, "tau": 100.0}
MASK = (torch.arange(36).reshape(6, 6) % 5 > 0).float()
CELLS = {
    "elman": lambda s: Elman(2, 6, 2, seed=s),
    "elman relu": lambda s: Elman(2, 6, 2, "relu", seed=s),
    "gru": lambda s: GRU(2, 6, 2, seed=s),
    "lstm": lambda s: LSTM(2, 6, 2, seed=s),
    "lstm with peepholes": lambda s: LSTM(2, 6, 2, peepholes=True, seed=s),
    "lstm hard": lambda s: LSTM(2, 6, 2, recurrent_activation="hard_sigmoid", activation="softplus", seed=s),
    "gru hard": lambda s: GRU(2, 6, 2, recurrent_activation="hard_sigmoid_keras2", activation="relu", seed=s),
    **{
        f"leaky {form} {activation}": lambda s, form=form, activation=activation: LeakyRNN(
            2, 6, 2, **LEAKY, form=form, activation=activation, sigma_rec=0.1, sigma_in=0.2, seed=s
        )
        for form in ("current", "rate", "rectified")
        for activation in ("tanh", "relu", "softplus", "sigmoid")
    },
    **{
        f"leaky {form}, a tau per unit": lambda s, form=form: LeakyRNN(
            2, 6, 2, dt=30.0, tau=range(40, 100, 10), form=form, sigma_rec=0.1, sigma_in=0.2, seed=s
        )
        for form in ("current", "rate", "rectified")
    },
    **{
        f"dale {dale}": lambda s, dale=dale: LeakyRNN(
            2, 6, 2, dale=dale, signed_io=False, autapses=False, mask_rec=MASK, sigma_rec=0.1, seed=s
        )
        for dale in ("abs", "relu", "softplus")
    },
}


@pytest.fixture(params=CELLS.values(), ids=CELLS.keys())
def models(request):
    return [request.param(seed) for seed in (1, 2, 3)]


def spread_biases(models):
    """Biases that are zero at the start could be forgotten unseen."""
    for k, model in enumerate(models):
        for j, p in enumerate(model.parameters()):
            if p.ndim == 1:
                p.data += 0.3 * torch.randn(p.shape, generator=torch_stream(k, "bias", j)).to(p)
    return models


def drawn(*shape, dtype=torch.float32):
    return torch.randn(shape, generator=torch_stream(5, "drawn"), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_forced_steps_are_the_forward_pass_of_each(models, dtype, tolerance):
    models = [model.to(dtype).eval() for model in spread_biases(models)]
    inputs = drawn(3, 15, 4, 2, dtype=dtype)
    x0 = 0.5 * drawn(3, 4, models[0].state_size, dtype=dtype)
    outputs, states = rollout(stack(models), inputs, x0=x0)
    for k, model in enumerate(models):
        alone = model(inputs[k].transpose(0, 1), x0[k])
        torch.testing.assert_close(outputs[k].transpose(0, 1), alone.outputs, atol=tolerance, rtol=tolerance)
        torch.testing.assert_close(states[k], alone.states[:, -1], atol=tolerance, rtol=tolerance)


def alone(model, inputs, n_closed):
    """The same by the network's own forward pass, one step at a time."""
    ran = model(inputs)
    outputs, y, x = [ran.outputs], ran.outputs[:, -1:], ran.states[:, -1]
    for _ in range(n_closed):
        y, states = model(y, x)
        x = states[:, -1]
        outputs.append(y)
    return torch.cat(outputs, dim=1)


def test_closed_steps_are_fed_their_own_output_and_gradients_run_through_it(models):
    models = [model.double().eval() for model in spread_biases(models)]
    inputs = drawn(3, 6, 4, 2, dtype=torch.float64)
    outputs, _ = rollout(stack(models), inputs, 7)
    assert outputs.shape == (3, 13, 4, 2)
    outputs.square().sum().backward()
    for k, model in enumerate(models):
        together = [p.grad for p in model.parameters()]
        model.zero_grad()
        expected = alone(model, inputs[k].transpose(0, 1), 7)
        torch.testing.assert_close(outputs[k].transpose(0, 1), expected, atol=1e-12, rtol=1e-12)
        expected.square().sum().backward()
        for p, gradient in zip(model.parameters(), together):
            torch.testing.assert_close(gradient, p.grad, atol=1e-9, rtol=1e-9)


def test_noise_is_that_of_the_network_alone(models):
    models = [model.train() for model in models]
    inputs = drawn(3, 15, 4, 2)
    cells = stack(models)
    noise = cells.noise(15, 4, [torch_stream(seed, "noise") for seed in range(3)])
    quiet = getattr(models[0], "sigma_rec", 0) == 0
    assert (noise is None) == quiet
    outputs, _ = rollout(cells, inputs, noise=noise)
    for k, model in enumerate(models):
        expected = model(inputs[k].transpose(0, 1), generator=torch_stream(k, "noise")).outputs
        torch.testing.assert_close(outputs[k].transpose(0, 1), expected, atol=1e-6, rtol=1e-5)
    assert stack([model.eval() for model in models]).noise(15, 4, [torch_stream(0, "n")] * 3) is None


def test_closed_steps_have_noise_too():
    model = LeakyRNN(2, 6, 2, sigma_rec=0.1, seed=1)
    cells = stack([model])
    noise = cells.noise(9, 4, [torch_stream(1, "noise")])
    inputs = drawn(1, 3, 4, 2)
    noisy, _ = rollout(cells, inputs, 6, noise=noise)
    late = noise.clone()
    late[:, 8] = 0  # the last closed step alone
    other, _ = rollout(cells, inputs, 6, noise=late)
    torch.testing.assert_close(noisy[:, :8], other[:, :8])
    assert not torch.allclose(noisy[:, 8], other[:, 8])


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ([GRU(2, 4, 2), LSTM(2, 4, 2)], r"class is GRU for models\[0\] and LSTM for models\[1\]"),
        ([GRU(2, 4, 2), GRU(2, 4, 2), GRU(2, 5, 2)], r"n_hidden is 4 for models\[0\] and 5 for models\[2\]"),
        ([LSTM(2, 4, 2), LSTM(2, 4, 2, peepholes=True)], "peepholes is False"),
        ([LeakyRNN(2, 4, 2), LeakyRNN(2, 4, 2, tau=50.0)], "tau is 100"),
        ([GRU(2, 4, 2), GRU(2, 4, 2).double()], "dtype is torch.float32"),
        ([GRU(2, 4, 2, reset="before")], "reset='before' cannot be stacked"),
        ([LSTM(2, 4, 2, recurrent_dropout=0.2)], "recurrent_dropout=0.2 cannot be stacked"),
        ([LSTM(2, 4, 2), LSTM(2, 4, 2, activation="relu")], "activation is tanh"),
    ],
)
def test_networks_that_differ_are_refused(models, words):
    with pytest.raises(InputError, match=words):
        check_alike(models)


def test_masks_may_differ():
    masks = [torch.eye(6), MASK]
    models = [LeakyRNN(2, 6, 2, mask_rec=mask, seed=k).eval() for k, mask in enumerate(masks)]
    check_alike(models)
    inputs = drawn(2, 8, 3, 2)
    outputs, _ = rollout(stack(models), inputs)
    for k, model in enumerate(models):
        torch.testing.assert_close(outputs[k].transpose(0, 1), model(inputs[k].transpose(0, 1)).outputs)
