"""Who imports whom, and what the code never does: read from the source, so that no import can hide."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import dynakit as dk

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "dynakit"
SOURCES = sorted(PACKAGE.rglob("*.py"))
STUDIES = sorted((ROOT / "studies").rglob("*.py"))

FOUNDATION = {"artifacts", "checks", "errors", "lazy", "linalg", "orbits", "results", "samplers", "seeding"}
# What each part may import besides the foundation and itself; a dotted name admits that module only.
MAY_IMPORT = {
    **{name: set() for name in FOUNDATION},
    "tasks": set(),
    "models": set(),
    "training": {"tasks", "models"},
    "systems": {"models"},
    "analysis": {"systems.base", "systems.derived", "systems.flow", "systems.intervals", "systems.balls"},
    "plots": {"analysis", "systems.recording"},
    "orbit_words": {"report", "analysis"},
    "summary": {"report", "analysis", "orbit_words"},
    "figures": {"plots", "report"},
    "report": {"plots", "figures", "summary", "analysis", "models", "systems.recording"},
    "stages": {"tasks", "systems", "analysis", "report"},
    "generation": {"systems", "analysis", "report", "stages"},
    "pipeline": {"tasks", "models", "training", "systems", "report", "stages", "generation"},
    "__main__": {"dynakit"},
}
# Libraries that belong to certain parts alone.
ONLY_IN = {
    "matplotlib": {"plots", "report"},
    "plotly": {"plots", "report"},
    "cyclopts": {"__main__"},
    "rich": {"__main__"},
    "safetensors": {"models", "training"},
    "pandas": {"results"},
}
each_source = pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(PACKAGE).as_posix())


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(source: str, package: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """Dotted names of all that is imported, anywhere in the source; ``package`` resolves relative imports.

    ``from a.b import c`` gives a.b.c: whether c is a module or a name in one, its path begins with a.b.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            yield from ((".".join((*base, alias.name)), node.lineno) for alias in node.names)


def imports_of(path: Path) -> list[tuple[str, int]]:
    return list(imports(path.read_text(encoding="utf-8"), path.relative_to(ROOT).parent.parts))


def inside(name: str, allowed: str) -> bool:
    return name == allowed or name.startswith(f"{allowed}.")


def admitted(name: str, part: str) -> bool:
    """Whether ``part`` may import ``name``, a dotted name inside the package."""
    if part == "__main__" or name == "dynakit":
        return name == "dynakit" or name.removeprefix("dynakit.") in dk.__all__
    inner = name.removeprefix("dynakit.")
    if inner == "__version__":
        return True
    return any(inside(inner, allowed) for allowed in FOUNDATION | MAY_IMPORT[part] | {part})


@each_source
def test_imports_point_down_the_line(path):
    part = part_of(path)
    if part == "__init__":
        return  # its own names are compared below
    assert part in MAY_IMPORT, f"{part} has no place in the line yet: add it to MAY_IMPORT"
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for name, line in imports_of(path)
        if inside(name, "dynakit") and not admitted(name, part)
    ]
    assert not wrong, "\n".join(wrong)


@each_source
def test_private_modules_and_names_stay_in_their_part(path):
    part = part_of(path)
    for name, line in imports_of(path):
        pieces = name.split(".")
        private = any(piece.startswith("_") and not piece.startswith("__") for piece in pieces)
        if pieces[0] == "dynakit" and private:
            assert pieces[1] == part, f"{path.relative_to(ROOT)}:{line} imports {name}"


@each_source
def test_libraries_stay_where_they_belong(path):
    for name, line in imports_of(path):
        homes = ONLY_IN.get(name.partition(".")[0])
        assert homes is None or part_of(path) in homes, f"{path.relative_to(ROOT)}:{line} imports {name}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "analysis").rglob("*.py")), ids=lambda p: p.name)
def test_analysis_knows_no_networks(path):
    source = path.read_text(encoding="utf-8")
    assert not [name for name, _ in imports_of(path) if inside(name, "torch.nn")]
    assert not re.search(r"\btorch\s*\.\s*nn\b(?!\.functional)", strip_comments(source))


def strip_comments(source: str) -> str:
    """The code alone, without comments and docstrings."""
    return ast.unparse(_NoDocstrings().visit(ast.parse(source)))


class _NoDocstrings(ast.NodeTransformer):
    def visit_Expr(self, node):
        return ast.Expr(ast.Constant(None)) if isinstance(node.value, ast.Constant) else node


