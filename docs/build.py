"""Build the site: ``python3 run.py docs`` makes ``out/site`` without a network; every warning is an error.

The pages of ``docs/`` and the examples of ``gallery/`` are copied beside each other first, so that nothing is written
where they are kept.  The pages of the reference are made from the public names themselves: none can be forgotten.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urldefrag

import dynakit as dk
from dynakit.results import Result

sys.path.insert(0, str(Path(__file__).parent))
import pages

ROOT = Path(__file__).resolve().parents[1]
SOURCE, SITE = ROOT / "out" / "site-source", ROOT / "out" / "site"
MODULES = ("tasks", "models", "training", "sweeps", "similarity", "plots", "catalog", "samplers", "testing")
TITLES = {
    "pipeline": "Everything at once",
    "analysis": "Analysis: from a system to a result",
    "results": "Results",
    "systems": "Systems: any network as a map",
    "settings": "Settings",
    "rest": "Errors and the rest",
}


def public_names() -> dict[str, list[str]]:
    """Every public name with its module, by the page it is on."""
    pages: dict[str, list[str]] = {name: [] for name in TITLES}
    for name in dk.__all__:
        value = getattr(dk, name)
        if not isinstance(value, ModuleType) and name != "__version__":
            pages[kind_of(name, value)].append(f"dynakit.{name}")
    for module in MODULES:
        inside = getattr(dk, module)
        pages[module] = [f"{inside.__name__}.{name}" for name in getattr(inside, "__all__", [])]
    return pages


def kind_of(name: str, value: Any) -> str:
    """On which page of the reference a name of the package's own roof is."""
    if isinstance(value, type) and issubclass(value, Result):
        return "pipeline" if name == "Report" else "results"
    if name.endswith("Settings"):
        return "settings"
    part = getattr(value, "__module__", "").split(".")[1:2]
    pages = {"pipeline": "pipeline", "analysis": "analysis", "similarity": "analysis", "systems": "systems"}
    return pages.get("".join(part), "rest")


def write_reference(folder: Path) -> int:
    """A page for each group of public names; how many names there are."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {page: names for page, names in public_names().items() if names}
    for page, names in pages.items():
        title = TITLES.get(page, f"dynakit.{page}")
        listed = "\n".join(f"   {name}" for name in names)
        table = f".. autosummary::\n   :toctree: names\n   :nosignatures:\n\n{listed}\n"
        (folder / f"{page}.rst").write_text(f"{title}\n{'=' * len(title)}\n\n{table}", encoding="utf-8")
    title = "Reference"
    toc = "\n".join(f"   {page}" for page in pages)
    intro = "Every public name of dynakit, with shapes, units, errors and sources."
    index = f"{title}\n{'=' * len(title)}\n\n{intro}\n\n.. toctree::\n   :maxdepth: 2\n\n{toc}\n"
    (folder / "index.rst").write_text(index, encoding="utf-8")
    return sum(map(len, pages.values()))


def carried() -> dict[str, str]:
    """The files of the repository that are on the site, and where: what is shown of each study is a page as well."""
    kept = {"CHANGELOG.md": "changes.md", "benchmarks/RESULTS.md": "benchmarks.md"}
    for pattern in ("docs/**/*", "studies/*/README.md", "figures/*/*"):
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and "__pycache__" not in name:
                kept[name] = name.removeprefix("docs/").replace("/README.md", ".md")
    return kept


def copied() -> None:
    """The sources of the site, beside each other, their links set anew."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.copytree(ROOT / "gallery", SOURCE / "gallery", ignore=shutil.ignore_patterns("__pycache__"))
    places, names = carried(), {name for page in public_names().values() for name in page}
    for name, place in places.items():
        page = SOURCE / place
        page.parent.mkdir(parents=True, exist_ok=True)
        if page.suffix == ".md":
            text = outward((ROOT / name).read_text(encoding="utf-8"), name, places)
            page.write_text(pages.to_reference(text, names), encoding="utf-8")
        else:
            shutil.copyfile(ROOT / name, page)


def outward(text: str, name: str, places: dict[str, str]) -> str:
    """A page whose links lead to the places on the site; a file that is not there is named."""
    folder = os.path.dirname(places[name]) or "."

    def led(link: re.Match[str]) -> str:
        target, place = urldefrag(link[2])
        file = os.path.normpath(os.path.join(os.path.dirname(name), target))
        if re.match(r"[a-z]+:|#", link[2]) or not (ROOT / file).exists():
            return link[0]
        if file in places:
            return f"{link[1]}({os.path.relpath(places[file], folder)}{'#' + place if place else ''})"
        return f"{link[1].strip('![]')} (`{file}`)"

    return re.sub(r"(!?\[[^\]]*\])\(([^)\s]+)\)", led, text)


class Page(HTMLParser):
    """The links of a page, and the places in it that can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.places |= {value for name in ("id", "name") if (value := said.get(name))}
        self.links |= {value for name in ("href", "src") if (value := said.get(name))}


def broken(site: Path) -> list[str]:
    """Links of the site that lead nowhere inside of it."""
    written = [path for path in site.rglob("*.html") if "_static" not in path.parts]
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in written}
    found = []
    for path, page in pages.items():
        for link in page.links:
            where, place = urldefrag(link)
            where = where.partition("?")[0]
            if re.match(r"[a-z]+:|//", link):
                continue
            target = (path.parent / unquote(where)).resolve() if where else path
            target = target / "index.html" if target.is_dir() else target
            lost = not target.exists() or (
                place and target in pages and unquote(place) not in pages[target].places
            )
            found += [f"{path.relative_to(site)}: {link}"] if lost else []
    return sorted(found)


def main(arguments: list[str]) -> int:
    """Build the site and say what it holds; the exit status is 0 if nothing is missing and nothing is broken."""
    from sphinx.cmd.build import build_main

    began = time.monotonic()
    copied()
    pages.run_pages(SOURCE)
    n_names = write_reference(SOURCE / "reference")
    shutil.rmtree(SITE, ignore_errors=True)
    status = build_main(["-W", "--keep-going", "-q", "-b", "html", *arguments, str(SOURCE), str(SITE)])
    lost = broken(SITE) if SITE.exists() else []
    print("\n".join(f"broken link: {line}" for line in lost))
    entries = {path.stem for path in (SITE / "reference" / "names").glob("*.html")}
    missing = [name for names in public_names().values() for name in names if name not in entries]
    print("\n".join(f"no entry: {name}" for name in missing))
    n_pages, n_examples = len([*SITE.rglob("*.html")]), len([*SITE.glob("_gallery/**/plot_*.html")])
    minutes = (time.monotonic() - began) / 60
    said = f"{n_pages} pages, {n_examples} examples, {n_names} public names, {len(missing)} without an entry"
    print(f"{said}, {len(lost)} broken references; {minutes:.1f} minutes; {SITE / 'index.html'}")
    return status or int(bool(lost or missing))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
