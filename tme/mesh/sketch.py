"""A machine of names only: a description can be read and drawn without opening or running anything, also when
it uses elements that we do not have."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tme.args import Args, Positional
from tme.element import Element
from tme.errors import TmeError
from tme.mesh.graph import Graph
from tme.mesh.session import Session
from tme.port import Port
from tme.registry import KNOWN_TO_TME, Registry, normalise

_ANYTHING = (Positional("WORDS", repeat=True, required=False),)


class Sketch(Element):
    """An element that takes every argument, connection and command, and does nothing."""

    params = _ANYTHING
    conn_params = _ANYTHING

    def ports(self, args: Args) -> list[Port]:
        return [Port(self, "any")]

    def command(self, words: list[str]) -> str | None:
        return None


class SketchRegistry(Registry):
    """Every name that exists here or in TME, as a Sketch."""

    def load(self, module: str, where: str | None = None) -> type[Element]:
        name = normalise(module)
        if name not in KNOWN_TO_TME and name not in self.names():
            return super().load(module, where)  # which tells why there is none
        return type("Sketch", (Sketch,), {"module": name})


def sketch(machines: list[str | Path]) -> tuple[Graph, list[TmeError]]:
    """Read machine descriptions; returns the graph of their elements and the mistakes found."""
    stand_in: Any = SimpleNamespace(elements={}, stop=lambda code=0: None, log=lambda element, text: None)
    session = Session(cast(Any, stand_in), SketchRegistry(), out=lambda text: None)
    for machine in machines:
        session.load(machine)
    return session.graph, session.errors
