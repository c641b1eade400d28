"""A box that a map sends into its own interior, from an enclosure of the map's own code.

A box is enlarged where its image sticks out, until the image lies inside; then it is replaced by its image, which lies
within itself as well.  The indices of the fixed points within the box sum up to +1 (Lefschetz 1926).  Where a unit has
an exact linear part, x = c x + rest with 0 <= c < 1, its fixed points lie in rest / (1 - c), to which the box shrinks
at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from .intervals import Interval
from .jets import Jet
from .linear_part import LinearPart
from .remembered import remembering
from .spreads import Spread

FAR = 1e6  # a unit whose image of states of this size is small is bounded by it
START = 1.0  # the size of the first box of the other units: in a large one gates look fully open
LARGEST = 1e12
ROUNDS, SHRINKS = 60, 200
ROOM = 1e-9  # relative, by which the image of a box must be smaller
GAIN = 2e-3  # a shrink by less is the last

Ends = tuple[Tensor, Tensor]


class _Boxed:
    """A step on boxes, under inputs within bounds."""

    def __init__(self, step: Any, u: Ends) -> None:
        self.step = step
        self.drive = Interval(torch.stack(u)[:, None, None])

    def image(self, lo: Tensor, hi: Tensor) -> Jet | None:
        """The image of a box, or None where the code cannot be followed."""
        value = Interval(torch.stack([lo, hi])[:, None, None])
        state = Jet.fixed(value, 1)  # values alone: no derivative is asked for
        state.form = LinearPart.of_state(value)
        try:
            with remembering():
                image = self.step(state, Jet.fixed(self.drive, 1))
        except Exception:  # foreign code may fail in any way where it meets no tensor
            return None
        if not isinstance(image, Jet) or not image.is_plain or image.sizes != lo.shape:
            return None
        return image

    def agrees(self, lo: Tensor, hi: Tensor, image: Jet) -> bool:
        """Whether the step itself, at the middle of the box, is within the image."""
        y = self.step(((lo + hi) / 2)[None], self.drive.ends.mean(0)[0])[0]
        below, above = _ends(image)
        slack = 1e-9 * (1 + torch.maximum(below.abs(), above.abs()))
        return bool(((y >= below - slack) & (y <= above + slack)).all())

    def is_continuous(self, lo: Tensor, hi: Tensor) -> bool:
        """Whether the step has slopes all over the box: to what may jump no theorem applies."""
        middle = (lo + hi) / 2
        reach = torch.maximum(hi - middle, middle - lo)
        value = Interval.around(middle[None], torch.stack([0 * reach, reach])[:, None])
        image = self.step(Jet.state(value, 1), Jet.fixed(self.drive, 1))
        gap = Spread(torch.ones(len(lo), 1).to(middle), 1).gap(image.tangent)
        return bool(torch.isfinite(gap).all())


def _ends(image: Jet) -> Ends:
    n = image.value.width
    lo, hi = image.value.ends.expand(2, 1, 1, n)[:, 0, 0]
    return lo, hi


def invariant_box(step: Any, n_units: int, u_lo: Tensor, u_hi: Tensor) -> Ends | None:
    """Ends (unit,) of a box whose image lies in its interior, under inputs within bounds; None if none is found."""
    boxed = _Boxed(step, (u_lo, u_hi))
    box = _first(boxed, u_lo.new_full((n_units,), FAR))
    box = None if box is None else _enlarged(boxed, box)
    box = None if box is None else _shrunk(boxed, box)
    return None if box is None or not boxed.is_continuous(*box) else box


def _enlarged(boxed: _Boxed, box: Ends) -> Ends | None:
    """The box, enlarged until its image lies inside."""
    for _ in range(ROUNDS):
        image = boxed.image(*box)
        if image is None or not bool(torch.isfinite(image.value.ends).all()):
            return None
        low, high = _ends(image)
        sticks = ~((low > box[0]) & (high < box[1]))
        if not bool(sticks.any()):
            return box if boxed.agrees(*box, image) else None
        room = (high - low) / 2 + ROOM * (1 + low.abs() + high.abs())
        box = torch.where(sticks, low - room, box[0]), torch.where(sticks, high + room, box[1])
        if not bool((torch.maximum(box[0].abs(), box[1].abs()) < LARGEST).all()):
            return None
    return None


def _first(boxed: _Boxed, far: Tensor) -> Ends | None:
    """Where all fixed points are, of the units of which that is seen at once; a box of a usual size of the others."""
    image = boxed.image(-far, far)
    if image is None:
        return None
    low, high = _solved(image)
    bounded = torch.maximum(low.abs(), high.abs()) < far / 10  # which is not so of NaN
    room = ROOM * (1 + low.abs() + high.abs())
    start = torch.full_like(far, START)
    return torch.where(bounded, low - room, -start), torch.where(bounded, high + room, start)


def _shrunk(boxed: _Boxed, box: Ends) -> Ends:
    """The box after its own image has taken its place again and again: all fixed points in it are still there."""
    image = boxed.image(*box)
    for _ in range(SHRINKS):
        if image is None:
            break
        smaller, image = next(_within_itself(boxed, box, image), (box, None))
        before, after = box[1] - box[0], smaller[1] - smaller[0]
        box = smaller
        if bool((after > (1 - GAIN) * before).all()):
            break
    return box


def _within_itself(boxed: _Boxed, box: Ends, image: Jet) -> Iterator[tuple[Ends, Jet]]:
    """Boxes in this one that the map sends into their interior, the smallest first, each with its image."""
    for inner in (_solved(image), _ends(image)):
        smaller = _within(box, inner)
        following = boxed.image(*smaller)
        if following is not None:
            low, high = _ends(following)
            if bool(((low > smaller[0]) & (high < smaller[1])).all()):
                yield smaller, following


def _solved(image: Jet) -> Ends:
    """The image, or rest / (1 - c) where that is known to hold the fixed points and is smaller."""
    low, high = _ends(image)
    if image.form is None or not torch.equal(image.form.units, torch.arange(len(low), device=low.device)):
        return low, high
    n = len(low)
    c_lo, c_hi = image.form.c.ends.expand(2, 1, 1, n)[:, 0, 0]
    r_lo, r_hi = image.form.rest.ends.expand(2, 1, 1, n)[:, 0, 0]
    known = (c_lo >= 0) & (c_hi < 1)
    at = torch.stack([r / (1 - c) for r in (r_lo, r_hi) for c in (c_lo, c_hi)])
    return (
        torch.where(known, torch.maximum(at.amin(0), low), low),
        torch.where(known, torch.minimum(at.amax(0), high), high),
    )


def _within(box: Ends, inner: Ends) -> Ends:
    """Ends with some room, but inside the box."""
    room = ROOM * (inner[1] - inner[0] + 1e-3 * (inner[0].abs() + inner[1].abs())) + 1e-300
    return torch.maximum(box[0], inner[0] - room), torch.minimum(box[1], inner[1] + room)
