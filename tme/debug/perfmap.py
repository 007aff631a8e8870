"""Symbols for `perf`: /tmp/perf-PID.map names our host code.

Format: tools/perf/Documentation/jit-interface.txt of Linux.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tme.errors import TmeError

if TYPE_CHECKING:
    from translator.codes import Code
    from translator.engine import Native
    from translator.jit import Jit

SYMBOL_TABLE, FUNCTION = 2, 2
DEFAULT_SIZE = 64
"""Bytes given to the last function of a row, whose end is not known."""


class PerfMap:
    """The file; regions are added as they are linked."""

    def __init__(self, native: Native, jit: Jit | None, file: Path | None = None) -> None:
        self.file = file or Path(f"/tmp/perf-{os.getpid()}.map")
        try:
            self._out = open(self.file, "w", buffering=1)  # noqa: SIM115
        except OSError as error:
            raise TmeError(f"cannot write {self.file}: {error.strerror}") from None
        for address, size, name in interpreter(native):
            self._write(address, size, name)
        if jit is not None:
            self._before: Any = jit.on_linked
            jit.on_linked = self._linked

    def _write(self, address: int, size: int, name: str) -> None:
        self._out.write(f"{address:x} {size:x} {name}\n")

    def _linked(self, code: Code, obj: bytes) -> None:
        self._before(code, obj)
        self._write(code.address, function_size(obj, "region"), f"region_{code.entry:x}")

    def close(self) -> None:
        self._out.close()


def interpreter(native: Native) -> Iterator[tuple[int, int, str]]:
    """(address, size, name) of the interpreter's functions; each ends where the next begins."""
    from translator import interp

    names = {address: name for name, address in native.addresses.items()}
    for insn, known, places, _ in interp.shapes(native.model):
        fields = "_".join(f"{key}{value}" for key, value in known.items())
        names[native.handlers[places[0]]] = f"insn_{insn.name}" + (f"_{fields}" if fields else "")
    addresses = sorted(names)
    for address, end in zip(addresses, [*addresses[1:], addresses[-1] + DEFAULT_SIZE], strict=True):
        yield address, min(end - address, 1 << 16), names[address]


def function_size(obj: bytes, name: str) -> int:
    """Bytes of a function in a 64-bit ELF object, by its symbol table."""
    at, _, _, _, _, size, count = struct.unpack_from("<QIHHHHH", obj, 40)
    sections = [struct.unpack_from("<IIQQQQIIQQ", obj, at + k * size) for k in range(count)]
    for section in sections:
        if section[1] != SYMBOL_TABLE:
            continue
        texts = sections[section[6]][4]
        for entry in range(section[4], section[4] + section[5], 24):
            text, info, _, _, _, length = struct.unpack_from("<IBBHQQ", obj, entry)
            start = texts + text
            if info & 15 == FUNCTION and obj[start : obj.index(b"\0", start)] == name.encode():
                return int(length)
    raise ValueError(f"the object has no function {name}")
