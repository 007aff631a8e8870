"""What the host ends of serial lines share: breaks typed as carets, and lines over file descriptors.

A host line has four members: `write(data)`, `room()` (bytes of output that it takes now), `start()` and
`close()`. It never drops what the guest sends while somebody is there to read it; input stays in the host's
buffers until the guest wants it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tme.machine import Machine

RETRY = 1_000_000  #: guest nanoseconds until a slow guest or a slow reader is asked again
ABSENT_RETRY = 50_000_000  #: the same while nobody is at the other end
OUTPUT_LIMIT = 65_536  #: bytes waiting for a slow reader; then the guest's transmitter waits
BACKLOG = 4_096  #: the newest output, kept for whoever connects next

BREAK = "break"


class BreakCarets:
    """`^^^` typed in a row is a break, as in TME; one or two carets go through with the next byte."""

    def __init__(self) -> None:
        self._carets = 0

    def feed(self, data: bytes) -> list[bytes | str]:
        """Split input into runs of bytes and BREAK."""
        items: list[bytes | str] = []
        run = bytearray()
        for byte in data:
            if byte == ord("^"):
                self._carets += 1
                if self._carets == 3:
                    self._carets = 0
                    if run:
                        items.append(bytes(run))
                        run.clear()
                    items.append(BREAK)
            else:
                run += b"^" * self._carets
                self._carets = 0
                run.append(byte)
        if run:
            items.append(bytes(run))
        return items


class Line(Protocol):
    """The host's end of a serial line."""

    def start(self) -> None: ...

    def write(self, data: bytes) -> None: ...

    def room(self) -> int: ...

    def close(self) -> None: ...


class FdLine:
    """A line over file descriptors that do not block; both may be the same one. `start` begins to read."""

    def __init__(
        self,
        machine: Machine,
        receive: Callable[[bytes], None],
        want: Callable[[], int],
        input_fd: int | None = None,
        output_fd: int | None = None,
    ) -> None:
        self.machine = machine
        self.receive = receive
        self.want = want
        self._input = bytearray()
        self._output = bytearray()
        self._reading = False
        self._polling = False
        self._closed = False
        self._attach(input_fd, output_fd)

    def _attach(self, input_fd: int | None, output_fd: int | None) -> None:
        self.input_fd, self.output_fd = input_fd, output_fd
        self._regular_file = False
        for fd in self._descriptors():
            os.set_blocking(fd, False)

    def _descriptors(self) -> set[int]:
        return {fd for fd in (self.input_fd, self.output_fd) if fd is not None}

    def start(self) -> None:
        """Take input from now on. Called at power-up; again is harmless."""
        self._resume()
        self._flush()

    def close(self) -> None:
        """Send what waits as far as it goes without waiting, and close the descriptors."""
        if self._closed:
            return
        self._flush()
        self._closed = True
        self._pause()
        for fd in self._descriptors():
            os.close(fd)
        self.input_fd = self.output_fd = None

    # ---- output -------------------------------------------------------------------------------------------

    @property
    def present(self) -> bool:
        """Is anybody there to read?"""
        return self.output_fd is not None

    def room(self) -> int:
        """Bytes of output that are welcome now."""
        return max(OUTPUT_LIMIT - len(self._output), 0) if self.present else OUTPUT_LIMIT

    def write(self, data: bytes) -> None:
        """Send bytes of the guest; while nobody is there only the newest are kept."""
        self._output += data
        self._flush()
        if not self.present:
            del self._output[:-BACKLOG]

    def _flush(self) -> None:
        if self._output and self.present and self.output_fd is not None:
            try:
                del self._output[: os.write(self.output_fd, self._output)]
            except BlockingIOError:
                pass
            except OSError:
                self._reader_gone()
        if self._output and self.present:
            self._poll(RETRY)

    # ---- input --------------------------------------------------------------------------------------------

    def _resume(self) -> None:
        if self._reading or self.input_fd is None or self._closed:
            return
        try:
            self.machine.add_reader(self.input_fd, self._readable)
            self._reading = True
        except OSError:  # a regular file cannot be waited for, it is always ready
            self._regular_file = True
            self._poll(RETRY)

    def _pause(self) -> None:
        if self._reading and self.input_fd is not None:
            self.machine.remove_reader(self.input_fd)
        self._reading = False

    def _readable(self) -> None:
        """Take at most one buffer; the rest stays with the host until the guest has taken this one."""
        assert self.input_fd is not None
        try:
            data = os.read(self.input_fd, 4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._gone()
            return
        self._input += data
        self._deliver()

    def _deliver(self) -> None:
        while self._input:
            count = min(self.want(), len(self._input))
            if count <= 0:
                self._pause()
                self._poll(RETRY)
                return
            data = bytes(self._input[:count])
            del self._input[:count]
            self.receive(data)
        if self._regular_file:
            self._poll(RETRY)
        else:
            self._resume()

    def _poll(self, ns: int) -> None:
        if not self._polling and not self._closed:
            self._polling = True
            self.machine.clock.after(ns, self._tick)

    def _tick(self) -> None:
        self._polling = False
        if self._closed:
            return
        self._flush()
        if self._input:
            self._deliver()
        elif self._regular_file and self.input_fd is not None:
            self._readable()

    def _reader_gone(self) -> None:
        """Nobody takes our output any more."""
        if self.output_fd == self.input_fd:
            self._gone()
        elif self.output_fd is not None:
            os.close(self.output_fd)
            self.output_fd = None

    def _gone(self) -> None:
        """The other end is closed: input is over, output goes nowhere."""
        self._pause()
        self._regular_file = False
        if self.input_fd is not None:
            os.close(self.input_fd)
            if self.output_fd == self.input_fd:  # a separate output may live on
                self.output_fd = None
        self.input_fd = None
