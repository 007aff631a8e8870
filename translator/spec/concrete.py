"""The concrete engine: the specification executed on Python ints: slow, obvious, the oracle of the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from .insn import Fields, Insn
from .semantics import DATA, MODE, PROGRAM, Reg, Semantics, Space
from .value import Val


class AccessFault(Exception):
    """A memory access that the machine refused (`misaligned`: that the processor itself refused)."""

    def __init__(
        self, va: int, size: int, fc: int, write: bool, data: int = 0, misaligned: bool = False
    ) -> None:
        super().__init__(f"{'write' if write else 'read'} of {size} bytes at {va:#x}, space {fc}")
        self.va, self.size, self.fc, self.write, self.data, self.misaligned = (
            va,
            size,
            fc,
            write,
            data,
            misaligned,
        )


class Goto(Exception):
    """The instruction ended in a routine (an exception of the guest)."""

    def __init__(self, routine: str) -> None:
        super().__init__(routine)
        self.routine = routine


class Memory(Protocol):
    """What the concrete engine needs of a machine; accesses raise AccessFault."""

    def read(self, va: int, size: int, fc: int) -> int: ...

    def write(self, va: int, size: int, value: int, fc: int) -> None: ...

    def probe(self, va: int, size: int, fc: int) -> None: ...

    def fetch(self, va: int, size: int, fc: int) -> int: ...


class Concrete(Semantics):
    """Executes one instruction or routine at a time on a register dictionary-like `state` and a `memory`.

    `state` is any object with the layout's field names (a cffi struct or a namespace of ints and lists);
    `spaces(mode, space)` maps "data"/"program" to a function code.
    """

    def __init__(self, state: Any, memory: Memory, fcs: Callable[[int, str], int]) -> None:
        self.state, self.memory, self.fcs = state, memory, fcs
        self.word = 0
        self._pc = self._at = 0
        super().__init__()

    def start(self, pc: int) -> None:
        """Begin an instruction at pc."""
        self.begin()
        self._pc = self._at = pc

    def run(self, insn: Insn, word: int, known: dict[str, int]) -> None:
        """Execute; the pending registers are committed if nothing faulted."""
        self.word = word
        insn.fn(self, Fields(self, insn.pattern, known))
        self.commit()

    def successor(self) -> int:
        """Address of the next instruction."""
        if self.next is None:
            return self._at & 0xFFFFFFFF
        target = self.next[1].x
        assert isinstance(target, int)
        return target

    # -- registers -------------------------------------------------------------------------------------------

    def fetch_reg(self, reg: Reg, index: Val) -> Val:
        value = getattr(self.state, reg.name)
        return Val(self, reg.width, int(value if reg.count == 1 else value[index.x]))

    def store_reg(self, reg: Reg, index: Val, value: Val) -> None:
        if reg.count == 1:
            setattr(self.state, reg.name, value.x)
        else:
            getattr(self.state, reg.name)[index.x] = value.x
        if reg is MODE:
            self.on_mode()

    def on_mode(self) -> None:
        """The privilege mode has changed (native engines cache what depends on it)."""

    # -- memory ----------------------------------------------------------------------------------------------

    def _fc(self, space: Space) -> int:
        if isinstance(space, Val):
            assert isinstance(space.x, int)
            return space.x
        return self.fcs(self.state.mode, space)

    def load(self, addr: Val, size: int, space: Space = DATA) -> Val:
        assert isinstance(addr.x, int)
        return Val(self, size * 8, self.memory.read(addr.x, size, self._fc(space)))

    def store(self, addr: Val, value: Val, space: Space = DATA) -> None:
        assert isinstance(addr.x, int)
        assert isinstance(value.x, int)
        self.memory.write(addr.x, value.w // 8, value.x, self._fc(space))

    def probe(self, addr: Val, size: int, space: Space = DATA) -> None:
        assert isinstance(addr.x, int)
        self.memory.probe(addr.x, size, self._fc(space))

    def field(self, lo: int, width: int) -> Val:
        return Val(self, width, self.word >> lo & ((1 << width) - 1))

    def fetch(self, size: int = 2) -> Val:
        value = self.memory.fetch(self._at & 0xFFFFFFFF, size, self._fc(PROGRAM))
        self._at += size
        return Val(self, size * 8, value)

    @property
    def pc(self) -> Val:
        return Val(self, 32, self._pc & 0xFFFFFFFF)

    @property
    def next_pc(self) -> Val:
        return Val(self, 32, self._at & 0xFFFFFFFF)

    def helper(
        self, fn: Callable[..., tuple[int, ...]], widths: tuple[int, ...], *args: Val
    ) -> tuple[Val, ...]:
        return tuple(Val(self, w, x) for w, x in zip(widths, fn(*(a.x for a in args)), strict=True))

    def goto(self, routine: str) -> None:
        self.commit()
        raise Goto(routine)
