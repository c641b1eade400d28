"""A network of which an answer is asked later: its readout is taken after the inputs that ask for it."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..checks import matches_shape
from .base import System, checked
from .derived import Wrapped


class Answering(Wrapped):
    """``system`` whose readout of a state is what it answers after ``question``, a sequence of inputs (step, input).

    Where a choice has to wait for a go signal, the readout before it says nothing of the choice; the readout after it
    does.  The map itself, its fixed points and its times are those of ``system``.
    """

    def __init__(self, system: System, question: Any) -> None:
        inputs = checked(system).as_tensor("question", question, system.input_size)
        matches_shape("question", inputs.shape, ("step", system.input_size))
        super().__init__(system)
        self.question = inputs

    def _around(self, field: System) -> System:
        return field

    def flow(self) -> Any:
        return self.inner.flow()

    def _observe(self, x: Tensor) -> Tensor:
        for u in self.question:
            x = self.inner._step(x, u.type_as(x).expand(len(x), -1))
        return self.inner._observe(x)

    def _observe_jacobian(self, x: Tensor) -> Tensor:
        return System._observe_jacobian(self, x)

    def _observe_push(self, x: Tensor, T: Tensor) -> Tensor:
        return System._observe_push(self, x, T)

    def readout_pieces(self) -> None:
        """None: the readout is many steps of the map."""
