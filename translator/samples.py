"""Where this process spends its time: the host's program counter, noted whenever so much of it has been used.

    setitimer(ITIMER_PROF) ─► SIGPROF ─► handler, as LLVM text: rip ─► next place of a table
                                                                  `take` empties it, between quanta

The handler runs wherever the process just is, regions and Python alike, and never calls Python, whose own
handlers would wait for the end of the quantum.  Nothing of it is there unless it is asked for.

Linux on x86-64: positions in ucontext_t from <sys/ucontext.h>; the host's clock tick decides how often.
"""

from __future__ import annotations

import atexit
import ctypes
import platform
import signal
import sys
from array import array

from .fastmem import SA_ONSTACK, SA_SIGINFO, Sigaction
from .linker import Linker
from .llvm import build

PERIOD = 0.001  # processor seconds; most hosts' ticks are 1 to 4 ms
ENTRIES = 1 << 16
SA_RESTART = 0x10000000
_TEXT = """
target triple = "x86_64-unknown-linux-gnu"
@table = dso_local global [2 x i64] zeroinitializer                ; number of samples, where they go

define void @on_prof(i32 %sig, ptr %info, ptr %uc) nounwind {
entry:
  %ripp = getelementptr i8, ptr %uc, i64 168             ; gregs[REG_RIP]
  %rip = load i64, ptr %ripp
  %n = atomicrmw add ptr @table, i64 1 monotonic
  %room = icmp ult i64 %n, $entries
  br i1 %room, label %note, label %out
note:
  %tablep = getelementptr i64, ptr @table, i64 1
  %table = load ptr, ptr %tablep
  %place = getelementptr i64, ptr %table, i64 %n
  store i64 %rip, ptr %place
  br label %out
out:
  ret void
}
"""


def unavailable() -> str:
    """Why there are no samples here, "" if there are."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "only Linux on x86-64 has it"
    if any(signal.getitimer(signal.ITIMER_PROF)):
        return "something else in this process has the profiling timer"
    return ""


class Samples:
    """The timer, its handler and the table; from `start` to `stop`, one at a time in a process."""

    def __init__(self) -> None:
        self.lost = 0  # that found the table full
        text = _TEXT.replace("$entries", str(ENTRIES))
        self._linked = Linker().link([build.compile_text(text, 2, 2)], ["on_prof", "table"])
        self._entries = (ctypes.c_uint64 * ENTRIES)()
        self._table = (ctypes.c_uint64 * 2).from_address(self._linked.addresses["table"])
        self._table[1] = ctypes.addressof(self._entries)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._before = Sigaction()

    def start(self) -> None:
        """From now on."""
        mine = Sigaction(
            handler=self._linked.addresses["on_prof"], flags=SA_SIGINFO | SA_ONSTACK | SA_RESTART
        )
        self._libc.sigaction(signal.SIGPROF, ctypes.byref(mine), ctypes.byref(self._before))
        signal.setitimer(signal.ITIMER_PROF, PERIOD, PERIOD)
        atexit.register(self.stop)  # Python's end would leave the signal without a handler

    def stop(self) -> None:
        """No more; again is harmless."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        ignored = Sigaction(handler=signal.SIG_IGN.value)
        self._libc.sigaction(signal.SIGPROF, ctypes.byref(ignored), None)  # one that is pending is forgotten
        self._libc.sigaction(signal.SIGPROF, ctypes.byref(self._before), None)
        atexit.unregister(self.stop)

    def take(self) -> array[int]:
        """Host addresses since the last time."""
        count = int(self._table[0])
        if not count:
            return array("Q")
        kept = min(count, ENTRIES)
        self.lost += count - kept
        found = array("Q", bytes(memoryview(self._entries).cast("B")[: 8 * kept]))
        self._table[0] = 0
        return found
