"""The element graph: creates, connects and removes. Every operation happens completely or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tme.args import Args
from tme.element import Element
from tme.errors import TmeError
from tme.mesh.statements import Connect, Create, Disconnect, End
from tme.namespace import Namespace
from tme.port import Port, connect, disconnect
from tme.registry import Registry

if TYPE_CHECKING:
    from tme.machine import Machine


@dataclass(eq=False)
class Connection:
    """Two connected ports, in the order of the statement. `with_create`: made by the statement that created
    the left element."""

    left: Port
    right: Port
    with_create: bool
    where: str

    def ends(self) -> tuple[Port, Port]:
        return self.left, self.right

    def touches(self, element: Element) -> bool:
        return element in (self.left.element, self.right.element)


class Graph:
    """The elements of one machine and their connections; keeps `machine.elements` up to date.

    Keys of `machine.elements` are paths without the leading slash: "zs0", "io/zs0".
    """

    def __init__(self, machine: Machine, registry: Registry) -> None:
        self.machine = machine
        self.registry = registry
        self.names = Namespace()
        self.elements: list[Element] = []
        """In the order of creation."""
        self.connections: list[Connection] = []

    # Building

    def create(self, statement: Create) -> None:
        """Create an element and make its first connection, or leave everything as it was."""
        where, end, other = statement.where, statement.end, statement.other
        name = self.names.check_free(end.name)
        cls = self.registry.load(statement.module, where)
        if other is not None and other.name != end.name:
            self.names.element(other.name)  # a wrong name is found before anything is opened
        subject = f"{end.name} ({statement.module})"
        args = Args.parse(statement.words, cls.params, where, subject, statement.base)
        try:
            element = cls(name, args, self.machine)
        except OSError as error:
            raise TmeError(f"cannot create {subject}: {error}", where) from error
        try:
            self.names.add(end.name, element)
            self.elements.append(element)
            if other is not None:
                self._join(end, other, where, statement.base, with_create=True)
        except BaseException:
            self._forget(element, end.name)
            raise
        self.publish()

    def _forget(self, element: Element, path: str) -> None:
        self.names.remove(path)
        self.elements.remove(element)
        element.close()

    def connect(self, statement: Connect) -> None:
        """Connect two existing elements."""
        self._join(statement.end, statement.other, statement.where, statement.base, with_create=False)

    def _join(self, end: End, other: End, where: str, base: Path | None, with_create: bool) -> None:
        a, b = self.names.element(end.name), self.names.element(other.name)
        try:
            left, right = connect(a, _arguments(a, end, where, base), b, _arguments(b, other, where, base))
        except TmeError as error:
            raise TmeError(f"{error.message}\n  in: {end} at {other}", error.where or where) from error
        self.connections.append(Connection(left, right, with_create, where))

    # Taking apart

    def disconnect(self, statement: Disconnect) -> int:
        """Undo the connections that the statement means; returns how many."""
        found = self._matching(statement.end, statement.other)
        for connection in found:
            self._part(connection)
        return len(found)

    def _part(self, connection: Connection) -> None:
        disconnect(connection.left)
        self.connections.remove(connection)

    def _matching(self, end: End, other: End | None) -> list[Connection]:
        a = self.names.element(end.name)
        if other is None:
            return self._connections_of(a, end.words)
        b = self.names.element(other.name)
        found = [
            connection
            for connection in self.connections
            for x, y in (connection.ends(), connection.ends()[::-1])
            if (x.element, y.element) == (a, b) and _agrees(x, end.words) and _agrees(y, other.words)
        ]
        found = list(dict.fromkeys(found))
        if not found:
            raise TmeError(f"there is no connection {end} at {other}" + self._existing(a))
        if len(found) > 1:
            raise TmeError(
                f"{len(found)} connections fit {end} at {other}: give their arguments too" + self._existing(a)
            )
        return found

    def _connections_of(self, element: Element, words: Sequence[str]) -> list[Connection]:
        found = [
            c
            for c in self.connections
            if any(port.element is element and _agrees(port, words) for port in c.ends())
        ]
        if not found:
            raise TmeError(f"'{element.name}' has no such connection" + self._existing(element))
        return found

    def _existing(self, element: Element) -> str:
        lines = [f"\n  {self.describe(c)}" for c in self.connections if c.touches(element)]
        return "; it has:" + "".join(lines) if lines else ""

    def remove(self, path: str) -> list[str]:
        """Remove a name and, with the last one, the element and its connections; returns what was undone."""
        element = self.names.element(path)
        undone: list[str] = []
        if len(self.names.paths_of(element)) == 1:
            for connection in [c for c in self.connections if c.touches(element)]:
                undone.append(self.describe(connection))
                self._part(connection)
            self.elements.remove(element)
            element.close()
        self.names.remove(path)
        self.publish()
        return undone

    def reset(self, path: str | None = None) -> None:
        """Reset one element, or all in the order of creation."""
        for element in [self.names.element(path)] if path else self.elements:
            element.reset()

    def close(self) -> None:
        """Close all elements, the newest first."""
        for element in reversed(self.elements):
            element.close()

    # Telling

    def publish(self) -> None:
        """Bring `machine.elements` up to date with the name space."""
        self.machine.elements.clear()
        self.machine.elements.update((self.path(element)[1:], element) for element in self.elements)

    def path(self, element: Element) -> str:
        """The absolute path of an element."""
        return self.names.paths_of(element)[0]

    def describe(self, connection: Connection, absolute: bool = False) -> str:
        """A connection as the statement that makes it."""
        return " at ".join(
            str(End(self.shown(port.element, absolute), port.args.words)) for port in connection.ends()
        )

    def shown(self, element: Element, absolute: bool = False) -> str:
        """The path of an element as seen from the current folder."""
        path = self.path(element)
        return path if absolute else self.names.relative(path)


def _arguments(element: Element, end: End, where: str, base: Path | None) -> Args:
    subject = f"connection of {end.name} ({element.module})"
    return Args.parse(end.words, element.conn_params, where, subject, base)


def _agrees(port: Port, words: Iterable[str]) -> bool:
    """Whether the arguments in a `disconnect` statement, if any, are those of the connection."""
    return not words or port.args.words == tuple(words)
