"""The leaky network against a few lines of NumPy, and the laws of Dale's weights, radius and noise."""

import numpy as np
import pytest
import torch

from dynakit.errors import InputError
from dynakit.models import LeakyRNN

F = {
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.logaddexp(x, 0),
}
FORMS = ("current", "rate", "rectified")


def simulate(model, u, x0):
    """The equations of the literature, one trial, one step at a time."""
    a, f = model.alpha, F[model.activation]
    W_in, W, W_out = (w.detach().double().numpy() for w in model.effective_weights())
    b, c = model.b_rec.detach().double().numpy(), model.b_out.detach().double().numpy()
    x, states, outputs = x0, [], []
    for u_t in u:
        drive = W_in @ u_t + b
        if model.form == "current":
            x = (1 - a) * x + a * (W @ f(x) + drive)
        elif model.form == "rate":
            x = (1 - a) * x + a * f(W @ x + drive)
        else:
            x = f((1 - a) * x + a * (W @ x + drive))
        states.append(x)
        outputs.append(W_out @ (f(x) if model.form == "current" else x) + c)
    return np.array(outputs), np.array(states)


@pytest.mark.parametrize("tau", [70.0, np.linspace(30.0, 300.0, 10)], ids=["one tau", "a tau per unit"])
@pytest.mark.parametrize("name", F)
@pytest.mark.parametrize("form", FORMS)
def test_equations(form, name, tau, rng):
    model = LeakyRNN(3, 10, 2, dt=30.0, tau=tau, activation=name, form=form, dale="abs").double()
    with torch.no_grad():
        model.b_rec.copy_(torch.from_numpy(rng.normal(size=10)))
        model.b_out.copy_(torch.from_numpy(rng.normal(size=2)))
    u, x0 = rng.normal(size=(12, 3)), rng.normal(size=10)
    outputs, states = simulate(model, u, x0)
    got = model(torch.from_numpy(u)[None], torch.from_numpy(x0))
    np.testing.assert_allclose(got.states[0].detach(), states, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(got.outputs[0].detach(), outputs, rtol=1e-12, atol=1e-13)


def test_the_three_forms_rest_at_the_same_rates():
    # with relu: x = W f(x) + d  <=>  r = f(W r + d)  <=>  r = f((1 - a) r + a (W r + d))
    rates = []
    for form in FORMS:
        model = LeakyRNN(2, 30, 1, form=form, spectral_radius=0.7, dale="abs", seed=4).double()
        drive = torch.full((1, 1500, 2), 0.8, dtype=torch.float64)
        rates.append(model.rates(model(drive).states[0, -1]))
    assert float(rates[0].detach().abs().max()) > 0.1  # not the trivial answer
    torch.testing.assert_close(rates[1], rates[0], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(rates[2], rates[0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0])
def test_stationary_variance_of_the_noise(alpha):
    # x' = (1 - a) x + sqrt(2a) s xi  has variance 2 a s^2 / (1 - (1 - a)^2) = 2 s^2 / (2 - a)
    sigma = 0.3
    model = LeakyRNN(1, 50, 1, dt=alpha, tau=1.0, sigma_rec=sigma)
    with torch.no_grad():
        model.W_rec.zero_()
    states = model(torch.zeros(40, 400, 1), generator=torch.Generator().manual_seed(1)).states[:, 100:]
    independent = 40 * 50 * 300 * alpha / 2  # samples are correlated over 1/a steps
    variance = 2 * sigma**2 / (2 - alpha)
    assert float(states.detach().var()) == pytest.approx(variance, rel=5 * np.sqrt(2 / independent))


@pytest.mark.parametrize("form", FORMS)
def test_two_units_alone_decay_each_in_its_own_time(form):
    # (1 - dt/tau)^n, of 20 and of 200 ms
    model = LeakyRNN(0, 2, 2, dt=10.0, tau=(20, 200), form=form).double()
    with torch.no_grad():
        model.W_rec.zero_()
    states = model(torch.zeros(1, 30, 0).double(), torch.ones(2).double()).states[0].detach()
    expected = np.power([[0.5, 0.95]], np.arange(1, 31)[:, None])
    np.testing.assert_allclose(states, expected, rtol=1e-13)
    np.testing.assert_allclose(model.alpha, [0.5, 0.05], rtol=1e-15)


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor])
def test_as_many_equal_time_constants_are_one(kind):
    u, x0 = torch.randn(2, 9, 3, generator=torch.Generator().manual_seed(0)), torch.ones(6)
    same, one = (LeakyRNN(3, 6, 2, tau=tau, sigma_rec=0.1, sigma_in=0.1) for tau in (kind([80.0] * 6), 80))
    assert (same.tau, same.alpha, same.config()) == (80.0, 0.25, one.config())
    a, b = (model(u, x0, generator=torch.Generator().manual_seed(1)) for model in (same, one))
    assert torch.equal(a.states, b.states)
    assert torch.equal(a.outputs, b.outputs)


