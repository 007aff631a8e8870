"""SPARC for the engines: instructions, registers, routines, and its models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

from ..isa import Isa, Model
from ..spec.concrete import Concrete, Memory
from . import arith, branch, memory, system  # noqa: F401  (they declare the instructions)
from .decl import ISET
from .disasm import disassemble
from .flags import pack_icc
from .fpu import branch as fpu_branch  # noqa: F401
from .fpu import memory as fpu_memory
from .fpu.exact import SHARED
from .fpu.queue import ROUTINES as FPU_ROUTINES
from .fpu.regs import FP_MODE, FPD, FPU_REGS, is_enabled, reset_fpu
from .regs import (
    ASI_SUPER_CODE,
    ASI_SUPER_DATA,
    ASI_USER_CODE,
    ASI_USER_DATA,
    CWP,
    DELAY,
    NAMES,
    REGS,
    lay_out,
)
from .traps import NOT_MASKED, ROUTINES


def _space(mode: int, space: str) -> int:
    if space == "data":
        return ASI_SUPER_DATA if mode else ASI_USER_DATA
    return ASI_SUPER_CODE if mode else ASI_USER_CODE


def _pending(state: Any) -> str | None:
    """An interrupt above PIL, or level 15, while traps are enabled."""
    if state.et and (state.irl > state.pil or state.irl == NOT_MASKED):
        return "interrupt"
    return None


def _reset(windows: int, state: Any, read: Callable[[int, int], int]) -> None:
    """Supervisor, traps disabled, PC 0 and nPC 4 (V8 manual, 7.1); the rest keeps what it had."""
    lay_out(state, windows)
    state.mode, state.et, state.ps = 1, 0, 0
    state.pc = state.delay = 0
    state.cwp %= windows
    reset_fpu(state)


def next_pc(state: Any) -> int:
    """nPC of a state."""
    return int(state.delay) & ~1 if state.delay else int(state.pc) + 4 & 0xFFFFFFFF


def pack_psr(state: Any, implementation: int = 0) -> int:
    """PSR of a state."""
    flags = pack_icc(state) << 20 | state.pil << 8 | state.mode << 7 | state.ps << 6 | state.et << 5
    return int(implementation << 24 | flags | is_enabled(state) << 12 | state.cwp)


def pack_fsr(state: Any, ver: int) -> int:
    """FSR of a state."""
    s = Concrete(state, cast(Memory, None), _space)
    s.options = {"fpu": ver}
    return int(fpu_memory.fsr(s, s.read(FP_MODE)).x)  # type: ignore[arg-type]


def _registers(implementation: int, ver: int | None, state: Any) -> dict[str, int]:
    """Of the current window; doubles by the number of their upper half."""
    out = {name: int(state.file[state.rmap[state.cwp << 5 | n]]) for n, name in enumerate(NAMES)}
    return {
        **out, "pc": int(state.pc), "npc": next_pc(state), "psr": pack_psr(state, implementation),
        "y": int(state.y), "wim": int(state.wim), "tbr": int(state.tbr),
        **({} if ver is None else {f"f{2 * n}": int(state.fpd[n]) for n in range(FPD.count)}),
        **({} if ver is None else {"fsr": pack_fsr(state, ver)}),
    }  # fmt: skip


def _isa(windows: int, implementation: int, ver: int | None) -> Isa:
    fpu = ver is not None
    return Isa(
        name="sparc",
        insns=ISET,
        regs=REGS + FPU_REGS * fpu,
        routines={**ROUTINES, **(FPU_ROUTINES if fpu else {})},
        shared=SHARED if fpu else {},
        fcs=_space,
        disassemble=disassemble,
        pending=_pending,
        tracing=lambda state: 0,
        traced=lambda state, mode, pc, jumped: None,
        reset=partial(_reset, windows),
        registers=partial(_registers, implementation, ver),
        delay=DELAY,
        window=CWP,
        word=4,
        longest=4,
    )


def _model(name: str, windows: int, implementation: int, **fpu: Any) -> Model:
    options = {"windows": windows, "implementation": implementation, **fpu}
    return Model(_isa(windows, implementation, fpu.get("fpu")), name, aligned=8, options=options, log_bytes=0)


# Windows; implementation and version as PSR has them (V8 manual, appendix L).
PROCESSORS = {
    "mb86900": (7, 0x00),  # V7
    "cy7c601": (8, 0x11),  # V7
    "mb86904": (8, 0x04),  # V8: microSPARC-II
}
MODELS = {name: _model(name, *what) for name, what in PROCESSORS.items()}
MB86900, CY7C601, MB86904 = MODELS.values()

# With a floating-point unit: core, its names in the order of FSR.ver (fpu-type of the elements), first ver.
UNITS = (
    ("mb86900", ("mb86910/wtl116x", "mb86911/wtl116x", "l64802/act8847", "wtl317x", "l64804"), 0),
    ("cy7c601", ("l64812/act8847", "l64814", "tms390-c602A", "wtl3171/cy7c602"), 0),
    ("mb86904", ("mb86904",), 4),
)


def _units() -> Iterator[Model]:
    for core, names, first in UNITS:
        for ver, name in enumerate(names, first):
            yield _model(
                f"{core}+{name}",
                *PROCESSORS[core],
                fpu=ver,
                fpu_roots=core != "mb86900",  # FSQRTs, FSQRTd; else unimplemented_FPop
                fpu_mulwide=core == "mb86904",  # FsMULd
                fpu_strict_pairs=core == "mb86900",  # an odd register number of a double is an error
            )


SYSTEMS = {m.name: m for m in _units()}
