"""What is written beside the results of a report: its page, its figures, and what the page needs."""

from __future__ import annotations

import html
from typing import Any

from .. import plots
from . import page
from .pictures import FORMATS, Drawing, draw
from .told import Told

OF_OLDER = ("model/model.json", "model/model.safetensors")  # files that reports of an earlier format had
IN_A_NOTEBOOK = 1180  # pixels: height of the linked view


def pages(report: Told, manifest: str, formats: tuple[str, ...], *, single_file: bool) -> dict[str, bytes | None]:
    """Page and figures of a manifest by their names; None for those that an older report may have had."""
    drawn = figures(report, manifest, formats)
    values = explored(report)
    found: dict[str, bytes | None] = dict.fromkeys(OF_OLDER)
    for name in report.known_figures:
        files = drawn[name].files if name in drawn else {}
        found |= {f"figures/{name}.{kind}": files.get(kind) for kind in FORMATS}
    beside = values is not None and page.can_turn() and not single_file
    found[page.SCRIPT] = page.plotly_script() if beside else None
    return found | {"report.html": whole(report, drawn, values, manifest, inside=single_file).encode()}


def alone(report: Told, manifest: str) -> bytes:
    """The page with all it needs."""
    return whole(report, figures(report, manifest, ("png",)), explored(report), manifest, inside=True).encode()


def figures(report: Told, manifest: str, formats: tuple[str, ...]) -> dict[str, Drawing]:
    """Every figure that the report can draw, all of one width."""
    with plots.using("page"):
        return {name: draw(report.plot(name), formats, manifest) for name in report.figures}


def explored(report: Told) -> dict[str, Any] | None:
    """What the linked view shows; None if there is nothing to look around in."""
    view = report.explored()
    return None if view is None else view.values()


def whole(
    report: Told, drawn: dict[str, Drawing], values: dict[str, Any] | None, manifest: str, *, inside: bool
) -> str:
    """The page."""
    said = {heading: lines for heading, lines in report.sections().items() if lines}
    first = next(iter(said), None)
    return page.render(
        "report.html",
        network=report.network,
        opening=[page.sentence(line) for line in report.opening()],
        answer=None if first is None else page.answer(first, said.pop(first)),
        numbers=report.numbers(),
        linked="" if values is None else page.linked(values, inside=inside),
        sections=[page.Section(heading, [page.sentence(line) for line in lines]) for heading, lines in said.items()],
        pictures=[page.picture(name, report.caption(name), picture) for name, picture in drawn.items()],
        tables=report.tables(),
        skipped=report.skipped,
        made=made(report, manifest),
        manifest=manifest,
        style=page.source("page.css"),
    )


def made(report: Told, manifest: str) -> dict[str, str]:
    """How the report came about: the call, what it drew on, and where its numbers are."""
    origin = report.provenance
    if origin is None:
        return {}
    settings = ", ".join(f"{name}={value!r}" for name, value in origin.settings.items() if value is not None)
    found = {"Call": f"dynakit.analyze({settings})" if settings else "", "Seed": str(origin.seed)}
    found |= {"Versions": f"dynakit {origin.dynakit}, torch {origin.torch}", "Weights": f"SHA-256 {origin.weights}"}
    where = f"results.json beside this page, whose manifest_sha256 is {manifest}" if manifest else ""
    ended = {"Ended early": report.interrupted, "Numbers": where}
    return {name: value for name, value in (found | ended).items() if value}


def notebook(report: Told) -> str:
    """The report for a notebook: the answer, its numbers and the linked view, in a frame of their own."""
    values = explored(report)
    shown = report.figures[:1] if values is None else ()
    with plots.using("page"):
        drawn = {name: draw(report.plot(name)) for name in shown}
    inside = html.escape(whole(report, drawn, values, "", inside=True), quote=True)
    height = IN_A_NOTEBOOK if values is not None else 760
    return f'<iframe style="width:100%;height:{height}px;border:0" srcdoc="{inside}"></iframe>'
