"""The receive FIFO of a Z8530 channel: three characters with their errors, and when they interrupt."""

from __future__ import annotations

from collections import deque

from devices.ic.z8530reg import RR1, RX_INT_ALL, RX_INT_FIRST, RX_INT_OFF, WR1

SIZE = 3
ERRORS = RR1.FRAMING | RR1.OVERRUN | RR1.PARITY
LATCHED = RR1.OVERRUN | RR1.PARITY  #: stay in RR1 until Error Reset; framing goes with its character


class ReceiveFifo:
    """Characters between the receiver's shift register and the processor.

    A special condition is an overrun, a framing error or, if WR1 says so, a parity error of the character
    at the top. Two interrupt modes hold such a character until Error Reset.
    """

    def __init__(self) -> None:
        self.last = 0  #: the character that left last, which an empty FIFO shows
        self.wr1 = 0
        self.reset()

    def reset(self) -> None:
        """Channel reset."""
        self.entries: deque[tuple[int, int]] = deque()  #: characters and their RR1 errors, oldest first
        self._errors = 0
        self._first_armed = False
        self._first_pending = False
        self._read_while_held = False

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def full(self) -> bool:
        """Would the next character be an overrun?"""
        return len(self.entries) >= SIZE

    @property
    def mode(self) -> int:
        """The interrupt mode, RX_INT_OFF … RX_INT_SPECIAL."""
        return (self.wr1 & WR1.RX_INT) >> WR1.RX_INT.shift

    @property
    def errors(self) -> int:
        """The error bits of RR1."""
        return self._errors | (self.entries[0][1] if self.entries else 0)

    @property
    def special(self) -> bool:
        """Has the character at the top a special condition?"""
        wanted = ERRORS if self.wr1 & WR1.PARITY_SPECIAL else ERRORS & ~RR1.PARITY
        return bool(self.entries) and bool(self.errors & wanted)

    @property
    def pending(self) -> bool:
        """Does the receiver ask for an interrupt?"""
        if self.mode == RX_INT_OFF:
            return False
        if self.mode == RX_INT_ALL:
            return bool(self.entries)
        return self.special or (self.mode == RX_INT_FIRST and self._first_pending)

    def write_wr1(self, value: int) -> None:
        """A new interrupt mode; "first character" starts armed."""
        was, self.wr1 = self.mode, value
        if self.mode == RX_INT_FIRST != was:
            self.arm()

    def arm(self) -> None:
        """In the mode "first character" the next one interrupts, or one that is there already."""
        self._first_armed = True
        self._check_first()

    def push(self, character: int, errors: int = 0) -> None:
        """A character is complete. Without room it replaces the newest one and is marked as an overrun."""
        if self.full:
            self.entries.pop()
            errors |= RR1.OVERRUN
        self.entries.append((character, errors))
        self._show_top()
        self._check_first()

    def take(self) -> int:
        """Read the character at the top; it leaves unless it is held."""
        if not self.entries:
            return self.last
        character = self.entries[0][0]
        self._first_pending = False
        if self.special and self.mode not in (RX_INT_OFF, RX_INT_ALL):
            self._read_while_held = True
        else:
            self._pop()
        return character

    def peek(self) -> int:
        """What take would give."""
        return self.entries[0][0] if self.entries else self.last

    def error_reset(self) -> None:
        """Forget the errors; a held character that was read leaves now."""
        self._errors = 0
        if self.entries and self._read_while_held:
            self._pop()
        elif self.entries:
            self.entries[0] = (self.entries[0][0], 0)

    def _pop(self) -> None:
        self.last = self.entries.popleft()[0]
        self._read_while_held = False
        self._show_top()

    def _show_top(self) -> None:
        if self.entries:
            self._errors |= self.entries[0][1] & LATCHED

    def _check_first(self) -> None:
        if self._first_armed and self.entries:
            self._first_armed, self._first_pending = False, True
