"""A system: one step of a driven map, x -> F(x, u), batched, pure and differentiable, in float64.

Every network is adapted to this interface once; no analysis knows what kind of network it has.  A new type
provides ``_step`` (and, if it has better than automatic differentiation, ``_jacobian`` and
``_input_jacobian``); the rest of this file then works.  The optional hooks at the end (an invariant box,
the distance to a kink, a cheaper Newton step) have generic fallbacks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .. import checks, chunks, linalg
from ..errors import InputError
from ..surroundings import in_own_surroundings
from ..wording import counted
from .autodiff import autodiff
from .enclosures import Enclosure, enclose, enclose_point
from .pieces import OpenPieces, Pieces, Readout
from .rate_form import RateForm
from .signature import Signature

Method = TypeVar("Method", bound=Callable[..., Any])
REGULARITIES = ("smooth", "piecewise_linear", "discontinuous")


def joint_regularity(*parts: Signature) -> str:
    """What a map made of these is: what bends or jumps in one has no linear pieces as a whole, and a jump stays one."""
    return max((part.regularity for part in parts), key=("piecewise_linear", "smooth", "discontinuous").index)


class Bounds(NamedTuple):
    """A product of intervals, lo <= x <= hi."""

    lo: Tensor  # (unit,)
    hi: Tensor  # (unit,)


class JacobianBounds(NamedTuple):
    """lo <= dF/dx <= hi, entry by entry, for all states of a box."""

    lo: Tensor  # (..., unit, unit)
    hi: Tensor  # (..., unit, unit)


def detached(method: Method) -> Method:
    """Run a method without recording gradients, and in our own surroundings: autograd needs to work."""
    return in_own_surroundings(torch.no_grad()(method))


class System(Signature):
    """A pure, batched map ``step(x, u) -> x`` on flat states.

    States are (..., unit), inputs (..., input); leading axes broadcast.  NumPy or torch in, torch float64 out;
    ``step`` and ``observe`` are differentiable, Jacobians are detached.

    Attributes:
        state_size, input_size, output_size: numbers of units, inputs and readout values.
        dt: time of one step in units of ``time_unit``, or None.
        time_unit: "ms"; a flow has the unit of its right-hand side, "" if that has no name.
        alpha: leak per step (dt/tau) of a leaky network, an array (unit,) where units differ in tau; else None.
        euler: whether a step is x + alpha (G(x, u) - x), Euler's step of the flow dx/dt = (G(x, u) - x) / tau.
        regularity: "smooth", "piecewise_linear" or "discontinuous".
        readouts: columns of several outputs side by side, for example {"actor": slice(0, 2), "critic": slice(2, 3)};
            empty where there is one.
        parts: names of the blocks of the state, for example {"h": slice(0, 16), "c": slice(16, 32)}.
        fingerprint: SHA-256 of the weights and what they make up; empty for a plain callable.
        compared: steps over which the forward of the network that was adapted gave the same values; 0 for one that was
            given as a map, or read off a layer of torch's or a model of this package to which nothing was done.
        time_first: whether that network itself takes (time, trial, input); a system never does.
        name: what was adapted, in words.
    """

    # --- what every system does ------------------------------------------------------------------------

    @in_own_surroundings
    def step(self, x: Any, u: Any = None) -> Float[Tensor, "*batch unit"]:
        """The next state F(x, u); ``u=None`` is zero input."""
        x, u, lead = self.as_batch(x, u)
        return self._step(x, u).reshape(*lead, self.state_size)

    @detached
    def jacobian(self, x: Any, u: Any = None) -> Float[Tensor, "*batch unit unit"]:
        """dF/dx at (x, u): entry [i, j] is the effect of unit j on unit i.

        Raises ResourceError, before any is made, where they would not fit into memory all together.
        """
        self.refuse_jumps("a Jacobian")
        x, u, lead = self.as_batch(x, u)
        J = self._matrices(self._jacobian, self.state_size, self.state_size, x, u)
        return J.reshape(*lead, self.state_size, self.state_size)

    @detached
    def input_jacobian(self, x: Any, u: Any = None) -> Float[Tensor, "*batch unit input"]:
        """dF/du at (x, u); of width 0 for an autonomous system."""
        self.refuse_jumps("a Jacobian")
        x, u, lead = self.as_batch(x, u)
        J = self._matrices(self._input_jacobian, self.state_size, self.input_size, x, u)
        return J.reshape(*lead, self.state_size, self.input_size)

    @in_own_surroundings
    def speed(self, x: Any, u: Any = None) -> Float[Tensor, "*batch"]:
        """q(x) = 1/2 |F(x, u) - x|^2 (Sussillo and Barak 2013, eq. 3)."""
        x, u, lead = self.as_batch(x, u)
        return (0.5 * (self._step(x, u) - x).square().sum(-1)).reshape(lead)

    @in_own_surroundings
    def observe(self, x: Any) -> Float[Tensor, "*batch output"]:
        """The readout of a state: the network's output, or the part of the state that it hands on."""
        x, _, lead = self.as_batch(x, None)
        return self._observe(x).reshape(*lead, self.output_size)

    @detached
    def observe_jacobian(self, x: Any) -> Float[Tensor, "*batch output unit"]:
        """d observe / dx."""
        if self.readout_jumps:
            self.refuse_jumps("a Jacobian of the readout")
        x, _, lead = self.as_batch(x, None)
        J = self._matrices(self._observe_jacobian, self.output_size, self.state_size, x)
        return J.reshape(*lead, self.output_size, self.state_size)

    @detached
    def trajectory(self, x0: Any, inputs: Any) -> Float[Tensor, "*trial time unit"]:
        """The states after each step from ``x0`` under a sequence of inputs.

        ``x0`` (unit,) or (trial, unit); ``inputs`` (trial, time, input), (time, input), or a number of steps
        under zero input.  A trajectory that leaves the finite numbers is NaN from that step on; its
        neighbours are not affected.  Raises InputError on shapes that do not fit, ResourceError where the states of
        all steps would not fit into memory.
        """
        x = self.as_states("x0", x0)
        inputs = self.as_inputs(inputs)
        flat = x.ndim == 1 and inputs.ndim == 2
        if x.ndim > 2 or inputs.ndim > 3 or (x.ndim == 2 and inputs.ndim == 3 and len(x) != len(inputs)):
            raise InputError(
                f"x0 {tuple(x.shape)} and inputs {tuple(inputs.shape)} do not fit: expected x0 (unit,) or (trial, "
                "unit) and inputs (trial, time, input) or (time, input) with as many trials"
            )
        n_trials = len(x) if x.ndim == 2 else len(inputs) if inputs.ndim == 3 else 1
        n_steps, step = inputs.shape[-2], n_trials * self.state_size * self.dtype.itemsize
        what = f"{counted(n_steps, 'step')} of {counted(n_trials, 'trial')} of {counted(self.state_size, 'unit')}"
        remedy = "ask for fewer trials or steps at a time, or for the last states alone with settle"
        chunks.refuse_larger(what, n_steps * step, remedy)
        x = x.expand(n_trials, -1)
        inputs = inputs.expand(n_trials, -1, -1)
        start, states = x, x.new_empty(inputs.shape[1], n_trials, self.state_size)
        for t, u in enumerate(inputs.unbind(1)):
            states[t] = x = self._step(x, u)
        finite = torch.cat([each.isfinite().all(-1) for each in (start[None], states)])
        states[~finite.cumprod(0).bool()[1:]] = torch.nan  # bounded functions come back from infinity
        return states[:, 0] if flat else states.transpose(0, 1)

    @detached
    def settle(self, x0: Any, drive: Any = None, n_steps: int = 1000) -> Float[Tensor, "*trial unit"]:
        """The states after ``n_steps`` under one constant drive, without keeping the way there."""
        x, u, lead = self.as_batch(x0, drive, ("x0", "drive"))
        n_steps = checks.count("n_steps", n_steps, least=0)
        step = self._stepping(u)
        for _ in range(n_steps):
            x = step(x)
        return x.reshape(*lead, self.state_size)

    @in_own_surroundings
    def initial_state(self) -> Float[Tensor, " unit"]:
        """The state a trial starts from: zeros, unless the network says otherwise."""
        if self.start is not None:
            return self.start.to(self.device, torch.float64)
        return torch.zeros(self.state_size, dtype=torch.float64, device=self.device)

    def recurrent_weights(self) -> dict[str, np.ndarray]:
        """The recurrent matrices by name, W[post, pre]; empty where there are none."""
        return {}

    def rewired(self, weights: dict[str, np.ndarray]) -> System:
        """This system with other recurrent matrices, named and shaped as :meth:`recurrent_weights` has them.

        Raises InputError for a system whose matrices are known but not in our hands.
        """
        raise InputError(f"{self.name or type(self).__name__}: recurrent weights cannot be exchanged in such a system")

    def _matrices(self, derivative: Callable[..., Tensor], n_rows: int, n_columns: int, *at: Tensor) -> Tensor:
        """Matrices of a flat batch of states, held in parts while they are made."""
        each = n_rows * n_columns * self.dtype.itemsize
        if at[0].shape[0] * each > chunks.BYTES:
            remedy = "ask for fewer states at a time, or for products with few directions by jvp"
            what = f"{counted(len(at[0]), 'matrix', 'matrices')} of {n_rows} x {n_columns}"
            chunks.refuse_larger(what, len(at[0]) * each, remedy)
        return chunks.mapped(derivative, self.copies * each, *at)

    # --- what a new type provides: _step, and whichever of the others it can do better -----------------

    def _step(self, x: Tensor, u: Tensor) -> Tensor:
        raise NotImplementedError

    def _stepping(self, u: Tensor) -> Callable[[Tensor], Tensor]:
        """The step of a flat batch under inputs (batch, input) that stay, for many steps without gradients."""
        return lambda x: self._step(x, u)

    def _jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        return autodiff(lambda z: self._step(z, u), x)

    def _jacobian_factors(self, x: Tensor, u: Tensor) -> list[Tensor]:
        """Matrices whose product is dF/dx, the first to act first: of those each tells its small numbers apart."""
        return [self._jacobian(x, u)]

    def _input_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        return autodiff(lambda v: self._step(x, v), u, out_size=self.state_size)

    def _observe(self, x: Tensor) -> Tensor:
        return x

    def _observe_jacobian(self, x: Tensor) -> Tensor:
        return autodiff(self._observe, x, out_size=self.output_size, what="readout")

    def _push(self, x: Tensor, u: Tensor, T: Tensor, V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The next state, and where directions T (batch, k, unit) of the state and V (batch, k, input) of u go."""
        moved = T @ self._jacobian(x, u).mT
        return self._step(x, u), moved if V is None else moved + V @ self._input_jacobian(x, u).mT

    def _observe_push(self, x: Tensor, T: Tensor) -> Tensor:
        return T @ self._observe_jacobian(x).mT

    # --- optional hooks, each with a fallback that is always right --------------------------------------

    copies = 16  # of a Jacobian that are held while it is made: reverse mode keeps every intermediate of every row
    box_holds_all = True  # whether every fixed point lies in the box, where there is one
    start: Tensor | None = None  # (unit,)  where trials start, if not at zero
    readout_jumps = False  # of a map that jumps: whether its readout does too
    span: int | None = None  # where the state is the last inputs, and what is made of them: how many
    raster: Callable[[Tensor], np.ndarray] | None = (
        None  # spikes (state, time, neuron) within the step to each state
    )

    @in_own_surroundings
    def box(self, u: Any = None) -> Bounds | None:
        """A box that the map under the constant drive ``u`` sends into its own interior, or None.

        Where it exists, fixed points lie in it and their indices sum to +1 (Lefschetz 1926; see
        :func:`dynakit.find_fixed_points`).
        """
        drive = self.as_tensor("u", np.zeros(self.input_size) if u is None else u, self.input_size)
        return self._box(Bounds(drive, drive))

    def _box(self, inputs: Bounds) -> Bounds | None:
        """:meth:`box` under any input within ``inputs``."""
        return None

    def rest_within(self, u: Tensor) -> Bounds | None:
        """Bounds, infinite for some of the units, that hold every fixed point under ``u``; None where none is known.

        What lies beyond and seems to stand still does so by rounding, as units do whose gate is 1 in floating point.
        """
        return self._box(Bounds(u, u)) if self.box_holds_all else None

    def observe_bounds(self) -> Bounds | None:
        """Bounds of the readout over every state in an invariant box, or None."""
        return None

    @in_own_surroundings
    def kinks(self, x: Any, u: Any = None) -> Float[Tensor, "*batch"]:
        """Distance of the pre-activations to the nearest kink of the map; infinite for smooth maps."""
        x, u, lead = self.as_batch(x, u)
        return self._kinks(x, u).reshape(lead)

    def _kinks(self, x: Tensor, u: Tensor) -> Tensor:
        return x.new_full(x.shape[:1], torch.inf)

    @in_own_surroundings
    def pieces(self, u: Any = None) -> Pieces | None:
        """The map under the constant drive ``u`` as hinges, or None where it is not known to be of that form."""
        drive = self.as_tensor("u", np.zeros(self.input_size) if u is None else u, self.input_size)
        return self._pieces(drive)

    def _pieces(self, u: Tensor) -> Pieces | None:
        whole = self.open_pieces()
        return None if whole is None else whole.under(u)

    def rate_form(self) -> RateForm | str:
        """The equation z = W f(z) + W_in u + b of its fixed points, or why it has none, in words."""
        return "its step is not known to be that of a rate network"

    def open_pieces(self) -> OpenPieces | None:
        """The map as hinges for every input, or None."""
        return None

    def readout_pieces(self) -> Readout | None:
        """The readout as hinges of the state, or None."""
        return None

    @detached
    def jacobian_bounds(self, x: Any, u: Any = None, radius: Any = 0.0) -> JacobianBounds | None:
        """Bounds of dF/dx over the states y with |y - x| <= radius in every unit, rounding included.

        ``radius`` is a number, one per point, or (point, unit).  None for a map whose code an enclosure cannot
        follow (see :mod:`dynakit.systems.enclosures.jets`).  Across a kink the bounds hold the Jacobians of both sides.
        """
        x, u, lead = self.as_batch(x, u)
        reach = torch.as_tensor(radius, dtype=x.dtype, device=x.device)
        if reach.ndim > 2 or not bool((reach >= 0).all()):
            raise InputError("radius must be a number, (point,) or (point, unit), none of them negative")
        reach = (reach if reach.ndim == 2 else reach.reshape(-1, 1)).expand(len(x), -1)
        enclosure = self.enclosure(x, u, torch.stack([torch.zeros_like(reach), reach]))
        if enclosure is None:
            return None
        return JacobianBounds(*(end.reshape(*lead, *end.shape[1:]) for end in enclosure.jacobian()))

    def enclosure(self, x: Tensor, u: Tensor, radii: Tensor) -> Enclosure | None:
        """F and dF/dx over boxes around the points of a flat batch, or None; see :func:`enclosures.enclose`."""
        if self.regularity == "discontinuous" or self.dtype != torch.float64:
            return None
        return enclose(self._step, x, u, radii)

    def ball_enclosure(self, x: Tensor, u: Tensor, radius: float) -> tuple[Any, Any] | None:
        """The same around one state in ball arithmetic, as matrices of python-flint, or None."""
        if self.regularity == "discontinuous" or self.dtype != torch.float64:
            return None
        return enclose_point(self._step, x, u, radius)

    def siblings(self, x: Any, u: Any = None) -> Float[Tensor, "sibling unit"]:
        """States that are fixed points wherever those of the flat batch ``x`` are: here none."""
        x, _, _ = self.as_batch(x, u)
        return x[:0]

    def factors(self) -> list[System]:
        """Simpler maps whose fixed points are all fixed points of this one."""
        return []

    def single_precision(self) -> System | None:
        """This map in float32, for the rough phase of a search; None for one that is only ever called in float64."""
        return None

    def lipschitz(self) -> float | None:
        """A factor c with |F(x, u) - F(y, u)| <= c |x - y| for all x, y and u in one norm, or None if none is known."""
        return None

    def flow(self) -> Any:
        """The :class:`dynakit.Flow` whose time-dt map this is, or None: the map stands for itself.

        Not None only for a Flow and for Driven, Iterated, ClosedLoop or a readout around one.  A leaky network or a
        reservoir is a map, as it was trained, and is judged by its map; its differential equation is
        ``dynakit.as_flow(model)``.
        """
        return None

    def relaxes_to(self) -> tuple[System, float] | None:
        """Of a vector field (F(x, u) - x) / time: the map F and the time.  None for any other field, and for a map."""
        return None

    def jvp(self, x: Any, u: Any, Q: Any) -> Float[Tensor, "*batch unit k"]:
        """J(x, u) Q for directions Q (..., unit, k), without J where the map knows how."""
        return self.push(x, u, Q)[1]

    @detached
    def push(self, x: Any, u: Any, Q: Any) -> tuple[Tensor, Tensor]:
        """F(x, u) and J(x, u) Q in one pass (the tangent map), for directions Q (..., unit, k)."""
        self.refuse_jumps("a Jacobian")
        x, u, lead = self.as_batch(x, u)
        Q = Q if isinstance(Q, Tensor) else torch.from_numpy(checks.reals("Q", Q, finite=False))
        checks.matches_shape("Q", Q.shape, (..., self.state_size, "k"))
        T = self.as_tensor("Q", Q.mT, self.state_size)
        T = T.expand(*lead, *T.shape[-2:]).reshape(len(x), *T.shape[-2:])
        y, moved = self._push(x, u, T)
        return y.reshape(*lead, -1), moved.reshape(*lead, *T.shape[-2:]).mT

    def newton_step(self, x: Any, u: Any, r: Tensor) -> tuple[Tensor, Tensor]:
        """The p with (J - I) p = -r for each element of a flat batch, and which elements are solvable."""
        return linalg.solve(minus_identity(self.jacobian(x, u)), -r)


def checked(system: Any) -> System:
    """``system`` itself, or an InputError that names the call to make."""
    if not isinstance(system, System):
        raise InputError(f"system must be a System, got {type(system).__name__}; see dk.as_system(model)")
    return system


def mean_alpha(alpha: float | np.ndarray) -> float:
    """dt / tau, of units that differ in it with the mean of their tau: the one number by which times are counted."""
    return float(1 / np.mean(1 / alpha)) if isinstance(alpha, np.ndarray) else alpha


def minus_identity(J: Tensor) -> Tensor:
    """J - I for each element of a batch."""
    A = J.clone()
    A.diagonal(dim1=-2, dim2=-1).sub_(1.0)
    return A
