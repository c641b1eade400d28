"""The certificate of a fixed point in ball arithmetic: a proof, up to the correctness of Arb and of this code.

The test is that of ``_certificate``, with every quantity a ball: Y >= |C (F(x) - x)| and Z(r) >= |I - C (J - I)| for
the ball matrix J of the box |y - x| <= r (Krawczyk 1969; Rump 2010, sec. 13).  The system is taken with
exactly the float64 weights it has, and x as exactly the floats it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ... import linalg
from ...systems.base import System, minus_identity
from ...systems.enclosures import PRECISION, library, matrix
from .certificate import Certificates, certify

SHARES = (0.999, 0.9, 0.7, 0.5, 0.3, 0.1, 0.01)  # of the uniqueness radius found without proof


def prove(system: System, x: Any, u: Any = None) -> Certificates:
    """:func:`certify` in ball arithmetic, point by point.

    Raises ImportError, naming the extra, without python-flint.
    """
    flint = library()
    x, u, _ = system.as_batch(x, u)
    with torch.no_grad():
        likely = certify(system, x, u).uniqueness_radius
        J = system.jacobian(x, u) if len(x) else x.new_zeros(0, system.state_size, system.state_size)
        C, usable = linalg.inverses(minus_identity(J))
        with flint.ctx.workprec(PRECISION):
            rows = [
                _prove(system, x[k], u[k], _Inverse(matrix(C[k]), J[k]), float(likely[k]))
                if usable[k]
                else None
                for k in range(len(x))
            ]
    nothing = (False, *(np.nan,) * 5)
    columns = zip(*(nothing if row is None else row for row in rows)) if rows else [()] * 6
    return Certificates(*(np.array(c, bool if k == 0 else float) for k, c in enumerate(columns)))


class _Inverse(NamedTuple):
    """About the inverse of J - I, exact as it is, and the J it belongs to."""

    C: Any
    J: Tensor


def _prove(system: System, x: Tensor, u: Tensor, inverse: _Inverse, likely: float) -> tuple[Any, ...] | None:
    """One row of the certificates, or None."""
    at_x = system.ball_enclosure(x, u, 0.0)
    if at_x is None or not bool(torch.isfinite(x).all()):
        return None
    residual = at_x[0] - matrix(x[:, None])
    Y = _upper(max_norm(inverse.C * residual))
    first = max(2 * Y, math.ulp(0.0))
    for radius in (first, *((likely * share for share in (1e-3, 0.5)) if likely > first else (4 * first,))):
        Z, error = _contraction(system, x, u, radius, inverse)
        existence = _upper(library().arb(Y) / (1 - library().arb(Z))) if Z < 1 else math.inf
        if existence <= radius:
            break
    else:
        return None
    guesses = (
        [likely * share for share in SHARES]
        if likely > radius
        else [radius * 2.0**k for k in range(20, 0, -2)]
    )
    uniqueness = next(
        (r for r in guesses if r > radius and _contraction(system, x, u, r, inverse)[0] < 1), radius
    )
    return True, existence, uniqueness, _upper(max_norm(residual)), Z, error


def _contraction(
    system: System, x: Tensor, u: Tensor, radius: float, inverse: _Inverse
) -> tuple[float, float]:
    """Z(radius), and a bound of |J(y) - J| over the box for the J of floats."""
    found = system.ball_enclosure(x, u, radius)
    if found is None:
        return math.inf, math.inf
    one = matrix(torch.eye(len(x), dtype=torch.float64))
    Z = max_norm(one - inverse.C * (found[1] - one))
    return _upper(Z), _upper(max_norm(found[1] - matrix(inverse.J)))


def max_norm(balls: Any) -> Any:
    """The largest row sum of absolute values, as a ball above it."""
    return _largest(_total(row) for row in balls.tolist())


def _total(row: list[Any]) -> Any:
    """An upper bound of the sum of absolute values."""
    total = library().arb(0)
    for value in row:
        total += value.abs_upper()
    return total.upper()


def _largest(values: Iterable[Any]) -> Any:
    """The largest of exact numbers; NaN if one is."""
    largest = library().arb(0)
    for value in values:
        largest = largest.max(value)
    return largest


def _upper(value: Any) -> float:
    """A float that is not below the ball."""
    return math.nextafter(float(value.upper()), math.inf)
