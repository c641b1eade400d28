"""Does the step that approximates a flow agree with it about the stability of a point?

An explicit Runge-Kutta step multiplies a mode by R(dt mu), a polynomial, instead of exp(dt mu): a stable mode may grow
where dt is too long, and an unstable one decay (Hairer and Wanner 1996, sec. IV.2).  Trajectories then mislead.
"""

from __future__ import annotations

import warnings

import numpy as np
from torch import Tensor

from ... import chunks, linalg
from ...errors import DynakitWarning
from ...systems.base import System
from .verdict import judge

COPIES = 16  # of a Jacobian that are held while it is judged


def verdicts_of_step(system: System, x: Tensor, u: Tensor, verdicts: np.ndarray) -> np.ndarray:
    """The verdict on a flow's time-dt map at each point (point, unit); of a map, ``verdicts``."""
    flow = system.flow()
    if flow is None or not len(x):
        return verdicts.copy()
    by_step = verdicts.copy()
    for part in chunks.parts(len(x), COPIES * chunks.FLOAT * system.state_size**2):
        by_step[part] = _by_step(flow, x[part], u[part], verdicts[part])
    return by_step


def _by_step(flow: System, x: Tensor, u: Tensor, verdicts: np.ndarray) -> np.ndarray:
    J = flow.jacobian(x, u)
    kinked = (
        (flow.kinks(x, u) < 1e-9 * (1 + x.abs().amax(-1))).cpu().numpy()
    )  # there, one side is all that J says
    (values, condition), known = linalg.conditions(J), (verdicts != "undetermined") & ~kinked
    by_step = judge(values, condition, linalg.norms(J), ~known, J.cpu().numpy())
    firm = known & (verdicts != "marginal") & (by_step != "undetermined") & (by_step != "marginal")
    return np.where(firm, by_step, verdicts)  # what is marginal of one may be either of the other


def warn_of_step(system: System, verdicts: np.ndarray, by_step: np.ndarray) -> None:
    """Warn the caller of a public function if the step of a flow is stable where the flow is not, or unstable."""
    n = int((verdicts != by_step).sum())
    if n:
        warnings.warn(
            f"the steps of system ({system.name}, dt = {system.dt:g}) are stable where the flow is not, or the other "
            f"way round, at {n} of {len(verdicts)} points: states settle otherwise than along the flow; make dt "
            "shorter or n_substeps larger",
            DynakitWarning,
            stacklevel=4,
        )
