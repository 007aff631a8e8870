"""Reads of devices that native code answers by itself, as long as the device would say the same.

    read ─► in the table? ─ yes ─► its value; the log (replay.py) has it as if the device had been asked
               │ no
               └─► device ─► read before? ─► what does it say from now on (Io.steady)? ─► table

Whatever may change what devices say happens in Python: events, writes, reads with effects, interrupts and
input of the host. Each empties the table; native code only looks in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .isa import Model
from .state import ANSWERS

if TYPE_CHECKING:
    from .memory import Io

SIZE_BITS = 56  # of a key: the size of the access; below, its physical address

MOST = 64  # places that are kept in mind

# The first cycle of an instruction alone, as Replay._note writes it; any other is Python's.
_LOG = """
  %bp = getelementptr i8, ptr %st, i64 $budget
  %budget = load i64, ptr %bp
  %lbp = getelementptr i8, ptr %st, i64 $log_budget
  %lb = load i64, ptr %lbp
  %again = icmp eq i64 %lb, %budget
  br i1 %again, label %no, label %note
note:
  store i64 %budget, ptr %lbp
  %lcp = getelementptr i8, ptr %st, i64 $log_count
  store i32 1, ptr %lcp
  %lup = getelementptr i8, ptr %st, i64 $log_used
  store i32 %size, ptr %lup
  %ldp = getelementptr i8, ptr %st, i64 $log_data
  switch i32 %size, label %yes [ i32 1, label %log1
                                 i32 2, label %log2
                                 i32 4, label %log4 ]
log1:
  %v1 = trunc i64 %value to i8
  store i8 %v1, ptr %ldp
  br label %yes
log2:
  %v2 = trunc i64 %value to i16
  %o2 = call i16 @order.i16(i16 %v2)
  store i16 %o2, ptr %ldp
  br label %yes
log4:
  %v4 = trunc i64 %value to i32
  %o4 = call i32 @order.i32(i32 %v4)
  store i32 %o4, ptr %ldp
  br label %yes
"""
_ANSWER = """
define internal i1 @answer(ptr %st, i64 %phys, i32 %size) noinline {
entry:
  %cp = getelementptr i8, ptr %st, i64 $answer_count
  %count = load i64, ptr %cp
  %size64 = zext i32 %size to i64
  %up = shl i64 %size64, $size_bits
  %key = or i64 %up, %phys
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %i1, %look ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %look, label %no
look:
  %es = getelementptr i8, ptr %st, i64 $answers
  %e = getelementptr [16 x i8], ptr %es, i64 %i
  %known = load i64, ptr %e
  %i1 = add i64 %i, 1
  %same = icmp eq i64 %known, %key
  br i1 %same, label %found, label %head
found:
  %vp = getelementptr i8, ptr %e, i64 8
  %value = load i64, ptr %vp
$log
yes:
  %svp = getelementptr i8, ptr %st, i64 $slow_value
  store i64 %value, ptr %svp
  %np = getelementptr i8, ptr %st, i64 $answered
  %n = load i64, ptr %np
  %n1 = add i64 %n, 1
  store i64 %n1, ptr %np
  ret i1 true
no:
  ret i1 false
}
"""


def text(model: Model) -> str:
    """`@answer(state, physical address, size)`: true with state.slow_value, or the device has to be asked."""
    return _ANSWER.replace("$log", _LOG if model.log_bytes else "  br label %yes").replace(
        "$size_bits", str(SIZE_BITS)
    )


class Answers:
    """Fills the table in the state, and empties it."""

    def __init__(self, state: Any) -> None:
        self._state = state
        self._count = 0
        self._known: set[int] = set()  # keys of reads that were done; who reads once is not asked

    def forget(self) -> None:
        """Devices may have changed."""
        if self._count:
            self._state.answer_count = self._count = 0

    def after(self, io: Io, phys: int, va: int, size: int, fc: int) -> None:
        """A device was read. If it is to be read again and says what it says from now on, it need not be."""
        key = size << SIZE_BITS | phys
        if key not in self._known:
            if len(self._known) == MOST:
                self._known.clear()
            self._known.add(key)
        else:
            tell = getattr(io, "steady", None)
            value = None if tell is None else tell(phys, va, size, fc)
            if value is not None:
                self._put(key, value)
                return
            self._known.discard(key)
        self.forget()

    def _put(self, key: int, value: int) -> None:
        at = self._count if self._count < ANSWERS else 0
        entry = self._state.answers[at]
        entry.key, entry.value = key, value
        if at == self._count:
            self._state.answer_count = self._count = at + 1
