"""The page of a report: one HTML file that opens from disk, with its pictures inside."""

from __future__ import annotations

import base64
import importlib.util
import json
import re
import zlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from .pictures import Drawing

SCRIPT = "plotly.min.js"  # lies beside a page, unless it is inside
UNFOLD = """const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (c) => c.charCodeAt(0));
const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
const text = await new Response(stream).text();
await new Promise((done) => {
  const script = document.createElement("script");
  script.addEventListener("load", done);
  script.src = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  document.head.append(script);
});"""


class Answer(NamedTuple):
    """The first thing a page says: under a heading a word in capitals, where there is one, and sentences."""

    heading: str
    word: str
    first: str
    rest: list[str]


class Section(NamedTuple):
    """Sentences under a heading."""

    heading: str
    lines: list[str]


class Picture(NamedTuple):
    """A figure on the page, as a data URL."""

    name: str
    caption: str
    url: str
    width: int
    height: int


def render(name: str, **content: Any) -> str:
    """A template filled in."""
    import jinja2

    loader = jinja2.PackageLoader("dynakit", "templates")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(name).render(content)


def source(name: str) -> str:
    """A file of the templates, as it is."""
    from importlib.resources import files

    return (files("dynakit") / "templates" / name).read_text(encoding="utf-8")


def answer(heading: str, lines: Iterable[str]) -> Answer:
    """Lines of which the first may begin with a verdict in capitals, such as "NOT SHOWN."."""
    first, *rest = (sentence(line) for line in lines)
    found = re.match(r"([A-Z]{2}[A-Z ,]*)\. (?=\S)", first)
    word = found[1] if found else ""
    return Answer(heading, word, first[found.end() :] if found else first, rest)


def sentence(line: str) -> str:
    """A line of the summary as prose: it begins with a capital letter and ends with a full stop.

    >>> sentence("2 switches among 4 pairs"), sentence("solved: |F(x) - x| = 1e-16")
    ('2 switches among 4 pairs.', 'Solved: |F(x) - x| = 1e-16.')
    """
    line = line.strip()
    line = line[:1].upper() + line[1:] if re.match(r"[a-z]+\b(?![_'])", line) else line
    return line if line.endswith((".", ":", "?", "!")) else f"{line}."


def picture(name: str, caption: str, drawn: Drawing) -> Picture:
    """A figure for the page."""
    url = "data:image/png;base64," + base64.b64encode(drawn.png).decode()
    return Picture(name, caption, url, *drawn.size)


def linked(values: dict[str, Any], *, inside: bool) -> str:
    """The linked view of a page; ``inside``: with the library that draws it, else that lies beside the page."""
    data = json.dumps(values, allow_nan=False, separators=(",", ":")).replace("</", "<\\/")
    script = source("linked.js")
    library = ""
    if can_turn() and inside:
        packed = base64.b64encode(zlib.compress(plotly_script(), 9)).decode()
        library = f'<script type="application/octet-stream" id="plotly">{packed}</script>'
        script = f"(async () => {{ {UNFOLD}\n{script}\n}})();"
    elif can_turn():
        library = f'<script src="{SCRIPT}"></script>'
    return render("linked.html", data=data, script=script, library=library, n_axes=len(values["axes"]))


def can_turn() -> bool:
    """Whether there is plotly, which draws the portrait to turn."""
    return importlib.util.find_spec("plotly") is not None


def plotly_script() -> bytes:
    """The script that draws the portrait to turn."""
    import plotly.offline

    return b"/* written by dynakit */\n" + plotly.offline.get_plotlyjs().encode()
