"""Results that speak: frozen records of NumPy arrays with a one-line answer, a table, and a way to disk.

A result is a frozen dataclass.  Fields marked with :func:`per_item` run along the items of the result (its
points, its conditions): ``len``, indexing by integer, slice or mask, and :meth:`Result.table` follow them.
"""

from __future__ import annotations

import base64
import csv
import dataclasses
import html
import importlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from . import artifacts, checks
from .errors import InputError
from .provenance import Provenance
from .records import Record, save_record
from .wording import counted


def per_item(**kwargs: Any) -> Any:
    """A dataclass field whose first axis runs along the items of the result."""
    return field(metadata={"per_item": True}, **kwargs)


@dataclass(frozen=True, kw_only=True, repr=False)
class Result(Record):
    """Base of all results.

    Attributes:
        provenance: the call that made it
        interrupted: "" if it ran to its end; else after how much it was ended, "interrupted after 300 of 1000 starts"
    """

    since: ClassVar[int] = 2
    drawn_by: ClassVar[str] = ""  # the function of dynakit.plots that draws it alone, for a notebook

    provenance: Provenance | None = None
    interrupted: str = ""

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray):
                frozen = value.view()
                frozen.flags.writeable = False
                object.__setattr__(self, f.name, frozen)

    @classmethod
    def _item_fields(cls) -> list[str]:
        return [f.name for f in dataclasses.fields(cls) if f.metadata.get("per_item")]

    def __len__(self) -> int:
        names = self._item_fields()
        return len(getattr(self, names[0])) if names else 0

    def __bool__(self) -> bool:
        return True  # a result without items is still an answer

    def __getitem__(self, index: Any) -> Self:
        """The items chosen by an integer, a slice, a list of integers or a boolean mask."""
        names = self._item_fields()
        if not names:
            raise InputError(f"a {type(self).__name__} has no items to index")
        if isinstance(index, (bool, np.bool_)):
            raise InputError(f"index must be an integer, a slice, a list or a mask, got {index!r}")
        if isinstance(index, (int, np.integer)):
            if not -len(self) <= index < len(self):
                raise IndexError(f"item {index} of a {type(self).__name__} with {len(self)} items")
            index = [int(index)]
        if not isinstance(index, slice):
            index = self._several(index)
        return dataclasses.replace(self, **{name: getattr(self, name)[index] for name in names})

    def _several(self, index: Any) -> np.ndarray:
        """A list of integers or a mask, checked."""
        index = checks.rectangular("index", index)
        if not index.size and index.dtype.kind == "f":  # an empty Python list
            return index.astype(int)
        if index.dtype.kind not in "iub":
            raise InputError(f"index must be an integer, a slice, a list or a mask, got {index.tolist()!r}")
        if index.dtype.kind == "b" and index.shape[:1] != (len(self),):
            raise IndexError(f"index must be a mask of {len(self)} items, got one of shape {index.shape}")
        if index.dtype.kind != "b" and index.size and not -len(self) <= index.min() <= index.max() < len(self):
            worst = index.max() if index.max() >= len(self) else index.min()
            raise IndexError(f"item {worst} of a {type(self).__name__} with {len(self)} items")
        return index

    def __iter__(self) -> Iterator[Self]:
        return (self[i] for i in range(len(self)))

    def headline(self) -> str:
        """The answer in one line, without the class name."""
        return f"{len(self)} items"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.headline()}{', ' if self.interrupted else ''}{self.interrupted})"

    def table(self) -> dict[str, np.ndarray]:
        """Columns that describe each item: every one-dimensional per-item field."""
        columns = {name: np.asarray(getattr(self, name)) for name in self._item_fields()}
        return {name: column for name, column in columns.items() if column.ndim == 1}

    def to_csv(self) -> str:
        """:meth:`table` as CSV text."""
        columns = self.table()
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values()))
        return buffer.getvalue()

    def to_dataframe(self) -> Any:
        """:meth:`table` as a pandas DataFrame (needs the extra ``table``)."""
        try:
            import pandas
        except ImportError:
            raise ImportError("to_dataframe needs pandas: pip install 'dynakit[table]'") from None
        return pandas.DataFrame(self.table())

    def _repr_html_(self) -> str:
        return f"<b>{html.escape(repr(self))}</b>{self._picture()}{html_table(self.table())}"

    def _picture(self) -> str:
        """A small figure of the result, for a notebook; "" where there is none."""
        if not self.drawn_by or (self._item_fields() and not len(self)):
            return ""
        # results know figures by their names alone: nothing is imported before a notebook asks for one
        plots = importlib.import_module("dynakit.plots")
        with plots.using("page"):
            try:
                figure = getattr(plots, self.drawn_by)(self).get_figure(root=True)
            except InputError:  # nothing in it that could be drawn
                return ""
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", dpi=100)
            plots.close(figure)
        url = base64.b64encode(buffer.getvalue()).decode()
        return f'<p><img alt="{html.escape(repr(self))}" src="data:image/png;base64,{url}"></p>'

    def save(self, path: str | Path) -> None:
        """Write the result into the folder ``path``: ``results.json``, and an npz named by the hash of its arrays.

        What the folder held is there until all of the new is; :func:`dynakit.load` reads it back.  Raises ArtifactError
        if the folder cannot be written, or holds a ``results.json`` of somebody else or of a later version.
        """
        save_record(self, path)

    @staticmethod
    def check_path(path: str | Path) -> None:
        """Raise ArtifactError if nothing could be saved into the folder ``path``: to be asked before long work."""
        artifacts.check_folder(checks.folder("path", path), "results", "results")


def html_table(columns: dict[str, Any], most_rows: int = 40) -> str:
    """Columns as a small HTML table."""
    if not columns:
        return ""
    rows = list(zip(*columns.values()))
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(_cell(v))}</td>" for v in row) + "</tr>"
        for row in rows[:most_rows]
    )
    more = f"<p>and {len(rows) - most_rows} more rows</p>" if len(rows) > most_rows else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)


@dataclass(frozen=True, kw_only=True, repr=False)
class History(Result):
    """How a training run went, one entry per update.

    Attributes:
        losses: (update,) loss on that update's fresh batch, before the step
        scores: (update,) score of the same batch, 0..1, before the step
        seconds: (update,) wall time since the start
        learning_rates: (update,) of that update's step
        n_rollbacks: times the non-finite guard restored earlier weights and halved the rate
        stopped: why the run ended
        condition: of the normal equations, where the weights were solved for
    """

    since: ClassVar[int] = 1
    drawn_by: ClassVar[str] = "plot_training"

    losses: np.ndarray = per_item()
    scores: np.ndarray = per_item()
    seconds: np.ndarray = per_item()
    learning_rates: np.ndarray = per_item()
    n_rollbacks: int = 0
    stopped: str = ""
    condition: float | None = None

    def headline(self) -> str:
        if not len(self):
            return "no updates"
        return (
            f"{counted(len(self), 'update')} in {self.seconds[-1]:.1f} s, "
            f"loss {self.losses[0]:.3g} -> {self.losses[-1]:.3g}, "
            f"score {self.scores[-1]:.4f}, {self.stopped}"
        )
