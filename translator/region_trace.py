"""One instruction of a region, recorded: operand fields, instruction words and pc are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .isa import Model
from .llvm import sse
from .spec.semantics import Reg
from .spec.value import Val
from .trace import Trace


class Untranslatable(Exception):
    """This instruction cannot be part of a region; the interpreter does it."""


class RegionTrace(Trace):
    """Records instructions with everything static known; `code(addr, size)` gives the guest's bytes."""

    def __init__(self, model: Model, mode: int, code: Callable[[int, int], int]) -> None:
        super().__init__(model)
        self.known_mode = mode
        self.code = code
        self.address = 0
        self.word = 0
        self.window = 0  # the current one, counted from the one at the region's entry
        self.transfer: tuple[Val, Val | None, bool] | None = None  # what `after_next` was told
        self.traits: set[str] = set()

    def start(self, address: int, word: int, window: int = 0) -> None:
        """Begin the instruction at `address` whose first word is `word`."""
        self.begin()
        self.window, self.transfer, self.traits = window, None, set()
        self.go_on(address, word)

    def go_on(self, address: int, word: int) -> None:
        """Begin one in the same step as that before it: nothing has been committed."""
        self.address, self.word = address, word
        self.do("insn", address)

    def after_next(self, target: Val, cond: Val | None = None, annul: bool = False) -> bool:
        self.transfer = target, cond, annul
        return True

    def hint(self, trait: str) -> None:
        self.traits.add(trait)

    def absolute(self, window: Val) -> Val:
        return self.emit("window", window.w, window)

    def field(self, lo: int, width: int) -> Val:
        return Val(self, width, self.word >> lo & ((1 << width) - 1))

    def fetch(self, size: int = 2) -> Val:
        offset = self.at.x
        if not isinstance(offset, int):
            raise Untranslatable("instruction of unknown length")
        value = self.code((self.address + offset) & 0xFFFFFFFF, size)
        self.advance(size)
        return Val(self, size * 8, value)

    @property
    def pc(self) -> Val:
        return Val(self, 32, self.address)

    def call(self, routine: Callable[..., Any], *args: Val) -> Any:
        return routine(self, *args)

    def helper(
        self, fn: Callable[..., tuple[int, ...]], widths: tuple[int, ...], *args: Val
    ) -> tuple[Val, ...]:
        raise Untranslatable("Python function")

    def host(self, name: str, a: Val, b: Val) -> tuple[Val, Val, Val]:
        if not sse.AVAILABLE:
            raise Untranslatable("the host's floating point")
        return self.emit("host", 64, name, a, b), self.const(1, 1), self.const(1, 1)

    def host_clean(self) -> Val:
        return self.const(1, 1)

    def expect(self, value: Val, usual: int) -> Val:
        self.do("expect", value, usual)
        return self.const(usual, value.w)

    def goto(self, routine: str) -> None:
        self.do("goto", routine)  # a side exit: nothing of this instruction is committed
        self.dead = True

    def fetch_reg(self, reg: Reg, index: Val) -> Val:
        if not isinstance(index.x, int):
            raise Untranslatable(f"{reg.name} with a run-time number")
        if reg is self.m.isa.window:
            return Val(self, reg.width, self.window)
        if reg is self.m.isa.delay:
            return Val(self, reg.width, 0)
        return super().fetch_reg(reg, index)

    def store_reg(self, reg: Reg, index: Val, value: Val) -> None:
        if not isinstance(index.x, int):
            raise Untranslatable(f"{reg.name} with a run-time number")
        if reg is self.m.isa.window or reg is self.m.isa.delay:
            if value.known is None or (reg is self.m.isa.delay and value.known):
                raise Untranslatable(f"{reg.name} of a run-time value")
            if reg is self.m.isa.window:
                self.window = value.known
            return
        super().store_reg(reg, index, value)
