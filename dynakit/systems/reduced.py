"""What does a network of low rank do, in as many numbers as its weights have ranks?

With W = M N', M and N (unit, r), the map of a rate network or of Elman's (a = 1),

    r' = (1-a) r + a f(W r + W_in u + b),       closes on kappa = N' r:
    kappa' = (1-a) kappa + a N' f(M kappa + W_in u + b),

exactly, from the first step on and under every input.  A network of currents,

    x' = (1-a) x + a (W f(x) + W_in u + b),     closes on x = M kappa + W_in w + b:
    kappa' = (1-a) kappa + a N' f(M kappa + W_in w + b),     w' = (1-a) w + a u,

and what a state holds beside these is multiplied by 1 - a in each step (Mastrogiuseppe and Ostojic 2018; Beiran,
Dubreuil, Valente, Mastrogiuseppe and Ostojic 2021).  Its other multipliers are those of the whole network; what the
whole has more are 1 - a.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..checks import number
from ..errors import InputError
from ..models.activations import activation
from ..surroundings import in_own_surroundings
from ..wording import counted
from .base import Bounds, System, checked
from .cells import affine_range, fingerprint, in_single_precision
from .pieces import OpenPieces, Readout
from .rate_form import RateForm


class Reduced(System):
    """A network of low rank as the exact map of its collective variables kappa = N' r.

    Exponents, cycles, basins, fixed points and portraits then cost what a network of ``rank`` units costs.  The state
    is [kappa] of Elman and "rate" networks and [kappa, w] of "current" ones, w being the inputs through the leak.

    Arguments:
        system: an Elman or leaky network, a closed loop or a :class:`dynakit.Driven` of one; not the "rectified" form,
            nor units with a leak each, which do not close on kappa.
        readout: carry what the network hands on along, as so many further numbers of the state, and observe it; else
            kappa is observed.  Networks of currents have it in any case: it follows from their state.
        rtol: singular values of W below this part of the largest count as zero.  Of no account where the network has
            factors, with which it steps.

    Attributes:
        M, N: (unit, rank)
        rank: r
        dropped: the largest singular value that was taken for zero, 0 where none was: 1e-16 of a product of two
            factors that was stored in float64, 1e-8 in float32, for which ``rtol=1e-6`` is enough.

    Raises:
        InputError: if the map does not close on fewer variables, with the reason.

    >>> import dynakit as dk, numpy as np
    >>> m = np.ones((6, 1))
    >>> few = dk.Reduced(dk.catalog.tanh_network(m @ m.T / 3))
    >>> few
    Elman (tanh) in 1 collective variable: 0 inputs -> 1 state -> 1 output
    >>> points = dk.find_fixed_points(few)
    >>> len(points), len(points.stable), points.degree
    (3, 2, 1)
    """

    copies = 4

    @in_own_surroundings
    def __init__(self, system: System, *, readout: bool = False, rtol: float = 1e-12) -> None:
        form, a = _collapsing(checked(system))
        M, N, self.dropped = _factors(form, number("rtol", rtol, above=0.0, closed=False, below=1.0))
        self.network, self.form, self.M, self.N, self.rank = system, form, M, N, M.shape[1]
        self.f, self._leak, self.carries = activation(form.activation), a, bool(readout) and not form.of_currents
        parts = self._lay_out(readout)
        super().__init__(
            max(part.stop for part in parts.values()),
            system.input_size,
            output_size=system.output_size if form.of_currents or readout else self.rank,
            parts=parts,
            regularity=system.regularity,
            device=system.device,
            name=f"{system.name} in {counted(self.rank, 'collective variable')}",
        )
        self.dt, self.time_unit, self.alpha, self.euler = system.dt, system.time_unit, a, system.euler
        self.fingerprint = fingerprint(self.name, system.fingerprint, M, N)
        self.start = self.lower(system.initial_state())

    def _lay_out(self, readout: bool) -> dict[str, slice]:
        """The blocks of the state, and y = L x + V u + b with what f(y) and u put into them, R f(y) + C u + c."""
        form, M, N, r = self.form, self.M, self.N, self.rank
        n, k = form.W_in.shape
        self.b, parts = form.b, {"kappa": slice(0, r)}
        if form.of_currents:
            self.L, self.V = torch.cat([M, form.W_in], 1), torch.zeros_like(form.W_in)
            self.R, self.c = torch.cat([N.T, N.new_zeros(k, n)]), N.new_zeros(r + k)
            self.C = torch.cat([N.new_zeros(r, k), torch.eye(k).to(N)])
            return parts | ({"w": slice(r, r + k)} if k else {})
        if readout and form.readout is None:
            raise InputError(
                f"readout must be False for {self.network.name}, whose readout is no weighted sum of its rates"
            )
        P, p = form.readout if readout and form.readout is not None else (N.new_zeros(0, n), N.new_zeros(0))
        self.L, self.V = torch.cat([M, M.new_zeros(n, len(p))], 1), form.W_in
        self.R, self.c = torch.cat([N.T, P]), torch.cat([N.new_zeros(r), p])
        self.C = N.new_zeros(r + len(p), k)
        return parts | ({"y": slice(r, r + len(p))} if len(p) else {})

    # --- to and from the whole network

    @in_own_surroundings
    def lower(self, x: Any) -> Tensor:
        """The state (..., state_size) of the network's states (..., unit); of currents, that of the nearest state in
        the subspace that all of them decay to."""
        x = self.network.as_states("x", x)
        if self.form.of_currents:
            return (x - self.b) @ torch.linalg.pinv(self.L).T
        return x @ self.R.T + self.c

    @in_own_surroundings
    def lift(self, x: Any, u: Any = None) -> Tensor:
        """The network's states (..., unit) of states (..., state_size), with :meth:`lower` of them again ``x``.

        Of currents there is one.  Of rates there are many, which all become the same: this is the one nearest to the
        rates f(M kappa + W_in u + b), so that a fixed point under ``u`` is lifted to the network's own.
        """
        x, u, lead = self.as_batch(x, u)
        if self.form.of_currents:
            return self._pre(x, u).reshape(*lead, -1)
        rates = self.f.function(self._pre(x, u))
        near = rates + (x - rates @ self.R.T - self.c) @ torch.linalg.pinv(self.R).T
        return near.reshape(*lead, -1)

    # --- the map

    def _pre(self, x: Tensor, u: Tensor) -> Tensor:
        return x @ self.L.T + (u @ self.V.T + self.b)

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        target = self.f.function(self._pre(x, u)) @ self.R.T + (u @ self.C.T + self.c)
        return torch.lerp(x, target, self._leak)

    def _slopes(self, x: Tensor, u: Tensor, T: Tensor) -> Tensor:
        """R diag(f') T for T (unit, k)."""
        return self.R @ (self.f.slope(self._pre(x, u))[..., None] * T)

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        J = self._leak * self._slopes(x, u, self.L)
        J.diagonal(dim1=-2, dim2=-1).add_(1 - self._leak)
        return J

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        return self._leak * (self._slopes(x, u, self.V) + self.C)

    def _observe(self, x: Tensor) -> Tensor:
        if self.form.of_currents:
            return self.network._observe(self._currents(x))
        return x[..., self.rank :] if self.carries else x

    def _currents(self, x: Tensor) -> Tensor:
        return x @ self.L.T + self.b

    def _observe_jacobian(self, x: Tensor) -> Tensor:
        if self.form.of_currents:
            return self.network._observe_jacobian(self._currents(x)) @ self.L
        return torch.eye(self.state_size).to(x)[-self.output_size :].expand(len(x), -1, -1)

    # --- what it says of itself

    def single_precision(self) -> System:
        twin = in_single_precision(self)
        twin.network = self.network.single_precision() or self.network
        return twin

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        return self._pre(x, u).abs().amin(-1) if self.f.piecewise_linear else super()._kinks(x, u)

    def rate_form(self) -> RateForm | str:
        return "its fixed points are those of the network it is made of; ask that"

    def open_pieces(self) -> OpenPieces | None:
        if not self.f.piecewise_linear:
            return None
        a, eye = self._leak, torch.eye(self.state_size).to(self.R)
        return OpenPieces(self.L, self.V, self.b, (1 - a) * eye, a * self.C, a * self.R, a * self.c)

    def readout_pieces(self) -> Readout | None:
        if self.form.of_currents:
            return None
        P = torch.eye(self.state_size).to(self.R)[-self.output_size :]
        return Readout(P, torch.zeros_like(P), P.new_zeros(len(P)))

    def _box(self, inputs: Bounds) -> Bounds | None:
        """What the rates can put into each number."""
        if self.f.bounds is None:
            return None
        rates = Bounds(*(torch.full_like(self.b, end) for end in self.f.bounds))
        own, heard = affine_range(self.R, self.c, rates), affine_range(self.C, torch.zeros_like(self.c), inputs)
        lo, hi = own.lo + heard.lo, own.hi + heard.hi
        slack = 1e-6 * (1 + torch.maximum(lo.abs(), hi.abs()))
        return Bounds(lo - slack, hi + slack)


def _collapsing(system: System) -> tuple[RateForm, float]:
    """The form and the leak of a network that closes on its collective variables."""
    form = system.rate_form()
    if isinstance(form, str):
        raise InputError(f"system must be a rate network, but of {system.name} that is not known: {form}")
    if form.alpha is None:
        why = "it leaks inside of its function, or in layers"
    elif isinstance(form.alpha, Tensor):
        why = "each of its units has a leak of its own"
    else:
        return form, float(form.alpha)
    raise InputError(f"system must close on its collective variables, but {system.name} does not: {why}")


def _factors(form: RateForm, rtol: float) -> tuple[Tensor, Tensor, float]:
    """M, N and the largest singular value of W - M N'."""
    if form.factors is not None:
        return *form.factors, 0.0
    U, s, Vt = torch.linalg.svd(form.W, full_matrices=False)
    r = max(1, int((s > rtol * s[0]).sum()))
    if r == len(s) > 1:
        raise InputError(
            f"system must have weights of low rank, but its {len(s)} units have {len(s)} singular values from "
            f"{float(s[0]):.3g} to {float(s[-1]):.3g}, all above rtol = {rtol:g} of the largest"
        )
    return U[:, :r] * s[:r], Vt[:r].T, float(s[r]) if r < len(s) else 0.0
