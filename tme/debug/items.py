"""What `-d` shows of the processor; boards show `mmio`, `mmu` and `leds` themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tme.debug.listing import Listing

if TYPE_CHECKING:
    from translator.codes import Code
    from translator.cpu import Cpu, Observer
    from translator.jit import Jit

Log = Callable[[str], None]
Wanted = Callable[[int], bool]


class Observers:
    """Several observers of one processor."""

    def __init__(self, observers: list[Observer]) -> None:
        self.observers = observers

    def before(self, routine: str | None) -> None:
        for observer in self.observers:
            observer.before(routine)

    def after(self, routine: str | None) -> None:
        for observer in self.observers:
            observer.after(routine)


class Instructions:
    """`in_asm` (without a JIT), `exec` and `cpu`: something about each instruction before it is executed."""

    def __init__(self, cpu: Cpu, items: frozenset[str], log: Log, wanted: Wanted) -> None:
        self.cpu, self.items, self.log, self.wanted = cpu, items, log, wanted
        self._listing = Listing(cpu)
        self._seen: set[tuple[int, str]] = set()

    def before(self, routine: str | None) -> None:
        pc = int(self.cpu.state.pc)
        if routine is not None or not self.wanted(pc):
            return
        if "in_asm" in self.items:
            self._new(pc)
        if "exec" in self.items:
            self.log(f"exec {self._listing.line(pc)}")
        if "cpu" in self.items:
            self.log("cpu " + registers(self.cpu))

    def _new(self, pc: int) -> None:
        """Show an instruction the first time, and again when its bytes have changed."""
        at = pc, self._listing.at(pc)[0]
        if at not in self._seen:
            self._seen.add(at)
            self.log(f"in_asm {self._listing.line(pc)}")

    def after(self, routine: str | None) -> None:
        """Everything has been said before."""


def registers(cpu: Cpu) -> str:
    """All registers on one line."""
    return " ".join(f"{name}={value:0{4 if name == 'sr' else 8}x}" for name, value in cpu.registers().items())


def show_exceptions(cpu: Cpu, items: frozenset[str], log: Log) -> None:
    """`int`, and of `mmu` the faults: a line after each exception. Native code runs on at full speed."""
    isa = cpu.model.isa
    data = isa.fcs(1, "data")

    def read(va: int, size: int) -> int | None:
        return cpu.memory.peek(va, size, data)

    def show(routine: str) -> None:
        if "int" not in items and routine != "fault":
            return
        item = "int" if "int" in items else "mmu fault"
        log(f"{item} {isa.exception(cpu.state, routine, cpu.model.name, read)}")

    cpu.watch_routines(show)


class Regions:
    """`in_asm` and `jit`: regions as they are linked and dropped, and the dumps of --dump-ir."""

    def __init__(self, cpu: Cpu, jit: Jit, items: frozenset[str], log: Log, wanted: Wanted) -> None:
        self.cpu, self.items, self.log, self.wanted = cpu, items, log, wanted
        self.stages: tuple[str, ...] = ()
        self.dump: Log = log
        """Where the texts of `stages` go."""
        self._listing = Listing(cpu)
        self._before: Any = jit.on_linked
        jit.on_linked, jit.on_dropped = self.linked, self.dropped

    def linked(self, code: Code, obj: bytes) -> None:
        """A region is ready."""
        self._before(code, obj)
        if not any(self.wanted(pc) for pc in (code.entry, *(a for a, _ in code.spans))):
            return
        if "jit" in self.items:
            self.log(f"jit linked {self._name(code)}, {code.size} bytes of host code at {code.address:#x}")
        if not self.stages and "in_asm" not in self.items:
            return
        from translator.inspect import headings, region_of, stages

        region = region_of(code, self.cpu.model)
        if "in_asm" in self.items:
            self.log(f"in_asm {self._name(code)}")
            for line in headings(region, self._listing.line).values():
                self.log(f"in_asm {line}")
        for text in stages(region, self.cpu.mmu.page_bits, self.stages, self._listing.line):
            self.dump(text)

    def dropped(self, code: Code) -> None:
        """A region is forgotten: its guest code was written to, or lies elsewhere now."""
        if "jit" in self.items and self.wanted(code.entry):
            self.log(f"jit dropped {self._name(code)}")

    def _name(self, code: Code) -> str:
        return f"region {code.entry:08x} mode {code.mode}, {code.insns} instructions"
