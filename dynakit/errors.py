"""What can go wrong, and how it is said.

Every error of the library is a :class:`DynakitError`; each also descends from the built-in class a caller
would catch.  A message names the argument, what was received, what is expected and, where it helps, the call
to make instead.
"""

from __future__ import annotations


class DynakitError(Exception):
    """Base of every error this package raises on purpose."""


class InputError(DynakitError, ValueError):
    """An argument cannot be used: the message names it."""


class NumericalError(DynakitError, ArithmeticError):
    """A computation cannot go on; ``partial`` holds what had been reached, if anything had."""

    def __init__(self, message: str, partial: object | None = None) -> None:
        super().__init__(message)
        self.partial = partial


class ResourceError(DynakitError, MemoryError):
    """What was asked for would not fit into memory: the message says how large it is, and how much may be used."""


class Interrupted(DynakitError):
    """A call was ended by its callback before there was anything to return."""


class ArtifactError(DynakitError, OSError):
    """A file or folder is missing, damaged, or not one of ours."""


class ContractError(DynakitError, AssertionError):
    """A part of one's own breaks its contract; ``failures`` holds a sentence for each clause that it breaks."""

    def __init__(self, message: str, failures: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.failures = failures or {}


class DynakitWarning(UserWarning):
    """Something the caller should know; the text names the remedy."""
