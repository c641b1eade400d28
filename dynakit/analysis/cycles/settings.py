"""How far a search for cycles looks."""

from __future__ import annotations

from dataclasses import dataclass

from ...checks import count


@dataclass(frozen=True)
class CycleSettings:
    """How far :func:`dynakit.find_limit_cycles` looks.

    Attributes:
        n_transient: steps before anything is looked at; starts that are still on their way get ten times as many more
        n_record: steps looked at (four times as many where the rotation number has few digits)
        max_period: longest cycle of a map looked for, in steps; longer ones are taken for what they look like
        max_harmonics: most harmonics of a curve
        n_exponents: leading exponents, and multipliers of circles

    Raises InputError for what is no count, or too small.
    """

    n_transient: int = 1000
    n_record: int = 4096
    max_period: int = 64
    max_harmonics: int = 128
    n_exponents: int = 4

    def __post_init__(self) -> None:
        count("n_transient", self.n_transient)
        count("n_record", self.n_record, least=64)
        count("max_period", self.max_period, most=self.n_record // 2)
        count("max_harmonics", self.max_harmonics, least=4)
        count("n_exponents", self.n_exponents)
