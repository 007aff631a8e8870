"""The text format of instruction traces (docs/debugging.md); gzip when the name ends in .gz.

    # comment
    = d0=00000000 … sr=0000                             all registers before the first instruction
    @ 407fffc0 00000001                                 memory before the first instruction, where it matters
    00010000 4e560000    link.w a6,$0    | a6=407fffb8 a7=407fffb8 [407fffb8]=00000000
    ! interrupt                          | a7=0fe3fff8 sr=2700 [0fe3fff8]=2000000100200078
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import IO

from tme.errors import TmeError

FIRST_LINE = "# tmesh trace 1"
_EFFECT = re.compile(r"(?:(\w+)|\[([0-9a-f]{8})\])=([0-9a-f]+)$")


@dataclass
class Step:
    """One instruction, or (with `pc` None) a routine between instructions, and what it changed."""

    pc: int | None
    code: str
    """The instruction's bytes in hexadecimal, or the routine's name."""
    text: str = ""
    changes: dict[str, int] = field(default_factory=dict)
    """Registers that differ afterwards, the pc not among them."""
    writes: dict[int, bytes] = field(default_factory=dict)
    """Bytes written, as runs by ascending address; see `runs`."""

    def line(self) -> str:
        """The step as text."""
        left = f"! {self.code}" if self.pc is None else f"{self.pc:08x} {self.code:20} {self.text:32}"
        effects = [f"{name}={value:0{_digits(name)}x}" for name, value in self.changes.items()]
        effects += [f"[{address:08x}]={data.hex()}" for address, data in self.writes.items()]
        return f"{left.rstrip():62} | {' '.join(effects)}" if effects else left.rstrip()

    def same(self, other: Step) -> bool:
        """Whether both did the same; the disassembly is only a comment."""
        return self._all() == other._all()

    def _all(self) -> tuple[object, ...]:
        return self.pc, self.code, self.changes, self.writes


@dataclass
class Registers:
    """The `=` line."""

    values: dict[str, int]


@dataclass
class MemoryBefore:
    """An `@` line."""

    address: int
    data: bytes


Entry = Step | Registers | MemoryBefore


def _digits(register: str) -> int:
    return 4 if register == "sr" else 8


def runs(written: Mapping[int, int]) -> dict[int, bytes]:
    """Bytes by address, joined where they touch: the order and the widths of the stores do not matter."""
    out: dict[int, bytearray] = {}
    start = end = -1
    for address in sorted(written):
        if address != end:
            start = end = address
            out[start] = bytearray()
        out[start].append(written[address])
        end += 1
    return {address: bytes(data) for address, data in out.items()}


class TraceWriter:
    """Writes a trace."""

    def __init__(self, file: Path, comment: str = "") -> None:
        self._out = _open(file, "w")
        self._line(FIRST_LINE)
        for line in comment.splitlines():
            self._line(f"# {line}")

    def _line(self, text: str) -> None:
        self._out.write(text + "\n")

    def registers(self, values: Mapping[str, int]) -> None:
        self._line("= " + " ".join(f"{k}={v:0{_digits(k)}x}" for k, v in values.items()))

    def memory(self, address: int, data: bytes) -> None:
        self._line(f"@ {address:08x} {data.hex()}")

    def step(self, step: Step) -> None:
        self._line(step.line())

    def close(self) -> None:
        self._out.close()


def read_trace(file: Path) -> Iterator[tuple[int, Entry]]:
    """(line number, entry) of a trace without its comments; TmeError names a line that is none."""
    with _open(file, "r") as lines:
        try:
            for number, line in enumerate(lines, 1):
                line = line.rstrip("\n")
                if number == 1 and line != FIRST_LINE:
                    raise TmeError(f"is no trace: it does not begin with '{FIRST_LINE}'", str(file))
                if line and line[0] != "#":
                    yield number, _parse(line, f"{file}:{number}")
        except (OSError, EOFError, UnicodeDecodeError) as error:
            raise TmeError(f"cannot be read to its end: {error}", str(file)) from None


def _parse(line: str, where: str) -> Entry:
    try:
        if line[0] == "=":
            return Registers({k: int(v, 16) for k, v in (word.split("=") for word in line[1:].split())})
        if line[0] == "@":
            _, address, data = line.split()
            return MemoryBefore(int(address, 16), bytes.fromhex(data))
        left, _, right = line.partition(" | ")
        if line[0] == "!":
            step = Step(None, left[1:].strip())
        else:
            pc, code, text = (*left.split(None, 2), "")[:3]
            step = Step(int(pc, 16), code, text.strip())
        for word in right.split():
            match = _EFFECT.match(word)
            if match is None:
                raise ValueError(word)
            if match[1]:
                step.changes[match[1]] = int(match[3], 16)
            else:
                step.writes[int(match[2], 16)] = bytes.fromhex(match[3])
        return step
    except ValueError:
        raise TmeError(f"'{line[:60]}' is no line of a trace", where) from None


class _Gzip(gzip.GzipFile):
    """A compressed file that holds neither name nor time: the same trace gives the same file."""

    def __init__(self, file: Path, mode: str) -> None:
        self._raw = open(file, mode + "b")  # noqa: SIM115
        super().__init__("", mode + "b", 9, self._raw, mtime=0)

    def close(self) -> None:
        super().close()
        self._raw.close()


def _open(file: Path, mode: str) -> IO[str]:
    try:
        if file.suffix == ".gz":
            return TextIOWrapper(_Gzip(file, mode), "utf-8")
        return open(file, mode, encoding="utf-8")
    except OSError as error:
        raise TmeError(f"cannot open the trace '{file}': {error.strerror}") from None
