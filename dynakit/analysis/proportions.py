"""How far a counted share may be from the true one.

Wilson's (1927) score interval for shares that were seen; Clopper and Pearson's (1934) exact bounds, of which the
bound for what was never seen in n trials, 1 - (1 - confidence)^(1 / n), is the "rule of three": about 3 / n at 95 %
(Hanley and Lippman-Hand 1983).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import betaincinv, ndtri


def wilson_interval(k: Any, n: Any, confidence: float = 0.95) -> np.ndarray:
    """The two-sided interval (..., 2) of the share k of n: inside [0, 1] also where all are alike; NaN for n = 0.

    >>> wilson_interval(0, 10).round(4).tolist()
    [0.0, 0.2775]
    """
    k, n = np.asarray(k, float), np.asarray(n, float)
    z = float(ndtri(0.5 + confidence / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        share, spread = k / n, z**2 / n
        middle = (share + spread / 2) / (1 + spread)
        reach = np.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    low, high = np.clip(middle - reach, 0, 1), np.clip(middle + reach, 0, 1)
    return np.stack([np.where(k == 0, 0.0 * low, low), np.where(k == n, 0.0 * high + 1.0, high)], axis=-1)


def clopper_pearson_interval(k: Any, n: Any, confidence: float = 0.95) -> np.ndarray:
    """The exact two-sided interval (..., 2) of the share k of n."""
    tail = (1 - confidence) / 2
    k, n = np.asarray(k, float), np.asarray(n, float)
    low = np.where(k > 0, betaincinv(np.maximum(k, 0.5), n - k + 1, tail), 0.0)
    high = np.where(k < n, betaincinv(k + 1, np.maximum(n - k, 0.5), 1 - tail), 1.0)
    return np.stack([low, high], axis=-1)


def upper_bound(k: int, n: int, confidence: float = 0.95) -> float:
    """The exact one-sided upper bound of the share k of n: 1 - (1 - confidence)^(1 / n) for k = 0.

    >>> round(upper_bound(0, 600), 6)
    0.00498
    """
    return 1.0 if k >= n else float(betaincinv(k + 1, n - k, confidence))
