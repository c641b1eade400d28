"""A memory of the whole stream: what followed the longest stretch that ends as the present does?

Of all earlier places after which the stream ran as it has run up to now, the one that agrees for the most elements is
taken, of equally long ones the latest (Ehrenfeucht and Mycielski 1992, American Mathematical Monthly 99, 373; with
counts in place of the latest it is the unbounded context of Cleary, Teahan and Witten 1995).  A rule that changes is
learnt from one example: the newest of equal contexts speaks.
"""

from __future__ import annotations

import numpy as np

from ... import checks
from ...errors import InputError
from .learner import Operations, Past
from .memory import Memory


class LongestMatch(Memory):
    """Predicts the symbol that followed the longest match of the latest elements; of equally long ones the newest.

    Two elements match if their codes are the same, number for number.  ``longest`` is how many elements are compared
    at most; None: as many as agree.

    >>> LongestMatch(code_size=25)
    LongestMatch(longest=None)
    """

    def __init__(self, code_size: int, *, longest: int | None = None) -> None:
        super().__init__(code_size)
        self.longest = None if longest is None else checks.count("longest", longest)

    def extra_repr(self) -> str:
        return f"longest={self.longest}"

    @property
    def reach(self) -> int:
        """The elements that are compared; InputError for one that compares all."""
        if self.longest is None:
            raise InputError("a LongestMatch without a bound compares with all it has heard: that is no state")
        return self.longest

    def following(self, context: np.ndarray) -> int | None:
        """The element that followed the longest match with the end of ``context``; None if not even one matches."""
        return self._search(context)[0]

    def operations(self, past: Past) -> Operations:
        """Every element that is compared, as sums over the numbers of its code."""
        return Operations(0, self._search(past.codes)[1] * self.code_size)

    def _search(self, context: np.ndarray) -> tuple[int | None, int]:
        """What :meth:`following` gives, and how many elements were compared."""
        places, before, compared = np.arange(1, len(self.elements)), None, 0  # places that may have followed a match
        for k in range(min(len(context), self.longest or len(context))):
            row = self.row(context[-1 - k])
            places = places[places > k]
            compared += len(places)
            agree = places[self.elements[places - 1 - k] == row]
            if not len(agree):
                break
            places, before = agree, agree[-1]
        return (None if before is None else int(before)), compared
