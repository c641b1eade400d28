"""Whether what has been decided can hold at all: a linear programme, and a proof where it says no.

Without complementarity of the free units, a node asks for r, s >= 0 with N r - s = p, s_A = 0 on the active
units and r_Z = 0 on the inactive ones.  By Farkas' lemma there is none if and only if some y has

    (N'y)_j <= 0 for j not in Z,    y_i >= 0 for i not in A,    p'y > 0.

The simplex method (HiGHS: Huangfu and Hall 2018) names the rows I on which y differs from zero and the columns
J on which N'y is zero.  The system N_IJ' y_I = 0, p_I' y_I = 1 is then solved with a bound of its error, so
that a y with these zeros exists exactly, and the other signs are checked beyond that error.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .reduction import LCP, solved


class LinearProgramme:
    """The linear programme of one problem, solved anew from the last basis for each node."""

    def __init__(self, lcp: LCP) -> None:
        import highspy

        self.lcp, self.state, n = lcp, np.zeros(len(lcp.p), np.int8), len(lcp.p)
        self.infinity, self.infeasible_status = highspy.kHighsInf, highspy.HighsModelStatus.kInfeasible
        programme = highspy.HighsLp()
        programme.num_col_ = programme.num_row_ = n
        programme.col_cost_, programme.col_lower_ = np.zeros(n), np.zeros(n)
        programme.col_upper_ = programme.row_upper_ = np.full(n, self.infinity)
        programme.row_lower_ = lcp.p
        matrix = programme.a_matrix_
        matrix.format_ = highspy.MatrixFormat.kRowwise
        matrix.start_, matrix.index_ = n * np.arange(n + 1), np.tile(np.arange(n), n)
        matrix.value_ = lcp.N.ravel()
        self.solver: Any = highspy.Highs()
        for option, value in (
            ("output_flag", False),
            ("presolve", "off"),
            ("solver", "simplex"),
            ("threads", 1),
        ):
            self.solver.setOptionValue(option, value)
        self.solver.passModel(programme)

    def excludes(self, state: np.ndarray) -> bool:
        """Whether no solution agrees with ``state``, for certain."""
        lcp = self.lcp
        for i in np.flatnonzero(state != self.state):
            self.solver.changeColBounds(int(i), 0.0, 0.0 if state[i] < 0 else self.infinity)
            self.solver.changeRowBounds(int(i), lcp.p[i], lcp.p[i] if state[i] > 0 else self.infinity)
        self.state = state.copy()
        self.solver.run()
        if self.solver.getModelStatus() != self.infeasible_status:
            return False
        ray = self.solver.getDualRay()
        values = ray[-1] if isinstance(ray, tuple) else ray
        y = np.array(values, float)[: len(lcp.p)]
        return _proves(lcp, state, y if lcp.p @ y > 0 else -y)


def _proves(lcp: LCP, state: np.ndarray, y: np.ndarray) -> bool:
    """Whether a Farkas certificate exists next to ``y``."""
    y = y / max(np.abs(y).max(initial=0.0), 1e-300)
    columns = np.flatnonzero(state >= 0)
    slopes = lcp.N[:, columns].T @ y
    rows = np.flatnonzero(np.abs(y) > 1e-9)
    tight = columns[np.abs(slopes) < 1e-9]
    if len(tight) + 1 != len(rows):
        return False
    system = np.vstack([lcp.N[np.ix_(rows, tight)].T, lcp.p[rows]])
    answer = solved(system, np.eye(len(rows))[:, -1:], lcp.error)
    if answer is None:
        return False
    y_rows, doubt = answer[0][:, 0], answer[1]
    signed = state[rows] <= 0
    if (y_rows[signed] <= doubt).any():
        return False
    loose = np.setdiff1d(columns, tight)
    block = lcp.N[np.ix_(rows, loose)]
    size = np.abs(block).T @ np.abs(y_rows)
    error = (
        doubt * np.abs(block).sum(0) + lcp.error * (np.abs(y_rows).sum() + doubt) + 1e-14 * len(rows) * size
    )
    return bool((block.T @ y_rows + error < 0).all())
