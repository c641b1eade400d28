"""What a user's step does at its kinks, seen while it runs.

Autodiff gives a kinked activation one slope where it has two, so the Jacobian at a kink says nothing: a ReLU network
without biases has a kink of every unit at rest.  :func:`distances` runs a step and notes how far each activation that
depends on the state is from its kink.  :func:`slopes_differ` asks the values themselves, for code that torch does not
see into.  :func:`read_pieces` puts a free variable in the place of every hinge; the step of a map made of linear
pieces is then affine, and is read off from its values (and compared with the step afterwards).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from .foreign import untouched_randomness
from .pieces import OpenPieces

Step = Callable[[Tensor, Tensor], Tensor]
MOST_ROWS = 4096
N_LOOKS = 8  # directions in which slopes from both sides are compared


# --- how far from a kink: activation -> |argument - kink| for each of its kinks


def _at(*places: float) -> Callable[..., list[Tensor]]:
    return lambda x, *_: [(x - place).abs() for place in places]


def _clamp(x: Tensor, lo: Any = None, hi: Any = None) -> list[Tensor]:
    return [(x - end).abs() for end in (lo, hi) if end is not None]


def _elu(x: Tensor, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> list[Tensor]:
    return [] if alpha * input_scale == 1 else [x.abs()]


def _between(a: Any, b: Any, *_: Any) -> list[Tensor]:
    return [(a - b).abs()]


def _largest(x: Tensor, dim: Any = None, *_: Any, sign: int = 1) -> list[Tensor]:
    dim = dim[0] if isinstance(dim, (list, tuple)) and len(dim) == 1 else dim
    if not isinstance(dim, int) or x.shape[dim] < 2:
        return []
    two = (sign * x).topk(2, dim).values
    return [two.select(dim, 0) - two.select(dim, 1)]


KINKS: dict[str, Callable[..., list[Tensor]]] = {
    **dict.fromkeys(("relu", "leaky_relu", "_prelu_kernel", "abs", "sign", "rrelu_with_noise"), _at(0.0)),
    **dict.fromkeys(("hardsigmoid", "hardswish"), _at(-3.0, 3.0)),
    **dict.fromkeys(("maximum", "minimum", "fmax", "fmin", "gt", "ge", "lt", "le"), _between),
    "clamp": _clamp,
    "clamp_min": lambda x, end: _clamp(x, end),
    "clamp_max": lambda x, end: _clamp(x, end),
    "hardtanh": lambda x, lo=-1.0, hi=1.0: _clamp(x, lo, hi),
    "threshold": lambda x, place, *_: [(x - place).abs()],
    "softshrink": lambda x, place=0.5: [(x - place).abs(), (x + place).abs()],
    "elu": _elu,
    "heaviside": lambda x, *_: [x.abs()],
    "amax": _largest,
    "amin": lambda x, dim=None, *rest: _largest(x, dim, *rest, sign=-1),
    "max": _largest,
    "min": lambda x, dim=None, *rest: _largest(x, dim, *rest, sign=-1),
}


def _name(func: Any) -> str:
    return func.overloadpacket.__name__.removesuffix("_")


def _moves(args: Any) -> bool:
    """Whether an argument depends on what is traced."""
    return any(isinstance(a, Tensor) and a.requires_grad for a in args)


class _Uncompiled(TorchDispatchMode):
    """A mode that is never entered in compiled code, and so need not be kept out of it.

    For that torch would load its compiler, which takes more than a second, and pass every operation through it.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False


