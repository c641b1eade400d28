"""The report: all results about one network, in words, in figures, and in one folder on disk."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import artifacts, checks, models, plots
from ..errors import InputError
from ..records import artifact as saved
from ..records import unsavable
from ..results import History, Result, html_table
from ..wording import drive_in_words
from .overview import overview
from .pages import alone, notebook, pages
from .pictures import formats as chosen_formats
from .stage import Figure, Part, Stage

MOST_NUMBERS = 6


class Said(NamedTuple):
    """A headline number, as it is said: "Fixed points", "27 (8 stable)", and what that means."""

    label: str
    value: str
    meaning: str

TRAINING = Figure("training", "Loss and score on each update's fresh batch.", plots.plot_training, needs=("history",))


@dataclass(frozen=True, kw_only=True, repr=False)
class Report(Result):
    """Everything :func:`dynakit.analyze` found, whose help lists the results.

    Each result is an attribute by its name, such as ``report.fixed_points``; it is None where the stage did not run,
    with the reason in ``skipped`` if it was tried.

    Attributes:
        network: what was adapted, in words
        parts: first and last column + 1 of each block of the state, by name
        task: what the network is to do; None: one of the user's own that was not saved
        trials: on which it was looked at
        closed_loop: all but trajectories and wiring are of the network that hears its own output
        results: what the stages found, by name
        history: the training run that made the network
        skipped: the reason why a result is not there, by its name
        model: the network that was given; saved beside the report if it is one of this package's
        stages: what speaks of the results, in the order of the report
    """

    network: str
    parts: dict[str, tuple[int, int]]
    task: Any = field(default=None, metadata={"spare": True})
    trials: Any = None
    closed_loop: bool = False
    results: dict[str, Any] = field(default_factory=dict)
    history: History | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    model: Any = field(default=None, metadata={"saved": False})
    stages: tuple[Stage, ...] = field(default=(), metadata={"saved": False})

    def __getattr__(self, name: str) -> Any:
        """A result by its name."""
        inside = self.__dict__
        if name in inside.get("results", ()):
            return inside["results"][name]
        known = self._names() if "stages" in inside and not name.startswith("_") else []
        if name not in known:
            raise AttributeError(f"a Report has no {name!r}; its results are {', '.join(known)}")
        return None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._names()]

    def _names(self) -> list[str]:
        given = (name for stage in self.stages for name in stage.gives)
        return list(dict.fromkeys([*given, *self.results]))

    def read(self, part: Part) -> list[Any] | None:
        """The results that a part of a stage asks for; None if one that it needs is not there."""
        needed = [getattr(self, name) for name in part.needs]
        return None if any(map(_absent, needed)) else needed + [getattr(self, name) for name in part.uses]

    def _read(self, kind: str) -> Iterator[tuple[Any, list[Any]]]:
        """All parts of a kind that have what they need, with the results they ask for, in the order of the report."""
        for part in (part for stage in self.stages for part in getattr(stage, kind)):
            results = self.read(part)
            if results is not None:
                yield part, results

    def having(self, found: dict[str, Any]) -> Report:
        """The same report with what a stage found; an InputError in place of a result is why it is not there."""
        reasons = {name: str(value) for name, value in found.items() if isinstance(value, InputError)}
        results = {name: value for name, value in found.items() if name not in reasons}
        return dataclasses.replace(
            self, results={**self.results, **results}, skipped={**self.skipped, **reasons}
        )

    def without(self, name: str, reason: str) -> Report:
        """The same report, with the reason why a result is not in it."""
        return dataclasses.replace(self, skipped={**self.skipped, name: reason})

    def with_history(self, history: History) -> Report:
        """The same report with the training run that made the network."""
        return dataclasses.replace(self, history=history)

    # --- words ---------------------------------------------------------------------------------------------

    def headline(self) -> str:
        said = [self.network]
        if "score" in self.results:
            said.append(f"score {self.results['score']:.4f}")
        said += [part.say(*results) for part, results in self._read("headline")]
        return ", ".join(filter(None, said))

    def summary(self) -> str:
        """What the network does, and how: the answer in words."""
        said = {heading: lines for heading, lines in self.sections().items() if lines}
        said |= {"Not done": [f"{name}: {reason}" for name, reason in self.skipped.items()]} if self.skipped else {}
        blocks = ["\n".join([heading, *(f"  {line}" for line in lines)]) for heading, lines in said.items()]
        return "\n\n".join(["\n".join([self.network, *self.opening()]), *blocks])

    def sections(self) -> dict[str, list[str]]:
        """What the stages say, by heading, in the order of the report; the first is the answer."""
        sections: dict[str, list[str]] = {}
        for words, results in self._read("words"):
            sections.setdefault(words.heading, []).extend(words.say(*results))
        return sections

    def opening(self) -> list[str]:
        """The task, the score and what counts as rest."""
        lines = []
        if self.task is not None:
            lines.append(f"Task: {self.task!r}")
        if "baseline" in self.results:
            lines.append(self.results["baseline"].sentence(self.results["score"], len(self.trials)))
        elif "score" in self.skipped and getattr(self.task, "n_outputs", None) is not None:
            lines.append(f"No score: {self.skipped['score']}")
        reason = getattr(self.task, "rest_reason", None)
        if self.task is not None and reason is not None:
            lines.append(f"Rest is {drive_in_words(self.task.rest)} ({reason})")
        return lines

    def numbers(self) -> list[Said]:
        """The headline numbers, the most telling first; at most six."""
        said = [(number, number.say(*results)) for number, results in self._read("numbers")]
        told = sorted((pair for pair in said if pair[1]), key=lambda pair: pair[0].rank)[:MOST_NUMBERS]
        return [Said(number.label, value, number.meaning) for number, value in told]

    # --- figures -------------------------------------------------------------------------------------------

    def _figures(self) -> dict[str, Figure]:
        """All figures by name, whether they can be drawn or not."""
        return {figure.name: figure for stage in self.stages for figure in stage.figures} | {TRAINING.name: TRAINING}

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of the figures this report can draw."""
        return tuple(name for name, figure in self._figures().items() if self._shows(figure))

    @property
    def known_figures(self) -> tuple[str, ...]:
        """Names of all figures of reports, those that this one cannot draw among them."""
        return tuple(self._figures())

    def _shows(self, figure: Figure) -> bool:
        results = self.read(figure)
        return results is not None and figure.shows(*results)

    def caption(self, name: str) -> str:
        """What a figure of this report shows, in a sentence or two."""
        figure = self._figures()[checks.one_of("name", name, self._figures())]
        return figure.loop_caption if self.closed_loop and figure.loop_caption else figure.caption

    def plot(self, name: str, ax: Any = None, **kwargs: Any) -> Any:
        """Draw one of :attr:`figures` on ``ax`` (or on a new figure) and return the axes."""
        figure = self._figures()[checks.one_of("name", name, self._figures())]
        results = self.read(figure)
        if results is None or not figure.shows(*results):
            missing = [n for n in figure.needs if _absent(getattr(self, n))]
            reasons = "; ".join(f"{n}: {self.skipped.get(n, 'not there')}" for n in missing)
            raise InputError(
                f"name {name!r} cannot be drawn from this report ({reasons or 'there is nothing to show'})"
            )
        return figure.draw(*results, ax=ax, **kwargs)

    def in_space(self, name: str) -> bool:
        """Whether a figure is drawn on 3-D axes."""
        return self._figures()[checks.one_of("name", name, self._figures())].in_space

    def overview(self) -> Any:
        """The whole report on one page, to print: the answer, its numbers and every figure; a figure of matplotlib.

        ``report.overview().savefig("overview.pdf")`` writes it.
        """
        return overview(self)

    def _repr_html_(self) -> str:
        return notebook(self)

    def table(self) -> dict[str, np.ndarray]:
        """One row on this network: the same columns for every report, so that rows of many make a table.

        Columns are described by :meth:`columns`; what was not found is NaN, or "" in a column of text.
        """
        units = max((end for _, end in self.parts.values()), default=0)
        row: dict[str, Any] = {"network": self.network, "units": units, "seed": -1, "weights": ""}
        if self.provenance is not None:
            row |= {"seed": -1 if self.provenance.seed is None else self.provenance.seed}
            row |= {"weights": self.provenance.weights}
        for column in (column for stage in self.stages for column in stage.columns):
            results = self.read(column)
            row[column.name] = ("" if column.text else np.nan) if results is None else column.value(*results)
        return {name: np.array([value]) for name, value in row.items()}

    def columns(self) -> dict[str, str]:
        """What each column of :meth:`table` says."""
        own = {
            "network": "what was analysed, in words",
            "units": "numbers of the state",
            "seed": "of the analysis; -1: none was given",
            "weights": "SHA-256 of the weights",
        }
        return own | {column.name: column.about for stage in self.stages for column in stage.columns}

    def tables(self) -> dict[str, str]:
        """The tables of the page by their titles, as HTML."""
        found = (table.columns(*results) for table, results in self._read("tables"))
        return {title: html_table(columns) for each in found for title, columns in each.items()}

    def explored(self) -> Any:
        """What a reader of the page can look around in; None if there is nothing."""
        return next((view.build(*results) for view, results in self._read("views")), None)

    # --- disk ----------------------------------------------------------------------------------------------

    def save(self, path: str | Path, *, formats: Any = ("png",), single_file: bool = False) -> None:
        """Write the report into a folder: ``results.json``, arrays and network, ``report.html`` and ``figures/``.

        Arguments:
            path: the folder; with ``single_file`` it may also be the name of a page, "network.html".
            formats: of the figures, some of "png", "svg" and "pdf"; those on the page are "png".
            single_file: the page holds all it needs, to be mailed; of a path that ends with ".html" it is all that is
                written.

        ``report.html`` opens from disk without a network.  Results and network are replaced together, in one step; page
        and figures follow at once, and each says which ``results.json`` it is of.  Raises ArtifactError if the folder
        cannot be written, or holds files of these names that are somebody else's or of a later version; InputError for
        a format that there is not.
        """
        wanted = chosen_formats(formats)
        artifact = self._artifact()
        place = checks.folder("path", path)
        if single_file and place.suffix.lower() in (".html", ".htm"):
            artifacts.write_page(place, alone(self, artifact.sha256))
            return
        artifacts.save(place, artifact, pages(self, artifact.sha256, wanted, single_file=single_file))

    def _artifact(self) -> artifacts.Artifact:
        """What is saved of this report."""
        header, parts, record = {}, {}, self._as_saved()
        if "model" not in record.skipped and self.model is not None:
            header["model"], data = models.packed(self.model)
            parts["model"] = ("safetensors", data)
        return saved(record, header, **parts)

    def _as_saved(self) -> Report:
        """This report without what cannot be saved, and the reason why."""
        record = self
        if self.model is not None and (reason := self._model_unsaved()):
            record = record.without("model", reason)
        if self.task is not None and (reason := self.task.unsaved or unsavable(self.task)):
            record = record.without("task", reason)
            record = dataclasses.replace(record, task=None)
        return record

    def _model_unsaved(self) -> str:
        """Why the network is not saved with the report; empty if it is."""
        if not models.savable(self.model):
            return f"a {type(self.model).__name__} is not saved (see dk.models.save); rebuild it"
        try:
            models.packed(self.model)
        except InputError as reason:
            return str(reason)
        return ""


def _absent(value: Any) -> bool:
    """Whether a stage has not found anything."""
    return value is None or (isinstance(value, dict) and not value)
