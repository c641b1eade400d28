"""What the blocks of a page say and draw, below each block; names that lead to the reference; formulas as MathML.

A page in ``RUN`` is run while the site is built: what a block prints, and the figure it draws, follow it.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import tempfile
from pathlib import Path
from typing import Any

RUN = ("papers.md", "wrong.md", "theory/*.md")
BLOCK = re.compile(r"^```python[^\n]*\n(.*?)^```[^\n]*\n", re.MULTILINE | re.DOTALL)


def run_pages(folder: Path) -> int:
    """Write what their blocks print and draw into the pages of a folder; the number of blocks."""
    pages = sorted(path for pattern in RUN for path in folder.glob(pattern))
    return sum(run_page(path) for path in pages)


def run_page(path: Path) -> int:
    """One page: its blocks share a namespace, as in the tests, and run in an empty folder."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    count = 0

    def followed(block: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return block[0] + shown(block[1], namespace, path.with_name(f"{path.stem}-{count}.png"))

    with tempfile.TemporaryDirectory() as empty, contextlib.chdir(empty):
        text = BLOCK.sub(followed, path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    return count


def shown(code: str, namespace: dict[str, Any], picture: Path) -> str:
    """Run a block; what it printed, and its figure, in the language of the pages."""
    import matplotlib.pyplot as plt

    plt.close("all")
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(compile(code, os.fspath(picture.with_suffix(".py")), "exec"), namespace)
    words = said.getvalue().rstrip()
    text = f"\n```{{code-block}} text\n:class: output\n\n{words}\n```\n" if words else ""
    if plt.get_fignums():
        plt.gcf().savefig(picture, dpi=160, bbox_inches="tight")
        plt.close("all")
        text += f"\n![What the block draws]({picture.name})\n"
    return text


def to_reference(text: str, names: set[str]) -> str:
    """A page whose public names, written `dk.so` outside of code and links, lead to their entries in the reference."""
    fenced = re.split(r"(^ *(?:```|:::).*?^ *(?:```|:::) *$)", text, flags=re.MULTILINE | re.DOTALL)

    def led(code: re.Match[str]) -> str:
        name = "dynakit." + code[1]
        return f"{{py:obj}}`{code[0].strip('`')} <{name}>`" if name in names else code[0]

    lines = [part.split("\n") for part in fenced[::2]]
    pattern = r"(?<![\[`}])`dk\.([\w.]+)(?:\(\))?`(?![\]`])"
    outside = [
        [x if x.startswith(("#", "    ")) else re.sub(pattern, led, x) for x in part] for part in lines
    ]
    fenced[::2] = ["\n".join(part) for part in outside]
    return "".join(fenced)


def mathml(node: Any, *, block: bool = False) -> str:
    """A formula as browsers draw it by themselves: nothing is fetched, and no script runs."""
    from docutils.utils.math import MathError
    from docutils.utils.math.latex2mathml import tex2mathml
    from sphinx.util import logging

    try:
        return tex2mathml(node.astext(), as_block=block)
    except MathError as why:
        logging.getLogger(__name__).warning("%s in %s", why, node.astext(), location=node)
        return f"<code>{node.astext()}</code>"


def visit_math(writer: Any, node: Any) -> None:
    """A formula within a line."""
    from docutils.nodes import SkipNode

    writer.body.append(mathml(node))
    raise SkipNode


def visit_displaymath(writer: Any, node: Any) -> None:
    """A formula on a line of its own."""
    from docutils.nodes import SkipNode

    writer.body.append(f'<div class="math">{mathml(node, block=True)}</div>\n')
    raise SkipNode
