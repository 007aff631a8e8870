"""What every processor element is: one that joins a board to the translator.

The board supplies the memory management unit, the memories and the devices; what runs the instructions (the
JIT, the native interpreter or the concrete engine) is the user's choice.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from tme.args import Args
from tme.element import Element
from tme.errors import TmeError
from tme.machine import FAILED
from tme.memory import Memory
from tme.port import Port

if TYPE_CHECKING:
    from tme.machine import Machine
    from translator.cache import Cache
    from translator.cpu import Cpu
    from translator.idle import Idle
    from translator.isa import Model
    from translator.memory import Mmu
    from translator.window import Window


class Board(Protocol):
    """What a processor needs of its board; it is also the processor's `Io`."""

    @property
    def mmu(self) -> Mmu: ...

    def memories(self) -> Iterator[tuple[int, Memory]]:
        """(physical address, memory) of all memory that needs no help to be read and written."""

    def read(self, phys: int, va: int, size: int, fc: int) -> int: ...

    def write(self, phys: int, va: int, size: int, value: int, fc: int) -> None: ...

    def steady(self, phys: int, va: int, size: int, fc: int) -> int | None:
        """See translator.memory.Io."""

    def attach_cpu(self, cpu: Cpu) -> None:
        """The processor is there; it is reset before it runs."""

    def before_routine(self, name: str) -> None:
        """The processor is about to take an interrupt."""

    def bus_reset(self) -> None:
        """A RESET instruction."""

    def cpu_halted(self) -> None:
        """The processor has stopped (double bus fault, error mode).  Without a reset now, by a watchdog, the
        machine ends."""


class CpuPort(Port):
    """The processor's pins."""

    def __init__(self, element: Processor) -> None:
        super().__init__(element, "cpu", "cpu")


class BoardPort(Port):
    """A board's socket for a processor."""

    def __init__(self, element: Element, board: Board) -> None:
        super().__init__(element, "cpu", "board")
        self.board = board