@pytest.mark.parametrize("path", STUDIES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_studies_use_public_names_only(path):
    for name, line in imports_of(path):
        assert not inside(name, "dynakit") or admitted(name, "__main__"), f"{path.name}:{line} imports {name}"


@pytest.mark.parametrize(
    ("part", "source", "right"),
    [
        ("analysis", "from ..systems.base import System", True),
        ("analysis", "from ..systems import System", False),
        ("analysis", "def f():\n    from ..models import GRU", False),
        ("tasks", "if TYPE_CHECKING:\n    import dynakit.models.gru", False),
        ("plots", "from ..systems import recording", True),
        ("plots", "from .. import analysis", True),
        ("plots", "from .. import tasks", False),
        ("models", "import dynakit", True),
        ("__main__", "from dynakit import train, tasks", True),
        ("__main__", "from dynakit.systems.base import System", False),
    ],
)
def test_the_rule_itself_sees_what_it_should(part, source, right):
    package = ("dynakit",) if part == "__main__" else ("dynakit", part)
    assert all(admitted(name, part) for name, _ in imports(source, package)) == right


def test_importing_the_package_loads_no_heavy_library():
    code = "import sys, dynakit; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "numpy", "scipy", "matplotlib", "sklearn", "networkx", "pandas", "plotly", "rich"}
    assert not heavy & set(done.stdout.split())


def called(node: ast.AST) -> str:
    """The dotted name that a call calls, or nothing."""
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


@each_source
def test_the_library_neither_prints_nor_runs_code_from_data(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    forbidden = {"eval", "exec", "compile", "__import__", "joblib.load"}
    forbidden |= set() if part_of(path) == "__main__" else {"print", "input"}
    for node in ast.walk(tree):
        where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        assert called(node) not in forbidden, f"{where} calls {called(node)}"
        if called(node) in ("torch.load", "np.load", "numpy.load"):
            safe = {"torch.load": ("weights_only", True)}.get(called(node), ("allow_pickle", False))
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            assert ast.unparse(given.get(safe[0], ast.Constant(None))) == str(safe[1]), f"{where} needs {safe}"
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert ast.unparse(node.value) == "False", where
    for name, line in imports_of(path):
        assert name.partition(".")[0] not in {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"}, line


@each_source
def test_modules_are_small(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("package", ["", "analysis"])
def test_public_names_are_the_same_to_python_and_to_type_checkers(package):
    tree = ast.parse((PACKAGE / package / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    listed = {alias.asname or alias.name for node in block.body for alias in node.names}
    module = importlib.import_module(f"dynakit.{package}".rstrip("."))
    assert listed == set(module.__all__) - {"__version__"}


def test_no_name_loaded_on_first_use_is_hidden_by_a_module_of_that_name():
    modules = {path.stem for path in (PACKAGE / "analysis").glob("*.py")}
    assert not modules & set(importlib.import_module("dynakit.analysis").__all__)


def test_a_search_for_fixed_points_loads_no_library_it_does_not_use():
    code = (
        "import sys, torch, dynakit as dk; dk.find_fixed_points(dk.as_system(dk.models.Elman(3, 4, 3)));"
        "print([m for m in ('sympy', 'scipy.signal', 'scipy.stats', 'networkx', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]", done.stdout


def public_names() -> list[str]:
    names = [name for name in dk.__all__ if name != "__version__"]
    modules = [name for name in names if inspect.ismodule(getattr(dk, name))]
    return names + [f"{m}.{n}" for m in modules for n in getattr(getattr(dk, m), "__all__", ())]


@pytest.mark.parametrize("name", public_names())
def test_public_names_resolve_and_say_what_they_are(name):
    value = dk
    for piece in name.split("."):
        value = getattr(value, piece)
    if inspect.ismodule(value) or inspect.isclass(value) or inspect.isfunction(value):
        text = inspect.getdoc(value) or ""
        own = text if "__doc__" not in vars(value) else value.__doc__ or ""  # getdoc also asks the parents
        assert own.strip(), f"dynakit.{name} has no docstring of its own"
        assert not own.startswith(f"{name.rpartition('.')[2]}("), f"dynakit.{name} has only its signature"


def tracked() -> list[Path]:
    """The files of the repository; those of the working tree where there is no git."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = done.stdout.split("\0") if done.returncode == 0 else []
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def texts() -> Iterator[tuple[Path, str]]:
    for path in tracked():
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def test_no_file_is_a_drawer_for_everything():
    drawers = {"utils", "util", "helpers", "helper", "misc", "common", "tools", "stuff"}
    assert not [path for path in tracked() if path.suffix == ".py" and path.stem.strip("_") in drawers]


def test_the_repository_names_no_place_of_one_machine():
    folders = "|".join(["work", "tmp", "root", "opt", "home", "mnt"])
    hosts = [rf"{host}\.{domain}" for host, domain in [("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org")]]
    pattern = re.compile(rf"(?<![\w.~/\-}}])/(?:{folders})\b|{'|'.join(hosts)}|download\.pytorch")
    wrong = [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1} {match[0]}"
        for path, text in texts()
        if path != Path(__file__).resolve()
        for match in pattern.finditer(text)
    ]
    assert not wrong, "\n".join(wrong)
