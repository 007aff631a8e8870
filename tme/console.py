"""Standard input and output as a console: raw terminal, plain pipes, and Ctrl-] to the tmesh prompt."""

from __future__ import annotations

import atexit
import os
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from tme.errors import TmeError

if TYPE_CHECKING:
    from tme.machine import Machine

ESCAPE = b"\x1d"
"""Ctrl-], as in telnet."""
BUFFER = 65536
"""Bytes typed ahead of the guest; then a pipe has to wait."""
RETRY = 1_000_000
"""Guest nanoseconds until a guest that could take no byte is asked again."""
PIPE_CLOSED = 128 + 13
"""Exit status when nobody reads our output any more, as if SIGPIPE had ended us."""


class Console:
    """The process's terminal, or the pipes or files in its place, for one serial line.

    receive: called with bytes for the guest, never more than `want()` at a time. The end of a piped input is
    not the end of the machine. On a terminal every key but Ctrl-] goes to the guest, Ctrl-C too; the settings
    of the terminal come back on `close`, at the prompt, and whenever Python ends.
    """

    on_escape: ClassVar[Callable[[], None] | None] = None
    """What Ctrl-] does, set by the command line; the machine waits until it returns."""
    _owner: ClassVar[Console | None] = None

    def __init__(
        self,
        machine: Machine,
        receive: Callable[[bytes], None],
        want: Callable[[], int] = lambda: 4096,
        input_fd: int = 0,
        output_fd: int = 1,
    ) -> None:
        if Console._owner is not None:
            raise TmeError("'device -' is taken: standard input and output can serve one serial line only")
        Console._owner = self
        self.machine = machine
        self.receive = receive
        self.want = want
        self.input_fd, self.output_fd = input_fd, output_fd
        self.terminal = os.isatty(input_fd)
        self._buffer = bytearray()
        self._saved: list[Any] | None = None
        self._reading = self._at_end = self._waiting = self._is_file = False
        atexit.register(self.close)
        self._raw()
        self._resume()

    def close(self) -> None:
        """Give the terminal back as it was."""
        if Console._owner is not self:
            return
        Console._owner = None
        atexit.unregister(self.close)
        self._pause()
        self._cook()

    def write(self, data: bytes) -> None:
        """Show what the guest sends. Output that nobody reads any more stops the machine."""
        left = memoryview(data)
        try:
            while left:
                try:
                    left = left[os.write(self.output_fd, left) :]
                except BlockingIOError:  # whoever gave us the descriptor made it non-blocking
                    select.select([], [self.output_fd], [])
        except OSError:
            self.machine.stop(PIPE_CLOSED)

    @classmethod
    def take(cls, fd: int, count: int) -> bytes:
        """Up to `count` bytes of standard input (`fd`) for a booted program, waited for; none are the end.

        The console has the terminal and may have read ahead: that comes first. Afterwards the terminal is in
        its normal state while the program waits, so that lines are edited and echoed.
        """
        owner = cls._owner
        if owner is None or owner.input_fd != fd:
            return cls._wait(fd, count)
        if owner._buffer:
            data = bytes(owner._buffer[:count])
            del owner._buffer[:count]
            return data.replace(b"\r", b"\n") if owner.terminal else data
        if owner._at_end:
            return b""
        with owner.suspended():
            return cls._wait(fd, count)

    @staticmethod
    def _wait(fd: int, count: int) -> bytes:
        while True:
            try:
                return os.read(fd, count)
            except BlockingIOError:  # whoever gave us the descriptor made it non-blocking
                select.select([fd], [], [])

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """The terminal in its normal state, the guest not listening."""
        self._pause()
        self._cook()
        try:
            yield
        finally:
            if Console._owner is self:  # the prompt may have removed the element
                self._raw()
                self._resume()

    # Input

    def _resume(self) -> None:
        if self._reading or self._at_end:
            return
        try:
            self.machine.add_reader(self.input_fd, self._readable)
            self._reading = True
        except OSError:  # a regular file cannot be waited for: it is always ready
            self._is_file = True
            self._readable()

    def _pause(self) -> None:
        if self._reading:
            self.machine.remove_reader(self.input_fd)
            self._reading = False

    def _readable(self) -> None:
        try:
            data = os.read(self.input_fd, 4096)
        except BlockingIOError:
            return
        except OSError:  # the terminal is gone
            data = b""
        if not data:
            self._pause()
            self._at_end = True
        if self.terminal:
            data, escaped, _ = data.partition(ESCAPE)
        self._buffer += data
        self._deliver()
        if self.terminal and escaped:
            self._escape()

    def _deliver(self) -> None:
        count = min(self.want(), len(self._buffer))
        if count > 0:
            data = bytes(self._buffer[:count])
            del self._buffer[:count]
            self.receive(data)
        if len(self._buffer) >= BUFFER and not self.terminal:
            self._pause()
        elif not self._reading and not self._is_file:
            self._resume()
        if (self._buffer or self._file_goes_on) and not self._waiting:
            self._waiting = True
            self.machine.clock.after(RETRY, self._retry)

    @property
    def _file_goes_on(self) -> bool:
        return self._is_file and not self._at_end

    def _retry(self) -> None:
        self._waiting = False
        if Console._owner is not self:
            return
        if self._file_goes_on and len(self._buffer) < BUFFER:
            self._readable()
        else:
            self._deliver()

    def _escape(self) -> None:
        if Console.on_escape is None:
            return
        with self.suspended():
            Console.on_escape()

    # Terminal settings

    def _raw(self) -> None:
        if not self.terminal or self._saved is not None:
            return
        import termios

        self._saved = termios.tcgetattr(self.input_fd)
        mode = termios.tcgetattr(self.input_fd)
        mode[0] &= ~(termios.BRKINT | termios.ICRNL | termios.INLCR | termios.IGNCR | termios.ISTRIP)
        mode[0] &= ~termios.IXON
        # Output processing stays on: our own messages end in a bare newline.
        mode[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.IEXTEN | termios.ISIG)
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        termios.tcsetattr(self.input_fd, termios.TCSADRAIN, mode)

    def _cook(self) -> None:
        if self._saved is None:
            return
        import termios

        saved, self._saved = self._saved, None
        try:
            termios.tcsetattr(self.input_fd, termios.TCSADRAIN, saved)
        except termios.error:  # the terminal is gone: nothing to restore
            pass
