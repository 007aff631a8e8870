"""`ls`: the machine as statements that can be read in again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tme.element import Element
from tme.errors import TmeError
from tme.mesh.graph import Connection, Graph
from tme.mesh.lexer import quote
from tme.mesh.statements import End
from tme.namespace import Folder

FLAGS = frozenset("alR")


def listing(graph: Graph, words: Sequence[str]) -> Iterator[str]:
    """The lines of `ls WORDS`. Elements come in the order of creation, folders before them, so that `ls -aR`
    rebuilds the machine when it is read in the same folder."""
    flags, paths = _flags(words)
    what = graph.names.find(paths[0]) if paths else graph.names.current
    if isinstance(what, Element):
        yield from _element(graph, what, flags)
        return
    folders = list(what.walk()) if "R" in flags else [what]
    if "a" in flags:
        yield f"# .  is {what.path}"
        yield f"# .. is {what.parent.path}"
    for folder in folders:
        for entry in folder.entries.values():
            if isinstance(entry, Folder):
                yield f"mkdir {quote(_shown(graph, entry.path, flags))}"
    here = [e for e in graph.elements if _home(graph, e) in {f.path for f in folders}]
    for element in here:
        yield _creation(graph, element, flags)
    for folder, name, element in graph.names.names():
        path = folder.child(name)
        if folder in folders and path != graph.path(element):
            yield f"alias {quote(_shown(graph, path, flags))} {quote(graph.shown(element, 'l' in flags))}"
    if "a" in flags:
        yield from _later(graph, [c for c in graph.connections if c.left.element in here], flags)


def _flags(words: Sequence[str]) -> tuple[set[str], list[str]]:
    flags: set[str] = set()
    paths: list[str] = []
    for word in words:
        if word.startswith("-") and len(word) > 1:
            if set(word[1:]) - FLAGS:
                raise TmeError(f"ls: unknown flag in '{word}'; the flags are -a, -l and -R")
            flags |= set(word[1:])
        else:
            paths.append(word)
    if len(paths) > 1:
        raise TmeError("ls: only one PATH can be given")
    return flags, paths


def _home(graph: Graph, element: Element) -> str:
    return graph.path(element).rpartition("/")[0] or "/"


def _shown(graph: Graph, path: str, flags: set[str]) -> str:
    return path if "l" in flags else graph.names.relative(path)


def _element(graph: Graph, element: Element, flags: set[str]) -> Iterator[str]:
    yield _creation(graph, element, flags)
    if "a" in flags:
        yield from _later(graph, [c for c in graph.connections if c.touches(element)], flags)


def _creation(graph: Graph, element: Element, flags: set[str]) -> str:
    first = next((c for c in graph.connections if c.with_create and c.left.element is element), None)
    head = str(End(graph.shown(element, "l" in flags)))
    if first is not None:
        head = graph.describe(first, "l" in flags)
    return f"{head}: {End(f'tme/{element.module}', element.args.words)}"


def _later(graph: Graph, connections: list[Connection], flags: set[str]) -> Iterator[str]:
    for connection in connections:
        if not connection.with_create:
            yield graph.describe(connection, "l" in flags)
