"""A script in the place of the terminal: it reads what the guest writes, and types."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from tme.errors import TmeError
from tme.serial import OUTPUT_LIMIT, RETRY

if TYPE_CHECKING:
    from tme.machine import Machine

LOOK_BACK = 4096
"""Characters before the newest one in which a pattern is looked for."""
IGNORED = dict.fromkeys(b"\r\0")
"""Dropped from the text: line ends are newlines alone, and NULs only fill time."""


class ScriptLine:
    """The script's end of a line (tme.serial.Line). The machine pauses at the very instruction that wrote the
    last character waited for, and input arrives by guest time: by `icount` the same script repeats exactly.
    """

    def __init__(self, machine: Machine, receive: Callable[[bytes], None], want: Callable[[], int]) -> None:
        self.machine, self.receive, self.want = machine, receive, want
        self.text = ""
        """All output so far: 7 bits per character, without carriage returns and NULs."""
        self.seen = 0
        """How much of it was waited for."""
        self.on_text: Callable[[str], None] = lambda text: None
        """Called with each new piece of text."""
        self._pattern: re.Pattern[str] | None = None
        self._match: re.Match[str] | None = None
        self._input = bytearray()
        self._polling = False

    def start(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""

    def room(self) -> int:
        return OUTPUT_LIMIT

    def write(self, data: bytes) -> None:
        text = bytes(byte & 0x7F for byte in data).decode("ascii").translate(IGNORED)
        self.text += text
        self.on_text(text)
        if self._pattern is not None and self._match is None and self._look():
            self.machine.pause()

    # ---- for the script -----------------------------------------------------------------------------------

    def awaits(self, pattern: re.Pattern[str] | None) -> bool:
        """Pause the machine when `pattern` appears in what was not waited for yet; True if it is there."""
        self._pattern, self._match = pattern, None
        return pattern is not None and self._look(0)

    def _look(self, back: int = LOOK_BACK) -> bool:
        assert self._pattern is not None
        start = max(self.seen, len(self.text) - back) if back else self.seen
        self._match = self._pattern.search(self.text, start)
        return self._match is not None

    def take(self) -> str | None:
        """The text up to the end of what was waited for; None if it has not appeared."""
        match, self._pattern, self._match = self._match, None, None
        if match is None:
            return None
        start, self.seen = self.seen, match.end()
        return self.text[start : self.seen]

    def send(self, data: bytes) -> None:
        """Type; the guest gets it as fast as it takes it."""
        self._input += data
        self._poll()

    def _poll(self) -> None:
        if self._input and not self._polling:
            self._polling = True
            self.machine.clock.after(RETRY, self._deliver)

    def _deliver(self) -> None:
        self._polling = False
        count = min(self.want(), len(self._input))
        if count > 0:
            data = bytes(self._input[:count])
            del self._input[:count]
            self.receive(data)
        self._poll()


class Script:
    """tme.machine.Standard for one machine."""

    def __init__(self) -> None:
        self.console: ScriptLine | None = None
        self.written = {1: bytearray(), 2: bytearray()}
        """What a booted program wrote to its standard output and error."""
        self.unread = bytearray()
        """What it can read; then comes the end."""

    def line(self, machine: Machine, receive: Callable[[bytes], None], want: Callable[[], int]) -> ScriptLine:
        if self.console is not None:
            raise TmeError("'device -' is taken: a script can serve one serial line only")
        self.console = ScriptLine(machine, receive, want)
        return self.console

    def output(self, fd: int, data: bytes) -> None:
        self.written[fd] += data

    def input(self, count: int) -> bytes:
        data = bytes(self.unread[:count])
        del self.unread[:count]
        return data
