"""The source has the shape that docs/architecture.md describes: imports point up its list, and files stay small."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGES = ("azsweep_core", "hydra_plugins")
MODULES = sorted(path.relative_to(ROOT).as_posix() for top in PACKAGES for path in (ROOT / top).rglob("*.py"))
CODE = sorted(
    path.relative_to(ROOT).as_posix()
    for top in (*PACKAGES, "tests", "examples", "benchmarks")
    for path in (ROOT / top).rglob("*.py")
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)  # virtual environments
)
HEAVY = {"mlflow", "numpy", "optuna", "pandas", "plotly", "rich", "scipy"}


class Import(NamedTuple):
    """One name that a module imports; `late` if that happens in a function, or for type checkers only."""

    line: int
    name: str
    late: bool


def imports_of(module: str) -> list[Import]:
    return list(
        _imports(ast.parse((ROOT / module).read_text(encoding="utf-8")), package=Path(module).parts[:-1], late=False)
    )


def _imports(node: ast.AST, *, package: tuple[str, ...], late: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from (Import(node.lineno, alias.name, late) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = ".".join(package[: len(package) - node.level + 1]) + "." if node.level else ""
        start = f"{base}{node.module or ''}".rstrip(".")
        yield from (Import(node.lineno, f"{start}.{alias.name}", late) for alias in node.names)
    for child in ast.iter_child_nodes(node):
        yield from _imports(child, package=package, late=late or _is_late(node, child))


def _is_late(parent: ast.AST, child: ast.AST) -> bool:
    if isinstance(parent, ast.If) and child in parent.body:
        return ast.unparse(parent.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
    return isinstance(parent, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))


def file_of(name: str) -> str | None:
    """Our module that importing the dotted `name` reads, None if it is somebody else's."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        path = "/".join(parts[:end])
        for candidate in (f"{path}.py", f"{path}/__init__.py"):
            if candidate in MODULES:
                return candidate
    return None


def own_imports(module: str) -> list[tuple[int, str]]:
    found = ((entry.line, file_of(entry.name)) for entry in imports_of(module))
    return [(line, imported) for line, imported in found if imported is not None and imported != module]


def documented_order() -> list[str]:
    """Modules and folders in the order of the architecture page's list; a folder with lines of its own is a heading."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    words = [line.split()[0] for block in blocks for line in block.splitlines() if line.strip()]
    entries = [word for word in words if word.startswith(PACKAGES) and word.endswith((".py", "/"))]
    return [entry for entry in entries if not any(other != entry and other.startswith(entry) for other in entries)]


def place_of(module: str, order: list[str]) -> int | None:
    """Where the list holds the module: its own line, or that of the folder around it."""
    covering = (entry for entry in order if module == entry or (entry.endswith("/") and module.startswith(entry)))
    return next(map(order.index, covering), None)


def may_be_heavy(module: str) -> bool:
    """Private modules of the samplers, of MLflow and of the live display, which others import late."""
    path = Path(module)
    return (
        path.name.startswith("_mlflow_")
        or path.name in ("_frame.py", "_live.py")
        or (path.match("azsweep_core/samplers/_*.py") and path.name != "__init__.py")
    )


def needs_a_place(module: str) -> bool:
    """An `__init__` that imports nothing of ours is below nothing."""
    return Path(module).name != "__init__.py" or bool(own_imports(module))


def test_the_architecture_page_lists_every_module_and_nothing_else() -> None:
    order = documented_order()

    unlisted = [module for module in MODULES if needs_a_place(module) and place_of(module, order) is None]
    gone = [entry for entry in order if not (ROOT / entry).exists()]

    assert (unlisted, gone) == ([], [])


def test_modules_import_only_what_stands_above_them() -> None:
    order = documented_order()
    places = {module: place_of(module, order) for module in MODULES}

    wrong = []
    for module in MODULES:
        for line, imported in own_imports(module):
            mine, theirs = places[module], places[imported]
            if mine is None or theirs is None:
                continue  # the test above names those without a place
            same_folder = theirs == mine and order[mine].endswith("/")
            if theirs >= mine and not same_folder:
                wrong.append(f"{module}:{line} imports {imported}, which is not above it")

    assert wrong == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module: {imported for _, imported in own_imports(module)} for module in MODULES}

    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_the_core_knows_no_hydra() -> None:
    core = [module for module in MODULES if module.startswith("azsweep_core/")]

    wrong = [
        f"{module}:{entry.line} imports {entry.name}"
        for module in core
        for entry in imports_of(module)
        if entry.name.split(".")[0] in {"hydra", "hydra_plugins", "omegaconf"}
    ]

    assert wrong == []


def test_heavy_packages_are_imported_late() -> None:
    light = [module for module in MODULES if not may_be_heavy(module)]

    wrong = [
        f"{module}:{entry.line} imports {entry.name} early"
        for module in light
        for entry in imports_of(module)
        if entry.name.split(".")[0] in HEAVY and not entry.late
    ]

    assert wrong == []


def test_hydra_pays_for_nothing_heavy_when_it_loads_the_plugin() -> None:
    """Hydra imports the public modules of every plugin at the start of every app."""
    names = [
        module.removesuffix(".py").replace("/", ".")
        for module in MODULES
        if module.startswith("hydra_plugins/") and not Path(module).name.startswith("_")
    ]
    program = f"import sys, {', '.join(names)}; print(*sorted({HEAVY!r} & set(sys.modules)))"

    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)

    assert loaded.stdout.split() == []


def test_files_and_functions_stay_small() -> None:
    """At most 400 lines a file and 60 a function: past that, split by idea."""
    long = []
    for path in CODE:
        text = (ROOT / path).read_text(encoding="utf-8")
        long += [f"{path}: {lines} lines"] if (lines := len(text.splitlines())) > 400 else []
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                long += [f"{path}:{node.lineno} {node.name}: {lines} lines"] if lines > 60 else []
    for file in (ROOT / "azsweep_core/report/page").iterdir():
        lines = len(file.read_text(encoding="utf-8").splitlines())
        long += [f"{file.name}: {lines} lines"] if lines > 400 else []

    assert long == []
