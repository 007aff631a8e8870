"""`python -m tme.debug.replay TRACE PROGRAM`: does an engine do what a reference trace says?

Two ways of looking. `replay` traces the engine and compares the traces; a native engine then does one
instruction at a time. `check` lets the engine run freely, regions included, and compares registers and memory
wherever it stops.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tme.debug.compare import Difference, compare
from tme.debug.tracefile import Entry, MemoryBefore, Registers, Step, TraceWriter, read_trace
from tme.debug.tracer import Tracer
from tme.errors import TmeError
from tme.options import ENGINES

if TYPE_CHECKING:
    from translator.m68k.user import UserProgram

PAGE = 0x2000
CHUNK = 4096
"""Instructions between two polls of the JIT."""
BUDGETS = (1, 2, 3, 5, 8, 13, 50, 200, 777, 3000)
"""Slices of a free run, over and over."""


class Reference:
    """A trace that is read on while a program runs: registers and written memory at a step count."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.entries: Iterator[tuple[int, Entry]] = read_trace(file)
        self.registers: dict[str, int] = {}
        self.memory: dict[int, int] = {}
        self.before: list[MemoryBefore] = []
        self.step: Step | None = None
        self._begin()

    def _begin(self) -> None:
        """Everything in front of the first instruction."""
        for _, entry in self.entries:
            if isinstance(entry, Registers):
                self.registers = entry.values
            elif isinstance(entry, MemoryBefore):
                self.before.append(entry)
            else:
                self.step = entry
                break
        if not self.registers or self.step is None:
            raise TmeError("has no registers to begin with, or no instruction", str(self.file))
        self.registers["pc"] = self.step.pc or 0

    @property
    def ended(self) -> bool:
        return self.step is None

    def advance(self, count: int) -> int:
        """Go on by `count` steps, fewer at the end; how many."""
        done = 0
        while done < count and self.step is not None:
            self.registers.update(self.step.changes)
            for address, data in self.step.writes.items():
                self.memory.update(enumerate(data, address))
            self.step = next((e for _, e in self.entries if isinstance(e, Step)), None)
            if self.step is not None:
                self.registers["pc"] = self.step.pc or 0
            done += 1
        return done


def begin(program: Path, reference: Reference, native: Any = None, jit: Any = None) -> UserProgram:
    """The program in the state in which the trace begins."""
    from translator.m68k.user import STACK_TOP, UserProgram

    end = max((m.address + len(m.data) for m in reference.before), default=STACK_TOP - 1)
    user = UserProgram(program, native, jit, stack_top=(end // PAGE + 1) * PAGE)
    for memory in reference.before:
        user.poke(memory.address, memory.data)
    for name, value in reference.registers.items():
        user.set(name, value)
    return user


def replay(program: Path, trace: Path, out: Path, native: Any = None, jit: Any = None) -> Difference | int:
    """Write the engine's own trace to `out` and compare it: the first difference, or the number of steps."""
    user = begin(program, Reference(trace), native, jit)
    writer = TraceWriter(out, f"{program.name}")
    tracer = Tracer(user.cpu, writer)
    user.on_call = tracer.forget_writes
    user.cpu.observe(tracer)
    while user.status is None:
        user.run(CHUNK)
    writer.close()
    return compare(trace, out)


def check(
    program: Path, trace: Path, native: Any = None, jit: Any = None, budgets: Iterable[int] = BUDGETS,
    start: Callable[..., Any] = begin,
) -> str | int:
    """Run in slices and compare after each: what is wrong, or the number of instructions.

    `start` puts the program on a machine, in the state in which the trace begins.
    """
    reference = Reference(trace)
    user = start(program, reference, native, jit)
    slices = list(budgets)
    steps = turn = 0
    while not reference.ended:
        want = reference.advance(slices[turn % len(slices)])
        turn += 1
        done = user.run(want)
        steps += done
        if jit is not None:
            jit.poll()
        wrong = _wrong(user, reference, done, want)
        if wrong:
            return f"after {steps} instructions, {want} of them in the last slice: {wrong}"
    return steps if user.status is not None else "the program goes on behind the end of the trace"


def _wrong(user: UserProgram, reference: Reference, done: int, want: int) -> str | None:
    if user.failure:
        return user.failure
    if done != want:
        return f"the last slice ended after {done} instructions"
    registers = user.cpu.registers()
    if reference.ended:
        registers["pc"] = reference.registers["pc"]  # exit: nothing follows
    for name, value in reference.registers.items():
        if registers[name] != value:
            return f"{name} is {registers[name]:08x}, not {value:08x}"
    for address, value in reference.memory.items():
        if user.peek(address, 1)[0] != value:
            return f"memory at {address:08x} is {user.peek(address, 1)[0]:02x}, not {value:02x}"
    reference.memory.clear()
    return None


def engine(name: str, cache: Path | None = None, workers: int = 0, hot: int = 2) -> tuple[Any, Any]:
    """(native, jit) of an engine by name, as `begin` wants them."""
    if name == "concrete":
        return None, None
    from translator.cache import Cache, default_directory
    from translator.engine import Native
    from translator.jit import Jit
    from translator.m68k import MODELS
    from translator.m68k.user import PAGE_BITS
    from translator.memory import Mmu
    from translator.worker import Pool

    model, store = MODELS["m68020"], Cache(cache or default_directory())
    pool = Pool(2)
    try:
        native = Native(model, Mmu(page_bits=PAGE_BITS), store, pool)
    finally:
        pool.close()
    return native, Jit(model, native, Cache(None), Pool(workers), hot) if name == "jit" else None


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tme.debug.replay", description="Plays a reference trace on one of our engines."
    )
    parser.add_argument("trace", type=Path, metavar="TRACE")
    parser.add_argument("program", type=Path, metavar="PROGRAM")
    parser.add_argument("--engine", choices=tuple(ENGINES), default="jit")
    args = parser.parse_args(argv)
    try:
        native, jit = engine(args.engine)
        with tempfile.TemporaryDirectory() as folder:
            found = replay(args.program, args.trace, out := Path(folder) / "trace", native, jit)
            if isinstance(found, Difference):
                print(found.text((str(args.trace), out.name)))
                return 1
        free = check(args.program, args.trace, native, jit)
    except (TmeError, OSError, ValueError) as error:
        print(f"replay: {error}", file=sys.stderr)
        return 2
    if isinstance(free, str):
        print(f"step by step it is right, but {free}")
        return 1
    print(f"equal: {found} steps")
    return 0


if __name__ == "__main__":
    sys.exit(main())
