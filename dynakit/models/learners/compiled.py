"""Inner loops of the slowest learners, compiled by numba where it is installed (the extra ``fast``).

They do what :mod:`.replay` and :class:`dynakit.models.CSNN` do in NumPy, which is what runs where numba is not
installed: the spikes are the same, and the weights of a replay differ by rounding.  Compiled at the first use.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

BLOCK = 50  # of a vector: between two looks at whether its distance is too large already
LOOK_EVERY = 6  # backward steps between two looks at the size of what comes back


@functools.cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """The function in machine code; None without numba."""
    try:
        import numba
    except ImportError:
        return None
    reordered = False if function is columns else {"reassoc", "contract", "nsz"}
    return numba.njit(function, cache=True, fastmath=reordered, error_model="numpy")


def replay_lstm(
    P: Any, p: Any, W: Any, b_x: Any, b_h: Any, Q: Any, q: Any, codes: Any, state: Any, rate: Any, small: Any
) -> Any:
    """One gradient step after each of ``codes`` (step + 1, code); the states (2, state) after the first and the last.

    The weights of one run (see :mod:`.replay`) are changed in place; ``state`` is where the window starts.
    """
    n, E, H, I = len(codes) - 1, Q.shape[0], Q.shape[1], P.shape[0]
    seen = np.zeros((n, I + H), Q.dtype)
    A, C, f = np.zeros((n, H), Q.dtype), np.zeros((n, 4 * H), Q.dtype), np.zeros((n, H), Q.dtype)
    z, d, wrong = np.zeros(4 * H, Q.dtype), np.zeros(4 * H, Q.dtype), np.zeros(E, Q.dtype)
    come, dc, db = np.zeros(I + H, Q.dtype), np.zeros(H, Q.dtype), np.zeros(4 * H, Q.dtype)
    dW, dP, dp = np.zeros_like(W), np.zeros_like(P), np.zeros_like(p)
    half, one, gain = P.dtype.type(0.5), P.dtype.type(1), P.dtype.type(2) / P.dtype.type(E)
    h, c = state[:H].copy(), state[H:].copy()
    ends = np.zeros((2, 2 * H), Q.dtype)
    for j in range(n):
        for i in range(I):
            total = p[i]
            for e in range(E):
                total += P[i, e] * codes[j, e]
            seen[j, i] = total
        seen[j, I:] = h
        for g in range(4 * H):
            total = b_x[g] + b_h[g]
            for i in range(I + H):
                total += W[g, i] * seen[j, i]
            z[g] = total
        for k in range(H):
            s_i, s_f = half * np.tanh(half * z[k]) + half, half * np.tanh(half * z[H + k]) + half
            t_g, s_o = np.tanh(z[2 * H + k]), half * np.tanh(half * z[3 * H + k]) + half
            C[j, H + k] = s_f * (one - s_f) * c[k]
            c[k] = s_f * c[k] + s_i * t_g
            t_c = np.tanh(c[k])
            h[k] = s_o * t_c
            A[j, k], f[j, k] = s_o * (one - t_c * t_c), s_f
            C[j, k] = s_i * (one - s_i) * t_g
            C[j, 2 * H + k] = s_i * (one - t_g * t_g)
            C[j, 3 * H + k] = s_o * (one - s_o) * t_c
        if j == 0:
            ends[0, :H], ends[0, H:] = h, c
        come[:] = 0
        for e in range(E):
            total = q[e]
            for k in range(H):
                total += Q[e, k] * h[k]
            wrong[e] = gain * (total - codes[j + 1, e])
            for k in range(H):
                come[I + k] += wrong[e] * Q[e, k]
        dW[:], dP[:], dp[:], db[:], dc[:] = 0, 0, 0, 0, 0
        for m in range(j, -1, -1):
            for k in range(H):
                dh = come[I + k]
                total = dc[k] + dh * A[m, k]
                d[k], d[H + k], d[2 * H + k] = total * C[m, k], total * C[m, H + k], total * C[m, 2 * H + k]
                d[3 * H + k] = dh * C[m, 3 * H + k]
                dc[k] = total * f[m, k]
            come[:] = 0
            for g in range(4 * H):
                db[g] += d[g]
                for i in range(I + H):
                    dW[g, i] += d[g] * seen[m, i]
                    come[i] += d[g] * W[g, i]
            for i in range(I):
                dp[i] += come[i]
                for e in range(E):
                    dP[i, e] += come[i] * codes[m, e]
            if (j - m) % LOOK_EVERY == LOOK_EVERY - 1:
                largest = max(np.abs(come[I:]).max(), np.abs(dc).max())
                if largest < small:
                    break
        for e in range(E):
            for k in range(H):
                Q[e, k] -= rate * wrong[e] * h[k]
            q[e] -= rate * wrong[e]
        W -= rate * dW
        b_x -= rate * db
        b_h -= rate * db
        P -= rate * dP
        p -= rate * dp
    ends[1, :H], ends[1, H:] = h, c
    return ends


def replay_gru(
    P: Any, p: Any, W: Any, b_x: Any, b_h: Any, Q: Any, q: Any, codes: Any, state: Any, rate: Any, small: Any
) -> Any:
    """What :func:`replay_lstm` does, for a GRU: gates r, z, n, and the state h."""
    n, E, H, I = len(codes) - 1, Q.shape[0], Q.shape[1], P.shape[0]
    x, hs = np.zeros((n, I), Q.dtype), np.zeros((n, H), Q.dtype)
    d_x, d_h, C = np.zeros((n, 3 * H), Q.dtype), np.zeros((n, 3 * H), Q.dtype), np.zeros((n, 3 * H), Q.dtype)
    on, f = np.zeros((n, H), Q.dtype), np.zeros((n, H), Q.dtype)
    a, b, wrong, dh = np.zeros(3 * H, Q.dtype), np.zeros(3 * H, Q.dtype), np.zeros(E, Q.dtype), np.zeros(H, Q.dtype)
    half, one, gain = P.dtype.type(0.5), P.dtype.type(1), P.dtype.type(2) / P.dtype.type(E)
    W_x, W_h = W[:, :I].copy(), W[:, I:].copy()
    h, ends = state.copy(), np.zeros((2, H), Q.dtype)
    for j in range(n):
        for i in range(I):
            total = p[i]
            for e in range(E):
                total += P[i, e] * codes[j, e]
            x[j, i] = total
        hs[j] = h
        for g in range(3 * H):
            total = b_x[g]
            for i in range(I):
                total += W_x[g, i] * x[j, i]
            a[g] = total
            total = b_h[g]
            for k in range(H):
                total += W_h[g, k] * h[k]
            b[g] = total
        for k in range(H):
            r, z = half * np.tanh(half * (a[k] + b[k])) + half, half * np.tanh(half * (a[H + k] + b[H + k])) + half
            new = np.tanh(a[2 * H + k] + r * b[2 * H + k])
            into = (one - z) * (one - new * new)
            C[j, k] = into * b[2 * H + k] * r * (one - r)
            C[j, H + k] = (h[k] - new) * z * (one - z)
            C[j, 2 * H + k], on[j, k], f[j, k] = into, r, z
            h[k] = (one - z) * new + z * h[k]
        if j == 0:
            ends[0] = h
        dh[:] = 0
        for e in range(E):
            total = q[e]
            for k in range(H):
                total += Q[e, k] * h[k]
            wrong[e] = gain * (total - codes[j + 1, e])
            for k in range(H):
                dh[k] += wrong[e] * Q[e, k]
        first = 0
        for m in range(j, -1, -1):
            for k in range(H):
                for g in range(k, 3 * H, H):
                    d_x[m, g] = dh[k] * C[m, g]
                d_h[m, k], d_h[m, H + k], d_h[m, 2 * H + k] = d_x[m, k], d_x[m, H + k], d_x[m, 2 * H + k] * on[m, k]
            dh *= f[m]
            for g in range(3 * H):
                for k in range(H):
                    dh[k] += d_h[m, g] * W_h[g, k]
            if (j - m) % LOOK_EVERY == LOOK_EVERY - 1 and np.abs(dh).max() < small:
                first = m
                break
        d_in, d_own = d_x[first : j + 1], d_h[first : j + 1]
        d_p = np.dot(d_in, W_x)
        for e in range(E):
            for k in range(H):
                Q[e, k] -= rate * wrong[e] * h[k]
            q[e] -= rate * wrong[e]
        W_x -= rate * np.dot(d_in.T, x[first : j + 1])
        W_h -= rate * np.dot(d_own.T, hs[first : j + 1])
        b_x -= rate * d_in.sum(axis=0)
        b_h -= rate * d_own.sum(axis=0)
        P -= rate * np.dot(d_p.T, codes[first : j + 1])
        p -= rate * d_p.sum(axis=0)
    W[:, :I], W[:, I:] = W_x, W_h
    ends[1] = h
    return ends


def nearest(query: Any, rows: Any, squared: bool) -> int:
    """The first of the rows (row, width) that are nearest to ``query`` (width,), by squares or absolute differences."""
    best, at = np.inf, -1
    for i in range(len(rows)):
        total = rows.dtype.type(0)
        for start in range(0, len(query), BLOCK):
            for j in range(start, min(start + BLOCK, len(query))):
                gap = rows[i, j] - query[j]
                total += gap * gap if squared else abs(gap)
            if total >= best:
                break
        if total < best:
            best, at = total, i
    return at


def columns(current: Any, W: Any, alive: Any, n_steps: int, leak: Any, threshold: Any, refractory: int) -> Any:
    """Spike counts (neuron,) under a constant current, and who spiked in the last step."""
    n = len(current)
    v, into = np.zeros(n, np.float32), np.zeros(n, np.float32)
    waiting, counts = np.zeros(n, np.int64), np.zeros(n, np.int64)
    spikes = np.zeros(n, np.int64)
    n_spikes = 0
    for t in range(n_steps):
        into[:] = 0
        for s in range(n_spikes):
            row = W[spikes[s]]
            for k in range(n):
                into[k] += row[k]
        n_spikes = 0
        for k in range(n):
            v[k] *= leak
            if waiting[k] == 0:
                v[k] += (current[k] if t > 0 else np.float32(0)) + into[k]
            else:
                waiting[k] -= 1
            if v[k] >= threshold and alive[k]:
                spikes[n_spikes] = k
                n_spikes += 1
                counts[k] += 1
                waiting[k] = refractory
                v[k] = 0
    return counts, spikes[:n_spikes].copy()
