"""Replaying a window of a stream, one gradient step after each of its elements: the arithmetic, for many runs at once.

A network reads u through x = P u + p into a gated cell and out through y = Q h + q.  After inner step j the squared
error of y_j alone is followed back to the start of the window, through activations as they were and weights as they are
now, and all weights move at once.  Every backward step is linear in what comes back, with coefficients that are
known once the step was taken forward; that is what makes it cheap:

    LSTM   dc' = dc + dh * A,   d = [dc' C_i, dc' C_f, dc' C_g, dh C_o],   dc = dc' * f,    dh = W_hh^T d
    GRU    d_x = dh * C_x,      d_h = dh * C_h,                            dh = dh * z + W_hh^T d_h

Arrays are (run, ...), or (step, run, ...) where they belong to the window.  What comes back is dropped where it has
fallen below ``SMALL``: what is left moves no weight by more than rounding in float32 does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import InputError
from . import compiled
from .compiled import LOOK_EVERY

SMALL = 1e-6  # of what comes back, beside errors of order one: less than rounding once it is times the learning rate
SHUT = -1e4  # bias of a gate that is zero to the last bit

Arrays = dict[str, np.ndarray]


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), by tanh: no overflow."""
    return 0.5 * np.tanh(0.5 * x) + 0.5


class Replay:
    """Weights of runs side by side, and the activations of a window."""

    n_gates: int
    n_states: int
    compiled: Any = None  # a window at once, where numba is installed

    def __init__(self, weights: Arrays, window: int) -> None:
        self.w = weights
        self.window = window
        R, H, P = len(weights["Q"]), weights["Q"].shape[2], weights["P"].shape[1]
        self.sizes = R, H, P
        gates = self.n_gates * H
        shapes = {"seen": (P + H,), "dx": (gates,), "dh": (gates,), **self._kept(H)}
        dtype = weights["Q"].dtype
        self.at: Arrays = {name: np.zeros((window, R, *shape), dtype) for name, shape in shapes.items()}
        self.at["u"] = np.zeros((window, R, weights["P"].shape[2]), dtype)
        self.views = {name: list(array) for name, array in self.at.items()}

    def _kept(self, H: int) -> dict[str, tuple[int, ...]]:
        raise NotImplementedError

    def start(self) -> Any:
        """The state before anything was seen: (run, state)."""
        R, H, _ = self.sizes
        return np.zeros((R, self.n_states * H), self.w["Q"].dtype)

    def forward(self, k: int, u: np.ndarray, state: np.ndarray) -> np.ndarray:
        """One step; what going back needs is kept under step k of the window."""
        _, H, P = self.sizes
        views = self.views
        views["u"][k][...] = u
        seen = views["seen"][k]
        np.matmul(self.w["P"], u[..., None], out=seen[:, :P, None])
        seen[:, :P] += self.w["p"]
        seen[:, P:] = state[:, :H]
        return self._cell(k, seen, state)

    def _cell(self, k: int, seen: np.ndarray, state: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def shut(self, run: int, units: np.ndarray) -> None:
        """Make units of one run put out zero, and learn no more."""
        raise InputError(f"{type(self).__name__.removeprefix('Replay')} has no gate that shuts a unit off")

    def replay(self, codes: np.ndarray, state: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
        """Gradient steps over a window of codes (step + 1, run, code); the states after the first and the last step."""
        dtype = state.dtype.type
        names = ("P", "p", "W", "b_x", "b_h", "Q", "q")
        ends = [
            self.compiled(*(self.w[n][k] for n in names), own, state[k], dtype(rate), dtype(SMALL))
            for k, own in enumerate(np.ascontiguousarray(codes.swapaxes(0, 1)))
        ]
        first, last = np.stack(ends, axis=1)
        return first, last

    def read(self, state: np.ndarray) -> np.ndarray:
        """The outputs (run, code)."""
        H = self.sizes[1]
        return (self.w["Q"] @ state[:, :H, None])[..., 0] + self.w["q"]

    def back(self, j: int, dh: np.ndarray, more: Sequence[np.ndarray] = ()) -> int:
        """Gate gradients of steps k .. j from dh (run, unit) at step j; the first step they reach.

        ``more`` holds what each step adds to dh on the way, from that before the last on backwards.
        """
        raise NotImplementedError

    def descend(self, j: int, state: np.ndarray, target: np.ndarray, rate: float) -> None:
        """One gradient step on the mean squared error of the output at step j."""
        H = self.sizes[1]
        wrong = self.read(state) - target
        wrong *= 2.0 / wrong.shape[1]
        first = self.back(j, np.ascontiguousarray((wrong[:, None] @ self.w["Q"])[:, 0]))
        self._move(slice(first, j + 1), wrong[:, :, None] * state[:, None, :H], wrong, rate)

    def descend_all(self, states: Sequence[np.ndarray], targets: Sequence[np.ndarray], rate: float) -> None:
        """One gradient step on half the squared errors of all outputs of the window, summed."""
        H = self.sizes[1]
        h = np.stack([state[:, :H] for state in states], axis=1)
        wrong = h @ self.w["Q"].swapaxes(1, 2) + self.w["q"][:, None] - np.stack(list(targets), axis=1)
        more = list(np.ascontiguousarray((wrong @ self.w["Q"]).swapaxes(0, 1)))[::-1]
        self.back(len(states) - 1, more[0], more[1:])
        self._move(slice(0, len(states)), wrong.swapaxes(1, 2) @ h, wrong.sum(axis=1), rate)

    def _move(self, steps: slice, dQ: np.ndarray, dq: np.ndarray, rate: float) -> None:
        """All weights, by the gate gradients of these steps and the gradients of the readout."""
        w, at = self.w, self.at
        P = self.sizes[2]
        dx, dh, seen, u = (at[name][steps].swapaxes(0, 1) for name in ("dx", "dh", "seen", "u"))
        into = dx @ w["W"][:, :, :P]
        w["Q"] -= rate * dQ
        w["q"] -= rate * dq
        if at["dx"] is at["dh"]:
            w["W"] -= rate * (dx.swapaxes(1, 2) @ seen)
        else:
            w["W"][:, :, :P] -= rate * (dx.swapaxes(1, 2) @ seen[..., :P])
            w["W"][:, :, P:] -= rate * (dh.swapaxes(1, 2) @ seen[..., P:])
        w["b_x"] -= rate * dx.sum(axis=1)
        w["b_h"] -= rate * dh.sum(axis=1)
        w["P"] -= rate * (into.swapaxes(1, 2) @ u)
        w["p"] -= rate * into.sum(axis=1)


class ReplayLSTM(Replay):
    """Gates i, f, g, o; state [h, c]."""

    n_gates, n_states = 4, 2

    def _kept(self, H: int) -> dict[str, tuple[int, ...]]:
        return {"A": (H,), "C": (3, H), "C_o": (H,), "f": (H,)}

    def __init__(self, weights: Arrays, window: int) -> None:
        super().__init__(weights, window)
        self.compiled = compiled.compiled(compiled.replay_lstm)
        self.at["dh"], self.views["dh"] = self.at["dx"], self.views["dx"]
        R, H, _ = self.sizes
        self.inner = [d.reshape(R, 4, H)[:, :3] for d in self.views["dx"]]
        self.outer = [d.reshape(R, 4, H)[:, 3] for d in self.views["dx"]]

    def shut(self, run: int, units: np.ndarray) -> None:
        """Output gates at zero: nothing comes out of these units, and no gradient comes back through them."""
        rows = 3 * self.sizes[1] + units
        self.w["W"][run, rows] = 0.0
        self.w["b_h"][run, rows] = 0.0
        self.w["b_x"][run, rows] = SHUT

    def _cell(self, k: int, seen: np.ndarray, state: np.ndarray) -> np.ndarray:
        R, H, _ = self.sizes
        views, c0 = self.views, state[:, H:]
        a = (self.w["W"] @ seen[..., None])[..., 0]
        a += self.w["b_x"]
        a += self.w["b_h"]
        a = a.reshape(R, 4, H)
        a[:, 2] *= 2.0
        a *= 0.5
        t = np.tanh(a)  # one call for all gates: s(x) = (1 + tanh(x / 2)) / 2
        s = 0.5 * t + 0.5
        g, i, f, o = t[:, 2], s[:, 0], s[:, 1], s[:, 3]
        c = f * c0 + i * g
        tc = np.tanh(c)
        slope, C = s * (1 - s), views["C"][k]
        np.multiply(o, 1 - tc * tc, out=views["A"][k])
        np.multiply(slope[:, 0], g, out=C[:, 0])
        np.multiply(slope[:, 1], c0, out=C[:, 1])
        np.multiply(i, 1 - g * g, out=C[:, 2])
        np.multiply(slope[:, 3], tc, out=views["C_o"][k])
        views["f"][k][...] = f
        return np.concatenate([o * tc, c], axis=1)

    def back(self, j: int, dh: np.ndarray, more: Sequence[np.ndarray] = ()) -> int:
        """Gate gradients of steps k .. j; the first step they reach."""
        P, views = self.sizes[2], self.views
        recurrent = np.ascontiguousarray(self.w["W"][:, :, P:])
        dh = dh.copy()
        dc, total, row = np.zeros_like(dh), np.empty_like(dh), dh[:, None]
        wide, look = total[:, None], not more
        for k in range(j, -1, -1):
            if more and k < j:
                dh += more[j - k - 1]
            np.multiply(dh, views["A"][k], out=total)
            np.add(total, dc, out=total)
            np.multiply(wide, views["C"][k], out=self.inner[k])
            np.multiply(dh, views["C_o"][k], out=self.outer[k])
            np.multiply(total, views["f"][k], out=dc)
            np.matmul(views["dx"][k][:, None], recurrent, out=row)
            if look and (j - k) % LOOK_EVERY == LOOK_EVERY - 1 and _small(dh, dc):
                return k
        return 0


class ReplayGRU(Replay):
    """Gates r, z, n as in torch; state h."""

    n_gates, n_states = 3, 1

    def _kept(self, H: int) -> dict[str, tuple[int, ...]]:
        return {"C_x": (3, H), "C_h": (3, H), "z": (H,)}

    def __init__(self, weights: Arrays, window: int) -> None:
        super().__init__(weights, window)
        self.compiled = compiled.compiled(compiled.replay_gru)
        R, H, _ = self.sizes
        self.input_side, self.state_side = (
            [d.reshape(R, 3, H) for d in self.views[name]] for name in ("dx", "dh")
        )

    def _cell(self, k: int, seen: np.ndarray, state: np.ndarray) -> np.ndarray:
        R, H, P = self.sizes
        views, W = self.views, self.w["W"]
        a = ((W[:, :, :P] @ seen[:, :P, None])[..., 0] + self.w["b_x"]).reshape(R, 3, H)
        b = ((W[:, :, P:] @ seen[:, P:, None])[..., 0] + self.w["b_h"]).reshape(R, 3, H)
        r, z = sigmoid(a[:, 0] + b[:, 0]), sigmoid(a[:, 1] + b[:, 1])
        n = np.tanh(a[:, 2] + r * b[:, 2])
        into = (1 - z) * (1 - n * n)
        C_x, C_h = views["C_x"][k], views["C_h"][k]
        C_x[:, 0] = C_h[:, 0] = into * b[:, 2] * r * (1 - r)
        C_x[:, 1] = C_h[:, 1] = (state - n) * z * (1 - z)
        C_x[:, 2] = into
        C_h[:, 2] = into * r
        views["z"][k][...] = z
        return (1 - z) * n + z * state

    def back(self, j: int, dh: np.ndarray, more: Sequence[np.ndarray] = ()) -> int:
        """Gate gradients of steps k .. j; the first step they reach."""
        P, views = self.sizes[2], self.views
        recurrent = np.ascontiguousarray(self.w["W"][:, :, P:])
        for k in range(j, -1, -1):
            if more and k < j:
                dh = dh + more[j - k - 1]
            wide = dh[:, None]
            np.multiply(wide, views["C_x"][k], out=self.input_side[k])
            np.multiply(wide, views["C_h"][k], out=self.state_side[k])
            dh = dh * views["z"][k] + (views["dh"][k][:, None] @ recurrent)[:, 0]
            if not more and (j - k) % LOOK_EVERY == LOOK_EVERY - 1 and _small(dh):
                return k
        return 0


def _small(*arrays: np.ndarray) -> bool:
    return all(float(np.abs(a).max()) < SMALL for a in arrays)
