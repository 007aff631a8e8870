"""`tmesh --graph`: a machine as DOT, or as SVG drawn by graphviz if it is there, by ourselves if not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tme.errors import TmeError
from tme.mesh.graph import Connection, Graph

FORMATS = (".dot", ".svg")


def write(graph: Graph, file: Path) -> None:
    """Write the drawing in the format that the name of `file` tells."""
    if file.suffix not in FORMATS:
        raise TmeError(f"--graph {file}: the name must end in {' or '.join(FORMATS)}")
    text = dot(graph)
    if file.suffix == ".svg":
        text = _graphviz(text) or _own_svg(graph)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TmeError(f"cannot write '{file}': {error.strerror}") from None


def label(connection: Connection) -> str:
    """The connection arguments of both sides, the left one first."""
    return " / ".join(" ".join(port.args.words) for port in connection.ends() if port.args.words)


def dot(graph: Graph) -> str:
    """The graph in the DOT language: elements are boxes, connections carry their arguments."""
    lines = ["graph machine {", '  rankdir="LR"; node [shape=box fontname="sans-serif" fontsize=11];']
    for element in graph.elements:
        name = graph.path(element)[1:]
        text = _string(f"{name}\n{element.module}")
        lines.append(f"  {_string(name)} [label={text}];")
    for connection in graph.connections:
        left, right = (_string(graph.path(port.element)[1:]) for port in connection.ends())
        text = label(connection)
        # The right element is the one attached to: a board or bus, which belongs to the left of the drawing.
        lines.append(f"  {right} -- {left}" + (f" [label={_string(text)} fontsize=9];" if text else ";"))
    return "\n".join([*lines, "}", ""])


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _graphviz(text: str) -> str | None:
    program = shutil.which("dot")
    if program is None:
        return None
    done = subprocess.run([program, "-Tsvg"], input=text, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def _own_svg(graph: Graph) -> str:
    from tme.mesh.svg import svg

    return svg(graph)
