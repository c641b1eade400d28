"""The one gate to LAPACK.

A single NaN inside a batch can end the interpreter or come back as finite, invented eigenvalues, depending on
the routine.  Every decomposition of a Jacobian or of weights passes here: finiteness is checked for each element
of the batch first, bad elements are marked with NaN, and their neighbours are as if they had been alone.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import scipy.linalg
import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor

ONE_BY_ONE = 64  # from this size on a batched solve is slower than one call per element


@functools.lru_cache(maxsize=1)
def _libraries(n_modules: int) -> ThreadpoolController:
    """The thread pools of the libraries that are loaded, looked for again once there are more modules."""
    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Run the body on one thread and restore the caller's settings.

    The matrices here are small: a second thread costs more in barriers than it gains, and on a busy machine
    a hundred times more.
    """
    before = torch.get_num_threads()
    with _libraries(len(sys.modules)).limit(limits=1):
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)


class Eigen(NamedTuple):
    """Eigen-decomposition of a batch: A r_k = values_k r_k and l_k^H A = values_k l_k^H."""

    values: np.ndarray  # (batch, k)      complex, by falling modulus, then by falling angle
    right: np.ndarray  # (batch, n, k)   unit columns, largest entry real and positive
    left: np.ndarray  # (batch, n, k)   scaled so that l_k^H r_k = 1
    condition: np.ndarray  # (batch, k)      1 / |l_k^H r_k| of unit vectors: large near a defective matrix


def finite_elements(batch: Tensor | np.ndarray) -> np.ndarray:
    """For each matrix (or vector) of a batch: is every entry finite?"""
    array = batch.detach().cpu().numpy() if isinstance(batch, Tensor) else np.asarray(batch)
    return np.asarray(np.isfinite(array).all(axis=tuple(range(1, array.ndim))))


def eig(matrices: Tensor | np.ndarray) -> Eigen:
    """Eigenvalues with right and left eigenvectors and condition numbers; NaN where a matrix is not finite.

    ``matrices`` (batch, n, n).  Condition numbers: Golub and Van Loan, Matrix Computations, sec. 7.2.2.
    """
    batch = np.asarray(
        matrices.detach().cpu() if isinstance(matrices, Tensor) else matrices, dtype=np.float64
    )
    m, n, _ = batch.shape
    values = np.full((m, n), np.nan, complex)
    right, left = np.full((m, n, n), np.nan, complex), np.full((m, n, n), np.nan, complex)
    condition = np.full((m, n), np.nan)
    for i in np.flatnonzero(finite_elements(batch)):
        try:
            values[i], right[i], left[i], condition[i] = _eig_one(batch[i])
        except (np.linalg.LinAlgError, ValueError):
            continue  # the QR iteration did not converge: this element stays NaN
    return Eigen(values, right, left, condition)


def _eig_one(matrix: np.ndarray) -> tuple[np.ndarray, ...]:
    scale = _power_of_two(matrix)
    w, vl, vr = scipy.linalg.eig(matrix / scale, left=True, right=True)  # pyright: ignore[reportAssignmentType]
    order = spectral_order(w)
    w, vl, vr = scale * w[order], vl[:, order], vr[:, order]
    largest = np.take_along_axis(vr, np.abs(vr).argmax(axis=0)[None], axis=0)
    vr = vr * (np.abs(largest) / largest)
    overlap = (vl.conj() * vr).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return w, vr, vl / overlap.conj(), 1 / np.abs(overlap)


def _power_of_two(matrix: np.ndarray) -> float:
    """The power of two next to the largest entry, to divide by without rounding.

    Beyond about 1e+-140, some builds of LAPACK's geev scale a matrix and do not scale its eigenvalues back.
    """
    _, exponent = np.frexp(np.abs(matrix).max(initial=0.0))
    return float(np.ldexp(1.0, min(int(exponent), 1023)))


