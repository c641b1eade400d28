"""A stage of the analysis: what finds its results, and what of them is said, drawn and tabulated.

Each part of a stage is a function of results, which it asks for by their names in a report (``task``, ``trials``,
``history`` and ``closed_loop`` are names as well): first those it ``needs``, without which it is not called, then those
it ``uses``, which are None where they are not there.  No part sees the report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..errors import InputError


def _always(*results: Any) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Part:
    """The names of the results a part asks for."""

    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finder(Part):
    """What finds the results: ``find(subject, *results)`` gives them by name.

    Where there is no answer it raises InputError, whose sentence becomes the reason why the results are not in the
    report; where one of several results is missing, that reason stands in its place.
    """

    find: Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Words(Part):
    """Lines of the summary; parts that share a heading speak one after the other."""

    heading: str
    say: Callable[..., list[str]]


@dataclass(frozen=True)
class Headline(Part):
    """A few words for the one line of the report; "" where there is nothing to say."""

    say: Callable[..., str]


@dataclass(frozen=True)
class Figure(Part):
    """A figure: ``draw(*results, ax=None, **kwargs)`` gives the axes, if it ``shows`` something."""

    name: str
    caption: str
    draw: Callable[..., Any]
    loop_caption: str = ""  # of a closed loop, where that is another
    in_space: bool = False  # drawn on 3-D axes, where the state has three dimensions
    shows: Callable[..., bool] = _always


@dataclass(frozen=True)
class Number(Part):
    """A headline number, with a sentence on what it means; ``say(*results)`` gives it, "" where there is none.

    A report shows those of the lowest ``rank``.
    """

    rank: int
    label: str
    meaning: str
    say: Callable[..., str]


@dataclass(frozen=True)
class Column(Part):
    """A column of the table in which a report is one row: ``value(*results)`` is a number, or text if ``text``."""

    name: str
    about: str
    value: Callable[..., Any]
    text: bool = False


@dataclass(frozen=True)
class View(Part):
    """What the page lets its reader look around in: ``build(*results)`` gives a :class:`dynakit.plots.Explored`."""

    build: Callable[..., Any]


@dataclass(frozen=True)
class Table(Part):
    """Tables of the page: ``columns(*results)`` gives the columns of each by its title."""

    columns: Callable[..., dict[str, dict[str, np.ndarray]]]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One question asked of a network: the whole of it, in one object.

    Attributes:
        name: of the stage, and of its result in the report
        about: what the result is, in a line
        place: in the report; the answer has 10, the wiring 140
        run: what finds the results, of a network that answers inputs
        loop: ... of one that goes on by itself, in its closed loop; None: as ``run``
        beside: names of results that come along
        headline: what the one line of the report says of it
        numbers: that may head the report
        columns: of the one row that the report is among others
    """

    name: str
    about: str
    place: float
    run: Finder
    loop: Finder | None = None
    beside: tuple[str, ...] = ()
    headline: tuple[Headline, ...] = ()
    words: tuple[Words, ...] = ()
    figures: tuple[Figure, ...] = ()
    numbers: tuple[Number, ...] = ()
    columns: tuple[Column, ...] = ()
    views: tuple[View, ...] = ()
    tables: tuple[Table, ...] = ()

    @property
    def gives(self) -> tuple[str, ...]:
        """Names of all its results."""
        return (self.name, *self.beside)

    def runs(self, closed_loop: bool) -> Finder:
        """What finds the results of such a network."""
        return self.loop if closed_loop and self.loop is not None else self.run


def refused(reason: str) -> Finder:
    """A question that has no meaning for such a network."""
    return Finder(partial(_refuse, reason))


def _refuse(reason: str, subject: Any) -> dict[str, Any]:
    raise InputError(reason)
