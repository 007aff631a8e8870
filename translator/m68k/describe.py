"""What has just been taken, in words: `-d int` asks after each exception."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .exceptions import AUTOVECTORS, BUS_ERROR, ILLEGAL, TRACE, TRAPS
from .regs import AUTOVECTOR

NAMES = {
    2: "bus error", 3: "address error", 4: "illegal instruction", 5: "zero divide", 6: "CHK, CHK2",
    7: "TRAPV, TRAPcc", 8: "privilege violation", 9: "trace", 10: "line A", 11: "line F", 14: "format error",
    **{AUTOVECTORS + level: f"interrupt autovector {level}" for level in range(1, 8)},
    **{TRAPS + n: f"trap #{n}" for n in range(16)},
}  # fmt: skip
SPACES = {1: "user data", 2: "user program", 5: "supervisor data", 6: "supervisor program", 7: "CPU"}
Read = Callable[[int, int], int | None]


def exception(state: Any, routine: str, model: str, read: Read) -> str:
    """One line on the exception whose frame lies at the stack pointer; `read` reads supervisor data."""
    vector = _vector(state, routine, model, read)
    frame = int(state.r[15])
    if model == "m68000" and routine == "fault":
        frame += 8
    sr, pc = read(frame, 2), read(frame + 2, 4)
    text = f"vector {vector} {NAMES.get(vector, 'interrupt')}, pc {_hex(pc)} sr {_hex(sr, 4)}"
    text += f", handler {_hex(int(state.pc))}"
    if routine != "fault":
        return text
    how = "write of" if state.fault_write else "fetch of" if state.fault_fetch else "read of"
    space = SPACES.get(int(state.fault_fc), f"space {int(state.fault_fc)}")
    return f"{text}; {how} {int(state.fault_size)} at {_hex(int(state.fault_va))} in {space}"


def _vector(state: Any, routine: str, model: str, read: Read) -> int:
    if routine == "interrupt":
        given = int(state.int_vector)
        return AUTOVECTORS + (int(state.sr_sys) & 7) if given == AUTOVECTOR else given & 0xFF
    if routine == "fault":
        return BUS_ERROR + bool(state.fault_misaligned)
    if routine == "trace":
        return TRACE
    if model == "m68000":
        return int(state.exc_vector) if routine == "exception" else ILLEGAL  # or line A or F
    return (read(int(state.r[15]) + 6, 2) or 0) >> 2 & 0xFF  # the frame says it


def _hex(value: int | None, digits: int = 8) -> str:
    return "?" if value is None else f"{value:0{digits}x}"