def spectral_order(values: np.ndarray) -> np.ndarray:
    """Indices that sort eigenvalues by falling modulus; within a modulus, by falling angle."""
    modulus = np.abs(values)
    scale = modulus.max(initial=0.0) or 1.0
    return np.lexsort((-np.angle(values), -np.round(modulus / scale, 12)))


def conditions(matrices: Tensor | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues (batch, k) and the condition number of each, as :func:`eig` has them, without the eigenvectors."""
    batch = np.asarray(
        matrices.detach().cpu() if isinstance(matrices, Tensor) else matrices, dtype=np.float64
    )
    values = np.full(batch.shape[:2], np.nan, complex)
    condition = np.full(batch.shape[:2], np.nan)
    (geev,) = scipy.linalg.get_lapack_funcs(("geev",), (batch,))
    for i in np.flatnonzero(finite_elements(batch)) if batch.shape[1] else ():
        scale = _power_of_two(batch[i])
        real, imag, left, right, info = geev(batch[i] / scale, overwrite_a=True)
        if info == 0:  # else the QR iteration did not converge: this element stays NaN
            order = spectral_order(w := scale * (real + 1j * imag))
            values[i], condition[i] = w[order], _condition_of(imag, left, right)[order]
    return values, condition


def _condition_of(imag: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """1 / |l^H r| of unit vectors as LAPACK packs them: a complex pair is two columns, real and imaginary part."""
    overlap = (left * right).sum(axis=0)
    first = np.flatnonzero(imag > 0)
    if len(first):
        across = (left[:, first] * right[:, first + 1] - left[:, first + 1] * right[:, first]).sum(axis=0)
        overlap[first] = overlap[first + 1] = np.hypot(overlap[first] + overlap[first + 1], across)
    with np.errstate(divide="ignore"):
        return 1 / np.abs(overlap)


def eigvals(matrix: np.ndarray) -> np.ndarray:
    """Eigenvalues of one matrix by falling modulus; all NaN if it is not finite or they cannot be found."""
    if not np.isfinite(matrix).all():
        return np.full(len(matrix), np.nan, complex)
    try:
        scale = _power_of_two(matrix)
        values = scale * np.asarray(scipy.linalg.eigvals(matrix / scale), dtype=complex)
    except np.linalg.LinAlgError:  # the QR iteration did not converge
        return np.full(len(matrix), np.nan, complex)
    return values[spectral_order(values)]


def eig_complex(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and unit right eigenvectors (columns) of one complex matrix, in no order; NaN if it is not finite."""
    n = len(matrix)
    if not np.isfinite(matrix).all():
        return np.full(n, np.nan, complex), np.full((n, n), np.nan, complex)
    try:
        values, vectors = scipy.linalg.eig(np.asarray(matrix, complex))  # pyright: ignore[reportAssignmentType]
    except np.linalg.LinAlgError:  # the QR iteration did not converge
        return np.full(n, np.nan, complex), np.full((n, n), np.nan, complex)
    return np.asarray(values), np.asarray(vectors)


def eigenpair(
    matrix: np.ndarray, value: float, right: np.ndarray, left: np.ndarray, most_steps: int = 6
) -> tuple[float, np.ndarray, np.ndarray] | None:
    """The real eigenvalue next to ``value`` with its right (|r| = 1) and left (l.r = 1) eigenvectors, or None.

    Two-sided Rayleigh quotient iteration (Ostrowski 1959; Parlett 1974) from vectors that are nearly right: a few
    factorisations instead of a whole decomposition.
    """
    if not np.isfinite(matrix).all():
        return None
    size = np.abs(matrix).sum(axis=1).max(initial=1.0)
    getrf, getrs = scipy.linalg.get_lapack_funcs(("getrf", "getrs"), (matrix,))
    for _ in range(most_steps):
        factors, pivots, info = getrf(matrix - value * np.eye(len(matrix)))
        if (
            info > 0
        ):  # the shift is an eigenvalue to the last digit: the smallest pivot that can be divided by
            factors[info - 1, info - 1] = np.finfo(float).eps * size
        right, left = getrs(factors, pivots, right)[0], getrs(factors, pivots, left, trans=1)[0]
        right, left = right / np.linalg.norm(right), left / np.linalg.norm(left)
        overlap = left @ right
        if not abs(overlap) > 1e-12:  # defective, or not finite
            return None
        value = float(left @ matrix @ right / overlap)
        if np.abs(matrix @ right - value * right).max() <= 1e-13 * size:
            return value, right, left / overlap
    return None


def symmetric_eig(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, rising, and orthonormal columns of each symmetric element; NaN where it is not finite."""
    good = torch.as_tensor(finite_elements(matrices)).to(matrices.device)
    eye = torch.eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device)
    values, vectors = torch.linalg.eigh(torch.where(good[:, None, None], matrices, eye))
    return torch.where(good[:, None], values, torch.nan), torch.where(good[:, None, None], vectors, torch.nan)


def solve(matrices: Tensor, rhs: Tensor) -> tuple[Tensor, Tensor]:
    """Solve A x = b for each element; returns x (batch, n) and which elements could be solved.

    Singular or non-finite elements give a zero row and False.
    """
    safe, usable = matrices, torch.isfinite(rhs).all(-1)
    if not bool(torch.isfinite(matrices.sum())):  # one pass; the thorough look only when it must be
        usable = usable & torch.isfinite(matrices).all(-1).all(-1)
        eye = torch.eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device)
        safe = torch.where(usable[:, None, None], matrices, eye)
    rhs = torch.where(usable[:, None], rhs, 0.0)
    if safe.device.type == "cpu" and safe.shape[-1] >= ONE_BY_ONE:
        x, regular = _solve_each(safe, rhs)
    else:
        factors, pivots, info = torch.linalg.lu_factor_ex(safe)
        x, regular = torch.linalg.lu_solve(factors, pivots, rhs[..., None])[..., 0], info == 0
    usable = usable & regular & torch.isfinite(x).all(-1)
    return torch.where(usable[:, None], x, 0.0), usable


def solve_one(matrix: np.ndarray, rhs: np.ndarray) -> np.ndarray | None:
    """The x (n,) of one A x = b, without what :func:`solve` does for a batch; None: singular or not finite."""
    try:
        x = np.linalg.solve(matrix, rhs)
    except np.linalg.LinAlgError:
        return None
    return x if all(np.isfinite(part).all() for part in (matrix, rhs, x)) else None


def _solve_each(matrices: Tensor, rhs: Tensor) -> tuple[Tensor, Tensor]:
    """As the batched routine, one LAPACK call per element: for larger matrices twice as fast on one thread."""
    batch, x = matrices.numpy(), rhs.clone()
    rows = x.numpy()
    getrf, getrs = scipy.linalg.get_lapack_funcs(("getrf", "getrs"), (batch,))
    regular = torch.ones(len(batch), dtype=torch.bool)
    for i, matrix in enumerate(batch):
        factors, pivots, info = getrf(matrix.T)  # the transpose is in LAPACK's order: no copy by rows
        regular[i] = info == 0
        if info == 0:
            rows[i] = getrs(factors, pivots, rows[i], trans=1)[0]
    return x, regular


def orthonormalize(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Orthonormal rows Q and the lower triangular L with rows = L Q, whose diagonal may have any signs.

    ``rows`` (batch, k, n), k <= n; Householder's QR of the transposes.  Where an element is not finite, Q are the
    first rows of the identity and L is NaN.
    """
    if bool(torch.isfinite(rows.sum())):
        Q, R = torch.linalg.qr(rows.mT)
        return Q.mT, R.mT
    usable = torch.as_tensor(finite_elements(rows)).to(rows.device)[:, None, None]
    eye = torch.eye(*rows.shape[-2:], dtype=rows.dtype, device=rows.device)
    Q, R = torch.linalg.qr(torch.where(usable, rows, eye).mT)
    return torch.where(usable, Q.mT, eye), torch.where(usable, R.mT, torch.nan)


class Graded(NamedTuple):
    """Of a batch of rows: rows = L Q, and which rows are, but for rounding, combinations of those before them."""

    Q: Tensor  # (batch, k, n)
    L: Tensor  # (batch, k, k)
    dependent: Tensor  # (batch, k)


def orthonormalize_graded(rows: Tensor) -> Graded:
    """:func:`orthonormalize` of rows (batch, k, n), all finite, whose columns may differ in size by any factor.

    With the columns sorted by size, Householder's reflections leave in each the digits that it has (Powell and Reid
    1969; Cox and Higham 1998): L is right to rounding also where its diagonal falls by more than the 16 digits of a
    float.
    """
    sizes, order = rows.abs().amax(-2).sort(-1, descending=True)
    order = order[:, None].expand_as(rows)
    Q, R = torch.linalg.qr(rows.gather(-1, order).mT)
    dependent = _dependent(R.mT, sizes, 16 * float(np.finfo(float).eps) * rows.shape[-1] ** 0.5)
    return Graded(torch.empty_like(rows).scatter_(-1, order, Q.mT), R.mT, dependent)


def _dependent(L: Tensor, sizes: Tensor, rounding: float) -> Tensor:
    """Which rows lie in the span of those before the first that is dependent, which is one of them (batch, k)."""
    at = torch.arange(L.shape[-1], device=L.device)
    small = L.diagonal(dim1=-2, dim2=-1).abs() <= rounding * sizes[:, : len(at)]
    first = torch.where(small.any(-1), small.to(torch.int8).argmax(-1), len(at))[:, None]
    beside = L.masked_fill(at < first[..., None], 0.0).norm(dim=-1)
    return (at >= first) & (beside <= rounding * sizes.gather(-1, first.clamp_max(len(at) - 1)))


def solve_upper(R: np.ndarray, b: np.ndarray) -> np.ndarray:
    """x with R x = b for one upper triangular matrix without a zero on its diagonal; b (n, k)."""
    return np.asarray(scipy.linalg.solve_triangular(R, b, check_finite=False))


def log_abs_det(matrices: Tensor) -> Tensor:
    """ln |det| of each element; -inf where it is singular, NaN where it is not finite."""
    good = torch.as_tensor(finite_elements(matrices)).to(matrices.device)
    eye = torch.eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device)
    values = torch.linalg.slogdet(torch.where(good[:, None, None], matrices, eye))[1]
    return torch.where(good, values, torch.nan)


def least_squares(A: np.ndarray, b: np.ndarray, rtol: float = 1e-10) -> tuple[np.ndarray, int]:
    """The shortest x that minimises |A x - b|, and the rank of A: singular values below rtol of the largest are none.

    NaN and rank 0 if A or b is not finite.
    """
    if not (np.isfinite(A).all() and np.isfinite(b).all()):
        return np.full((A.shape[1], *b.shape[1:]), np.nan), 0
    x, _, rank, _ = np.linalg.lstsq(A, b, rcond=rtol)
    return x, int(rank)


def ridge(A: np.ndarray, B: np.ndarray, penalty: np.ndarray) -> tuple[np.ndarray, float]:
    """The X that minimises |A X - B|^2 + sum_k penalty_k |X_k|^2, and the condition of its normal equations.

    ``A`` (row, column), ``B`` (row, output), ``penalty`` (column,) >= 0, all finite.  By Cholesky's factors of
    A^T A + diag(penalty), refined with the residuals of A itself, which brings back the digits that squaring A costs
    (Bjoerck 1987); where those factors are too close to singular, by the singular values of A stacked on
    sqrt(penalty), and of several solutions the shortest.
    """
    normal = A.T @ A
    normal[np.diag_indices_from(normal)] += penalty
    potrf, potrs, pocon = scipy.linalg.get_lapack_funcs(("potrf", "potrs", "pocon"), (normal,))
    factor, info = potrf(normal)
    reciprocal = pocon(factor, np.abs(normal).sum(axis=0).max())[0] if info == 0 else 0.0
    if reciprocal > 1e-12:
        X = np.zeros((A.shape[1], B.shape[1]))
        for _ in range(4):  # each gains as many digits as the factors have
            X = X + potrs(factor, A.T @ (B - A @ X) - penalty[:, None] * X)[0]
        return X, 1 / reciprocal
    stacked = np.concatenate([A, np.diag(np.sqrt(penalty))])
    X, _, _, s = np.linalg.lstsq(stacked, np.concatenate([B, np.zeros((len(penalty), B.shape[1]))]), rcond=None)
    return X, float((s[0] / s[-1]) ** 2) if s[-1] > 0 else np.inf


def inverses(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """The inverse of each element and which elements have one; identity and False for the others."""
    eye = torch.eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device)
    usable = torch.isfinite(matrices.sum((-2, -1)))  # a sum that overflows counts as not finite
    if not bool(usable.all()):
        matrices = torch.where(usable[:, None, None], matrices, eye)
    if matrices.device.type == "cpu" and matrices.shape[-1] >= ONE_BY_ONE:
        inverse, regular = _invert_each(matrices)
    else:
        inverse, info = torch.linalg.inv_ex(matrices)
        regular = info == 0
    usable = usable & regular & torch.isfinite(inverse.sum((-2, -1)))
    return inverse if bool(usable.all()) else torch.where(usable[:, None, None], inverse, eye), usable


def _invert_each(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """As the batched routine, one LAPACK call per element: for larger matrices in two thirds of the time."""
    batch, inverse = matrices.numpy(), torch.empty_like(matrices, memory_format=torch.contiguous_format)
    getrf, getri, getri_lwork = scipy.linalg.get_lapack_funcs(("getrf", "getri", "getri_lwork"), (batch,))
    lwork = int(getri_lwork(batch.shape[-1])[0])
    regular = torch.ones(len(batch), dtype=torch.bool)
    for i, matrix in enumerate(batch):
        factors, pivots, info = getrf(matrix.T)
        found, more = getri(factors, pivots, lwork=lwork, overwrite_lu=True)
        inverse.numpy()[i], regular[i] = found.T, info == more == 0
    return inverse, regular


def norms(matrices: Tensor) -> np.ndarray:
    """The Frobenius norm of each element, which does not overflow where its square would."""
    largest = matrices.abs().amax((-2, -1)).clamp_min(torch.finfo(matrices.dtype).tiny)
    scaled = torch.linalg.matrix_norm(matrices / largest[:, None, None])
    return np.minimum((scaled * largest).cpu().numpy(), np.finfo(float).max)


def sign_det(matrices: Tensor) -> np.ndarray:
    """The sign of the determinant of each element: -1, 0 or 1 (0 also where it is not finite)."""
    good = torch.as_tensor(finite_elements(matrices))
    signs = np.zeros(len(matrices), int)
    if bool(good.any()):
        signs[good.numpy()] = torch.linalg.slogdet(matrices[good.to(matrices.device)])[0].cpu().numpy()
    return signs


def smallest_singular_value(matrix: np.ndarray) -> float:
    """Smallest singular value of one matrix; NaN if it is not finite."""
    return float(np.linalg.svd(matrix, compute_uv=False)[-1]) if np.isfinite(matrix).all() else float("nan")


def svd(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U, s, V^T of one matrix, all singular vectors; NaN if it is not finite."""
    if not np.isfinite(matrix).all():
        rows, columns = matrix.shape
        shapes = ((rows, rows), min(rows, columns), (columns, columns))
        left, s, right = (np.full(shape, np.nan) for shape in shapes)
        return left, s, right
    return np.linalg.svd(matrix)


def smallest_singular(matrix: np.ndarray) -> tuple[float, np.ndarray]:
    """Smallest singular value of one matrix and its right singular vector; NaN if it is not finite."""
    if not np.isfinite(matrix).all():
        return np.nan, np.full(matrix.shape[1], np.nan)
    _, s, vt = np.linalg.svd(matrix)
    return float(s[-1]), vt[-1]
