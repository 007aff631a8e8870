"""Statistics as people or programs want them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

ROWS = 20
"""Rows of a table that people are shown."""


def show(stats: dict[str, Any], form: str) -> str:
    """`stats` (names to numbers, texts, tables or further such dicts) as form "text", a line each and tables
    below, or else as JSON."""
    if form != "text":
        return json.dumps(stats)
    lines = list(_flat(stats, ""))
    width = max((len(name) for name, _ in lines), default=0)
    tables = [_table(name, rows) for name, rows in stats.items() if isinstance(rows, list)]
    return "\n".join([*(f"{name:{width}}  {value}" for name, value in lines), *tables])


def _flat(stats: dict[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in stats.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name} ")
        elif not isinstance(value, list):
            yield prefix + name, _number(value)


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _table(name: str, rows: list[dict[str, Any]]) -> str:
    """The first ROWS of a table: numbers to the right, texts to the left."""
    titles = list(dict.fromkeys(title for row in rows for title in row))
    cells = [titles, *([_number(row.get(title, "")) for title in titles] for row in rows[:ROWS])]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numbers = [any(isinstance(row.get(title), int | float) for row in rows) for title in titles]
    lines = [
        "  ".join(f"{cell:{'>' if right else '<'}{width}}" for cell, width, right in row).rstrip()
        for row in (zip(line, widths, numbers, strict=True) for line in cells)
    ]
    rest = [f"… and {len(rows) - ROWS} more (--stats=json has them)"] if len(rows) > ROWS else []
    return "\n".join(["", f"{name}:", *lines, *rest])
