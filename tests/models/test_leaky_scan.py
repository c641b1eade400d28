"""The closed-form backward pass against autograd through the plain loop."""

import pytest
import torch

from dynakit.errors import InputError
from dynakit.models import ACTIVATIONS, LeakyRNN
from dynakit.models.leaky_scan import CHUNK, FORMS, Acting, Leak, leaky_loop, leaky_scan


def random_problem(dtype, steps, *, trials=4, units=12, n_inputs=3, n_outputs=2):
    generator = torch.Generator().manual_seed(0)

    def draw(*shape, scale=1.0):
        values = scale * torch.randn(*shape, generator=generator, dtype=torch.float64)
        return values.to(dtype).requires_grad_()

    weights = Acting(
        draw(units, n_inputs),
        draw(units),
        draw(units, units, scale=units**-0.5),
        draw(n_outputs, units),
        draw(2),
    )
    probes = draw(steps, trials, n_outputs).detach(), draw(steps, trials, units).detach()
    return draw(steps, trials, n_inputs), draw(trials, units), weights, probes


def values_and_gradients(scan, inputs, x0, weights, probes, leak, use):
    outputs, states = scan(inputs, x0, weights, leak, torch.Generator().manual_seed(3))
    losses = {"outputs": (outputs.square() * probes[0]).sum(), "states": (states.sin() * probes[1]).sum()}
    leaves = (inputs, x0, *weights)
    gradients = torch.autograd.grad(sum(losses[name] for name in use), leaves, allow_unused=True)
    return [outputs, states, *(torch.zeros_like(x) if g is None else g for g, x in zip(gradients, leaves))]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("form", FORMS)
def test_fused_equals_loop(form, name, dtype, tolerance):
    problem = random_problem(dtype, steps=2 * CHUNK + 5)
    leak = Leak(0.3, form, name, sigma=0.2)
    ours, oracle = (
        values_and_gradients(s, *problem, leak, ("outputs", "states")) for s in (leaky_scan, leaky_loop)
    )
    for a, b in zip(ours, oracle, strict=True):
        assert float((a - b).detach().abs().max() / b.detach().abs().max()) <= tolerance


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("form", FORMS)
def test_fused_equals_loop_where_each_unit_has_its_own_leak(form, name):
    problem = random_problem(torch.float64, steps=CHUNK + 3)
    leak = Leak(torch.linspace(0.05, 1.0, 12, dtype=torch.float64), form, name, sigma=0.2)
    ours, oracle = (
        values_and_gradients(s, *problem, leak, ("outputs", "states")) for s in (leaky_scan, leaky_loop)
    )
    for a, b in zip(ours, oracle, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_one_leak_for_each_unit_is_one_for_all_where_they_are_equal(form):
    problem = random_problem(torch.float64, steps=CHUNK + 3)
    one, each = (
        values_and_gradients(leaky_scan, *problem, Leak(alpha, form, "tanh", sigma=0.2), ("outputs", "states"))
        for alpha in (0.3, torch.full((12,), 0.3, dtype=torch.float64))
    )
    for a, b in zip(one, each, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("use", [("outputs",), ("states",)])
@pytest.mark.parametrize("steps", [1, CHUNK, CHUNK + 1])
@pytest.mark.parametrize("form", FORMS)
def test_fused_equals_loop_for_either_result_and_any_length(form, steps, use):
    problem = random_problem(torch.float64, steps)
    leak = Leak(1.0, form, "tanh")
    ours, oracle = (values_and_gradients(s, *problem, leak, use) for s in (leaky_scan, leaky_loop))
    for a, b in zip(ours, oracle, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-13)


def test_second_derivatives_are_refused_and_the_loop_has_them():
    model, u = LeakyRNN(2, 8, 1, activation="tanh").double(), torch.ones(2, 4, 2, dtype=torch.float64)
    with pytest.raises(InputError, match="leaky_loop"):
        torch.autograd.grad(model(u).outputs.sum(), model.W_rec, create_graph=True)
    model.scan = leaky_loop
    (gradient,) = torch.autograd.grad(model(u).outputs.sum(), model.W_rec, create_graph=True)
    gradient.square().sum().backward()
    assert float(model.W_rec.grad.abs().max()) > 0
