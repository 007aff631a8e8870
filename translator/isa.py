"""What the engines must be told of an instruction set; nothing outside translator/ISA/ knows more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .spec.insn import Decoder, InsnSet
from .spec.semantics import Reg, Semantics
from .state import Layout


@dataclass(frozen=True)
class Isa:
    """An instruction set: instructions, registers, routines and the few habits that engines depend on."""

    name: str
    insns: InsnSet
    regs: tuple[Reg, ...]
    # name -> semantics without operands.  `fault` runs after a refused access (state.fault_*), `illegal` on
    # words that decode to nothing; a fault inside a routine ends in `double_fault`.  `interrupt` and `trace`
    # run between instructions when `pending` asks for them.
    routines: Mapping[str, Callable[[Semantics], None]]
    # function code of an access: (mode, "data" | "program") -> int
    fcs: Callable[[int, str], int]
    # text and length of the instruction at pc: (fetch(addr, size) -> int, pc, model) -> (text, bytes)
    disassemble: Callable[[Callable[[int, int], int], int, str], tuple[str, int]]
    # state -> name of a routine to run before the next instruction, or None
    pending: Callable[[Any], str | None]
    # state -> non-zero while instructions are followed by a look at `traced`
    tracing: Callable[[Any], int]
    # (state, what `tracing` said before, the instruction's address, whether it jumped) -> routine to run, or
    # None
    traced: Callable[[Any, int, int, bool], str | None]
    # (state, reset vectors' reader (addr, size) -> int) -> None: what the processor does at reset
    reset: Callable[[Any, Callable[[int, int], int]], None]
    # one line of register text for traces and dumps: state -> {name: value}
    registers: Callable[[Any], dict[str, int]]
    # one line on the exception just taken, for people: (state, routine, model, supervisor data (addr, size)
    # -> int | None)
    exception: Callable[[Any, str, str, Callable[[int, int], int | None]], str] = (
        lambda state, routine, model, read: routine
    )
    # pieces that the interpreter keeps one copy of (Semantics.call), with the widths of their arguments
    shared: Mapping[Callable[..., Any], tuple[int, ...]] = field(default_factory=dict)
    # routines that begin again after a fault in them, because what led there is done (state.fault_routine)
    resumable: tuple[str, ...] = ()
    # functions on ints for Semantics.helper: what is too rare and too large for the specification language
    helpers: tuple[Callable[..., tuple[int, ...]], ...] = ()
    # the board lets the coprocessor answer, or not: (state, on)
    coprocessor: Callable[[Any, bool], None] = lambda state, on: None
    # a short form, for regions on this host, of an instruction that regions do not have:
    # (trace, insn, fields) -> whether there is one
    quick: Callable[[Any, Any, Any], bool] | None = None
    # what an interpreter's handler tries first on this host: (trace, insn, fields) -> whether there is
    # anything. It requires what it needs, and changes nothing that matters before; every path is `done`
    host: Callable[[Any, Any, Any], bool] | None = None
    # registers that native code leaves for later are put right before anybody else sees them
    settle: Callable[[Semantics], None] | None = None
    # a register that is 0 but between a transfer and its delay slot: regions are entered and left with 0
    delay: Reg | None = None
    # the number of the current register window, out of options["windows"] (see Reg.windows)
    window: Reg | None = None
    word: int = 2  # bytes of the smallest instruction
    longest: int = 22  # bytes of the longest instruction
    big_endian: bool = True

    @cached_property
    def layout(self) -> Layout:
        return Layout(self.name, self.regs)


@dataclass(frozen=True)
class Model:
    """One processor of an instruction set; `name` may be "CORE+UNIT", a core with a coprocessor."""

    isa: Isa
    name: str
    aligned: int = (
        1  # accesses of this size or more must be aligned to it (68000: 2; SPARC: 8 = naturally); 1: never
    )
    options: Mapping[str, Any] = field(default_factory=dict)
    log_bytes: int = 60  # what the frame of a bus error can carry for the restart (translator.replay)

    @property
    def core(self) -> str:
        """The name without its coprocessor."""
        return self.name.partition("+")[0]

    @cached_property
    def decoder(self) -> Decoder:
        return self.isa.insns.model(self.name)

    @cached_property
    def shared_results(self) -> dict[Any, Any]:
        """What `translator.trace.result_widths` has found out."""
        return {}

    def alignment(self, size: int) -> int:
        """Low address bits that must be zero in an access of `size` bytes."""
        return min(size, self.aligned) - 1