def test_units_of_their_own_time_have_noise_of_their_own_and_inputs_that_of_the_mean():
    """Alone, x has the variance 2 s^2 / (2 - a); noise of an input gives a sqrt(2 tau / dt) s, with the mean tau."""
    alpha = np.repeat([0.1, 0.5, 1.0], 40)
    model = LeakyRNN(1, 120, 1, dt=1.0, tau=1 / alpha, sigma_rec=0.3)
    with torch.no_grad():
        model.W_rec.zero_()
    states = model(torch.zeros(40, 300, 1), generator=torch.Generator().manual_seed(1)).states[:, 100:].detach()
    for a, x in zip((0.1, 0.5, 1.0), states.split(40, dim=-1)):
        assert float(x.var()) == pytest.approx(2 * 0.3**2 / (2 - a), rel=5 * np.sqrt(2 / (40 * 40 * 200 * a / 2)))
    heard = LeakyRNN(1, 2, 1, dt=1.0, tau=[2.0, 8.0], sigma_in=0.2)
    with torch.no_grad():
        heard.W_in.fill_(1.0)
    x = heard(torch.zeros(100_000, 1, 1), generator=torch.Generator().manual_seed(1)).states.detach()[:, 0]
    np.testing.assert_allclose(x.std(0), np.array([0.5, 0.125]) * np.sqrt(2 * 5) * 0.2, rtol=0.01)


def test_rate_form_noise_enters_before_the_function():
    # with W = 0, one step from zero: r = a relu(sqrt(2/a) s xi), so E[r^2] = a s^2
    model = LeakyRNN(1, 200, 1, form="rate", sigma_rec=0.3)
    with torch.no_grad():
        model.W_rec.zero_()
    r = model(torch.zeros(2000, 1, 1), generator=torch.Generator().manual_seed(1)).states
    assert float(r.detach().square().mean()) == pytest.approx(0.2 * 0.09, rel=0.02)


def test_input_noise_has_the_scale_of_the_formula():
    model = LeakyRNN(1, 1, 1, dt=1.0, tau=4.0, sigma_in=0.2)
    with torch.no_grad():
        model.W_rec.zero_()
        model.W_in.fill_(1.0)
    x = model(torch.zeros(200_000, 1, 1), generator=torch.Generator().manual_seed(1)).states
    assert float(x.detach().std()) == pytest.approx(0.25 * np.sqrt(2 / 0.25) * 0.2, rel=0.01)


def test_noise_is_off_in_eval_mode_and_repeats_with_its_generator():
    model, u = LeakyRNN(1, 20, 1, sigma_rec=0.1, sigma_in=0.1), torch.zeros(3, 5, 1)
    first, second = (model(u, generator=torch.Generator().manual_seed(2)).states for _ in range(2))
    assert torch.equal(first, second)
    assert float(first.detach().abs().max()) > 0
    assert float(model.eval()(u).states.detach().abs().max()) == 0


