"""What the commands of an NCR 53C90 do on the bus. Each is a generator: it yields while it waits.

    disconnected   selection: without ATN, with ATN, with ATN and stop; enable and disable reselection
    initiator      transfer information, command complete, message accepted, transfer pad, set and reset ATN
    any            reset the bus

See ncr53c9x.py for the chip and the sources.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from devices.scsi.wires import (
    ACK,
    ATN,
    BSY,
    CD,
    COMMAND,
    IO,
    MESSAGE_IN,
    MESSAGE_OUT,
    MSG,
    REQ,
    RST,
    SEL,
    STATUS,
    Wires,
)

if TYPE_CHECKING:
    from devices.ic.ncr53c9x import Ncr53c9x

NOP, FLUSH_FIFO, RESET_CHIP, RESET_BUS = range(4)
TRANSFER, COMPLETE, ACCEPT, PAD, SET_ATN, RESET_ATN = 0x10, 0x11, 0x12, 0x18, 0x1A, 0x1B
SELECT, SELECT_ATN, SELECT_STOP, ENABLE, DISABLE, SELECT_ATN_3 = 0x41, 0x42, 0x43, 0x44, 0x45, 0x46
PHASE_BITS = ((MSG, 4), (CD, 2), (IO, 1))
"""Lines, and their bits in the status register."""
ILLEGAL, DISCONNECTED, BUS_SERVICE, DONE, RESELECTED = 0x40, 0x20, 0x10, 0x08, 0x04
"""Bits of the interrupt register."""
AHEAD = 16
"""Bytes that the FIFO has fetched before the target stops to take them."""

Work = Generator[None, None, None]
Start = Callable[["Ncr53c9x", bool], Work]


def requested(wires: Wires | None) -> int | None:
    """The phase in which a target asks for a handshake; None while it does not."""
    if wires is None or wires.control & (REQ | BSY | ACK | SEL) != REQ | BSY:
        return None
    return wires.phase


def find(code: int, connected: bool) -> Start | None:
    """What a command does; None if it is illegal in this state."""
    return ANY.get(code) or (CONNECTED if connected else DISCONNECTED_STATE).get(code)


# -- the bus -------------------------------------------------------------------------------------------------


def _hold(chip: Ncr53c9x, lines: int, data: int = 0) -> None:
    """Assert ATN or ACK, and no others."""
    chip.lines = lines
    chip.scsi.drive(lines, data)


def _send(chip: Ncr53c9x, byte: int, last: bool = True) -> None:
    """One handshake of an output phase; ATN goes before the last byte of a message is taken."""
    keep = chip.lines & ATN if not last or requested(chip.scsi.wires) != MESSAGE_OUT else 0
    _hold(chip, keep, byte)
    chip.scsi.drive(keep | ACK, byte)
    chip.scsi.drive(keep)


def _receive(chip: Ncr53c9x, hold: bool = False) -> int:
    """One byte of an input phase; `hold` leaves ACK asserted."""
    wires = chip.scsi.wires
    assert wires is not None
    byte = wires.data
    chip.scsi.drive(chip.lines | ACK)
    if hold:
        chip.lines |= ACK
    else:
        chip.scsi.drive(chip.lines)
    return byte


def _next_phase(chip: Ncr53c9x) -> Work:
    """Wait until the target asks for something. When it leaves the bus the chip notices by itself."""
    while chip.requested is None:
        yield


def _end(chip: Ncr53c9x) -> Work:
    """The usual end of a command: bus service as soon as the target wants more."""
    yield from _next_phase(chip)
    chip.raise_interrupt(BUS_SERVICE)


def _source(chip: Ncr53c9x, dma: bool) -> Generator[None, None, int | None]:
    """The next byte to send: of memory or of the FIFO. None when there are no more."""
    if not dma:
        while not chip.fifo:
            yield
        return chip.fifo.popleft()
    if not chip.counter:
        return None
    engine = chip.engine
    while engine is None or not engine.room(False):
        yield
    data = engine.fetch(1)
    if data is None:
        return None
    engine.advance(1)
    count(chip, 1)
    return data[0]


def count(chip: Ncr53c9x, moved: int) -> None:
    """The transfer counter."""
    chip.counter = max(chip.counter - moved, 0)
    if not chip.counter:
        chip.status.TERMINAL_COUNT = 1


# -- selection -----------------------------------------------------------------------------------------------


def _select(attention: bool, messages: int, stop: bool) -> Start:
    def select(chip: Ncr53c9x, dma: bool) -> Work:
        chip.step = 0
        while not chip.bus_is_free:
            yield
        chip.may_be_reselected = False
        atn = ATN if attention else 0
        chip.scsi.drive(SEL | atn, 1 << chip.select_id | chip.own_id)
        wires = chip.scsi.wires
        chip.start_timeout()
        while wires is None or not wires.control & BSY:
            if chip.timed_out:
                chip.leave_bus()
                chip.raise_interrupt(DISCONNECTED)
                return
            yield
        chip.stop_timeout()
        chip.connected = True
        _hold(chip, atn)
        yield from _next_phase(chip)
        yield from _messages_and_command(chip, dma, messages, stop)
        chip.raise_interrupt(BUS_SERVICE | DONE)

    return select


def _messages_and_command(chip: Ncr53c9x, dma: bool, messages: int, stop: bool) -> Work:
    """What follows a selection; `step` says how far it came."""
    if messages:
        if chip.requested != MESSAGE_OUT:
            return
        for left in range(messages, 0, -1):
            byte = yield from _source(chip, dma)
            if byte is None or chip.requested != MESSAGE_OUT:
                return
            _send(chip, byte, last=left == 1 and not stop)
        chip.step = 1
        if stop:
            return
        yield from _next_phase(chip)
        chip.step = 2
    if chip.requested != COMMAND:
        return
    chip.step = 3
    while chip.requested == COMMAND:
        byte = yield from _source(chip, dma)
        if byte is None:
            return
        _send(chip, byte)
    chip.step = 4


def reselected(chip: Ncr53c9x, ids: int) -> Work:
    """A target has come back: its id and its message go to the FIFO."""
    chip.may_be_reselected = False
    chip.connected = True
    chip.fifo.clear()
    chip.push(ids)
    chip.scsi.drive(BSY)
    chip.scsi.drive(0)
    yield from _next_phase(chip)
    if chip.requested == MESSAGE_IN:
        chip.push(_receive(chip, hold=True))
    chip.raise_interrupt(RESELECTED)


def _enable(chip: Ncr53c9x, dma: bool) -> Work:
    chip.may_be_reselected = True
    chip.clock.after(0, chip.look)
    yield from ()


def _disable(chip: Ncr53c9x, dma: bool) -> Work:
    chip.may_be_reselected = False
    chip.raise_interrupt(DONE)
    yield from ()


# -- transfers -----------------------------------------------------------------------------------------------


def _transfer(chip: Ncr53c9x, dma: bool) -> Work:
    yield from _next_phase(chip)
    phase = chip.requested
    assert phase is not None
    if phase == MESSAGE_IN and not dma:
        chip.push(_receive(chip, hold=True))
        chip.raise_interrupt(DONE)
        return
    if not dma:
        yield from _by_fifo(chip, phase)
    elif phase & IO:
        if (yield from _dma_in(chip, phase)):
            chip.raise_interrupt(DONE)
            return
    else:
        yield from _dma_out(chip, phase)
    yield from _end(chip)


def _by_fifo(chip: Ncr53c9x, phase: int) -> Work:
    """One byte in, or the FIFO out."""
    if phase & IO:
        chip.push(_receive(chip))
        return
    while not chip.fifo:
        yield
    while chip.fifo and chip.requested == phase:
        byte = chip.fifo.popleft()
        _send(chip, byte, last=not chip.fifo)
        if chip.requested is None:
            yield from _next_phase(chip)


def _dma_in(chip: Ncr53c9x, phase: int) -> Generator[None, None, bool]:
    """To memory, until the count is done or the phase ends; true if a message is still held."""
    engine, wires = chip.engine, chip.scsi.wires
    assert wires is not None
    while chip.counter and chip.requested == phase:
        room = engine.room(True) if engine is not None else 0
        if engine is None or not room:
            yield
            continue
        if phase == MESSAGE_IN:
            data = bytes((_receive(chip, hold=chip.counter == 1),))
        else:
            data = wires.receive(min(chip.counter, room))
            if not data:
                yield
                continue
        count(chip, len(data))
        if not engine.store(data):
            yield from _for_ever()
        if chip.lines & ACK:
            return True
        if chip.counter and chip.requested is None:
            yield from _next_phase(chip)
    return False


def _dma_out(chip: Ncr53c9x, phase: int) -> Work:
    """From memory. What was fetched and not taken stays in the FIFO."""
    engine, wires = chip.engine, chip.scsi.wires
    assert wires is not None
    while chip.counter and chip.requested == phase:
        room = engine.room(False) if engine is not None else 0
        if engine is None or not room:
            yield
            continue
        data = engine.fetch(min(chip.counter, room))
        if data is None:
            yield from _for_ever()
            return
        if phase == MESSAGE_OUT:
            _send(chip, data[0], last=chip.counter == 1)
            taken, fetched = 1, 1
        else:
            taken = wires.send(data)
            if not taken and chip.requested == phase:
                yield
                continue
            fetched = min(len(data), taken + AHEAD) if taken < len(data) else taken
        engine.advance(fetched)
        count(chip, fetched)
        for byte in data[taken:fetched]:
            chip.push(byte)
        if chip.counter and chip.requested is None:
            yield from _next_phase(chip)


def _for_ever() -> Work:
    """A failed DMA cycle: only the driver helps."""
    while True:
        yield


def _pad(chip: Ncr53c9x, dma: bool) -> Work:
    """Zeros out, or bytes in that go nowhere."""
    yield from _next_phase(chip)
    phase = chip.requested
    wires = chip.scsi.wires
    assert phase is not None
    assert wires is not None
    while chip.counter and chip.requested == phase:
        moved = len(wires.receive(chip.counter)) if phase & IO else wires.send(bytes(chip.counter))
        if not moved:
            break
        count(chip, moved)
    yield from _end(chip)


def _complete(chip: Ncr53c9x, dma: bool) -> Work:
    """Status and message."""
    yield from _next_phase(chip)
    for phase in (STATUS, MESSAGE_IN):
        if chip.requested != phase:
            chip.raise_interrupt(BUS_SERVICE)
            return
        byte = _receive(chip, hold=phase == MESSAGE_IN)
        if not dma:
            chip.push(byte)
        else:
            engine = chip.engine
            while engine is None or not engine.room(True):
                yield
            if not engine.store(bytes((byte,))):
                yield from _for_ever()
            count(chip, 1)
        if phase == STATUS:
            yield from _next_phase(chip)
    chip.raise_interrupt(DONE)


def _accept(chip: Ncr53c9x, dma: bool) -> Work:
    """The message is accepted: ACK goes, and the target goes on or leaves."""
    _hold(chip, chip.lines & ~ACK)
    yield from _end(chip)


def _set_atn(chip: Ncr53c9x, dma: bool) -> Work:
    _hold(chip, chip.lines | ATN)
    yield from ()


def _reset_atn(chip: Ncr53c9x, dma: bool) -> Work:
    _hold(chip, chip.lines & ~ATN)
    yield from ()


def _reset_bus(chip: Ncr53c9x, dma: bool) -> Work:
    chip.scsi.drive(RST)
    chip.leave_bus()
    yield from ()


ANY: dict[int, Start] = {RESET_BUS: _reset_bus}
DISCONNECTED_STATE: dict[int, Start] = {
    SELECT: _select(False, 0, False),
    SELECT_ATN: _select(True, 1, False),
    SELECT_STOP: _select(True, 1, True),
    SELECT_ATN_3: _select(True, 3, False),
    ENABLE: _enable,
    DISABLE: _disable,
}
CONNECTED: dict[int, Start] = {
    TRANSFER: _transfer,
    COMPLETE: _complete,
    ACCEPT: _accept,
    PAD: _pad,
    SET_ATN: _set_atn,
    RESET_ATN: _reset_atn,
}
