"""Networks of the 1990s, taught one string at a time: the loops of three learners, compiled by numba where it is there.

Each function changes the weights that it is given in place, by plain descent on E = 1/2 sum (y - d)^2, summed over the
outputs and steps of a string.  Strings are rows of symbols (string, step); ``lengths`` are their predictions; the input
at a step is one symbol, the target d the next one, and every state begins at 0.  The library's learners do the same
for any network and task, some hundred times slower for networks of this size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

try:
    from numba import njit
except ImportError:  # the extra ``fast``

    def njit(**_: Any) -> Callable[..., Any]:
        """The function as it is: right, and some hundred times slower."""
        return lambda function: function


in_machine_code = njit(cache=True, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")


@in_machine_code
def logistic(a: Any) -> Any:
    """1 / (1 + exp(-a))."""
    return 1.0 / (1.0 + np.exp(-a))


@in_machine_code
def dot(a: Any, b: Any) -> Any:
    """a b, shorter than a call of a library takes."""
    total = 0.0
    for k in range(a.size):
        total += a[k] * b[k]
    return total


@in_machine_code
def add(scale: Any, row: Any, to: Any) -> None:
    """Add ``scale`` times a row in place, nothing being allocated."""
    for k in range(to.size):
        to[k] += scale * row[k]


@in_machine_code
def rtrl(W_in: Any, W_rec: Any, n_outputs: Any, shown: Any, lengths: Any, order: Any, rate: Any) -> None:
    """Units that all see each other, the first of them outputs: real-time recurrent learning, on-line.

    The derivatives that it carries forward, J' = f' (W J + dx'/dw), hold products of the matrices of all steps, each as
    it was then.  Of J only e J is used, and with these matrices kept that is had from the end, for n times less work.
    """
    n, longest = len(W_rec), shown.shape[1]
    x = np.zeros((longest + 1, n))  # x[t + 1]: after step t
    past = np.zeros((longest, n, n))  # past[t]: W_rec in step t
    d, later = np.zeros(n), np.zeros(n)
    for s in order:
        for t in range(lengths[s]):
            past[t] = W_rec
            for k in range(n):
                x[t + 1, k] = logistic(W_in[k, shown[s, t]] + dot(W_rec[k], x[t]))
            d[:] = 0.0
            for k in range(n_outputs):
                d[k] = x[t + 1, k] - (1.0 if k == shown[s, t + 1] else 0.0)
            for back in range(t, -1, -1):
                later[:] = 0.0
                for k in range(n):
                    d[k] *= x[back + 1, k] * (1.0 - x[back + 1, k])
                    W_in[k, shown[s, back]] -= rate * d[k]
                    add(-rate * d[k], x[back], W_rec[k])
                    add(d[k], past[back, k], later)
                d, later = later, d


@in_machine_code
def simple(
    W_in: Any, W_rec: Any, W_out: Any, back: Any, shown: Any, lengths: Any, order: Any, rate: Any
) -> None:
    """Logistic hidden units and outputs: errors go ``back`` through time, or stay in the step they are of."""
    n, longest = W_in.shape[0], shown.shape[1]
    h = np.zeros((longest + 1, n))  # h[t + 1]: after step t
    y = np.zeros((longest, W_out.shape[0]))
    g_in, g_rec, g_out = np.zeros_like(W_in), np.zeros_like(W_rec), np.zeros_like(W_out)
    later, d = np.zeros(n), np.zeros(n)
    for s in order:
        for t in range(lengths[s]):
            for k in range(n):
                h[t + 1, k] = logistic(W_in[k, shown[s, t]] + dot(W_rec[k], h[t]))
            say(W_out, h[t + 1], y[t])
        g_in[:], g_rec[:], g_out[:], later[:] = 0.0, 0.0, 0.0, 0.0
        for t in range(lengths[s] - 1, -1, -1):
            d[:] = later
            hear(W_out, h[t + 1], y[t], shown[s, t + 1], g_out, d)
            later[:] = 0.0
            for k in range(n):
                d[k] *= h[t + 1, k] * (1.0 - h[t + 1, k])
                g_in[k, shown[s, t]] += d[k]
                add(d[k], h[t], g_rec[k])
                if back:
                    add(d[k], W_rec[k], later)
        W_in -= rate * g_in
        W_rec -= rate * g_rec
        W_out -= rate * g_out


@in_machine_code
def say(W_out: Any, h: Any, y: Any) -> None:
    """Outputs y = s(W_out h)."""
    for k in range(y.size):
        y[k] = logistic(dot(W_out[k], h))


@in_machine_code
def hear(W_out: Any, h: Any, y: Any, target: Any, g_out: Any, d: Any) -> None:
    """Add the slopes of one step's error in the output weights to ``g_out``, and those in ``h`` to ``d``."""
    for k in range(y.size):
        wrong = (y[k] - (1.0 if k == target else 0.0)) * y[k] * (1.0 - y[k])
        add(wrong, h, g_out[k])
        add(wrong, W_out[k], d)


@in_machine_code
def blocks(
    W_in: Any, W_rec: Any, W_out: Any, b: Any, size: Any, back: Any, shown: Any, lengths: Any, order: Any, rate: Any
) -> None:
    """Memory blocks of ``size`` cells, biases of the gates alone: errors go back in cells, with ``back`` everywhere.

    Without it they stay where Hochreiter and Schmidhuber (1997, appendix A.1) cut them.
    """
    n, longest, units = W_out.shape[1], shown.shape[1], W_in.shape[0]
    heard = np.zeros((longest + 1, units))  # [z, i, o]; heard[t + 1]: after step t
    c = np.zeros((longest + 1, n))  # cells, as late
    g, y = np.zeros((longest, n)), np.zeros((longest, W_out.shape[0]))
    g_in, g_rec, g_out, g_b = np.zeros_like(W_in), np.zeros_like(W_rec), np.zeros_like(W_out), np.zeros_like(b)
    later, later_c, d = np.zeros(units), np.zeros(n), np.zeros(units)
    for s in order:
        for t in range(lengths[s]):
            open_and_write(W_in[:, shown[s, t]], W_rec, b, size, heard[t], heard[t + 1], c[t], c[t + 1], g[t])
            say(W_out, heard[t + 1, :n], y[t])
        g_in[:], g_rec[:], g_out[:], g_b[:], later[:], later_c[:] = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for t in range(lengths[s] - 1, -1, -1):
            d[:] = later
            hear(W_out, heard[t + 1, :n], y[t], shown[s, t + 1], g_out, d[:n])
            back_through(d, later_c, size, heard[t + 1], c[t + 1], g[t])
            later[:] = 0.0
            for k in range(units):
                g_in[k, shown[s, t]] += d[k]
                add(d[k], heard[t], g_rec[k])
                if back:
                    add(d[k], W_rec[k], later)
            add(1.0, d[n:], g_b)
        W_in -= rate * g_in
        W_rec -= rate * g_rec
        W_out -= rate * g_out
        b -= rate * g_b


@in_machine_code
def open_and_write(
    drive: Any, W_rec: Any, b: Any, size: Any, before: Any, after: Any, c: Any, c_after: Any, g: Any
) -> None:
    """One step of memory blocks: c' = c + i g, z' = o h(c') with g = 4 s - 2 and h = 2 s - 1."""
    n, units = c.size, before.size
    n_blocks = n // size
    for k in range(n, units):
        after[k] = logistic(drive[k] + b[k - n] + dot(W_rec[k], before))
    for k in range(n):
        g[k] = 4.0 * logistic(drive[k] + dot(W_rec[k], before)) - 2.0
        c_after[k] = c[k] + after[n + k // size] * g[k]
        after[k] = after[n + n_blocks + k // size] * (2.0 * logistic(c_after[k]) - 1.0)


@in_machine_code
def back_through(d: Any, later_c: Any, size: Any, after: Any, c: Any, g: Any) -> None:
    """Turn slopes in [z, i, o] into those in what the units sum up; ``later_c`` is the slope in the cells, kept on."""
    n = c.size
    n_blocks = n // size
    for k in range(n):
        i, o = n + k // size, n + n_blocks + k // size
        squashed = logistic(c[k])
        d[o] += d[k] * (2.0 * squashed - 1.0)
        later_c[k] += d[k] * after[o] * 2.0 * squashed * (1.0 - squashed)
        d[i] += later_c[k] * g[k]
        s = (g[k] + 2.0) / 4.0
        d[k] = later_c[k] * after[i] * 4.0 * s * (1.0 - s)
    for k in range(n, d.size):
        d[k] *= after[k] * (1.0 - after[k])
