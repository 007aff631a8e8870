"""What can be asked of a machine: the command line and the Python API share this record."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Engine = Literal["jit", "interp", "concrete"]

ENGINES: dict[Engine, str] = {
    "jit": "compile hot regions to host code, interpret the rest (default)",
    "interp": "the native threaded interpreter only",
    "concrete": "one Python call per instruction: slow, the reference",
}
IR_STAGES = {
    "uop": "typed operations of a region",
    "llvm": "the LLVM text made from them",
    "opt": "the same after LLVM's passes",
    "asm": "host code",
}
DEBUG_ITEMS = {
    "in_asm": "guest code when it is translated, or without --jit first executed (slow)",
    "exec": "every instruction executed: address, bytes, disassembly (slow)",
    "cpu": "registers before every instruction (slow)",
    "int": "exceptions and interrupts: vector, pc, sr, fault address",
    "jit": "regions linked and dropped",
    "mmio": "device accesses: device, address, size, value",
    "mmu": "maps and contexts as they are written and read, accesses refused",
    "leds": "diagnostic LEDs, when they change",
}


@dataclass
class Options:
    """Settings of one machine; the defaults suit a program that uses the API."""

    engine: Engine = "jit"
    clock: Literal["icount", "host"] = "icount"
    """`icount`: guest time follows the instruction count, so that runs repeat; `host`: the host's time."""
    insns: int | None = None
    """Stop after this many guest instructions."""

    boot: Path | None = None
    """Program for the boot device; the firmware boots it at once."""
    boot_args: tuple[str, ...] = ()
    """Its arguments, without its own name."""
    boot_dir: Path | None = None
    """The folder that programs named at the firmware's prompt come from; by default that of `boot`."""
    verbose: bool = False
    """Let the firmware print its banner although a program was given."""

    jit_workers: int | None = None
    """Translating processes; None: as many as the host has to spare, 0: translate in this process."""
    fastmem: bool = True
    """Let compiled code reach guest memory without a check, where the host allows it (translator.fastmem)."""
    cache_dir: Path | None = None
    """The code cache; None: the user's cache folder."""
    cache: bool = True
    """Keep compiled code on disk."""

    dump_ir: tuple[str, ...] = ()
    """Of IR_STAGES; needs the JIT."""
    dump_to: Path | None = None
    """Where these go instead of to standard error."""
    dfilter: tuple[int, int] | None = None
    """Restrict dumps and debug items to guest addresses LO..HI (inclusive)."""
    debug: frozenset[str] = field(default_factory=frozenset)
    """Of DEBUG_ITEMS."""
    trace: Path | None = None
    """Write an instruction trace here, compressed if the name ends in .gz."""
    perf_map: bool = False
    """Write /tmp/perf-PID.map for `perf`."""
    stats: Literal["text", "json", "brief"] | None = None
    """Print statistics at the end, to standard error; `brief`: as JSON, without a look at where time goes."""
    log: Path | None = None
    """Messages of elements and debug items go here instead of standard error; `-` is standard error."""

    @property
    def watched(self) -> bool:
        """Whether anything of the processor is to be shown (tme.debug.attach)."""
        return bool(self.debug or self.trace or self.dump_ir or self.stats or self.perf_map)
