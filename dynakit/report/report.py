"""The report: all results about one network, in words, in figures, and in one folder on disk."""

from __future__ import annotations

import base64
import dataclasses
import html
import importlib.util
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .. import artifacts, models, plots
from ..analysis import (
    Attractors,
    FixedPoints,
    GraphStatistics,
    LimitCycles,
    LyapunovSpectrum,
    MemoryCheck,
    Modes,
    Multifunctionality,
    PlaneFlow,
    Projection,
    SlowPoints,
    SpikeStatistics,
    Transitions,
)
from ..checks import one_of
from ..errors import InputError
from ..records import Record, save_record
from ..results import History, Result, html_table
from ..systems.adapters import Recording
from .figures import FIGURES, caption, labels_of_trials
from .words import summarize


@dataclass(frozen=True)
class MachineAgreement(Record):
    """How many responses to pulses are those of the task's own automaton."""

    by_attractor: int  # the network comes to rest at the attractor of the right memory
    by_readout: int  # the readout says the right memory, wherever a slow state has got to
    total: int


@dataclass(frozen=True, kw_only=True, repr=False)
class Report(Result):
    """Everything :func:`dynakit.analyze` found; a stage that did not run is None, with the reason in ``skipped``.

    Attributes:
        network: what was adapted, in words
        parts: the columns of each block of the state
        task: TODO
        trials: TODO
        score: TODO
        trajectories: TODO
        projection: TODO
        fixed_points: condition -> points; "rest" first
        slow_points: under rest
        modes: at the fixed points under rest
        memory: TODO
        attractors: TODO
        transitions: TODO
        machine_agreement: TODO
        flow: TODO
        cycles: where released, or cued, states end
        lyapunov: under the trials' inputs; of a closed loop on each of ``cycles``
        multifunctionality: whether the orbits of the task are held
        closed_loop: all but trajectories and wiring are of the network that hears its own output
        connectivity: TODO
        spikes: in the trajectories, of a network that spikes
        history: TODO
        skipped: TODO
        model: TODO
    """

    network: str
    parts: dict[str, tuple[int, int]]
    task: Any = None
    trials: Any = None
    score: float | None = None
    trajectories: Recording | None = None
    projection: Projection | None = None
    fixed_points: dict[str, FixedPoints] = field(default_factory=dict)
    slow_points: SlowPoints | None = None
    modes: Modes | None = None
    memory: MemoryCheck | None = None
    attractors: Attractors | None = None
    transitions: Transitions | None = None
    machine_agreement: MachineAgreement | None = None
    flow: PlaneFlow | None = None
    cycles: LimitCycles | None = None
    lyapunov: LyapunovSpectrum | None = None
    multifunctionality: Multifunctionality | None = None
    closed_loop: bool = False
    connectivity: GraphStatistics | None = None
    spikes: SpikeStatistics | None = None
    history: History | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    # the network that was given: no part of the record, but saved beside it if it is one of this package's
    model: Any = field(default=None, metadata={"saved": False})

    def headline(self) -> str:
        said = [self.network]
        if self.score is not None:
            said.append(f"score {self.score:.4f}")
        if self.multifunctionality is not None:
            held = self.multifunctionality.held
            said.append(f"holds {int(held.sum())} of {len(held)} orbits")
        if self.attractors is not None:
            said.append(f"{len(self.attractors)} attractors")
        if self.memory is not None:
            said.append(f"{100 * self.memory.kept_at_end:.0f} % kept for {self.memory.times[-1]} steps")
        return ", ".join(said)

    def with_history(self, history: History) -> Report:
        """The same report with the training run that made the network."""
        return dataclasses.replace(self, history=history)

    def summary(self) -> str:
        """What the network does, and how: the answer in words."""
        return summarize(self)

    # --- figures -------------------------------------------------------------------------------------------

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of the figures this report can draw."""
        return tuple(
            name
            for name, figure in FIGURES.items()
            if all(self._has(n) for n in figure.needs) and figure.shows_something(self)
        )

    def _has(self, stage: str) -> bool:
        value = getattr(self, stage)
        return value is not None and not (isinstance(value, dict) and not value)

    def plot(self, name: str, ax: Any = None, **kwargs: Any) -> Any:
        """Draw one of :attr:`figures` on ``ax`` (or on a new figure) and return the axes."""
        one_of("name", name, FIGURES)
        if name not in self.figures:
            needs = [n for n in FIGURES[name].needs if not self._has(n)]
            reasons = "; ".join(f"{n}: {self.skipped.get(n, 'not there')}" for n in needs)
            raise InputError(
                f"name {name!r} cannot be drawn from this report ({reasons or 'there is nothing to show'})"
            )
        return FIGURES[name].draw(self, ax, kwargs)

    def _png(self, name: str, dpi: int = 150) -> bytes:
        import matplotlib.figure

        ax = self.plot(name)
        figure = ax.get_figure()
        assert isinstance(figure, matplotlib.figure.Figure)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight")
        plots.close(figure)
        return buffer.getvalue()

    def _repr_html_(self) -> str:
        picture = ""
        if "phase_portrait" in self.figures:
            picture = f'<img style="max-width:560px" src="{data_url(self._png("phase_portrait", 100))}">'
        table = html_table(self.attractors.table()) if self.attractors is not None else ""
        return f"<pre>{html.escape(self.summary())}</pre>{picture}{table}"

    # --- disk ----------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write ``report.html``, ``figures/*.png``, ``results.npz`` + ``results.json`` and the model into a folder.

        ``report.html`` opens from disk without a network.  Raises ArtifactError if ``path`` is a file.
        """
        pictures = {name: self._png(name) for name in self.figures}  # before anything is written
        portrait = self._interactive()
        page = self._page(pictures, portrait)
        folder, model = Path(path), self.model
        save_record(self._as_saved(), folder)
        if models.savable(model):
            models.save(model, folder / "model")
        for name in FIGURES.keys() - pictures.keys():  # of an older report in the same folder
            (folder / "figures" / f"{name}.png").unlink(missing_ok=True)
        for name, png in pictures.items():
            artifacts.write_atomically(folder / "figures" / f"{name}.png", png)
        if portrait:
            artifacts.write_atomically(folder / "plotly.min.js", plotly_script())
        artifacts.write_atomically(folder / "report.html", page.encode())

    def _as_saved(self) -> Report:
        """This report without what cannot be saved, and the reason why."""
        record = self
        if self.model is not None and not models.savable(self.model):
            record = record.without(
                "model", f"a {type(self.model).__name__} is not saved (see dk.models.save); rebuild it"
            )
        if self.task is not None and not isinstance(self.task, Record):
            record = record.without(
                "task", f"a {type(self.task).__name__} of your own is not saved; rebuild it"
            )
            record = dataclasses.replace(record, task=None)
        return record

    def without(self, stage: str, reason: str) -> Report:
        """The same report, with the reason why a stage is not in it."""
        return dataclasses.replace(self, skipped={**self.skipped, stage: reason})

    def _page(self, pictures: dict[str, bytes], portrait: str) -> str:
        import jinja2

        loader = jinja2.PackageLoader("dynakit", "templates")
        template = jinja2.Environment(loader=loader, autoescape=True).get_template("report.html")
        return template.render(
            report=self,
            summary=self.summary(),
            pictures=[(name, caption(self, name), data_url(png)) for name, png in pictures.items()],
            portrait=portrait,
            tables={title: html_table(columns) for title, columns in self._tables().items()},
        )

    def _tables(self) -> dict[str, dict[str, np.ndarray]]:
        tables = {}
        if self.attractors is not None:
            tables["Attractors at rest"] = self.attractors.table()
        if self.multifunctionality is not None:
            tables[f"Orbits to be held: {self.multifunctionality.headline()}"] = (
                self.multifunctionality.table()
            )
        for condition, points in self.fixed_points.items():
            where = "of the closed loop" if self.closed_loop else f"under “{condition}”"
            tables[f"Fixed points {where}: {points.headline()}"] = points.table()
        if self.slow_points is not None and len(self.slow_points):
            where = "of the closed loop" if self.closed_loop else "under “rest”"
            tables[f"Slow points {where}: {self.slow_points.headline()}"] = self.slow_points.table()
        if self.cycles is not None:
            title = f"Where released states end: {self.cycles.headline()}"
            tables["Attractors of the closed loop" if self.closed_loop else title] = self.cycles.table()
        if self.lyapunov is not None:
            tables[f"Lyapunov exponents: {self.lyapunov.headline()}"] = self.lyapunov.table()
        if self.spikes is not None:
            tables[f"Spikes: {self.spikes.headline()}"] = self.spikes.table()
        if self.transitions is not None:
            tables["Transitions: the attractor reached from each attractor under each pulse"] = (
                self.transitions.table()
            )
        return tables

    def _interactive(self) -> str:
        """The 3-D portrait as a div whose script lies beside the page; empty where plotly is not installed."""
        if self.projection is None or len(self.projection) < 3 or self.trajectories is None:
            return ""
        if importlib.util.find_spec("plotly") is None:
            return ""
        labels = labels_of_trials(self)
        figure = plots.phase_portrait_3d(
            self.projection,
            self.trajectories.states[:24],
            self.fixed_points.get("rest"),
            self.modes,
            slow=self.slow_points,
            conditions=None if labels is None else labels[:24],
        )
        figure.update_layout(height=620, margin={"l": 0, "r": 0, "t": 10, "b": 30})
        return figure.to_html(full_html=False, include_plotlyjs=False, div_id="portrait")


def plotly_script() -> bytes:
    """The script that draws the interactive portrait, to lie beside the page."""
    import plotly.offline

    return plotly.offline.get_plotlyjs().encode()


def data_url(png: bytes) -> str:
    """A PNG as a data URL, so that a page carries its pictures."""
    return "data:image/png;base64," + base64.b64encode(png).decode()
