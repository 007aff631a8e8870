"""A wire with one level: interrupt requests, modem lines, chip selects."""

from __future__ import annotations

from collections.abc import Callable

Listener = Callable[[bool], None]


class Line:
    """One wire. Listeners hear edges only: setting the level it already has is free and silent."""

    __slots__ = ("level", "name", "_listeners")

    def __init__(self, name: str = "", listener: Listener | None = None) -> None:
        self.name = name
        self.level = False
        self._listeners: list[Listener] = [listener] if listener else []

    def set(self, level: object) -> None:
        """Drive the line; any true value is high."""
        high = bool(level)
        if high is not self.level:
            self.level = high
            for listener in self._listeners:
                listener(high)

    def connect(self, listener: Listener) -> None:
        """Report every later edge to `listener`, and the present level at once if it is high."""
        self._listeners.append(listener)
        if self.level:
            listener(True)

    def disconnect(self, listener: Listener) -> None:
        """Stop reporting to `listener`; it hears a last falling edge if the line is high."""
        self._listeners.remove(listener)
        if self.level:
            listener(False)

    def __repr__(self) -> str:
        return f"<Line {self.name or '?'} {'high' if self.level else 'low'}>"