class Processor(Element):
    """One processor. `cpu` is the translator's, once the machine has power.

    Subclasses say which `model` it is and, for people, what makes it `halted` and `stopped`.
    """

    why_halted: ClassVar[str] = "halted"

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.port = CpuPort(self)
        self.cpu: Cpu
        self.idle: Idle
        self._reset_due = True
        self._jit: Any = None
        self._pool: Any = None
        self._debugger: Any = None
        self._cache: Cache

    def ports(self, args: Args) -> list[Port]:
        return [self.port]

    def check(self) -> None:
        if self.port.peer is None:
            raise self.error(f"is on no board; connect it, as in `{self.name} at mainbus0`")

    @property
    def board(self) -> Board:
        peer: BoardPort = self.port.peer
        return peer.board

    def model(self) -> Model:
        """What the translator knows the processor as."""
        raise NotImplementedError

    def interrupt_mask(self) -> int:
        """The highest level that is masked."""
        raise NotImplementedError

    def realize(self) -> None:
        from translator.cpu import Cpu
        from translator.idle import Idle

        board, model = self.board, self.model()
        mmu = board.mmu
        native = self._native(model, mmu)
        self.cpu = Cpu(model, mmu, board, native, self._make_jit(model, native), board.bus_reset)
        self.idle = Idle(self.cpu)
        self.cpu.before_routine = board.before_routine
        for base, memory in board.memories():
            self.cpu.map(base, memory.size, memory.address, memory.writable, memory)
        board.attach_cpu(self.cpu)
        if self.machine.options.watched:
            from tme.debug.attach import Debugger

            self._debugger = Debugger(self.machine, self.cpu)
        self.machine.set_processor(self, self)

    def _native(self, model: Any, mmu: Mmu) -> Any:
        options = self.machine.options
        if options.engine == "concrete":
            return None
        from tme.progress import Progress
        from translator.cache import Cache, default_directory
        from translator.engine import Native
        from translator.worker import Pool

        directory = (options.cache_dir or default_directory()) if options.cache else None
        self._cache = Cache(directory, warn=lambda text: self.machine.log(self, text))
        cores, asked = len(os.sched_getaffinity(0)), options.jit_workers
        self._pool = Pool(max(cores - 1, 1) if asked is None else asked)
        if options.engine == "jit":
            self._pool.prepare(model.isa.name, model.name)
        pool = Pool(cores if asked is None else asked, nice=0)  # the machine waits for this
        progress = Progress()
        try:
            native = Native(model, mmu, self._cache, pool, progress, quick=asked != 0)
        finally:
            pool.close()
            progress.close()
        native.improve(self._cache, self._pool)
        return native

    def _make_jit(self, model: Any, native: Any) -> Any:
        options = self.machine.options
        if options.engine != "jit":
            return None
        from translator.jit import Jit

        self._jit = Jit(model, native, self._cache, self._pool, fastmem=options.fastmem)
        return self._jit

    def reset(self) -> None:
        """The reset line: it takes effect before the next instruction, when the board has been reset too."""
        self._reset_due = True

    def close(self) -> None:
        for thing in (self._jit, self._pool, self._debugger):
            if thing is not None:
                thing.close()
        self._jit = self._pool = self._debugger = None

    # ---- tme.machine.Processor ----------------------------------------------------------------------------

    @property
    def now(self) -> int:
        return self.cpu.now

    @property
    def answered(self) -> int:
        return int(self.cpu.state.answered)

    @property
    def waiting(self) -> bool:
        return (self.cpu.stopped or self.cpu.halted) and not self._reset_due

    def run(self, budget: int) -> int:
        cpu = self.cpu
        if self._reset_due:
            self._reset_due = False
            self._do_reset()
        done = cpu.run(budget)
        if cpu.halted:
            self._halt()
        return done

    def rests(self, budget: int) -> bool:
        return not self._reset_due and self.idle.look(budget)

    def skip(self, count: int) -> None:
        self.idle.skip(count)

    def _halt(self) -> None:
        """Nothing but a reset helps a halted processor; a board that has no watchdog gives it none."""
        self.board.cpu_halted()
        if not self._reset_due:
            self.log(f"{self.condition}, and nothing resets it; the registers were\n{self.describe()}")
            self.machine.stop(FAILED)

    @property
    def condition(self) -> str:
        """What the processor does, for people."""
        cpu = self.cpu
        if cpu.halted:
            return f"halted ({self.why_halted} at pc {int(cpu.state.pc):08x})"
        if cpu.stopped:
            return f"stopped (interrupt mask {self.interrupt_mask()})"
        return "running"

    def _do_reset(self) -> None:
        from translator.spec.concrete import AccessFault

        try:
            self.cpu.reset()
        except AccessFault as fault:
            raise self.error(f"no reset vector: nothing answers the {fault}") from None

    def limit(self, count: int) -> None:
        self.cpu.limit(count)

    def poll(self) -> None:
        if self._debugger is not None:
            self._debugger.poll()
        if self._jit is not None:
            self._jit.poll()
        elif self._pool is not None and self._pool.busy:
            self._pool.poll()

    def stats(self) -> dict[str, Any]:
        from translator.state import EXITS

        state, total = self.cpu.state, self.cpu.executed
        regions = int(state.insns_jit)
        skipped = self.idle.skipped
        slow = total - skipped if self.cpu.native is None else self.cpu.edges
        found: dict[str, Any] = {
            "engine": self.machine.options.engine,
            "processor": self.condition,
            "instructions by engine": {
                "jit": regions,
                "interp": total - regions - slow - skipped,
                "concrete": slow,
                "skipped": skipped,
            },
            "soft-TLB fills": int(state.tlb_fills),
            "device accesses": int(state.io_count),
            "device reads answered": int(state.answered),
        }
        if self.machine.options.engine != "concrete":
            cache = self._cache
            found["code cache"] = {"hits": cache.hits, "misses": cache.misses, "rejected": cache.rejected}
        if self._jit is not None:
            found["jit"] = self._jit.stats()
            found["region exits"] = dict(zip(EXITS, map(int, state.exits), strict=False))
        if self._debugger is not None:
            found["seconds by stage"] = self._debugger.stats()
            if self.machine.options.stats in ("text", "json"):
                found["where the time went"] = self._debugger.where()
        return found

    def registers(self) -> dict[str, int]:
        return self.cpu.registers()

    def read(self, address: int, length: int, physical: bool) -> bytes:
        with self._telling():
            return self._window(address, length, physical).read()

    def write(self, address: int, data: bytes, physical: bool) -> None:
        with self._telling():
            self._window(address, len(data), physical).write(data)

    def _window(self, address: int, length: int, physical: bool) -> Window:
        from translator.window import Window

        return Window(self.cpu.memory, address, length, None if physical else self.cpu.data_space)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """What is not there becomes an error for the user."""
        try:
            yield
        except LookupError as error:
            raise self.error(str(error)) from None

    # ---- for people ---------------------------------------------------------------------------------------

    def command(self, words: list[str]) -> str | None:
        if words != ["registers"]:
            raise TmeError(f"usage: command {self.name} registers")
        if not hasattr(self, "cpu"):
            raise TmeError(f"{self.name} has no power yet")
        lines = self.describe()
        return lines if self.condition == "running" else f"{self.condition}\n{lines}"

    def describe(self) -> str:
        """Registers, a few lines."""
        registers = self.cpu.registers()
        items = [f"{name} {value:0{4 if name == 'sr' else 8}x}" for name, value in registers.items()]
        return "\n".join("  ".join(items[at : at + 8]) for at in range(0, len(items), 8))