@pytest.mark.parametrize("magnitude", ["abs", "relu", "softplus"])
def test_dale_columns_have_one_sign_and_rows_balance_exactly(magnitude):
    model = LeakyRNN(2, 100, 1, dale=magnitude, autapses=False, seed=7)
    W = model.effective_weights().W_rec.detach()
    assert bool((W[:, :80] >= 0).all())
    assert bool((W[:, 80:] <= 0).all())
    assert bool((W.diagonal() == 0).all())
    assert model.sign.tolist() == [1.0] * 80 + [-1.0] * 20
    balance = W.double().sum(1).abs() / W[:, :80].double().sum(1)
    assert float(balance.max()) <= 1e-6


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("dale", [None, "abs", "relu", "softplus"])
def test_spectral_radius_is_that_of_the_acting_matrix(dale, radius, rng):
    mask = rng.random((60, 60)) < 0.7
    model = LeakyRNN(2, 60, 1, dale=dale, autapses=False, mask_rec=mask, spectral_radius=radius)
    W = model.effective_weights().W_rec.detach().double().numpy()
    assert np.abs(np.linalg.eigvals(W)).max() == pytest.approx(radius, abs=1e-4)
    assert (W[~mask] == 0).all()


def test_a_network_without_loops_is_left_as_drawn():
    mask = np.tril(np.ones((10, 10)), -1)
    W = LeakyRNN(1, 10, 1, mask_rec=mask, spectral_radius=3.0).effective_weights().W_rec.detach().numpy()
    assert np.isfinite(W).all()
    assert W[mask == 1].std() == pytest.approx(10**-0.5, rel=0.4)


def test_rows_that_lack_a_kind_are_left_unbalanced():
    mask = np.ones((10, 10))
    mask[0, 8:] = 0  # only excitation arrives at unit 0
    W = LeakyRNN(1, 10, 1, dale="abs", mask_rec=mask).effective_weights().W_rec.detach().double()
    assert float(W[0].sum()) > 0
    assert float(W[1:].sum(1).abs().max()) < 1e-5


def test_unsigned_input_and_readout():
    model = LeakyRNN(3, 10, 2, dale="abs", signed_io=False)
    with torch.no_grad():
        model.W_in.copy_(-torch.ones(10, 3))
    weights = model.effective_weights()
    assert bool((weights.W_in == 1).all())
    assert bool((weights.W_out[:, :8] > 0).all())
    assert bool((weights.W_out[:, 8:] == 0).all())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"e_frac": 1.0}, "e_frac"),
        ({"e_frac": 0.001, "dale": "abs"}, "e_frac must leave"),
        ({"form": "curent"}, "form.*did you mean 'current'"),
        ({"dale": "Abs"}, "dale"),
        ({"dt": 200.0}, "dt must not exceed tau"),
        ({"tau": 0.0}, "tau"),
        ({"tau": [100.0] * 9}, "tau must be a number or 10 numbers, one per unit, got 9"),
        ({"tau": [100.0] * 4 + [-1.0] * 6}, r"tau\[4\] must be a finite number in \(0, inf\), got -1"),
        ({"tau": [100.0] * 9 + [np.nan]}, r"tau\[9\] must be a finite number"),
        ({"tau": [100.0] * 9 + ["long"]}, r"tau\[9\] must be a number, got 'long'"),
        ({"tau": np.full((10, 1), 100.0)}, r"tau\[0\] must be a number, got \[100.0\]"),
        ({"tau": [100.0] * 9 + [10.0]}, r"dt must not exceed tau\[9\], got 20 > 10 ms: alpha = dt/tau is at most 1"),
        ({"tau": None}, "tau must be a number, got None"),
        ({"activation": "elu"}, "activation"),
        ({"signed_io": False}, "signed_io"),
        ({"signed_io": "no", "dale": "abs"}, "signed_io must be True or False, got 'no'"),
        ({"autapses": None}, "autapses must be True or False, got None"),
        ({"mask_rec": np.ones((3, 4))}, "mask_rec must have shape"),
        ({"mask_rec": np.full((10, 10), 0.5)}, "mask_rec must hold zeros and ones"),
        ({"spectral_radius": 0.0}, "spectral_radius"),
        ({"sigma_rec": -1.0}, "sigma_rec"),
        ({"n_hidden": 0}, "n_hidden"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        LeakyRNN(**{"n_inputs": 2, "n_hidden": 10, "n_outputs": 1, **arguments})


def test_autonomous_network_of_one_unit():
    model = LeakyRNN(0, 1, 1, autapses=False)
    assert float(model(torch.zeros(1, 3, 0), torch.ones(1)).states.detach()[0, -1, 0]) == pytest.approx(
        0.8**3
    )
