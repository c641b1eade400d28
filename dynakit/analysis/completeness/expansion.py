"""What is known of Z(kappa) about the centres of boxes, and what their halves may begin from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Hint(NamedTuple):
    """Where the centre of a box is, and how that moves with it."""

    z: np.ndarray  # (box, unit)
    R: np.ndarray  # (box, unit, r)

    def rows(self, mask: np.ndarray | slice) -> Hint:
        return Hint(self.z[mask], self.R[mask])

    def moved(self, by: np.ndarray) -> Hint:
        return Hint(self.z + np.einsum("bir,br->bi", self.R, by), self.R)

    def joined(self, other: Hint) -> Hint:
        return Hint(np.concatenate([self.z, other.z]), np.concatenate([self.R, other.R]))


class Expansion(NamedTuple):
    """A linearization of Z about the centres of boxes, with what is wrong with each part in the norm."""

    z: np.ndarray  # (box, unit)
    f: np.ndarray  # (box, unit)
    z_error: np.ndarray  # (box,)  |z - Z|_2
    f_error: np.ndarray  # (box,)  |f - f(Z)|_2
    D: np.ndarray  # (box, unit)  slopes
    inverse: np.ndarray  # (box, unit, unit)  about (1 - E D)^-1
    R: np.ndarray  # (box, unit, r)
    R_error: np.ndarray  # (box, r)
    K: np.ndarray  # (box, unit, unit)
    K_error: np.ndarray  # (box,)
