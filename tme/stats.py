"""Statistics as people or programs want them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


def show(stats: dict[str, Any], form: str) -> str:
    """`stats` (names to numbers, texts or further such dicts) as form "text", a line each, or "json"."""
    if form == "json":
        return json.dumps(stats)
    lines = list(_flat(stats, ""))
    width = max((len(name) for name, _ in lines), default=0)
    return "\n".join(f"{name:{width}}  {value}" for name, value in lines)


def _flat(stats: dict[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in stats.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name} ")
        else:
            yield prefix + name, _number(value)


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
