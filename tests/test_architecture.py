"""Who imports whom, and what the code never does: read from the source, so that no import can hide."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import dynakit as dk

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "dynakit"
SOURCES = sorted(PACKAGE.rglob("*.py"))
STUDIES = sorted((ROOT / "studies").rglob("*.py"))

FOUNDATION = {"artifacts", "bars", "checks", "chunks", "declared", "errors", "lazy", "linalg", "orbits", "progress"}
FOUNDATION |= {"provenance", "records", "results", "samplers", "seeding", "specs", "surroundings", "version"}
FOUNDATION |= {"resumption", "versions", "wording"}
# What each part may import besides the foundation and itself; a dotted name admits that room only.
MAY_IMPORT = {
    **{name: set() for name in FOUNDATION},
    "tasks": set(),
    "models": set(),
    "training": {"tasks", "models"},
    "systems": {"models"},
    "analysis": {
        "systems.base",
        "systems.derived",
        "systems.enclosures",
        "systems.flow",
        "systems.lesions",
        "systems.rest",
    },
    "plots": {"analysis", "systems.adapters"},
    "report": {"plots", "models"},
    "pipeline": {"tasks", "models", "training", "systems", "analysis", "plots", "report"},
    "sweeps": {"tasks", "models", "training", "analysis", "systems", "report", "pipeline"},
    "similarity": {"tasks", "systems", "analysis", "report"},
    "testing": {"tasks", "models", "training", "systems"},
    "__main__": {"dynakit", "commands"},
    "commands": {"dynakit"},
}
COMMAND_LINE = ("__main__", "commands")
# A folder, or a file, of these is a room; elsewhere the part is one.
WITH_ROOMS = ("analysis", "models", "plots", "systems", "tasks", "training")
# Libraries that belong to certain parts alone.
ONLY_IN = {
    "matplotlib": {"plots", "report"},
    "plotly": {"plots", "report"},
    "cyclopts": {"__main__", "commands"},
    "rich": {"bars"},
    "safetensors": {"models", "training"},
    "pandas": {"results"},
}


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a file, read once; nobody changes it."""
    return ast.parse(path.read_text(encoding="utf-8"))


def at(path: Path, line: int) -> str:
    """Where something stands, as messages say it."""
    return f"{path.relative_to(ROOT).as_posix()}:{line}"


