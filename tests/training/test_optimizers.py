"""The steps of torch's optimisers, bit for bit, and moments that either of them goes on with."""

from __future__ import annotations

import pytest
import torch

from dynakit.training.optimizers import SGD, Adam

PAIRS = {
    "Adam": (Adam, torch.optim.Adam, {}),
    "descent": (SGD, torch.optim.SGD, {}),
    "momentum": (SGD, torch.optim.SGD, {"momentum": 0.9}),
}


def parameters(dtype):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for shape in ((4, 3), (4,), ())]


def give(*teams, seed):
    """The same gradients for each; every third step the second parameter has none."""
    generator = torch.Generator().manual_seed(seed)
    for own in zip(*teams):
        gradient = torch.randn(own[0].shape, generator=generator, dtype=own[0].dtype) * 10.0 ** (seed % 5 - 3)
        for parameter in own:
            parameter.grad = None if seed % 3 == 1 and parameter.ndim == 1 else gradient.clone()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", PAIRS)
def test_steps_and_moments_are_those_of_torch(name, dtype):
    ours, theirs, settings = PAIRS[name]
    mine, other = parameters(dtype), parameters(dtype)
    quick, slow = ours(mine, 0.1, **settings), theirs(other, lr=0.1, **settings)
    begun = [p.detach().clone() for p in mine]
    for k in range(40):
        quick.learning_rate = slow.param_groups[0]["lr"] = 0.1 / (1 + k)
        give(mine, other, seed=k)
        quick.step()
        slow.step()
    for own, wanted, before in zip(mine, other, begun):
        assert torch.equal(own, wanted)
        assert not torch.equal(own, before)
    kept = {k: {n: v for n, v in each.items() if v is not None} for k, each in slow.state_dict()["state"].items()}
    kept = {k: each for k, each in kept.items() if each}
    assert quick.moments.keys() == kept.keys()
    for number, moments in quick.moments.items():
        assert moments.keys() == kept[number].keys()
        assert all(torch.equal(moments[key], kept[number][key]) for key in moments)


def test_gradients_are_forgotten():
    own = parameters(torch.float32)
    give(own, seed=0)
    Adam(own, 0.1).forget_gradients()
    assert all(parameter.grad is None for parameter in own)
