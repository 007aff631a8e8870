"""Who may import whom: tme knows no chip, translator no board; devices and hostnet import downwards only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = {"tme", "translator", "devices", "hostnet", "firmware", "tests"}

MAY_IMPORT = {
    "tme": {"tme"},
    "translator": {"translator", "tme"},
    "devices": {"devices", "tme", "translator"},
    "hostnet": {"hostnet", "tme"},
}
PRIMITIVES = {"tme.errors", "tme.options", "tme.bus", "tme.memory", "tme.line", "tme.paths"}
"""All of tme that the translator may use."""
USE_TRANSLATOR = ("devices/ic/", "devices/sun/")
"""Processors and the memory management units around them."""


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Modules imported when the module itself is imported: not in functions, not for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno
        else:
            yield from imports(node)


def module_imports(file: Path) -> Iterator[tuple[str, str]]:
    name = file.relative_to(ROOT).as_posix()
    for module, line in imports(ast.parse(file.read_text())):
        if module.partition(".")[0] in OURS:
            yield module, f"{name}:{line} imports {module}"


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_import_downwards_only(package: str) -> None:
    wrong = [
        text
        for file in sources(package)
        for module, text in module_imports(file)
        if module.partition(".")[0] not in MAY_IMPORT[package]
    ]
    assert not wrong, "\n".join(wrong)


def test_translator_uses_primitives_only() -> None:
    wrong = [
        text
        for file in sources("translator")
        for module, text in module_imports(file)
        if module.startswith("tme") and module not in PRIMITIVES
    ]
    assert not wrong, "\n".join(wrong)


def test_only_processors_and_mmus_use_the_translator() -> None:
    wrong = [
        text
        for file in sources("devices")
        for module, text in module_imports(file)
        if module.startswith("translator") and not text.startswith(USE_TRANSLATOR)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_walk_sees_what_it_must() -> None:
    """The walk itself: nested imports count, those in functions and for type checkers do not."""
    text = """
import a.b
try:
    from c import d
except ImportError:
    pass
if TYPE_CHECKING:
    import e
def f():
    import g
"""
    assert [module for module, _ in imports(ast.parse(text))] == ["a.b", "c"]


def test_command_line_starts_light() -> None:
    """`tmesh --help` must not load a compiler, an editor or an event loop."""
    import subprocess
    import sys

    code = "import sys, tme.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    heavy = {"llvmlite", "readline", "asyncio", "cffi", "numpy", "importlib.metadata"}
    assert not heavy & set(done.stdout.split())
