"""`python -m tme.debug.record PROGRAM…`: traces of static programs under QEMU, for our engines to reproduce.

QEMU runs the program behind its debugger's interface, a Unix socket, and is made to step. Registers are
QEMU's. Where an instruction stores is found by executing it on our reference engine from QEMU's registers;
what is stored is read from QEMU's memory. Nothing can be missed: the program's whole writable memory, ours
with those bytes written and QEMU's, is compared often and before the end.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tme.debug.gdbremote import Remote, RemoteError
from tme.debug.listing import Listing
from tme.debug.tracefile import Step, TraceWriter, runs
from tme.errors import TmeError

if TYPE_CHECKING:
    from translator.m68k.user import UserProgram

QEMU = "qemu-m68k"
MODEL = "m68020"
REGISTERS = [*(f"d{i}" for i in range(8)), *(f"a{i}" for i in range(8)), "sr", "pc"]
"""In the order of QEMU's packets, 4 bytes each."""
PAGE = 0x2000
CHECK_EVERY = 4096
"""Steps between two comparisons of all memory."""
LIMIT = 1_000_000
EXIT = 1
TRAP_0 = "4e40"


@contextmanager
def _under_qemu(program: Path) -> Iterator[Remote]:
    """The program stopped before its first instruction, with an empty environment and no arguments."""
    qemu = shutil.which(QEMU)
    if qemu is None:
        raise TmeError(f"there is no {QEMU} on this host; Debian has it in the package qemu-user")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "debugger"
        run = subprocess.Popen(
            [qemu, "-cpu", MODEL, "-seed", "1", "-g", str(path), program.name],
            cwd=program.resolve().parent, env={}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                _connect(connection, path, run)
                yield Remote(connection)
            finally:
                run.kill()
                run.wait()


def _connect(connection: socket.socket, path: Path, run: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        try:
            connection.connect(str(path))
            return
        except OSError:
            if run.poll() is not None:
                text = f"{QEMU} ended with status {run.returncode} at once: is this a program for it?"
                raise TmeError(text) from None
            time.sleep(0.02)
    raise TmeError(f"{QEMU} does not answer")


def _registers(remote: Remote) -> dict[str, int]:
    return dict(zip(REGISTERS, struct.unpack(">18I", remote.registers()[:72]), strict=True))


def _stack(remote: Remote, sp: int) -> bytes:
    """What QEMU has put above the initial stack pointer: arguments, environment, auxiliary vector."""
    out = b""
    try:
        while len(out) < 16 * PAGE:
            out += remote.read(sp + len(out), 16)
    except RemoteError:
        pass  # the end of the stack
    return out.rstrip(b"\0")


class Recorder:
    """QEMU and our reference engine side by side; `disagreed` counts the steps that they did differently."""

    def __init__(self, program: Path, remote: Remote, out: TraceWriter) -> None:
        from translator.m68k.user import UserProgram

        self.remote, self.out = remote, out
        self.now = _registers(remote)
        stack = _stack(remote, self.now["a7"])
        top = -(-(self.now["a7"] + len(stack) + 1) // PAGE) * PAGE
        self.ours: UserProgram = UserProgram(program, model=MODEL, stack_top=top)
        self.ours.poke(self.now["a7"], stack)
        self._checked = [*self.ours.segments, (self.now["a7"] - 2 * PAGE, 2 * PAGE + len(stack))]
        self._listing = Listing(self.ours.cpu)
        self._addresses: set[int] = set()
        self.ours.cpu.watch_writes(lambda va, size, value: self._addresses.update(range(va, va + size)))
        self.ours.on_call = self._addresses.clear
        self.disagreed = self.steps = 0
        out.registers({name: v for name, v in self.now.items() if name not in ("sr", "pc")} | {
            "pc": self.now["pc"], "sr": self.now["sr"]})
        out.memory(self.now["a7"], stack)

    def run(self) -> int:
        """Record to the program's end; returns its exit status."""
        while self.steps < LIMIT:
            pc = self.now["pc"]
            code, text = self._listing.at(pc)
            leaving = code == TRAP_0 and self.now["d0"] == EXIT
            if leaving or self.steps % CHECK_EVERY == 0:
                self._check()
            self._predict()
            # When QEMU steps over a system call it does the next instruction too.
            status = self.remote.run_to(pc + 2) if code == TRAP_0 else self.remote.step()
            self.steps += 1
            if status is not None:
                self.out.step(Step(pc, code, text))
                return status
            after = _registers(self.remote)
            changes = {n: v for n, v in after.items() if v != self.now[n] and n != "pc"}
            self.out.step(Step(pc, code, text, changes, self._stored()))
            self.disagreed += self.ours.cpu.registers() != after
            self.now = after
        raise TmeError(f"the program has not ended after {LIMIT} instructions: too long for a trace")

    def _predict(self) -> None:
        """Execute the next instruction on our engine; `_addresses` are the bytes that it stores to."""
        for name, value in self.now.items():
            self.ours.set(name, value)
        self._addresses.clear()
        self.ours.run(1)
        if self.ours.failure:
            pc = self.now["pc"]
            raise TmeError(f"at {pc:#x}: {self.ours.failure}; only write and exit can be in a trace")

    def _stored(self) -> dict[int, bytes]:
        """The bytes just stored, as QEMU has them; our memory takes them over."""
        found = runs(dict.fromkeys(self._addresses, 0))
        for address, data in found.items():
            found[address] = self.remote.read(address, len(data))
            self.ours.poke(address, found[address])
        return found

    def _check(self) -> None:
        """Compare all memory that the program may write."""
        for address, size in self._checked:
            theirs, mine = self.remote.read(address, size), self.ours.peek(address, size)
            if theirs != mine:
                at = next(i for i in range(size) if theirs[i] != mine[i])
                raise TmeError(
                    f"memory at {address + at:#x} was written by an instruction before {self.now['pc']:#x}, "
                    "and our engine did not see that"
                )


def record(program: Path, file: Path) -> Recorder:
    """Write the trace of a program."""
    out = TraceWriter(file, f"{program.name} under {QEMU} -cpu {MODEL}")
    try:
        with _under_qemu(program) as remote:
            recorder = Recorder(program, remote, out)
            recorder.run()
            return recorder
    except RemoteError as error:
        raise TmeError(f"{program.name}: {error}") from None
    finally:
        out.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tme.debug.record",
        description="Records the trace of a static m68k program under QEMU, as PROGRAM.trace.gz.",
    )
    parser.add_argument("programs", nargs="+", type=Path, metavar="PROGRAM")
    parser.add_argument("-o", dest="output", type=Path, metavar="FILE", help="the trace, of one PROGRAM")
    args = parser.parse_args(argv)
    if args.output and len(args.programs) > 1:
        parser.error("-o is for one program")
    for program in args.programs:
        file = args.output or program.with_suffix(".trace.gz")
        try:
            done = record(program, file)
        except (TmeError, OSError, ValueError) as error:
            print(f"record: {error}", file=sys.stderr)
            return 1
        print(f"{file}: {done.steps} steps; our reference engine did {done.disagreed} of them differently")
    return 0


if __name__ == "__main__":
    sys.exit(main())
