"""Help texts: commands, elements, the list of all elements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tme.args import OneOf, Spec, usage
from tme.element import Element
from tme.errors import TmeError, did_you_mean
from tme.mesh.graph import Graph
from tme.mesh.verbs import SYNONYMS, VERBS
from tme.registry import Registry, normalise

INTRODUCTION = """\
NAME: ELEMENT ARGS                      create an element, e.g. bus0: tme/generic/bus size 16MB
NAME [ARGS] at OTHER [ARGS]             connect two elements
NAME [ARGS] at OTHER [ARGS]: ELEMENT .. create and connect
"""
CLOSING = "`help COMMAND`, `help ELEMENT` and `help NAME` tell more; `tmesh --list-elements` lists them all."


def explain(topic: str | None, graph: Graph) -> str:
    """The text of `help TOPIC`: a command, an element class or an element of the machine."""
    if topic is None:
        width = max(map(len, VERBS)) + 2
        return INTRODUCTION + "".join(f"{v:{width}}{i.help}\n" for v, i in VERBS.items()) + CLOSING
    verb = SYNONYMS.get(topic, topic)
    if verb in VERBS:
        return f"{VERBS[verb].usage(verb)}\n    {VERBS[verb].help}"
    if normalise(topic) in graph.registry.names():
        return describe(graph.registry.load(topic))
    try:
        element = graph.names.element(topic)
    except TmeError:
        known = [*VERBS, *graph.registry.names(), *(name for _, name, _ in graph.names.names())]
        raise TmeError(f"no help on '{topic}'{did_you_mean(normalise(topic), known)}") from None
    return describe(type(element))


def describe(cls: type[Element]) -> str:
    """One element class: name, arguments, the line of help, and what single arguments mean."""
    lines = [f"tme/{cls.module}  {usage(cls.params)}", f"    {cls.summary}"]
    if cls.conn_params:
        lines.append(f"    connection: {usage(cls.conn_params)}")
    for spec in (*cls.params, *cls.conn_params):
        lines += [f"      {name:16} {text}" for name, text in _meanings(spec)]
    return "\n".join(lines)


def _meanings(spec: Spec) -> Iterator[tuple[str, str]]:
    items: Sequence[Spec] = spec.items if isinstance(spec, OneOf) else (spec,)
    return ((item.name, item.help) for item in items if not isinstance(item, OneOf) and item.help)


def catalogue(registry: Registry) -> str:
    """The text of `tmesh --list-elements`."""
    parts: list[str] = []
    for name in registry.names():
        try:
            parts.append(describe(registry.load(name)))
        except TmeError as error:  # one broken plug-in must not hide the others
            parts.append(f"tme/{name}\n    cannot be loaded: {error.message}")
    return "\n".join(parts)