def imports(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """Dotted names of all that is imported, anywhere in the tree; ``package`` resolves relative imports.

    ``from a.b import c`` gives a.b.c: whether c is a module or a name in one, its path begins with a.b.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            yield from ((".".join((*base, alias.name)), node.lineno) for alias in node.names)


@functools.cache
def imports_of(path: Path) -> tuple[tuple[str, int], ...]:
    return tuple(imports(tree_of(path), path.relative_to(ROOT).parent.parts))


def inside(name: str, allowed: str) -> bool:
    return name == allowed or name.startswith(f"{allowed}.")


def admitted(name: str, part: str) -> bool:
    """Whether ``part`` may import ``name``, a dotted name inside the package."""
    if part in COMMAND_LINE or name == "dynakit":
        if part == "__main__" and name == "dynakit.commands":
            return True
        return name == "dynakit" or name.removeprefix("dynakit.") in dk.__all__
    inner = name.removeprefix("dynakit.")
    return any(inside(inner, allowed) for allowed in FOUNDATION | MAY_IMPORT[part] | {part})


def test_imports_point_down_the_line():
    parts = {part_of(path) for path in SOURCES} - {"__init__"}  # the roof's own names are compared below
    assert parts <= MAY_IMPORT.keys(), "a part has no place in the line yet: add it to MAY_IMPORT"
    wrong = [
        f"{at(path, line)} imports {name}"
        for path in SOURCES
        if part_of(path) != "__init__"
        for name, line in imports_of(path)
        if inside(name, "dynakit") and not admitted(name, part_of(path))
    ]
    assert not wrong, "\n".join(wrong)


def module_of(path: Path) -> str:
    """The dotted name of a file inside the package: "analysis.cycles.circle", "analysis.cycles" for a face."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip(".")


MODULES = {module_of(path): path for path in SOURCES}


def room_of(module: str) -> str:
    """The room a module is in; the roofs of the package and of its parts are rooms of their own."""
    return ".".join(module.split(".")[: 2 if module.split(".")[0] in WITH_ROOMS else 1])


@functools.cache
def handed_out(module: str) -> frozenset[str]:
    """The names a face binds, modules among them; nothing for a file that is no face."""
    path = MODULES[module]
    return frozenset(name.rpartition(".")[2] for name, _ in imports_of(path) if path.name == "__init__.py")


@functools.cache
def imported_modules(path: Path) -> frozenset[str]:
    """The modules of the package that a file imports, whether for types only or inside a function."""
    found = set()
    for name, _ in imports_of(path):
        inner = name.removeprefix("dynakit").lstrip(".")
        parent, _, last = inner.rpartition(".")
        if inside(name, "dynakit"):
            by_face = parent in MODULES and MODULES[parent] != path and last in handed_out(parent)
            found.add(inner if inner in MODULES and not by_face else parent)
    return frozenset(found & MODULES.keys())


def circles(arrows: dict[str, set[str]]) -> set[frozenset[str]]:
    """The sets of nodes that can be reached from each other."""

    def reached(start: str) -> set[str]:
        seen, pending = set(), list(arrows.get(start, ()))
        while pending:
            node = pending.pop()
            if node not in seen:
                seen.add(node)
                pending += arrows.get(node, ())
        return seen

    within = {node: reached(node) for node in arrows}
    return {
        frozenset(other for other in within[node] if node in within.get(other, ()))
        for node in arrows
        if node in within[node]
    }


def test_a_room_is_entered_by_its_face():
    wrong = [
        f"{at(path, 1)} imports {m}: take it from the room's face"
        for path in SOURCES
        for m in sorted(imported_modules(path))
        if room_of(m) not in (room_of(module_of(path)), m)
    ]
    assert not wrong, "\n".join(wrong)


def test_files_import_each_other_in_no_circle():
    """Faces are not counted within their own room: they hand out, and no file of the room asks them."""
    arrows = {m: imported_modules(path) for m, path in MODULES.items() if path.name != "__init__.py"}
    assert not circles(arrows)
    assert not [m for m, found in arrows.items() if room_of(m) in found and room_of(m) != m]


def test_rooms_import_each_other_in_no_circle():
    """But for roofs, which only hand out what is below them."""
    roofs = {"", *WITH_ROOMS}
    arrows: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        room = room_of(module)
        found = {room_of(m) for m in imported_modules(path)} - {room}
        arrows.setdefault(room, set()).update(found)
    assert not circles({room: found for room, found in arrows.items() if room not in roofs})


def test_the_search_for_circles_finds_them():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == {frozenset("abc")}
    assert not circles({"a": {"b", "c"}, "b": {"c"}, "c": set()})


def test_no_two_classes_have_one_name():
    where: dict[str, list[str]] = {}
    for path in SOURCES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                where.setdefault(node.name, []).append(at(path, node.lineno))
    assert not {name: places for name, places in where.items() if len(places) > 1}


def test_no_room_is_a_drawer():
    sizes = Counter(room_of(module) for module in MODULES)
    assert not {room: n for room, n in sizes.items() if n > 25 and room not in ("", *WITH_ROOMS)}


def test_private_names_stay_in_their_part():
    wrong = [
        f"{at(path, line)} imports {name}"
        for path in SOURCES
        for name, line in imports_of(path)
        if inside(name, "dynakit") and is_private(name) and name.split(".")[1] != part_of(path)
    ]
    assert not wrong, "\n".join(wrong)


def is_private(name: str) -> bool:
    return any(piece.startswith("_") and not piece.startswith("__") for piece in name.split("."))


def test_libraries_stay_where_they_belong():
    wrong = [
        f"{at(path, line)} imports {name}"
        for path in SOURCES
        for name, line in imports_of(path)
        if part_of(path) not in ONLY_IN.get(name.partition(".")[0], {part_of(path)})
    ]
    assert not wrong, "\n".join(wrong)


def test_analysis_knows_no_networks():
    for path in sorted((PACKAGE / "analysis").rglob("*.py")):
        wrong = [at(path, line) for name, line in imports_of(path) if inside(name, "torch.nn")]
        assert not wrong
        used = re.search(r"\btorch\s*\.\s*nn\b(?!\.functional)", strip_comments(path.read_text(encoding="utf-8")))
        assert used is None, f"{at(path, 1)} names torch.nn"


def strip_comments(source: str) -> str:
    """The code alone, without comments and docstrings."""
    return ast.unparse(_NoDocstrings().visit(ast.parse(source)))


class _NoDocstrings(ast.NodeTransformer):
    def visit_Expr(self, node):
        return ast.Expr(ast.Constant(None)) if isinstance(node.value, ast.Constant) else node


def test_studies_use_public_names_only():
    wrong = [
        f"{at(path, line)} imports {name}"
        for path in STUDIES
        for name, line in imports_of(path)
        if inside(name, "dynakit") and not admitted(name, "__main__")
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("part", "source", "right"),
    [
        ("analysis", "from ..systems.base import System", True),
        ("analysis", "from ..systems import System", False),
        ("analysis", "def f():\n    from ..models import GRU", False),
        ("tasks", "if TYPE_CHECKING:\n    import dynakit.models.gru", False),
        ("plots", "from ..systems.adapters import Recording", True),
        ("plots", "from .. import analysis", True),
        ("plots", "from .. import tasks", False),
        ("models", "import dynakit", True),
        ("__main__", "from dynakit import train, tasks", True),
        ("__main__", "from dynakit.systems.base import System", False),
    ],
)
def test_the_rule_itself_sees_what_it_should(part, source, right):
    package = ("dynakit",) if part == "__main__" else ("dynakit", part)
    assert all(admitted(name, part) for name, _ in imports(ast.parse(source), package)) == right


def test_importing_the_package_loads_no_heavy_library():
    code = "import sys, dynakit; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "numpy", "scipy", "matplotlib", "sklearn", "networkx", "pandas", "plotly", "rich"}
    assert not heavy & set(done.stdout.split())


def called(node: ast.AST) -> str:
    """The dotted name that a call calls, or nothing."""
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


UNSAFE = {"eval", "exec", "compile", "__import__", "joblib.load"}
PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"}
SAFELY = {"torch.load": ("weights_only", True)} | dict.fromkeys(("np.load", "numpy.load"), ("allow_pickle", False))


def unsafe(tree: ast.AST, forbidden: set[str]) -> Iterator[tuple[int, str]]:
    """Lines that call what is forbidden, or read a file in a way that may run code from it."""
    for node in ast.walk(tree):
        name = called(node)
        if name in forbidden:
            yield node.lineno, f"calls {name}"
        if name in SAFELY:
            option, value = SAFELY[name]
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            if ast.unparse(given.get(option, ast.Constant(None))) != str(value):
                yield node.lineno, f"needs {option}={value}"
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            yield node.value.lineno, "allows pickles"


def test_the_library_neither_prints_nor_runs_code_from_data():
    wrong = []
    for path in SOURCES:
        forbidden = UNSAFE | (set() if part_of(path) in COMMAND_LINE else {"print", "input"})
        wrong += [f"{at(path, line)} {what}" for line, what in unsafe(tree_of(path), forbidden)]
        wrong += [f"{at(path, line)} imports {n}" for n, line in imports_of(path) if n.partition(".")[0] in PICKLES]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("eval('1')", 1),
        ("print(1)", 1),
        ("torch.load(path)", 1),
        ("torch.load(path, weights_only=False)", 1),
        ("torch.load(path, weights_only=True)", 0),
        ("np.load(path, allow_pickle=False)", 0),
        ("np.load(path, allow_pickle=flag)", 2),
        ("read(path, allow_pickle=True)", 1),
        ("model.eval()", 0),
    ],
)
def test_that_rule_sees_what_it_should_too(source, found):
    assert len(list(unsafe(ast.parse(source), UNSAFE | {"print"}))) == found


