"""A small layered drawing: one column per distance from the board, edges labelled with their arguments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

from tme.element import Element
from tme.mesh.dot import label
from tme.mesh.graph import Graph

CHARACTER, HEIGHT, GAP, MARGIN = 7.0, 38.0, 16.0, 20.0
LABEL_CHARACTER, LABEL_SPACE, SPREAD = 5.5, 60.0, 12.0

STYLE = (
    "text{font-family:sans-serif;font-size:12px;text-anchor:middle}"
    ".module{font-size:10px;fill:#666}.label{font-size:9px;fill:#06c}"
    "rect{fill:#f6f8fa;stroke:#555}path{fill:none;stroke:#999}"
)


@dataclass
class Box:
    """One element on the drawing; `x` and `y` are its upper left corner in pixels."""

    name: str
    module: str
    width: float
    x: float = 0.0
    y: float = 0.0

    @property
    def middle(self) -> float:
        return self.y + HEIGHT / 2


def svg(graph: Graph) -> str:
    """The drawing as SVG text."""
    columns = _columns(graph)
    boxes = {element: _box(graph, element) for column in columns for element in column}
    width = _place(columns, boxes, graph)
    height = 2 * MARGIN + max((box.y + HEIGHT for box in boxes.values()), default=0.0)
    shapes = [*_edges(graph, boxes), *(_node(box) for box in boxes.values())]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}">'
    return "\n".join([head, f"<style>{STYLE}</style>", *shapes, "</svg>", ""])


def _neighbours(graph: Graph) -> dict[Element, list[Element]]:
    table: dict[Element, list[Element]] = {element: [] for element in graph.elements}
    for connection in graph.connections:
        left, right = (port.element for port in connection.ends())
        table[left].append(right)
        table[right].append(left)
    return table


def _columns(graph: Graph) -> list[list[Element]]:
    """Elements by distance from the first one created of each connected group."""
    neighbours = _neighbours(graph)
    depth: dict[Element, int] = {}
    for root in graph.elements:
        frontier = [root] if root not in depth else []
        depth.setdefault(root, 0)
        for element in frontier:  # grows while it is walked: breadth first
            for other in neighbours[element]:
                if other not in depth:
                    depth[other] = depth[element] + 1
                    frontier.append(other)
    columns: list[list[Element]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for element, column in depth.items():
        columns[column].append(element)
    return [_ordered(column, columns[at - 1] if at else [], neighbours) for at, column in enumerate(columns)]


def _ordered(
    column: list[Element], before: list[Element], neighbours: dict[Element, list[Element]]
) -> list[Element]:
    """A column with elements near those they hang on, so that few lines cross."""
    rank = {element: at for at, element in enumerate(before)}

    def weight(element: Element) -> float:
        ranks = [rank[other] for other in neighbours[element] if other in rank]
        return sum(ranks) / len(ranks) if ranks else len(rank)

    return sorted(column, key=weight)


def _box(graph: Graph, element: Element) -> Box:
    name = graph.path(element)[1:]
    return Box(name, element.module, CHARACTER * max(len(name), len(element.module)) + 16)


def _label_space(graph: Graph, column: list[Element]) -> float:
    """The room right of a column that the labels of its connections need."""
    labels = (label(c) for c in graph.connections if any(port.element in column for port in c.ends()))
    return max(map(len, labels), default=0) * LABEL_CHARACTER + LABEL_SPACE


def _place(columns: list[list[Element]], boxes: dict[Element, Box], graph: Graph) -> float:
    """Give every box its place, columns centred on the tallest; returns the width of the drawing."""
    x = MARGIN
    gap = 0.0
    tallest = max(map(len, columns), default=0)
    for column in columns:
        y = MARGIN + (tallest - len(column)) * (HEIGHT + GAP) / 2
        for element in column:
            boxes[element].x, boxes[element].y = x, y
            y += HEIGHT + GAP
        gap = _label_space(graph, column)
        x += max(boxes[element].width for element in column) + gap
    return x - gap + MARGIN if columns else 2 * MARGIN


def _edges(graph: Graph, boxes: dict[Element, Box]) -> Iterator[str]:
    """All connections; those between the same two elements side by side."""
    groups: dict[frozenset[Element], list[str]] = {}
    for connection in graph.connections:
        ends = frozenset(port.element for port in connection.ends())
        groups.setdefault(ends, []).append(label(connection))
    for ends, labels in groups.items():
        pair = sorted((boxes[element] for element in ends), key=lambda box: box.x)
        for at, text in enumerate(labels):
            yield _edge(pair[0], pair[-1], (at - (len(labels) - 1) / 2) * SPREAD, text)


def _edge(a: Box, b: Box, shift: float, text: str) -> str:
    """A curve from `a` to `b`, which is not left of it, `shift` pixels below their middles."""
    x1, y1, y2 = a.x + a.width, a.middle + shift, b.middle + shift
    x2 = b.x if b.x > a.x else b.x + b.width  # within a column, or to itself: a loop on the right
    bend = 40.0 if b.x > a.x else -40.0
    if a is b:
        y1, y2 = y1 - 8, y2 + 8
    curve = (x1, y1, x1 + 40, y1, x2 - bend, y2, x2, y2)
    path = '<path d="M{:.0f} {:.0f} C{:.0f} {:.0f} {:.0f} {:.0f} {:.0f} {:.0f}"/>'.format(*curve)
    if not text:
        return path
    # Near the right end lines of one bus are apart, so their labels are too.
    middle = x2 - 8 - len(text) * LABEL_CHARACTER / 2 if b.x > a.x else x1 + 40
    return f'{path}<text class="label" x="{middle:.0f}" y="{y2 - 3:.0f}">{escape(text)}</text>'


def _node(box: Box) -> str:
    x = box.x + box.width / 2
    return (
        f'<rect x="{box.x:.0f}" y="{box.y:.0f}" width="{box.width:.0f}" height="{HEIGHT:.0f}" rx="4"/>'
        f'<text x="{x:.0f}" y="{box.y + 16:.0f}">{escape(box.name)}</text>'
        f'<text class="module" x="{x:.0f}" y="{box.y + 30:.0f}">{escape(box.module)}</text>'
    )
