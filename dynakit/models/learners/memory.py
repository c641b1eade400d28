"""Learners that are memories: they keep every element they have heard, and look for one that was in the same place."""

from __future__ import annotations

import copy
from typing import Self

import numpy as np

from .contexts import Rows
from .learner import Element, Learner, Past


class Memory(Learner):
    """Base of the memories: a subclass finds the element that followed what is most like a context.

    Attributes:
        codes: (symbol, code) every code once, in the order in which they came.
        elements: (element,) the row of each element's code.
        ids: (element,) the number that the stream gave each element.
    """

    def __init__(self, code_size: int) -> None:
        super().__init__(code_size)
        self._rows: dict[bytes, int] = {}
        self._codes = Rows(self.code_size, dtype=np.float32)
        self._elements, self._ids = Rows(dtype=np.int64), Rows(dtype=np.int64)

    @property
    def codes(self) -> np.ndarray:
        return self._codes.now

    @property
    def elements(self) -> np.ndarray:
        return self._elements.now

    @property
    def ids(self) -> np.ndarray:
        return self._ids.now

    @property
    def reach(self) -> int:
        """How many elements a context has; InputError where there is no bound."""
        raise NotImplementedError

    def following(self, context: np.ndarray) -> int | None:
        """The element that followed what is most like ``context`` (element, code); None if nothing is."""
        raise NotImplementedError

    def predict(self, past: Past) -> int | None:
        """The id of what followed what was most like the present."""
        at = self.following(past.codes)
        return None if at is None else int(self.ids[at])

    def recall(self, context: np.ndarray) -> np.ndarray | None:
        """The code of what followed what is most like ``context`` (element, code); None if nothing is."""
        at = self.following(context)
        return None if at is None else self.codes[self.elements[at]]

    def row(self, code: np.ndarray) -> int:
        """The row of a code, -1 if it was not heard."""
        return self._rows.get(np.asarray(code, np.float32).tobytes(), -1)

    def learn(self, element: Element) -> None:
        """Keep the element."""
        code = np.array(element.code, dtype=np.float32)
        row = self._rows.setdefault(code.tobytes(), len(self._rows))
        if row == self._codes.n:
            self._codes.add(code)
        self._elements.add(row)
        self._ids.add(element.id)

    def freeze(self) -> Self:
        """A copy of what is held now."""
        return copy.deepcopy(self)