def test_modules_are_small():
    sizes = {at(path, 1): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert not {path: n for path, n in sizes.items() if n > 400}


def test_a_public_name_of_an_analysis_stands_in_the_face_of_its_room_alone():
    analysis = importlib.import_module("dynakit.analysis")
    listed = [
        name
        for path in sorted((PACKAGE / "analysis").glob("*/__init__.py")) + sorted((PACKAGE / "analysis").glob("*.py"))
        for name in getattr(importlib.import_module(f"dynakit.{module_of(path)}"), "__all__", ())
        if path.parent.name != "dynakit" and path != PACKAGE / "analysis" / "__init__.py"
    ]
    rooms = ["spikes"]  # public itself, for its measures
    assert sorted([*listed, *rooms]) == sorted(analysis.__all__)
    assert set(listed) < set(dk.__all__)


@pytest.mark.parametrize("package", ["", "analysis"])
def test_a_package_reads_its_names_from_the_stub_that_type_checkers_read(package):
    source = (PACKAGE / package / "__init__.py").read_text(encoding="utf-8")
    stub = (PACKAGE / package / "__init__.pyi").read_text(encoding="utf-8")
    rows = [node for node in ast.parse(stub).body if isinstance(node, ast.ImportFrom)]
    assert rows
    assert all(alias.name in ("*", alias.asname) for row in rows for alias in row.names)  # else it hands out nothing
    assert [name for name, _ in imports(ast.parse(source), ("dynakit",))][-1].endswith("lazy.attach")


def test_a_search_for_fixed_points_and_a_training_load_no_library_they_do_not_use():
    code = (
        "import sys, torch, dynakit as dk; dk.find_fixed_points(dk.as_system(dk.models.Elman(3, 4, 3)));"
        "dk.FunctionSystem(torch.relu, 2);"  # its linear pieces are read off
        "unused = 'sympy', 'scipy.signal', 'scipy.stats', 'networkx', 'matplotlib', 'torch._dynamo';"
        "print([m for m in unused if m in sys.modules]);"
        "method = dk.training.BPTT(max_updates=1, batch_size=2);"
        "dk.train(dk.models.Elman(1, 4, 1), dk.tasks.FlipFlop(n_bits=1, n_steps=9), method, seed=0);"
        "print([m for m in ('sympy', 'torch._dynamo') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]"], done.stdout


def public_names() -> list[str]:
    names = [name for name in dk.__all__ if name != "__version__"]
    modules = [name for name in names if inspect.ismodule(getattr(dk, name))]
    return names + [f"{m}.{n}" for m in modules for n in getattr(getattr(dk, m), "__all__", ())]


def test_public_names_resolve_and_say_what_they_are():
    wrong = []
    for name in public_names():
        value = functools.reduce(getattr, name.split("."), dk)
        if inspect.ismodule(value) or inspect.isclass(value) or inspect.isfunction(value):
            text = inspect.getdoc(value) or ""
            own = text if "__doc__" not in vars(value) else value.__doc__ or ""  # getdoc also asks the parents
            if not own.strip():
                wrong.append(f"dynakit.{name} has no docstring of its own")
            if own.startswith(f"{name.rpartition('.')[2]}("):
                wrong.append(f"dynakit.{name} has only its signature")
    assert not wrong, "\n".join(wrong)


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


def test_modules_of_studies_have_names_of_their_own():
    """They are imported by their bare names, so that one of two alike would be taken for the other."""
    known: dict[str, list[str]] = {}
    for path in sorted((ROOT / "studies").glob("*/*.py")):
        known.setdefault(path.name, []).append(path.parent.name)
    assert {name: where for name, where in known.items() if len(where) > 1}.keys() <= {"study.py"}
