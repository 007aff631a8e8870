"""host/posix/serial: a serial line of the machine on something of the host.

    console0 at zs0 channel A: tme/host/posix/serial device -
    tty1 at zs0 channel B: tme/host/posix/serial device /dev/ptmx break-carats
    tty2 at zs2 channel A: tme/host/posix/serial device tcp:4001

`-` is the terminal, or standard input and output when they are pipes or files. `/dev/ptmx` makes a pseudo
terminal and logs its name. `tcp:PORT` listens on the loopback interface, `tcp:HOST:PORT` where it is told to.
Anything else is a device or file. With `break-carats` three carets in a row (`^^^`) are a break.
"""

from __future__ import annotations

import os
import stat
import termios
import tty
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from devices.host.lines import PtyLine, TcpLine, tcp_address
from tme.args import Args, Flag, Param
from tme.element import Element
from tme.errors import TmeError
from tme.port import Port, SerialPort
from tme.serial import OUTPUT_LIMIT, BreakCarets, FdLine, Line

if TYPE_CHECKING:
    from tme.console import Console
    from tme.machine import Machine

BREAK_NS = 10_000_000  #: how long a break lasts: longer than a character at 1200 baud
STANDARD = "-"
CLONE = "/dev/ptmx"


class ConsoleLine:
    """Standard input and output. They are taken at power-up, not when the description is read."""

    def __init__(
        self,
        machine: Machine,
        receive: Callable[[bytes], None],
        want: Callable[[], int],
        input_fd: int,
        output_fd: int,
    ) -> None:
        self._make: Callable[[], Console] = lambda: self._open(machine, receive, want, input_fd, output_fd)
        self._console: Console | None = None

    @staticmethod
    def _open(*arguments: Any) -> Console:
        from tme.console import Console

        return Console(*arguments)

    def start(self) -> None:
        if self._console is None:
            self._console = self._make()

    def write(self, data: bytes) -> None:
        if self._console:
            self._console.write(data)

    def room(self) -> int:
        return OUTPUT_LIMIT  # writing waits for the reader

    def close(self) -> None:
        if self._console:
            self._console.close()


class HostSerial(Element):
    """The modem at the other end of a serial line: its carrier and clear-to-send are always on."""

    module = "host/posix/serial"
    summary = "a serial line on the terminal (-), a pty (/dev/ptmx), a TCP port (tcp:PORT) or a device"
    params = (
        Param("device", help="- or /dev/ptmx or tcp:[HOST:]PORT or a device"),
        Param("device-input", help="where input comes from: - or a file"),
        Param("device-output", help="where output goes: - or a file, made anew"),
        Flag("break-carats", help="^^^ typed in a row is a break"),
    )

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.port = SerialPort(self, Args(), receive=self._output, want=self._room)
        self.port.modem.update(cts=True, dcd=True)
        self._carets = BreakCarets() if "break-carats" in args else None
        self._restore: list[tuple[int, list[Any]]] = []
        self.line: Line = self._open()

    def ports(self, args: Args) -> list[Port]:
        return [self.port]

    def reset(self) -> None:
        self.line.start()

    def close(self) -> None:
        for fd, settings in self._restore:
            termios.tcsetattr(fd, termios.TCSANOW, settings)
        self._restore.clear()
        self.line.close()

    def command(self, words: list[str]) -> str | None:
        if words != ["break"]:
            raise TmeError(f"usage: command {self.name} break")
        self._break()
        return None

    # ---- the guest's side ---------------------------------------------------------------------------------

    def _output(self, data: bytes) -> None:
        self.line.write(data)

    def _room(self) -> int:
        return self.line.room()

    def _want(self) -> int:
        return self.port.peer.want() if self.port.peer else 0

    def _input(self, data: bytes) -> None:
        for item in self._carets.feed(data) if self._carets else (data,):
            if isinstance(item, bytes):
                self.port.send(item)
            else:
                self._break()

    def _break(self) -> None:
        self.port.break_(True)
        self.machine.clock.after(BREAK_NS, lambda: self.port.break_(False))

    # ---- the host's side ----------------------------------------------------------------------------------

    def _open(self) -> Line:
        """The line that the arguments ask for."""
        both, source, sink = (
            self.args.get("device"),
            self.args.get("device-input"),
            self.args.get("device-output"),
        )
        if both is None and (source is None or sink is None):
            raise self.error("say `device D`, or both `device-input D` and `device-output D`")
        if both is not None and (source is not None or sink is not None):
            raise self.error("`device` is input and output: leave device-input and device-output out")
        ends = (self.machine, self._input, self._want)
        try:
            if both == CLONE:
                pty = PtyLine(*ends)
                self.log(f"the terminal of this line is {pty.slave_name}")
                return pty
            if both == STANDARD and self.machine.standard is not None:
                return self.machine.standard.line(*ends)
            if both is not None and both.startswith("tcp:"):
                tcp = TcpLine(*ends, *tcp_address(both))
                self.log("this line listens on TCP port {1} of {0}".format(*tcp.address))
                return tcp
            if both is not None and both != STANDARD:
                fd = self._device(both, os.O_RDWR)
                return FdLine(*ends, fd, fd)
            if both is None and STANDARD not in (source, sink):
                return FdLine(*ends, *self._pair(source, sink))
            return ConsoleLine(*ends, *self._pair(source or STANDARD, sink or STANDARD))
        except TmeError as error:
            raise self.error(error.message) from None

    def _pair(self, source: str, sink: str) -> tuple[int, int]:
        input_fd = 0 if source == STANDARD else self._device(source, os.O_RDONLY)
        try:
            write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            return input_fd, 1 if sink == STANDARD else self._device(sink, write)
        except TmeError:
            if input_fd:
                os.close(input_fd)
            raise

    def _device(self, path: str, flags: int) -> int:
        """Open a device or file; a terminal is made raw until the end."""
        try:
            # a FIFO opened for writing alone would wait for its reader
            if stat.S_ISFIFO(os.stat(path).st_mode) and flags & os.O_WRONLY:
                flags = os.O_RDWR
        except FileNotFoundError:
            pass
        try:
            fd = os.open(path, flags | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise TmeError(f"cannot open {path}: {error.strerror}") from None
        if os.isatty(fd):
            self._restore.append((fd, termios.tcgetattr(fd)))
            tty.setraw(fd, termios.TCSANOW)
        return fd
