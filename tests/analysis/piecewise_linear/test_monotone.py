"""A quadratic form restricted to a hyperplane, against the eigenvalues of the restriction."""

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose

from dynakit.analysis.piecewise_linear import monotone


@pytest.mark.parametrize("k", [0, 1, 3])
def test_eigenvalues_on_a_hyperplane_are_those_of_the_restricted_matrix(k):
    rng = np.random.default_rng(0)
    S = rng.normal(size=(6, 6))
    S = S + S.T
    values, vectors = np.linalg.eigh(S)
    normals = rng.normal(size=(5, 6))
    found = monotone._restricted(values, (normals @ vectors) ** 2, k)
    for normal, value in zip(normals, found):
        Q = scipy.linalg.null_space(normal[None])
        assert_allclose(value, np.linalg.eigvalsh(Q.T @ S @ Q)[k], atol=(values[k + 1] - values[k]) * 2.0**-14)


def test_the_unit_whose_fixing_leaves_most_is_promising():
    """s = N r with N = diag(-1, 2, 3): only where unit 0 is fixed, either way, is the form positive."""
    form = monotone.MonotoneForm.of(np.diag([-1.0, 2.0, 3.0]), np.zeros(3))
    assert monotone.promising(form, k=0) == 0
