"""Where the machine's time went, for --stats: samples of the host's program counter, by region.

sample ─► in a region ─► its guest address        sorted when it comes, as regions come and go
        └─► elsewhere ─► at the end: a handler of the interpreter, other code of ours, or a file (Python …)
"""

from __future__ import annotations

import bisect
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tme.debug.perfmap import function_size, interpreter
from tme.debug.symbols import Symbols

if TYPE_CHECKING:
    from translator.codes import Code
    from translator.cpu import Cpu

MODES = ("user", "supervisor")
OURS = "native code"
"""Host code of ours that has no row of its own: the interpreter before it was improved, windows, the MMU."""
Row = dict[str, Any]


class Whereabouts:
    """Takes samples of a processor's process from now to `close`."""

    def __init__(self, cpu: Cpu, program: Path | None) -> None:
        from translator import samples

        self.cpu, self._program = cpu, program
        self._starts: list[int] = []
        self._regions: dict[int, tuple[int, Code]] = {}  # by start: end
        self.inside: Counter[tuple[int, int]] = Counter()  # (guest address, mode)
        self.outside: Counter[int] = Counter()  # host address
        self._insns: dict[tuple[int, int], int] = {}
        self.why_not = "there is no host code" if cpu.native is None else samples.unavailable()
        self._samples: samples.Samples | None = None
        if self.why_not:
            return
        if cpu.jit is not None:
            self._linked, cpu.jit.on_linked = cpu.jit.on_linked, self._come
            self._dropped, cpu.jit.on_dropped = cpu.jit.on_dropped, self._go
        self._since = time.process_time()
        self._until: float | None = None
        self._samples = samples.Samples()
        self._samples.start()

    def _come(self, code: Code, obj: bytes) -> None:
        self._linked(code, obj)
        bisect.insort(self._starts, code.address)
        self._regions[code.address] = code.address + function_size(obj, "region"), code
        self._insns[code.entry, code.mode] = code.insns

    def _go(self, code: Code) -> None:
        self._dropped(code)
        self.sort()  # its addresses may soon be another's
        if self._regions.pop(code.address, None) is not None:
            self._starts.remove(code.address)

    def sort(self) -> None:
        """What was seen since the last time, by region."""
        if self._samples is None:
            return
        for rip in self._samples.take():
            at = bisect.bisect(self._starts, rip)
            if at:
                end, code = self._regions[self._starts[at - 1]]
                if rip < end:
                    self.inside[code.entry, code.mode] += 1
                    continue
            self.outside[rip] += 1

    def rows(self) -> list[Row] | str:
        """Share and seconds of each region, handler and file, most first; or why nothing is known."""
        if self._samples is None:
            return f"not known: {self.why_not}"
        self.sort()
        total = self.inside.total() + self.outside.total()
        seconds = (self._until or time.process_time()) - self._since
        if not total:
            return "not known: the program was too short for the host's clock"
        names = Symbols(self._program)
        found: list[tuple[int, Row]] = []
        for (entry, mode), count in self.inside.items():
            about = {"name": names.name(entry), "instructions": self._insns[entry, mode]}
            found.append((count, {"what": "region", "at": f"{entry:08x}", "mode": MODES[mode], **about}))
        for what, count in self._elsewhere().items():
            found.append((count, {"what": what[0], "name": what[1]}))
        found.sort(key=lambda row: -row[0])
        return [
            {"share": count / total, "seconds": seconds * count / total, "samples": count, **row}
            for count, row in found
        ]

    def _elsewhere(self) -> Counter[tuple[str, str]]:
        """What is not in regions: (kind, name)."""
        handlers = list(interpreter(self.cpu.native))
        starts = [start for start, _, _ in handlers]
        files = mapped_files()
        out: Counter[tuple[str, str]] = Counter()
        for rip, count in self.outside.items():
            at = bisect.bisect(starts, rip)
            if at and rip < starts[at - 1] + handlers[at - 1][1]:
                out["interpreter", handlers[at - 1][2]] += count
                continue
            row = bisect.bisect(files, (rip, 1 << 64, ""))
            if row and rip < files[row - 1][1]:
                out["host", files[row - 1][2]] += count
            else:
                out["host", OURS] += count
        return out

    def close(self) -> None:
        """No more samples."""
        if self._samples is not None and self._until is None:
            self._until = time.process_time()
            self._samples.stop()


def mapped_files() -> list[tuple[int, int, str]]:
    """(first address, last + 1, name) of the files whose code this process has mapped; Python's are one."""
    import sys

    out = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, rights, _, _, _, *path = line.split(None, 5)
        if "x" not in rights or not path or not path[0].startswith(("/", "[")):
            continue
        low, high = (int(word, 16) for word in span.split("-"))
        file = Path(path[0].strip())
        python = file == Path(sys.executable).resolve() or "python" in file.name
        if not path[0].startswith("/dev/zero"):
            out.append((low, high, "Python" if python else file.name))
    return sorted(out)
