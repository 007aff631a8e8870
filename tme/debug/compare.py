"""`python -m tme.debug.compare A B`: the first difference of two traces, with its surroundings.

Exit status 0: they are equal, 1: they differ, 2: one of them cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path

from tme.debug.tracefile import MemoryBefore, Registers, Step, read_trace
from tme.errors import TmeError

BEFORE, AFTER = 8, 4
"""Steps shown around a difference."""

Numbered = tuple[int, Step | Registers]


@dataclass
class Difference:
    """Where two traces part: the common steps before it, and what comes in each."""

    count: int
    """Equal steps before it."""
    before: list[Step | Registers]
    here: tuple[Numbered | None, Numbered | None]
    after: tuple[list[Step], list[Step]]

    def text(self, names: tuple[str, str]) -> str:
        """The report."""
        out = [f"the traces differ after {self.count} equal steps"]
        out += [f"      {_line(step)}" for step in self.before]
        for tag, name, here, after in zip("AB", names, self.here, self.after, strict=True):
            out.append(f"   {tag}: {name}" + (f", line {here[0]}" if here else " ends here"))
            out += [f"  {tag}>  {_line(here[1])}"] if here else []
            out += [f"  {tag}   {step.line()}" for step in after]
        return "\n".join(out + _reasons(self.here))


def _line(entry: Step | Registers) -> str:
    if isinstance(entry, Step):
        return entry.line()
    return "= " + " ".join(f"{name}={value:x}" for name, value in entry.values.items())


def _reasons(here: tuple[Numbered | None, Numbered | None]) -> list[str]:
    """What exactly is different."""
    if here[0] is None or here[1] is None:
        return []
    a, b = here[0][1], here[1][1]
    out = []
    tables: list[tuple[Mapping[str, int | str], Mapping[str, int | str], str]]
    if isinstance(a, Step) and isinstance(b, Step):
        if (a.pc, a.code) != (b.pc, b.code):
            return ["   not the same instruction"]
        tables = [(a.changes, b.changes, "not changed"), (_hex(a), _hex(b), "not written")]
    elif isinstance(a, Registers) and isinstance(b, Registers):
        tables = [(a.values, b.values, "unknown")]
    else:
        return ["   one of them has no registers to begin with"]
    for mine, its, absent in tables:
        for key in {**mine, **its}:
            x, y = mine.get(key), its.get(key)
            if x != y and not (absent == "unknown" and None in (x, y)):
                shown = [absent if v is None else f"{v:08x}" if isinstance(v, int) else v for v in (x, y)]
                out.append(f"   {key}: {shown[0]} in A, {shown[1]} in B")
    return out


def _hex(step: Step) -> dict[str, str]:
    return {f"[{address:08x}]": data.hex() for address, data in step.writes.items()}


def compare(a: Path, b: Path) -> Difference | int:
    """The first difference, or the number of steps if there is none."""
    one, two = _steps(a), _steps(b)
    before: deque[Step | Registers] = deque(maxlen=BEFORE)
    count = 0
    for x, y in zip_longest(one, two):
        if x is None or y is None or not _same(x[1], y[1]):
            rest = ([s for _, s in islice(it, AFTER) if isinstance(s, Step)] for it in (one, two))
            return Difference(count, list(before), (x, y), (next(rest), next(rest)))
        before.append(x[1])
        count += isinstance(x[1], Step)
    return count


def _steps(file: Path) -> Iterator[Numbered]:
    for number, entry in read_trace(file):
        if not isinstance(entry, MemoryBefore):
            yield number, entry


def _same(a: Step | Registers, b: Step | Registers) -> bool:
    """Whether two entries say the same; registers that only one side knows (an FPU's) do not count."""
    if isinstance(a, Step) and isinstance(b, Step):
        return a.same(b)
    if isinstance(a, Registers) and isinstance(b, Registers):
        return all(b.values.get(name, value) == value for name, value in a.values.items())
    return False


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tme.debug.compare",
        description="Shows the first difference of two instruction traces.",
    )
    parser.add_argument("a", type=Path, metavar="A")
    parser.add_argument("b", type=Path, metavar="B")
    args = parser.parse_args(argv)
    try:
        found = compare(args.a, args.b)
    except TmeError as error:
        print(f"compare: {error}", file=sys.stderr)
        return 2
    if isinstance(found, int):
        print(f"equal: {found} steps")
        return 0
    print(found.text((str(args.a), str(args.b))))
    return 1


if __name__ == "__main__":
    sys.exit(main())
