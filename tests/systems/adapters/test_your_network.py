"""The table of docs/your_network.md: what is taken is the network, what is refused names a call that runs."""

from __future__ import annotations

import ast
import re

import pytest
import torch
import torch.nn.functional as F

import dynakit as dk
from dynakit.errors import InputError

from ...test_docs import ROOT, blocks_of

PAGE = ROOT / "docs" / "your_network.md"
N, I = 4, 3
ROWS = dict(re.findall(r"^\| (\d+) \| .* \| `(.*)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
REFUSED = {
    "35": "takes the layer by itself",
    "37": "a state that grows",
    "38": "depends on the future",
    "39": "a number that it counts up: time is part of its state",
    "40": "draws from torch.dropout at every step",
    "41": "its outputs are not read off the state of 'rnn' alone",
}


@pytest.fixture(scope="module")
def networks():
    """The names that the page defines."""
    namespace = {"__name__": "page"}
    for block in blocks_of(PAGE):
        exec(block, namespace)
    return namespace


def stepped(step, start, x):
    """Outputs of a loop of the user's own: ``step(u, state) -> (output, state)``."""
    state, out = start, []
    for u in x.unbind(1):
        y, state = step(u, state)
        out.append(y)
    return torch.stack(out, 1)


def zeros(x, *shape):
    return torch.zeros(len(x), *(shape or (N,)))


def pair(x):
    return zeros(x), zeros(x)


def from_zeros(x):
    return torch.zeros(1, len(x), N)


def as_tokens(x):
    return (10 * x[..., 0].abs()).long() % 5


def buffered(m, x):
    m.h = torch.zeros(1, N)
    return torch.stack([m.step(u) for u in x.unbind(1)], 1)


def silent(m, x):
    m.noise = 0.0
    return m(x) if hasattr(m, "wo") else stepped(lambda u, h: 2 * [m.step(u, h)], zeros(x), x)


def flowing(rhs, x):
    """Runge and Kutta's classical step of 0.1, units first."""
    h, out = torch.zeros(N, len(x)), []
    for u in x.unbind(1):
        a = rhs(h, u.T)
        b = rhs(h + 0.05 * a, u.T)
        c = rhs(h + 0.05 * b, u.T)
        h = h + 0.1 / 6 * (a + 2 * b + 2 * c + rhs(h + 0.1 * c, u.T))
        out.append(h.T)
    return torch.stack(out, 1)


TOKENS = ("6", "43", "44")
OWN = {  # how the network of a line, found in its call by name, runs by itself on (trial, time, input)
    "1": lambda m, x: m(x),
    "2": lambda m, x: m(x),
    "3": lambda m, x: m(x, torch.full((len(x),), x.shape[1])),
    "5": lambda m, x: m({"inputs": x})["output"],
    "6": lambda m, x: m(as_tokens(x)),
    "43": lambda m, x: m(as_tokens(x)),
    "44": lambda m, x: m(as_tokens(x)),
    "7": lambda m, x: m(x),
    "8": lambda m, x: m(x)[0],
    "9": lambda m, x: m(x),
    "11": lambda m, x: m(x)[0],
    "12": lambda m, x: stepped(lambda u, s: (torch.cat((o := m(u, s))[:2], -1), o[2]), pair(x), x),
    "13": lambda m, x: m(x.transpose(0, 1))[0].transpose(0, 1),
    "14": lambda m, x: m(x.transpose(0, 1))[0].transpose(0, 1),
    "15": lambda m, x: m(x.transpose(0, 1))[0].transpose(0, 1),
    "16": lambda m, x: stepped(m, zeros(x), x),
    "17": lambda m, x: stepped(lambda u, h: 2 * [m(u, h)[1]], zeros(x), x),
    "18": lambda m, x: stepped(m, pair(x), x),
    "19": lambda m, x: stepped(lambda u, s: (torch.cat(n := m.step(u, *s), -1), n), pair(x), x),
    "20": lambda m, x: stepped(
        lambda u, s: (torch.cat([*(n := m.step(s, u)).values()], -1), n), {"x": zeros(x), "a": zeros(x)}, x
    ),
    "22": lambda m, x: stepped(lambda u, h: ((n := m.step(h, u.T)).T, n), torch.zeros(N, len(x)), x),
    "23": lambda m, x: m(x, zeros(x))[0],
    "24": silent,
    "25": silent,
    "26": buffered,
    "27": lambda m, x: stepped(lambda u, h: (torch.cat([(n := m.step(h, u)).real, n.imag], -1), n), zeros(x) + 0j, x),
    "28": lambda m, x: stepped(m, pair(x), x),
    "29": lambda m, x: flowing(m.rhs, x),
    "31": lambda m, x: stepped(lambda u, h: 2 * [m(u, h)], zeros(x), x),
    "32": lambda m, x: stepped(lambda u, h: 2 * [m(u, h)], zeros(x), x),
    "42": lambda m, x: m.rnn(x)[0],
}
OWN["21"] = OWN["20"]


def test_every_line_is_a_form_of_its_own():
    assert [*map(int, ROWS)] == list(range(1, len(ROWS) + 1))
    assert len(ROWS) >= 40


@pytest.mark.parametrize("number", [n for n in ROWS if n not in REFUSED])
def test_a_line_is_the_network(number, networks):
    tree = ast.parse(ROWS[number], mode="eval")
    model = eval(ast.unparse(tree.body.args[0]), networks)
    tree.body.args[0] = ast.Name("model", ast.Load())
    system = eval(ast.unparse(tree), {**networks, "model": model})
    assert isinstance(system, dk.System)
    if number not in OWN:
        return
    model.eval()
    for scale in (0.3, 2.0):
        x = scale * torch.randn(5, 25, I, generator=torch.Generator().manual_seed(int(number)))
        with torch.no_grad():
            theirs = OWN[number](model, x)
        u = F.one_hot(as_tokens(x), 5) if number in TOKENS else x
        ours = system.observe(system.trajectory(system.initial_state(), u.double()))
        assert ours.shape == theirs.shape
        assert float((ours - theirs).abs().max()) < 1e-5


@pytest.mark.parametrize("number", REFUSED)
def test_what_is_refused_names_a_call_that_runs(number, networks):
    with pytest.raises(InputError, match=re.escape(REFUSED[number])) as refusal:
        eval(ROWS[number], networks)
    made = eval(ast.unparse(ast.parse(ROWS[number], mode="eval").body.args[0]), networks)
    for call in re.findall(r"dk\.as_system\(.*?\)(?= |;|,|$)", str(refusal.value)):
        if "<" not in call and "make" not in call:
            assert isinstance(eval(call, {**networks, "model": made}), dk.System)
