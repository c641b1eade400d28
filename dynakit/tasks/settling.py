"""How long after a change of the input the answer that is asked for is settled."""

from __future__ import annotations

import numpy as np

STAYS = 0.99  # share of steps in which an answer stays; the rest is for inputs that noise takes for another
LAGS = (0, 1, 2, 3, 5, 8, 12, 20)  # steps after a change that are tried
FEW = 20  # pairs of steps that make a share, of those that are tried after the first


def ages(shown: np.ndarray) -> np.ndarray:
    """How many steps in a row an input has been shown, the step itself included; 0 where it is not: (trial, time).

    >>> ages(np.array([[True, True, False, True]]))
    array([[1, 2, 0, 1]])
    """
    age = np.zeros(shown.shape, int)
    for t in range(shown.shape[1]):
        age[:, t] = shown[:, t] * ((age[:, t - 1] if t else 0) + 1)
    return age


def lag_of(age: np.ndarray, asked: np.ndarray, answers: np.ndarray) -> int | None:
    """Steps after the input came after which answers (trial, time) stay as they are; None: they do not.

    Targets may follow the input some steps later; under an input that goes on changing the answer, such as a token that
    is counted, no lag is long enough.

    >>> age = np.arange(1, 41)[None]
    >>> lag_of(age, age > 0, np.array([["a"] * 2 + ["b"] * 38])), lag_of(age, age > 0, age % 3)
    (2, None)
    """
    pairs = asked[:, 1:] & asked[:, :-1] & (age[:, 1:] > 1)
    same, ages_before = (answers[:, 1:] == answers[:, :-1])[pairs], age[:, 1:][pairs] - 1
    if not len(same):
        return 0
    for lag in LAGS:
        late = same[ages_before > lag]
        if lag and len(late) < FEW:
            return None
        if late.mean() >= STAYS:
            return lag
    return None
