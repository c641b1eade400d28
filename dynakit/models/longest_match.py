"""A memory of the whole stream: what followed the longest stretch that ends as the present does?

Of all earlier places after which the stream ran as it has run up to now, the one that agrees for the most elements is
taken, of equally long ones the latest (Ehrenfeucht and Mycielski 1992, American Mathematical Monthly 99, 373; with
counts in place of the latest it is the unbounded context of Cleary, Teahan and Witten 1995).  A rule that changes is
learnt from one example: the newest of equal contexts speaks.
"""

from __future__ import annotations

import numpy as np

from .. import checks
from ._contexts import Rows
from .learner import Element, Learner, Past


class LongestMatch(Learner):
    """Predicts the symbol that followed the longest match of the latest elements; of equally long ones the newest.

    Two elements match if their codes are the same, number for number.  ``longest`` is how many elements are compared
    at most; None: as many as agree.

    >>> LongestMatch(code_size=25)
    LongestMatch(longest=None)
    """

    def __init__(self, code_size: int, *, longest: int | None = None) -> None:
        super().__init__(code_size)
        self.longest = None if longest is None else checks.count("longest", longest)
        self._symbols: dict[bytes, int] = {}  # a number for each code met so far
        self._elements, self._ids = Rows(dtype=np.int64), Rows(dtype=np.int64)
        self._lengths = np.zeros(0, np.int64)  # of the match that ends at each element with the one that ends now

    def extra_repr(self) -> str:
        return f"longest={self.longest}"

    def predict(self, past: Past) -> int | None:
        """The id that followed the longest match; None before anything was met twice."""
        lengths = self._lengths[:-1]
        if not lengths.any():
            return None
        return int(self._ids.now[len(lengths) - int(lengths[::-1].argmax())])

    def learn(self, element: Element) -> None:
        """Every match grows by one element, or ends."""
        code = np.array(element.code, dtype=np.float32).tobytes()
        self._elements.add(self._symbols.setdefault(code, len(self._symbols)))
        self._ids.add(element.id)
        elements = self._elements.now
        lengths = np.concatenate([[0], self._lengths]) + 1
        lengths[elements != elements[-1]] = 0
        self._lengths = lengths if self.longest is None else np.minimum(lengths, self.longest)
