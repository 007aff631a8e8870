"""The table, for people and as JSON."""

from __future__ import annotations

from typing import Any

from tests.conformance.runner import Result

HEAD = ("oracle", "model", "engine", "cases", "agreed", "explained", "unexplained", "CPU s")
LEFT = 3  # columns of words


def lines(results: list[Result]) -> list[str]:
    """The table, in the form that the documentation shows."""
    cells = [HEAD, *(_cells(r) for r in results)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(HEAD))]

    def text(row: tuple[str, ...]) -> str:
        columns = (
            x.ljust(w) if i < LEFT else x.rjust(w) for i, (x, w) in enumerate(zip(row, widths, strict=True))
        )
        return "| " + " | ".join(columns) + " |"

    rule = "|" + "|".join("-" * (w + 1) + ("-" if i < LEFT else ":") for i, w in enumerate(widths)) + "|"
    return [text(cells[0]), rule, *map(text, cells[1:])]


def _cells(r: Result) -> tuple[str, ...]:
    name = (r.row.oracle, r.row.model, r.row.engine)
    if r.missing:
        return (*name, "-", "-", "-", "-", "-")
    t = r.tally
    numbers = tuple(f"{n:,}" for n in (t.cases, t.agreed, t.explained, t.unexplained))
    return (*name, *numbers, f"{r.seconds:.0f}")


def notes(results: list[Result]) -> list[str]:
    """What the numbers do not say: rows left out or cut short, how much ran in regions, failures."""
    out = []
    for r in results:
        name = f"{r.row.oracle} {r.row.model} {r.row.engine}"
        if r.missing:
            out.append(f"{name}: not run: {r.missing}")
        elif r.done < r.pieces:
            out.append(f"{name}: stopped after {r.done} of {r.pieces} pieces")
        if r.tally.in_regions:
            out.append(
                f"{name}: {r.tally.in_regions:,} instructions in regions, the others in the interpreter"
            )
    for r in results:
        out += [
            f"UNEXPLAINED {r.row.oracle} {r.row.model} {r.row.engine}: {text}" for text in r.tally.failures
        ]
    return out


def reasons(results: list[Result]) -> list[str]:
    """Why the explained cases differ, most frequent first."""
    out = []
    for r in results:
        for reason, n in r.tally.reasons.most_common():
            out.append(f"{r.row.oracle} {r.row.model} {r.row.engine}: {n:,} × {reason}")
    return out


def as_json(results: list[Result]) -> list[dict[str, Any]]:
    """One object a row."""
    return [
        {
            "oracle": r.row.oracle,
            "model": r.row.model,
            "engine": r.row.engine,
            "missing": r.missing,
            "complete": r.done == r.pieces,
            "seconds": round(r.seconds, 1),
            "cases": r.tally.cases,
            **vars(r.tally),
        }
        for r in results
    ]