class _Watch(_Uncompiled):
    """Notes (name, distances) of every kinked activation, in the order in which they run; None if nothing moves it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, list[Tensor]] | None] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = _name(func), kwargs or {}
        if name in KINKS:
            self.seen.append((name, KINKS[name](*args, **kwargs)) if _moves(args) else None)
        return func(*args, **kwargs)


def distances(step: Step, x: Tensor, u: Tensor) -> Tensor | None:
    """How far the activations of each row are from their kinks, (batch,); None for code that cannot be traced."""
    seen = _watched(step, x.detach().clone().requires_grad_(), u.detach())
    if seen is None:
        return None
    nearest = x.new_full(x.shape[:1], torch.inf)
    for _, found in filter(None, seen):
        for distance in found:
            nearest = torch.minimum(nearest, _by_row(distance.detach().to(nearest), len(x)))
    return nearest


def _watched(step: Step, x: Tensor, u: Tensor) -> list[tuple[str, list[Tensor]] | None] | None:
    try:
        with untouched_randomness(), torch.enable_grad(), _Watch() as watch:
            step(x, u)
    except Exception:  # foreign code, which may leave torch
        return None
    return watch.seen


def _by_row(values: Tensor, n_rows: int) -> Tensor:
    rows = [axis for axis, size in enumerate(values.shape) if size == n_rows]
    if not rows:
        return values.amin() if values.numel() else torch.full_like(values.sum(), torch.inf)
    values = values.movedim(rows[0], 0)
    return values.reshape(n_rows, -1).amin(1) if values.numel() else values.new_full((n_rows,), torch.inf)


def slopes_differ(step: Step, x: Tensor, u: Tensor) -> Tensor:
    """Where the slopes from both sides of a state differ in some direction, (batch,) of bool.

    At a kink they differ by as much however short the step; where the map is smooth, by less the shorter it is; where
    it jumps, by more.
    """
    generator = torch.Generator().manual_seed(0)
    looks = torch.randn(N_LOOKS, x.shape[1], generator=generator, dtype=x.dtype, device="cpu").to(x.device)
    looks = looks / looks.norm(dim=1, keepdim=True)
    parts = torch.arange(len(x), device=x.device).split(max(1, MOST_ROWS // (4 * N_LOOKS)))
    with torch.no_grad(), untouched_randomness():
        found = [_bends(step, x[rows], u[rows], looks) for rows in parts]
    return torch.cat(found) if found else torch.zeros(0, dtype=torch.bool, device=x.device)


def _bends(step: Step, x: Tensor, u: Tensor, looks: Tensor) -> Tensor:
    size, here = 1 + x.abs().amax(1), step(x, u)
    far, near = (_bend(step, x, u, here, (h * size)[:, None, None] * looks) / h for h in (1e-5, 1e-6))
    scale = 1e-4 * (size + here.abs().amax(1))[:, None]
    return ((near > scale) & (near > 0.5 * far) & (near < 2 * far)).any(1)


def _bend(step: Step, x: Tensor, u: Tensor, here: Tensor, moved: Tensor) -> Tensor:
    """|F(x + d) - 2 F(x) + F(x - d)| for each row and direction."""
    n_looks = moved.shape[1]
    u = u.repeat_interleave(n_looks, 0)
    above, below = (step((x[:, None] + sign * moved).flatten(0, 1), u) for sign in (1, -1))
    return ((above + below).unflatten(0, (-1, n_looks)) - 2 * here[:, None]).abs().amax(-1)


# --- linear pieces


class _Hinge(NamedTuple):
    """An activation as s p + shift + sum of c_k relu(p_k) of its argument p, with p_k = p - place_k."""

    slope: float
    shift: Any
    terms: list[tuple[float, Any]]  # (c_k, p_k)


def _clamped(p: Tensor, lo: Any = None, hi: Any = None) -> _Hinge:
    if lo is None:
        return _Hinge(1.0, 0.0, [(-1.0, p - hi)])
    upper = [] if hi is None else [(-1.0, p - hi)]
    return _Hinge(0.0, lo, [(1.0, p - lo), *upper])


HINGES: dict[str, Callable[..., _Hinge]] = {
    "relu": lambda p: _Hinge(0.0, 0.0, [(1.0, p)]),
    "leaky_relu": lambda p, s=0.01: _Hinge(s, 0.0, [(1.0 - s, p)]),
    "abs": lambda p: _Hinge(-1.0, 0.0, [(2.0, p)]),
    "clamp": _clamped,
    "clamp_min": _clamped,
    "clamp_max": lambda p, hi: _clamped(p, None, hi),
    "hardtanh": lambda p, lo=-1.0, hi=1.0: _clamped(p, lo, hi),
    "maximum": lambda a, b: _Hinge(0.0, b, [(1.0, a - b)]),
    "minimum": lambda a, b: _Hinge(0.0, a, [(-1.0, a - b)]),
}


class _Freed(_Uncompiled):
    """Puts given numbers in the place of each hinge's relu, and keeps what it would have been applied to."""

    def __init__(self, moving: list[bool], free: Tensor | None, n_rows: int) -> None:
        super().__init__()
        self.moving, self.free, self.n_rows, self.k = iter(moving), free, n_rows, 0
        self.before: list[Tensor] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = _name(func), kwargs or {}
        if name not in KINKS or not next(self.moving):
            return func(*args, **kwargs)
        hinge = HINGES[name](*args, **kwargs)
        value = hinge.slope * args[0] + hinge.shift
        for c, p in hinge.terms:
            value = value + c * self._in_its_place(p)
        in_place = func.overloadpacket.__name__.endswith("_")
        return args[0].copy_(value) if in_place else value

    def _in_its_place(self, p: Tensor) -> Tensor:
        if p.ndim == 0 or p.shape[0] != self.n_rows:
            raise TypeError("a hinge without the rows of the batch")
        flat = p.reshape(self.n_rows, -1)
        self.before.append(flat.clone())
        first, self.k = self.k, self.k + flat.shape[1]
        return p.relu() if self.free is None else self.free[:, first : self.k].reshape(p.shape)


