"""The 68020 with a coprocessor: its own Isa record (more registers, shared pieces and routines) and two
models.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...isa import Model
from ..model import M68K
from . import arith, formats, general, late, status
from . import control as _control  # noqa: F401  (it declares instructions)
from .host import host
from .quick import quick
from .regs import NAN, REGS


def _reset(state: Any, read: Callable[[int, int], int]) -> None:
    """The reset line resets both chips: the data registers hold NaNs (UM 2.1)."""
    M68K.reset(state, read)
    state.fpcr = state.fpsr = state.fpiar = state.fp_used = state.fp_pending = state.fp_last = 0
    state.fp_watch = 0
    for i in range(8):
        state.fp[2 * i + 1], state.fp[2 * i] = NAN


def _coprocessor(state: Any, on: bool) -> None:
    state.fp_off = not on


def _registers(state: Any) -> dict[str, int]:
    out = {f"fp{i}": int(state.fp[2 * i + 1]) << 64 | int(state.fp[2 * i]) for i in range(8)}
    return {
        **M68K.registers(state), **out,
        "fpcr": int(state.fpcr), "fpsr": int(state.fpsr), "fpiar": int(state.fpiar),
    }  # fmt: skip


PARTS: tuple[Any, ...] = (arith, formats, general, late, status)
M68K_FPU = replace(
    M68K,
    regs=M68K.regs + REGS,
    routines={**M68K.routines, **status.ROUTINES},
    shared={**M68K.shared, **{f: w for m in PARTS for f, w in m.SHARED.items()}},
    coprocessor=_coprocessor,
    quick=quick if platform.machine() == "x86_64" else None,
    host=host if platform.machine() == "x86_64" else None,
    settle=late.settle,
    helpers=(*arith.HELPERS, *formats.HELPERS),
    reset=_reset,
    registers=_registers,
)
UNITS = ("m68881", "m68882")
SYSTEMS = {f"m68020+{unit}": Model(M68K_FPU, f"m68020+{unit}", options={"fpu": unit}) for unit in UNITS}
