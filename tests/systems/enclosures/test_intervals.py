"""Intervals and balls hold the exact result: against rational numbers and against arithmetic of 60 digits."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
import torch

from dynakit.systems.enclosures.balls import Balls
from dynakit.systems.enclosures.intervals import FUNCTIONS, Interval

MP = mpmath.mp.clone()
MP.dps = 60
EXACT = {
    "tanh": (MP.tanh, lambda v: 1 / MP.cosh(v) ** 2),
    "sigmoid": (lambda v: 1 / (1 + MP.exp(-v)), lambda v: MP.exp(-v) / (1 + MP.exp(-v)) ** 2),
    "softplus": (lambda v: MP.log1p(MP.exp(v)), lambda v: 1 / (1 + MP.exp(-v))),
    "relu": (lambda v: max(v, 0), lambda v: int(v > 0)),
    "abs": (abs, MP.sign),
    "exp": (MP.exp, MP.exp),
    "sin": (MP.sin, MP.cos),
    "cos": (MP.cos, lambda v: -MP.sin(v)),
    "power": (lambda v, n: v**n, lambda v, n: n * v ** (n - 1)),
    "reciprocal": (lambda v: 1 / v, lambda v: -1 / v**2),
    "step": (lambda v: int(v > 0), lambda v: MP.mpf(0)),
    "expm1": (MP.expm1, MP.exp),
    "log": (MP.log, lambda v: 1 / v),
    "log1p": (MP.log1p, lambda v: 1 / (1 + v)),
    "tan": (MP.tan, lambda v: MP.sec(v) ** 2),
    "asin": (MP.asin, lambda v: 1 / MP.sqrt(1 - v**2)),
    "acos": (MP.acos, lambda v: -1 / MP.sqrt(1 - v**2)),
    "atan": (MP.atan, lambda v: 1 / (1 + v**2)),
    "sinh": (MP.sinh, MP.cosh),
    "cosh": (MP.cosh, MP.sinh),
    "asinh": (MP.asinh, lambda v: 1 / MP.sqrt(1 + v**2)),
    "atanh": (MP.atanh, lambda v: 1 / (1 - v**2)),
    "erf": (MP.erf, lambda v: 2 / MP.sqrt(MP.pi) * MP.exp(-(v**2))),
    "erfc": (MP.erfc, lambda v: -2 / MP.sqrt(MP.pi) * MP.exp(-(v**2))),
    "sqrt": (MP.sqrt, lambda v: 1 / (2 * MP.sqrt(v))),
    "rsqrt": (lambda v: 1 / MP.sqrt(v), lambda v: -1 / (2 * v * MP.sqrt(v))),
    "real_power": (lambda v, p: v**p, lambda v, p: p * v**p / v),
    "silu": (lambda v: v / (1 + MP.exp(-v)), lambda v: MP.diff(lambda x: x / (1 + MP.exp(-x)), v)),
    "gelu": (lambda v: v * MP.erfc(-v / MP.sqrt(2)) / 2, lambda v: MP.ncdf(v) + v * MP.npdf(v)),
    "mish": (lambda v: v * MP.tanh(MP.log1p(MP.exp(v))), lambda v: MP.diff(EXACT["mish"][0], v)),
    "softsign": (lambda v: v / (1 + abs(v)), lambda v: 1 / (1 + abs(v)) ** 2),
    "elu": (
        lambda v, alpha: v if v > 0 else alpha * MP.expm1(v),
        lambda v, alpha: MP.mpf(1) if v > 0 else alpha * MP.exp(v),
    ),
    "tanhshrink": (lambda v: v - MP.tanh(v), lambda v: MP.tanh(v) ** 2),
    "softplus_up_to": (
        lambda v, most: v if v > most else MP.log1p(MP.exp(v)),
        lambda v, most: MP.mpf(1) if v > most else 1 / (1 + MP.exp(-v)),
    ),
}
SETTINGS = {"power": (2,), "real_power": (1.5,), "elu": (1.0,), "softplus_up_to": (2.0,)}
FURTHER = [("power", (1,)), ("power", (3,)), ("real_power", (-0.7,)), ("real_power", (0.5,)), ("elu", (1.7,))]
CASES = [(name, SETTINGS.get(name, ())) for name in EXACT] + FURTHER
DOMAIN = {  # where a function has values and slopes
    **dict.fromkeys(("log", "sqrt", "rsqrt", "real_power"), (0.0, np.inf)),
    **dict.fromkeys(("asin", "acos", "atanh"), (-1.0, 1.0)),
    "log1p": (-1.0, np.inf),
}
NEAR_ZERO = {
    "sin",
    "cos",
    "silu",
    "mish",
    "gelu",
    "tanhshrink",
    "tan",
}  # whose bounds are not relative everywhere
RNG = np.random.default_rng(0)


def scalars(*shape: int) -> torch.Tensor:
    """Numbers of both signs and many sizes."""
    return torch.from_numpy(RNG.normal(size=shape) * 10.0 ** RNG.uniform(-3, 1, shape))


def within(v: torch.Tensor, name: str) -> torch.Tensor:
    """Numbers in the domain of a function."""
    least, most = DOMAIN.get(name, (-np.inf, np.inf))
    return v[(v > least) & (v < most)]


def interval(low: torch.Tensor, high: torch.Tensor) -> Interval:
    return Interval(torch.stack([low, high])[:, None, None])


def holds(found: Interval, exact: list) -> bool:
    """Whether each exact number, an mpf or a Fraction, lies between the ends."""
    kind = Fraction if isinstance(exact[0], Fraction) else MP.mpf
    ends = zip(found.lo.flatten().tolist(), found.hi.flatten().tolist(), exact)
    return all(kind(lo) <= value <= kind(hi) for lo, hi, value in ends)


def width_in_ulp(found: Interval) -> float:
    spacing = np.spacing(found.magnitude.clamp_min(1e-300).numpy())
    return float(((found.hi - found.lo).numpy() / spacing).max())


def test_every_function_is_tested():
    assert set(EXACT) == set(FUNCTIONS)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_functions_at_a_point_hold_the_exact_value_closely(name, settings):
    v = within(scalars(400), name)
    f, slope = EXACT[name]
    point = interval(v, v)
    value, derivative = point.apply(name, *settings), point.slope(name, *settings)
    assert holds(value, [MP.mpf(f(MP.mpf(x), *settings)) for x in v.tolist()])
    assert holds(derivative, [MP.mpf(slope(MP.mpf(x), *settings)) for x in v.tolist()])
    if name not in NEAR_ZERO:
        assert width_in_ulp(value) < 300
        assert width_in_ulp(derivative) < (300 if name not in ("erf", "erfc") else 3000)
    else:
        assert float((value.hi - value.lo).max()) < 1e-11 * (1 + float(value.magnitude.max()))


def is_regular(name: str, low: float, high: float) -> bool:
    """Whether a function is smooth, or has a kink, and no pole and no jump, from one number to another."""
    least, most = DOMAIN.get(name, (-np.inf, np.inf))
    inside = least < low and high < most
    poles = {"reciprocal": [0.0], "step": [0.0], "softplus_up_to": [2.0]}.get(name, [])
    if name == "tan":
        poles = [np.pi * (k + 0.5) for k in range(-40, 40)]
    return inside and not any(low <= pole <= high for pole in poles)


@pytest.mark.parametrize(("name", "settings"), CASES)
@pytest.mark.parametrize("radius", [1e-6, 0.3, 5.0])
def test_functions_over_a_box_hold_all_values_and_little_else(name, settings, radius):
    centre = scalars(60)
    low, high = centre - radius, centre + radius
    box = interval(low, high)
    balls = Balls([a.union(b) for a, b in zip(Balls.constant(low).entries, Balls.constant(high).entries)])
    inside = low + (high - low) * torch.linspace(0, 1, 201, dtype=torch.float64)[:, None]
    regular = torch.tensor([is_regular(name, a, b) for a, b in zip(low.tolist(), high.tolist())])
    for kind in ("apply", "slope"):
        exact = EXACT[name][kind == "slope"]
        inside_regular = inside[::20, regular].tolist()
        sampled = np.array([[float(exact(MP.mpf(v), *settings)) for v in row] for row in inside_regular])
        found = getattr(box, kind)(name, *settings)
        lo, hi = found.lo.flatten().numpy(), found.hi.flatten().numpy()
        if name != "step" or kind == "slope":
            assert not np.isfinite(lo[~regular]).any()  # across a pole nothing is known
        lo, hi = lo[regular], hi[regular]
        slack = 1e-12 * (1 + np.abs(sampled))
        assert (lo <= sampled + slack).all()
        assert (sampled <= hi + slack).all()
        if radius == 0.3:
            spread = np.ptp(sampled, axis=0)
            assert (hi - lo <= 1.5 * spread + 0.3 * (hi - lo) + 1e-12).all()
        entries = np.array(getattr(balls, kind)(name, *settings).entries)[regular]
        assert all(b.contains(float(s)) or abs(b - float(s)) < 1e-12 for b, s in zip(entries, sampled[5]))


@pytest.mark.parametrize("operation", ["__add__", "__sub__", "__mul__"])
def test_arithmetic_holds_the_rational_result(operation):
    a, b, c, d = (scalars(300) for _ in range(4))
    first, second = (
        interval(torch.minimum(a, b), torch.maximum(a, b)),
        interval(torch.minimum(c, d), torch.maximum(c, d)),
    )
    found = getattr(first, operation)(second)
    for x in (a, b):
        for y in (c, d):
            exact = [getattr(Fraction(s), operation)(Fraction(t)) for s, t in zip(x.tolist(), y.tolist())]
            assert holds(found, exact)
    constant = getattr(interval(a, a), operation)(c)
    assert holds(
        constant, [getattr(Fraction(s), operation)(Fraction(t)) for s, t in zip(a.tolist(), c.tolist())]
    )
    assert width_in_ulp(constant) <= 2


@pytest.mark.parametrize("n", [1, 7, 300])
def test_affine_maps_hold_the_rational_result(n):
    W, b, v = scalars(40, n), scalars(40), scalars(n)
    W[:, -1] = -(W[:, :-1] @ v[:-1] + b) / v[-1]  # the sum cancels: what is left is rounding
    exact = [
        sum((Fraction(w) * Fraction(x) for w, x in zip(row, v.tolist())), Fraction(shift))
        for row, shift in zip(W.tolist(), b.tolist())
    ]
    found = interval(v, v).affine(W, b)
    assert holds(found, exact)
    terms = (W.abs() @ v.abs() + b.abs()).numpy()
    assert ((found.hi - found.lo)[0, 0].numpy() <= 4 * (n + 6) * 2.0**-52 * terms).all()
    radius = scalars(n).abs()
    wide = interval(v - radius, v + radius).affine(W, b)
    corner = v + torch.sign(W[0]) * radius * (1 - 1e-12)
    assert wide.lo[0, 0, 0] <= W[0] @ corner + b[0] <= wide.hi[0, 0, 0]
    assert wide.hi[0, 0, 0] <= (W[0] @ corner + b[0]) * (1 + 1e-9) + 1e-9


def test_a_gate_near_one_keeps_what_it_gates_sharp():
    one, end = torch.ones(1, dtype=torch.float64), scalars(1).abs()
    start, gate = interval(-one, one), interval(0.99 * one, 0.995 * one)
    found = start.lerp(interval(end, end), gate)
    assert float(found.lo) == pytest.approx(min(g * float(end) - (1 - g) for g in (0.99, 0.995)), abs=1e-12)
    assert float(found.hi) == pytest.approx(max(g * float(end) + (1 - g) for g in (0.99, 0.995)), abs=1e-12)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_what_is_no_number_stays_none(name, settings):
    if name == "power":  # v^1 has the slope 1 everywhere
        return
    nothing = Interval(torch.full((2, 1, 1, 1), torch.nan, dtype=torch.float64))
    assert bool(nothing.apply(name, *settings).ends.isnan().all())
    assert bool(nothing.slope(name, *settings).ends.isnan().all())
    balls = Balls.constant(torch.nan)
    assert balls.apply(name, *settings).entries[0].is_nan()
    assert balls.slope(name, *settings).entries[0].is_nan()


@pytest.mark.parametrize(("name", "low"), [("relu", 0.0), ("abs", -1.0)])
def test_a_box_that_ends_at_a_kink_holds_the_slopes_of_both_sides(name, low):
    zero, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    for box in (interval(-one, zero), interval(zero, one), interval(zero, zero)):
        slope = box.slope(name)
        assert (float(slope.lo), float(slope.hi)) == (low, 1.0)
    ball = Balls.constant(0.0).slope(name).entries[0]
    assert ball.contains(low)
    assert ball.contains(1)


COMPOSED = (
    "relu",
    "abs",
    "step",
    "power",
    "real_power",
    "reciprocal",
    "softplus_up_to",
    "elu",
    "tanhshrink",
    "softsign",
)
LIBRARY = sorted(set(EXACT) - {*COMPOSED, "silu", "gelu", "mish"})


@pytest.mark.parametrize("name", LIBRARY)
def test_the_functions_in_use_are_as_accurate_as_is_assumed(name):
    """At most 8 units in the last place, of 1 for sin and cos; checked where the arguments of a network lie."""
    v = within(torch.cat([scalars(1000), torch.from_numpy(RNG.uniform(-20, 20, 1000))]), name)
    computed = (
        getattr(torch, name)(v) if name != "softplus" else torch.nn.functional.softplus(v, threshold=50.0)
    )
    for x, y in zip(v.tolist(), computed.tolist()):
        exact = EXACT[name][0](MP.mpf(x))
        scale = 1.0 if name in ("sin", "cos") else abs(float(exact))
        assert abs(MP.mpf(y) - exact) <= 8 * 2.0**-53 * scale
