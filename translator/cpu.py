"""One processor: its state, its engines, and `run(budget)`.

    run ─► routine due (interrupt)? ─► engine: native code (interpreter, with or without regions) or concrete
        ◄─ reason: budget, attention, recheck, stopped, reset, halted, edge

Every engine executes exactly the instructions it is asked for and leaves the same state.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from . import softmmu
from .answers import Answers
from .concrete import ConcreteCpu
from .edges import Edges
from .isa import Model
from .maps import Maps
from .memory import GuestMemory, Io, Mmu, NoIo, Range, Refused
from .replay import Replay
from .state import Reason

ROUTINE_AGAIN = 1 << 31  # in state.redo: not an instruction, but the routine with this number + 1
NEVER = 0x10000  # a heat that a 16-bit counter does not reach


class Observer(Protocol):
    """Sees every instruction, and every routine between instructions (then with its name)."""

    def before(self, routine: str | None) -> None: ...

    def after(self, routine: str | None) -> None: ...


class Cpu(Maps):
    """A processor on a memory; `on_reset` is called when the guest pulls its reset line."""

    def __init__(
        self,
        model: Model,
        mmu: Mmu | None = None,
        io: Io | None = None,
        native: Any = None,
        jit: Any = None,
        on_reset: Callable[[], None] = lambda: None,
    ) -> None:
        self.model = model
        self.mmu = mmu or Mmu()
        self.io = io or NoIo()
        self.on_reset = on_reset
        self.state, self._owner, self.address = model.isa.layout.new()
        self.answers = Answers(self.state)
        self.replay = Replay(model, self.state, self.address)
        self.memory = GuestMemory(model, self.mmu, self.io, self._code_written, self.replay)
        self.concrete = ConcreteCpu(self)
        self.rare = Edges(self)
        self.native = native
        self.own_registers = 0  # address of the native Mmu.registers
        self.jit: Any = None
        self.fastmem = None
        self.reason = Reason.BUDGET
        self.stopped = self.halted = False
        self.jumps_used = True  # the jump cache may hold something
        self.short_slices = False  # so that the places at which they begin should be regions
        self.executed = 0  # instructions since power-up, up to the start of the running slice
        self.edges = 0  # instructions that the concrete engine did for a native one
        self._slice = 0
        self._end = 0  # instruction count at which `run` returns
        self.before_routine: Callable[[str], None] = lambda name: None  # an interrupt is about to be taken
        self.observer: Observer | None = None
        self.on_routine: Callable[[str], None] = lambda name: None  # see watch_routines
        self.error: BaseException | None = None
        self.on_code_write: Callable[[Range, int, int], None] = lambda r, o, n: None
        u32, u64 = ctypes.c_uint32, ctypes.c_uint64
        self._see_tags()
        self._callback = ctypes.CFUNCTYPE(ctypes.c_int32, u64, u32, u32, u64)(self._io)
        self.state.io = ctypes.cast(self._callback, ctypes.c_void_p).value
        self._helper = ctypes.CFUNCTYPE(None, u64, u32, u32)(self._help)
        self.state.helper = ctypes.cast(self._helper, ctypes.c_void_p).value
        self.state.mmu = self.mmu.address
        self.state.hot_limit = NEVER
        self.flush()
        if native is not None:
            native.attach(self)
        if jit is not None:
            self.jit = jit
            jit.attach(self)

    # -- watching --------------------------------------------------------------------------------------------

    def observe(self, observer: Observer | None) -> None:
        """Show every instruction to `observer`; the native engines then do one at a time, without regions."""
        self.observer = observer
        self.attention()

    def watch_writes(self, fn: Callable[[int, int, int], None] | None) -> None:
        """Call fn(va, size, value) for every store done.  Native code is told that no memory can be written,
        so that each store comes to Python."""
        self.memory.on_write = fn
        self.see_registers(fn is not None)
        for slot, r in zip(self.state.ranges, self.memory.ranges, strict=False):
            slot.writable = int(r.writable and fn is None)
        self.flush()

    def see_registers(self, on: bool) -> None:
        """Let every cycle to the MMU's registers come to `io`, for `io` to log them."""
        self.state.registers = 0 if on else self.own_registers

    def watch_routines(self, fn: Callable[[str], None]) -> None:
        """Call fn(name) after every routine that went on in the guest (exceptions, interrupts)."""
        self.state.watch = 1
        self.on_routine = fn

    def _code_written(self, r: Range, offset: int, size: int) -> None:
        self.on_code_write(r, offset, size)

    def _io(self, phys: int, va: int, desc: int, value: int) -> int:
        """Called by native code; nothing may escape."""
        try:
            size, fc, op = desc & 0xFF, desc >> 8 & 0xFF, desc >> 16
            if op == softmmu.IO_CODE:
                hit = self.memory.find(phys)
                if hit:
                    self._code_written(*hit, 8)
            elif op == softmmu.IO_WRITE:
                value &= (1 << 8 * size) - 1
                self.answers.forget()
                if self.memory.on_write is None:
                    self.replay.write(self.io, phys, va, size, value, fc)
                elif self.memory.store(phys, va, size, value, fc):
                    self.state.io_count -= 1
            else:
                self.state.slow_value = self.replay.read(self.io, phys, va, size, fc)
                if not self.replay.paused:
                    self.answers.after(self.io, phys, va, size, fc)
            return 0
        except Refused:
            self.answers.forget()
            return 1
        except (
            BaseException
        ) as e:  # a mistake of ours: stop the machine, tell the user, never unwind native code
            if self.error is None:
                self.error = e
            self.attention()
            return 1

    def _help(self, state: int, number: int, count: int) -> None:
        """Called by native code for Semantics.helper; nothing may escape."""
        values = self.state.helper_values
        try:
            results = self.model.isa.helpers[number](*values[0:count])
            values[0 : len(results)] = results
        except BaseException as e:  # as in _io
            if self.error is None:
                self.error = e
            self.attention()

    # -- running ---------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """Instructions since power-up, exact also inside a device access."""
        return self.executed + (self._slice - int(self.state.budget))

    def attention(self) -> None:
        """Leave native code at the next instruction boundary."""
        s = self.state
        s.attention = 1
        s.fetch_span, s.fetch_end = 0, 0

    def limit(self, count: int) -> None:
        """Let the `run` under way end at instruction `count` at the latest (something is due then)."""
        if count < self._end:
            self._end = count
            self.attention()

    def reset(self) -> None:
        """The processor's reset: its vector is read through the machine."""
        isa = self.model.isa
        self.stopped = self.halted = False
        self.replay.reset()
        self.flush()
        isa.reset(self.state, lambda a, n: self.memory.read(a, n, isa.fcs(1, "program")))
        self.halted = bool(self.state.pc & isa.word - 1)  # a fault while reset goes on is a double one
        self.mode_changed()

    def run(self, budget: int) -> int:
        """Execute up to `budget` instructions; fewer only if the processor stops, halts or resets.

        Returns the number executed.  `stopped` and `halted` tell why it was fewer.
        """
        isa, s = self.model.isa, self.state
        start = self.executed
        self._end = start + budget
        while self.executed < self._end and not self.halted:
            redo = int(s.redo)  # a restarted instruction: nothing comes in front of it
            due = None if redo else isa.pending(s)
            if due is not None:
                self.stopped = False
                self.before_routine(due)
                self._run_routine(due)
                continue
            if self.stopped:
                break
            tracing, pc = isa.tracing(s), int(s.pc)
            if redo & ROUTINE_AGAIN:
                self._take_again(redo & ~ROUTINE_AGAIN, tracing, pc)
                continue
            observer = self.observer
            if observer is not None:
                observer.before(None)
            if tracing or redo:
                self._run_concrete(1, bool(redo))
            else:
                self._run_slice(1 if observer else self._end - self.executed, observer is not None)
            if self.error is not None:
                error, self.error = self.error, None
                raise error
            if self.reason is Reason.STOPPED:
                self.stopped = True
            elif self.reason is Reason.HALTED:
                self.halted = True
            elif self.reason is Reason.RESET:
                self.on_reset()
            elif self.reason is Reason.ROUTINE:
                self.on_routine(list(isa.routines)[s.routine])
            if observer is not None:
                observer.after(None)
            if tracing and not self.halted:
                traced = isa.traced(s, tracing, pc, self.concrete.next is not None)
                if traced is not None:
                    self.stopped = False
                    self._run_routine(traced)
        self._end = 0
        return self.executed - start

    def _take_again(self, number: int, tracing: int, pc: int) -> None:
        """An exception in whose beginning there was a fault; guests can ask for any number."""
        isa, s = self.model.isa, self.state
        self.replay.done()
        name = dict(enumerate(isa.routines, 1)).get(number, "")
        if name not in isa.resumable:
            return
        self._run_routine(name)
        traced = isa.traced(s, tracing, pc, True) if tracing and name != "trace" else None
        if traced is not None and not self.halted:
            self._run_routine(traced)

    def _run_slice(self, budget: int, alone: bool) -> None:
        """Up to `budget` instructions in the engine of choice; sets reason, counts."""
        if self.native is None:
            self._run_concrete(budget)
            return
        s = self.state
        s.attention = 0
        self._slice = budget
        self.replay.forget()
        self.answers.forget()
        native = self.native
        run = native.step if alone else native.run_warm if self.short_slices else native.run
        run(self.address, s.pc, budget)
        self.reason = Reason(s.reason)
        if self.reason is Reason.EDGE:
            left = int(s.budget)
            self.rare.instruction()
            s.budget = left - 1
            self.edges += 1
            if self.reason is Reason.EDGE:
                self.reason = Reason.BUDGET
        self._account(budget)

    def _run_concrete(self, budget: int, redo: bool = False) -> None:
        """The same in the concrete engine, which does traced and restarted instructions for the others."""
        s = self.state
        s.attention = 0
        self._slice = left = budget
        self.reason = Reason.BUDGET
        self.replay.forget()
        while left and self.reason is Reason.BUDGET:
            s.budget = left
            if redo:
                self.replay.restart()
            self.concrete.instruction()
            left -= 1
            if s.attention and self.reason is Reason.BUDGET:
                self.reason = Reason.ATTENTION
        s.budget = left
        if redo:
            self.replay.done()
        if self.native is not None:
            self.edges += budget - left
        self._account(budget)

    def _account(self, budget: int) -> None:
        """The end of a slice of `budget`, of which state.budget is left."""
        s = self.state
        done = budget - int(s.budget)
        self._slice = 0
        s.budget = 0
        self.executed += done

    def _run_routine(self, name: str) -> None:
        """An interrupt or trace exception: takes no time of its own."""
        s = self.state
        if self.observer is not None:
            self.observer.before(name)
        self.replay.forget()
        self.replay.paused = True
        if self.native is None:
            self.reason = Reason.BUDGET
            self.concrete.routine(name)
        else:
            self.answers.forget()
            s.attention = 0
            self._slice = 1
            self.native.routines[name](self.address, s.pc, 1)
            self._slice = 0
            self.reason = Reason(s.reason)
        self.replay.paused = False
        s.budget = 0
        if self.reason is Reason.HALTED:
            self.halted = True
        elif self.reason is Reason.ROUTINE:
            self.on_routine(list(self.model.isa.routines)[s.routine])
        if self.observer is not None:
            self.observer.after(name)

    @property
    def data_space(self) -> int:
        """The function code of data accesses in the present mode."""
        return self.model.isa.fcs(int(self.state.mode), "data")

    def registers(self) -> dict[str, int]:
        """Name -> value, for people."""
        return self.model.isa.registers(self.state)

    def disassemble(self, pc: int, fetch: Callable[[int, int], int] | None = None) -> tuple[str, int]:
        """Text and length of the instruction at pc."""
        isa = self.model.isa
        fetch = fetch or (lambda a, n: self.memory.fetch(a, n, isa.fcs(int(self.state.mode), "program")))
        return isa.disassemble(fetch, pc, self.model.name)

    def ranges(self) -> Iterable[Range]:
        return self.memory.ranges
