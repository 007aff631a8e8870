"""A processor on a memory of single bytes, driven by the concrete engine: what instruction tests run on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from translator.concrete import ConcreteCpu
from translator.isa import Model
from translator.memory import Mmu
from translator.spec.concrete import AccessFault
from translator.state import CORE


class Bytes:
    """Memory of bytes at `address & mask`; with `holes` unknown bytes refuse, else they read as 0."""

    def __init__(self, model: Model, mask: int = 0xFFFFFFFF, holes: bool = False) -> None:
        self.model, self.mask, self.holes = model, mask, holes
        self.bytes: dict[int, int] = {}
        self.log: list[tuple[str, int, int, int]] = []

    def _check(self, va: int, size: int, fc: int, write: bool, data: int = 0) -> None:
        if va & self.model.alignment(size):
            raise AccessFault(va, size, fc, write, data, misaligned=True)
        if self.holes:  # the part of the access that meets the hole is what the processor reports
            for i in range(size):
                if va + i & self.mask not in self.bytes:
                    raise AccessFault(va + i, size - i, fc, write, data & (1 << 8 * (size - i)) - 1)

    def read(self, va: int, size: int, fc: int) -> int:
        self._check(va, size, fc, False)
        value = self.peek(va, size)
        self.log.append(("r", va, size, value))
        return value

    def write(self, va: int, size: int, value: int, fc: int) -> None:
        self._check(va, size, fc, True, value)
        self.log.append(("w", va, size, value))
        self.poke(va, size, value)

    def probe(self, va: int, size: int, fc: int) -> None:
        self._check(va, size, fc, True)

    def fetch(self, va: int, size: int, fc: int) -> int:
        if self.holes:
            self._check(va, size, fc, False)
        return self.peek(va, size)

    def peek(self, va: int, size: int) -> int:
        return int.from_bytes((self.bytes.get(va + i & self.mask, 0) for i in range(size)), "big")

    def poke(self, va: int, size: int, value: int) -> None:
        for i, b in enumerate(value.to_bytes(size, "big")):
            self.bytes[va + i & self.mask] = b


class Tiny:
    """State, memory and the concrete engine of one model."""

    def __init__(self, model: Model, mask: int = 0xFFFFFFFF, holes: bool = False) -> None:
        self.model = model
        self.state: Any = SimpleNamespace(**{name: 0 if n == 1 else [0] * n for _, name, n in CORE})
        for reg in model.isa.regs:
            setattr(self.state, reg.name, 0 if reg.count == 1 else [0] * reg.count)
        self.memory, self.mmu = Bytes(model, mask, holes), Mmu(page_bits=0)  # no pages: none has an edge
        self.reason: Any = None
        self.engine = ConcreteCpu(self)  # type: ignore[arg-type]

    def mode_changed(self) -> None:
        """Nothing is cached here."""

    def step(self) -> None:
        self.engine.instruction()
