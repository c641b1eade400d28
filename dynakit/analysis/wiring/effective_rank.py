"""How many equations decide the fixed points of a rate network, whatever the rank of its matrix?

z = W f(z) + d, f rising with slope at most s.  Let M N^T = sum of l u u^T over the r eigenvalues l >= 1/s of the
symmetric part of W, and E the rest.  Then z = M k + d + E f(z) has one solution for every k in R^r, by strong
monotony (Minty 1962, Duke Math. J. 29, 341), and the r equations k = N^T f(z) are left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ... import linalg
from ...checks import number, reals
from ...provenance import with_provenance
from ...results import Result
from ...wording import counted, three
from .low_rank import effective_ranks
from .spectra import matrix_of


@dataclass(frozen=True, kw_only=True, repr=False)
class EffectiveRank(Result):
    """The number of equations that decide a rate network's fixed points, and what training added to its matrix.

    Attributes:
        symmetric: (unit,) eigenvalues of (W + W^T) / 2, the largest first
        threshold: 1 / slope; eigenvalues from here on count
        singular_values: (unit,) of W, the largest first
        edge: largest singular value of the matrix before training; NaN: not known
        participation: (sum s^2)^2 / sum s^4 of the singular values s of W - initial; NaN: initial not known
    """

    symmetric: np.ndarray
    threshold: float
    singular_values: np.ndarray
    edge: float
    participation: float

    @property
    def n_equations(self) -> int:
        """Equations that decide the fixed points; 0: there is exactly one, under every drive."""
        return int((self.symmetric >= self.threshold).sum())

    @property
    def n_above_edge(self) -> int | None:
        """Singular values above all of those before training; None: these are not known."""
        return int((self.singular_values > self.edge).sum()) if np.isfinite(self.edge) else None

    def headline(self) -> str:
        r = self.n_equations
        above = ", ".join(three(v) for v in self.symmetric[: min(r, 5)].tolist()) + (", ..." if r > 5 else "")
        below = three(float(self.symmetric[r])) if r < len(self.symmetric) else "none"
        verb = "decides" if r == 1 else "decide"
        said = f"{counted(r, 'equation')} {verb} its fixed points (eigenvalues of the symmetric part from "
        said += f"{three(self.threshold)}: {above or 'none'} | {below})"
        if self.n_above_edge is None:
            return said
        values = counted(self.n_above_edge, "singular value")
        return f"{said}; {values} above the initial edge; W - W0 has participation ratio {three(self.participation)}"


@with_provenance
def effective_rank(W: Any, initial: Any = None, *, slope: float = 1.0) -> EffectiveRank:
    """Count the equations that decide the fixed points of z = W f(z) + d, beside two ranks of what was learnt.

    Arguments:
        W: (unit, unit), W_rec[post, pre] as it acts, signs included.
        initial: (unit, unit), the same before training; None: not known.
        slope: the steepest slope of f: 1 of tanh, softplus and ReLU, 1/4 of the sigmoid.

    The count is about networks whose units rise with their input; of gated networks it says nothing.  Rounding is not
    enclosed: an eigenvalue within 1e-12 of the threshold may be counted on either side.

    Raises InputError, naming the argument.

    >>> effective_rank(np.diag([2.0, 1.5, 0.5])).n_equations
    2

    Source: Minty (1962), Duke Math. J. 29, 341.
    """
    matrix = matrix_of(W)
    slope = number("slope", slope, above=0.0, closed=False)
    symmetric = np.zeros(0)
    if matrix.size:
        symmetric = linalg.symmetric_eig(torch.as_tensor((matrix + matrix.T) / 2)[None])[0][0].numpy()
    edge = participation = float("nan")
    with linalg.one_thread():
        values = _singular_values(matrix)
        if initial is not None:
            initial = reals("initial", initial, matrix.shape)
            learnt = _singular_values(matrix - initial)
            participation = effective_ranks(learnt, matrix.shape)["participation"]
            edge = float(_singular_values(initial).max(initial=0.0))
    return EffectiveRank(
        symmetric=np.sort(symmetric)[::-1],
        threshold=1 / slope,
        singular_values=values,
        edge=edge,
        participation=participation,
    )


def _singular_values(matrix: np.ndarray) -> np.ndarray:
    return linalg.svd(matrix)[1] if matrix.size else np.zeros(0)
