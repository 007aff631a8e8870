"""A SCSI target: selection, the phases of a command, messages, sense data and logical units.

    bus free ─ selection ─ [message out] ─ command ─ [data in | data out] ─ status ─ message in ─ bus free
                                              └ disconnect … reselection ┘

A kind of device is a subclass with a table of commands. A command's method gets its CDB and returns the bytes
of the data in phase, or None, or a `Receive` for a data out phase; or it raises `Check`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from devices.scsi.sense import CHECK_CONDITION, GOOD, INVALID_COMMAND, INVALID_LUN, Check, Sense
from devices.scsi.wires import (
    ACK,
    ATN,
    BSY,
    COMMAND,
    DATA_IN,
    DATA_OUT,
    IO,
    MESSAGE_IN,
    MESSAGE_OUT,
    REQ,
    RST,
    SEL,
    STATUS,
    ScsiPort,
)
from tme.args import Args, Flag, Param, Spec
from tme.element import Element
from tme.port import Port

if TYPE_CHECKING:
    from tme.clock import Event
    from tme.machine import Machine

# Messages
COMPLETE, EXTENDED, SAVE_POINTERS, DISCONNECT, DETECTED_ERROR, ABORT, REJECT, NOP = 0, 1, 2, 4, 5, 6, 7, 8
PARITY_ERROR, LINKED, LINKED_FLAG, DEVICE_RESET, IDENTIFY = 9, 10, 11, 12, 0x80

CDB_LENGTH = (6, 10, 10, 6, 6, 12, 6, 6)
"""By group, the upper three bits of the operation code."""
INTERMEDIATE = 0x10
ABORTED = Sense(0xB, 0x4800, 0x1A)
DISCONNECT_TIME = 200_000
"""Nanoseconds that a target which disconnects leaves the bus to others."""
RESELECT_RETRY = 100_000
SELECTION_TIMEOUT = 250_000_000


@dataclass(frozen=True)
class Receive:
    """A data out phase of `count` bytes, which are then given to `done`."""

    count: int
    done: Callable[[bytes], Reply]


Reply = bytes | Receive | None


def scsi_id(word: str) -> int:
    """A SCSI id, 0 to 7."""
    if word not in "01234567" or len(word) != 1:
        raise ValueError("a SCSI id from 0 to 7 is expected")
    return int(word)


class TargetPort(ScsiPort):
    """A target's end of the bus: it does phases and handshakes, and asks the target what to say."""

    element: Target

    def __init__(self, element: Target) -> None:
        super().__init__(element)
        self._in_reset = False
        self._clear()

    def _clear(self) -> None:
        self._state = "free"  # free, selected, transfer, waiting (disconnected), reselecting
        self._phase = 0
        self._data: bytes | bytearray = b""
        self._length = self._position = 0
        self._then: Callable[[], None] = self.release
        self._requesting = False
        self._initiator = 0
        self._lun: int | None = None
        self._may_disconnect = False
        self._cdb = b""
        self._resume: tuple[Reply, int] = (None, GOOD)
        self._deadline: Event | None = None

    @property
    def phase(self) -> int | None:
        """What it is transferring; None when it is not on the bus."""
        return self._phase if self._state == "transfer" else None

    def release(self) -> None:
        """Bus free."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._clear()
        self.drive(0)

    # ---- the lines ----------------------------------------------------------------------------------------

    def changed(self) -> None:
        wires = self.wires
        if wires is None:
            return
        control = wires.control
        if control & RST:
            if not self._in_reset:
                self._in_reset = True
                self.release()
                self.element.bus_reset()
            return
        self._in_reset = False
        state = self._state
        if state == "transfer":
            if self._requesting:
                if control & ACK:
                    self._acknowledged(wires.data)
            elif not control & ACK:
                self._continue()
        elif state == "free":
            me = 1 << self.element.scsi_id
            if control & (SEL | BSY | IO) == SEL and wires.data & me:
                self._state = "selected"
                self._initiator = wires.data & ~me
                self.drive(BSY)
        elif state == "selected":
            if not control & SEL:
                self._after_messages(self._command_phase)
        elif state == "reselecting" and control & BSY:
            self._reselected()

    def _acknowledged(self, byte: int) -> None:
        """The initiator has taken or given a byte."""
        if not self._phase & IO:
            self._store(bytes((byte,)))
        self._position += 1
        self._requesting = False
        # the data lines stay until ACK is negated
        self.drive(BSY | self._phase, self._data[self._position - 1] if self._phase & IO else 0)

    def _store(self, data: bytes) -> None:
        assert isinstance(self._data, bytearray)
        if self._phase == COMMAND and not self._data:
            self._length = CDB_LENGTH[data[0] >> 5]
        self._data += data

    def _continue(self) -> None:
        """The next byte, or what follows the phase."""
        if self._position >= self._length:
            if self._phase == MESSAGE_OUT:
                self._then()
            else:
                self._after_messages(self._then)
            return
        self._requesting = True
        byte = self._data[self._position] if self._phase & IO else 0
        self.drive(BSY | REQ | self._phase, byte)

    def give(self, count: int) -> bytes:
        data = bytes(self._data[self._position : self._position + count])
        self._position += len(data)
        self._requesting = False
        self._continue()
        return data

    def take(self, data: bytes) -> int:
        taken = 0
        while taken < len(data) and self._position < self._length:  # a CDB's first byte tells its length
            piece = data[taken : taken + (1 if not self._position else self._length - self._position)]
            self._store(piece)
            self._position += len(piece)
            taken += len(piece)
        self._requesting = False
        self._continue()
        return taken

    # ---- phases -------------------------------------------------------------------------------------------

    def _send(self, phase: int, data: bytes, then: Callable[[], None]) -> None:
        """An input phase."""
        self._start(phase, data, len(data), then)

    def _receive(self, phase: int, count: int, then: Callable[[], None]) -> None:
        """An output phase."""
        self._start(phase, bytearray(), count, then)

    def _start(self, phase: int, data: bytes | bytearray, length: int, then: Callable[[], None]) -> None:
        self._state = "transfer"
        self._phase, self._data, self._length, self._then = phase, data, length, then
        self._position = 0
        self._continue()

    def _after_messages(self, then: Callable[[], None]) -> None:
        """Go on with `then`, after the messages that the initiator wants to send."""
        wires = self.wires
        if wires is not None and wires.control & ATN:
            self._receive(MESSAGE_OUT, 1, lambda: self._message(then))
        else:
            then()

    def _message(self, then: Callable[[], None]) -> None:
        """A message, or the part of it that says how long it is."""
        data = bytes(self._data)
        first = data[0]
        if first == EXTENDED and len(data) < 2:
            self._more(1, then)
        elif first == EXTENDED and len(data) < 2 + (data[1] or 256):
            self._more(data[1] or 256, then)
        elif first & IDENTIFY:
            self._lun = first & 7
            self._may_disconnect = bool(first & 0x40)
            self._after_messages(then)
        elif first == DEVICE_RESET:
            self.release()
            self.element.bus_reset()
        elif first == ABORT:
            self.release()
        elif first == DETECTED_ERROR:
            self._fail(ABORTED)
        elif first in (NOP, REJECT, PARITY_ERROR):
            self._after_messages(then)
        else:
            self._send(MESSAGE_IN, bytes((REJECT,)), then)

    def _more(self, count: int, then: Callable[[], None]) -> None:
        data = self._data
        self._state, self._length, self._then = "transfer", len(data) + count, lambda: self._message(then)
        self._continue()

    def _command_phase(self) -> None:
        self._receive(COMMAND, CDB_LENGTH[0], self._execute)

    def _execute(self) -> None:
        self._cdb = bytes(self._data)
        if self._lun is None:
            self._lun = self._cdb[1] >> 5
        self._reply(lambda: self.element.execute(self._lun or 0, self._cdb))

    def _reply(self, action: Callable[[], Reply]) -> None:
        """Let the target act, and say what it answers."""
        try:
            reply, status = action(), GOOD
        except Check as check:
            self.element.remember(self._lun or 0, check.sense)
            reply, status = check.data, CHECK_CONDITION
        if self._may_disconnect and self.element.disconnects and self._initiator:
            self._resume = reply, status
            self._send(MESSAGE_IN, bytes((SAVE_POINTERS, DISCONNECT)), self._disconnect)
        else:
            self._data_phase(reply, status)

    def _data_phase(self, reply: Reply, status: int) -> None:
        if isinstance(reply, Receive):
            done = reply.done
            if reply.count:
                self._receive(DATA_OUT, reply.count, lambda: self._reply(lambda: done(bytes(self._data))))
            else:
                self._reply(lambda: done(b""))
        elif reply:
            self._send(DATA_IN, reply, lambda: self._status_phase(status))
        else:
            self._status_phase(status)

    def _fail(self, sense: Sense) -> None:
        self.element.remember(self._lun or 0, sense)
        self._status_phase(CHECK_CONDITION)

    def _status_phase(self, status: int) -> None:
        linked = self._cdb and self._cdb[-1] & 1 and status == GOOD
        if linked:
            message = LINKED_FLAG if self._cdb[-1] & 2 else LINKED
            then, status = self._command_phase, status | INTERMEDIATE
        else:
            message, then = COMPLETE, self.release
        self._send(STATUS, bytes((status,)), lambda: self._send(MESSAGE_IN, bytes((message,)), then))

    # ---- disconnection ------------------------------------------------------------------------------------

    def _disconnect(self) -> None:
        self._state = "waiting"
        self.drive(0)
        self.element.machine.clock.after(DISCONNECT_TIME, self._reselect)

    def _reselect(self) -> None:
        """Arbitrate and reselect the initiator."""
        wires = self.wires
        if wires is None or self._state != "waiting":
            return
        clock = self.element.machine.clock
        if wires.control & (BSY | SEL):
            clock.after(RESELECT_RETRY, self._reselect)
            return
        self._state = "reselecting"
        self._deadline = clock.after(SELECTION_TIMEOUT, self.release)
        self.drive(SEL | IO, 1 << self.element.scsi_id | self._initiator)

    def _reselected(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        reply, status = self._resume
        self._may_disconnect = False  # once in a command is enough
        identify = bytes((IDENTIFY | (self._lun or 0),))
        self._send(MESSAGE_IN, identify, lambda: self._data_phase(reply, status))


class Target(Element):
    """Base of all SCSI devices."""

    commands: ClassVar[dict[int, str]] = {}
    """Operation code -> name of the method."""
    any_lun: ClassVar[frozenset[int]] = frozenset({0x03, 0x12})
    """Commands that reach a logical unit which is not there: REQUEST SENSE and INQUIRY."""
    params: ClassVar[Sequence[Spec]] = (
        Param("id", scsi_id, required=True, help="SCSI id, 0 to 7"),
        Param("vendor", help="for INQUIRY, up to 8 characters"),
        Param("product", help="for INQUIRY, up to 16 characters"),
        Param("revision", help="for INQUIRY, up to 4 characters"),
        Flag("disconnect", help="leave the bus during commands when the initiator allows it"),
    )

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.scsi_id: int = args["id"]
        self.disconnects = "disconnect" in args
        self.port = TargetPort(self)
        self.sense: dict[int, Sense] = {}
        self.lun = 0

    def ports(self, args: Args) -> list[Port]:
        return [self.port]

    def has_lun(self, lun: int) -> bool:
        """Is there something at this logical unit?"""
        return lun == 0

    def check_unit(self, opcode: int) -> None:
        """Before a command for `self.lun`: raise Check when the unit cannot do it now."""

    def bus_reset(self) -> None:
        """RST, or a BUS DEVICE RESET message."""
        self.sense.clear()

    def reset(self) -> None:
        self.port.release()
        self.bus_reset()

    def remember(self, lun: int, sense: Sense) -> None:
        """Keep sense data for REQUEST SENSE."""
        self.sense[lun] = sense
        if self.log_level:
            self.log(f"lun {lun}: check condition, {sense}", 1)

    def execute(self, lun: int, cdb: bytes) -> Reply:
        """Do a command."""
        opcode = cdb[0]
        self.lun = lun
        if self.log_level:
            self.log(f"lun {lun}: {self.commands.get(opcode, 'unknown command')} {cdb.hex(' ')}", 1)
        if opcode != 0x03:
            self.sense.pop(lun, None)
        if not self.has_lun(lun) and opcode not in self.any_lun:
            raise Check(INVALID_LUN)
        if opcode not in self.commands:
            raise Check(INVALID_COMMAND)
        self.check_unit(opcode)
        reply: Reply = getattr(self, self.commands[opcode])(cdb)
        return reply

    # ---- commands of all devices --------------------------------------------------------------------------

    def sense_data(self, sense: Sense) -> bytes:
        """How this device says it."""
        return sense.extended()

    def request_sense(self, cdb: bytes) -> Reply:
        missing = Sense() if self.has_lun(self.lun) else INVALID_LUN
        sense = self.sense.pop(self.lun, missing)
        return self.sense_data(sense)[: cdb[4] or 4]

    def inquiry_data(self, device_type: int, removable: bool, name: str) -> bytes:
        """36 bytes as the Common Command Set has them."""
        args = self.args
        texts = (("vendor", "TME", 8), ("product", name, 16), ("revision", "1", 4))
        text = b"".join(
            (args.get(key) or default).encode("latin-1", "replace")[:n].ljust(n) for key, default, n in texts
        )
        kind = device_type if self.has_lun(self.lun) else 0x7F
        return bytes((kind, removable << 7, 1, 1, 31, 0, 0, 0)) + text

    def succeed(self, cdb: bytes) -> Reply:
        """A command that has nothing to do here."""
        return None

    def discard(self, cdb: bytes) -> Reply:
        """A command whose parameter list (length in byte 4) has no effect here."""
        return Receive(cdb[4], lambda data: None)