def read_pieces(step: Step, n_units: int, n_inputs: int, device: torch.device) -> OpenPieces | None:
    """The map as hinges, or None for one that is not made of linear pieces, as far as can be read off its code."""
    x = torch.linspace(-0.7, 0.9, 3 * n_units, dtype=torch.float64, device=device).reshape(3, n_units)
    u = torch.linspace(-0.4, 0.5, 3 * n_inputs, dtype=torch.float64, device=device).reshape(3, n_inputs)
    seen = _watched(step, x.requires_grad_(), u.requires_grad_())
    names = {entry[0] for entry in seen or [] if entry}
    if not names or not names <= set(HINGES):
        return None
    moving = [entry is not None for entry in seen or []]
    try:
        with torch.no_grad(), untouched_randomness():
            return _read(step, n_units, n_inputs, moving, device)
    except Exception:  # foreign code: branches, shapes that no hinge has
        return None


def _read(step: Step, n: int, m: int, moving: list[bool], device: torch.device) -> OpenPieces | None:
    def run(x: Tensor, u: Tensor, free: Tensor | None) -> tuple[Tensor, Tensor]:
        with _Freed(moving, free, len(x)) as freed:
            y = step(x, u)
        return y, torch.cat(freed.before, 1)

    few = torch.zeros(2, n + m, dtype=torch.float64, device=device)
    h = run(few[:, :n], few[:, n:], None)[1].shape[1]
    if (n + m + h + 1) > MOST_ROWS:
        return None
    rows = torch.cat([few.new_zeros(1, n + m + h), torch.eye(n + m + h).to(few)])
    image, before = run(*rows.split([n, m, h], 1))
    A, C, B = (image[1:] - image[0]).T.split([n, m, h], 1)
    W, V, L = (before[1:] - before[0]).T.split([n, m, h], 1)
    found = OpenPieces(W, V, before[0], A, C, B, image[0], L if bool(L.any()) else None)
    return found if all(_same(step, found, s, n, m) for s in (0.1, 1.0, 10.0)) else None


def _same(step: Step, pieces: OpenPieces, scale: float, n: int, m: int) -> bool:
    generator = torch.Generator().manual_seed(1)
    draw = torch.randn(8, n + m, generator=generator, dtype=torch.float64, device="cpu").to(pieces.b.device)
    x, u = (scale * draw).split([n, m], 1)
    y = step(x, u)
    ours = torch.stack([pieces.under(v).step(row) for row, v in zip(x, u, strict=True)])
    return bool(torch.isfinite(y).all()) and torch.allclose(
        ours, y, rtol=0, atol=1e-10 * float(1 + y.abs().max())
    )
