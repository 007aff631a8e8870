"""The 82586 through Sun's board: what drivers do, and what broken lists do."""

from __future__ import annotations

import random
import zlib

import pytest

from tests.devices.station import Station
from tme.bus import BusError
from tme.errors import TmeError
from tme.machine import Machine
from tme.mesh.session import Session
from tme.options import Options
from tme.port import disconnect

CSR = 0xC0000
RUN, ATTEND, IE = 0xC0, 0x20, 0x10  # running on the cable, channel attention, interrupt enable
SCP, ISCP, SCB, BASE = 0xFFFFF6, 0x1000, 0x1100, 0x1000
CX, FR, CNA, RNR = 0x8000, 0x4000, 0x2000, 0x1000
NOP, IA, CONFIGURE, MC, TRANSMIT, TDR, DUMP, DIAGNOSE = range(8)
EL, S, I = 0x8000, 0x4000, 0x2000  # noqa: E741 the data sheet's names
C, OK, ABORTED = 0x8000, 0x2000, 0x1000
NONE = 0xFFFF
ME = bytes.fromhex("080020112233")
OTHER = bytes.fromhex("080020445566")
ALL = b"\xff" * 6
MILLISECOND = 1_000_000


class Driver:
    """A driver at the level of memory words."""

    def __init__(self, machine):
        self.machine = machine
        self.memory = bytearray(1 << 24)
        self.refused = range(0)
        self.bus = machine.make("obio0", "tme/generic/bus size 16MB").map
        self.bus.set_dma(self.dma_read, self.dma_write)
        self.board = machine.make("obie0", "tme/machine/sun3/obie")
        machine.connect(f"obie0 csr at obio0 addr {CSR:#x} ipl 3")
        self.chip = machine.make("ie0", "tme/ic/i82586")
        machine.connect("ie0 at obie0")
        self.station = machine.elements["station"] = Station(machine)
        machine.connect("station at ie0")
        for element in machine.elements.values():
            element.check()
            element.reset()

    def dma_read(self, address, count):
        if address in self.refused or address + count > len(self.memory):
            raise BusError(address)
        return bytes(self.memory[address : address + count])

    def dma_write(self, address, data):
        if address in self.refused or address + len(data) > len(self.memory):
            raise BusError(address)
        self.memory[address : address + len(data)] = data

    # words in the chip's order

    def word(self, address):
        return int.from_bytes(self.memory[address : address + 2], "little")

    def put(self, address, *words):
        for word in words:
            self.memory[address : address + 2] = word.to_bytes(2, "little")
            address += 2

    def long(self, address, value):
        self.memory[address : address + 4] = value.to_bytes(4, "little")

    @property
    def csr(self):
        return self.bus.read(CSR, 1)

    @csr.setter
    def csr(self, value):
        self.bus.write(CSR, 1, value)

    @property
    def irq(self):
        return self.bus.pending(3)

    def wait(self, ms=1):
        self.machine.clock.advance(ms * MILLISECOND)

    def attend(self, control=RUN | IE):
        self.csr = control | ATTEND
        self.csr = control

    def start(self, control=RUN | IE):
        self.csr = 0
        self.long(SCP + 6, ISCP)
        self.put(ISCP, 1, SCB - BASE)
        self.long(ISCP + 4, BASE)
        self.put(SCB, *[0] * 8)
        self.csr = control
        self.attend(control)
        return self

    def scb(self, command, control=RUN | IE):
        """Give an SCB command."""
        self.put(SCB + 2, command)
        self.attend(control)

    def acknowledge(self):
        """Take what has happened."""
        events = self.word(SCB) & 0xF000
        self.scb(events)
        return events

    def block(self, at, code, *parameters, flags=EL | I, link=NONE, data=b""):
        """Make a command block at `at`."""
        self.put(at, 0, flags | code, link, *parameters)
        start = at + 6 + 2 * len(parameters)
        self.memory[start : start + len(data)] = data
        return at

    def do(self, code, *parameters, data=b"", control=RUN | IE):
        """Have one command done; returns its status."""
        at = self.block(0x2000, code, *parameters, data=data)
        self.put(SCB + 4, at - BASE)
        self.scb(0x0100, control)
        self.wait()
        return self.word(at)

    def configure(self, **bytes_):
        data = bytearray((12, 8, 0x40, 0x2E, 0, 0x60, 0, 0xF2, 0, 0, 64, 0))
        for name, value in bytes_.items():
            data[int(name[1:])] = value
        assert self.do(CONFIGURE, data=bytes(data)) == C | OK
        self.acknowledge()

    def send(self, *pieces, flags=EL | I, wait=2):
        """Transmit from buffers; returns the status."""
        at = self.block(0x3000, TRANSMIT, 0x3100 - BASE, flags=flags)
        for number, piece in enumerate(pieces):
            tbd, buffer = 0x3100 + 8 * number, 0x10000 + 0x4000 * number
            last = number == len(pieces) - 1
            self.put(tbd, len(piece) | (0x8000 if last else 0), NONE if last else tbd + 8 - BASE)
            self.long(tbd + 4, buffer)
            self.memory[buffer : buffer + len(piece)] = piece
        self.put(SCB + 4, at - BASE)
        self.scb(0x0100)
        self.wait(wait)
        return self.word(at)

    # receiving: descriptors at 0x4000 each 0x20, buffer descriptors at 0x5000 each 0x10, buffers at 0x80000

    def rfd(self, number):
        return 0x4000 + 0x20 * number

    def rbd(self, number):
        return 0x5000 + 0x10 * number

    def buffer(self, number):
        return 0x80000 + 0x1000 * number

    def listen(self, frames=4, buffers=4, size=256, last=EL, flags=None):
        for number in range(frames):
            end = number == frames - 1
            flag = (flags or {}).get(number, EL if end else 0)
            link = NONE if end else self.rfd(number + 1) - BASE
            self.put(self.rfd(number), 0, flag, link, self.rbd(0) - BASE if not number and buffers else NONE)
        for number in range(buffers):
            end = number == buffers - 1
            self.put(self.rbd(number), 0, NONE if end else self.rbd(number + 1) - BASE)
            self.long(self.rbd(number) + 4, self.buffer(number))
            self.put(self.rbd(number) + 8, size | (last if end else 0))
        self.put(SCB + 6, self.rfd(0) - BASE)
        self.scb(0x0010)

    @property
    def ru(self):
        return self.word(SCB) >> 4 & 7

    @property
    def cu(self):
        return self.word(SCB) >> 8 & 7

    def data(self, number, count):
        return bytes(self.memory[self.buffer(number) : self.buffer(number) + count])

    def from_cable(self, *frames, wait=2):
        for frame in frames:
            self.station.port.send(frame)
        self.wait(wait)


@pytest.fixture
def driver(machine):
    return Driver(machine)


@pytest.fixture
def ie(driver):
    """A chip as drivers set it up: headers in buffers, our address."""
    driver.start()
    driver.acknowledge()
    driver.configure()
    assert driver.do(IA, data=ME) == C | OK
    assert driver.acknowledge() == CX | CNA
    return driver


def frame(to=ME, length=60, seed=0):
    return to + OTHER + b"\x08\x00" + random.Random(seed).randbytes(length - 14)


# ---- the board ---------------------------------------------------------------------------------------------


def test_control_register(driver):
    assert driver.csr == 0
    driver.csr = 0xDF
    assert driver.csr == 0xD0  # the lower bits are read only or free
    assert driver.bus.read(CSR, 2) == 0xD000
    driver.bus.write(CSR, 2, 0xC0FF)
    assert driver.csr == 0xC0
    assert driver.bus.peek(CSR, 2) == 0xC000
    driver.board.reset()
    assert driver.csr == 0


def test_a_chip_in_reset_takes_no_notice(driver):
    driver.start(0x40)
    driver.csr = 0x60
    assert driver.word(ISCP) == 1
    driver.csr = 0x80  # released, but nobody has called it yet
    assert driver.word(ISCP) == 1


def test_boards_without_chip_or_place_are_refused(machine):
    machine.make("obio0", "tme/generic/bus size 16MB")
    board = machine.make("obie0", "tme/machine/sun3/obie")
    chip = machine.make("ie0", "tme/ic/i82586")
    with pytest.raises(TmeError, match="is on no bus"):
        board.check()
    machine.connect("obie0 csr at obio0 addr 0xc0000 ipl 3")
    with pytest.raises(TmeError, match="has no 82586"):
        board.check()
    with pytest.raises(TmeError, match="is on no board"):
        chip.check()
    machine.connect("ie0 at obie0")
    board.check()
    chip.check()
    disconnect(chip.socket)
    with pytest.raises(TmeError, match="has no 82586"):
        board.check()


# ---- initialisation and interrupts -------------------------------------------------------------------------


def test_initialisation(driver):
    driver.start()
    assert driver.word(ISCP) == 0
    assert driver.word(SCB) == CX | CNA
    assert driver.irq
    assert driver.csr == 0xD1


def test_only_the_rising_edge_attends(driver):
    driver.start()
    driver.csr = 0xF0
    driver.put(SCB + 2, CX | CNA)
    driver.csr = 0xF0
    assert driver.word(SCB) == CX | CNA
    driver.csr = 0xD0
    assert driver.word(SCB) == CX | CNA
    driver.csr = 0xF0
    assert driver.word(SCB) == 0


def test_acknowledgement_and_enable(driver):
    driver.start()
    driver.csr = 0xC0
    assert not driver.irq
    assert driver.csr == 0xC1
    driver.csr = 0xD0
    assert driver.irq
    driver.scb(CX)
    assert driver.word(SCB) == CNA
    assert driver.irq
    driver.scb(CNA)
    assert driver.word(SCB) == 0
    assert driver.word(SCB + 2) == 0
    assert not driver.irq


@pytest.mark.parametrize("how", ["pin", "bit"])
def test_reset(ie, how):
    ie.listen()
    if how == "pin":
        ie.csr = 0x50
        ie.csr = 0xD0
    else:
        ie.scb(0x0080)
    assert not ie.irq
    ie.from_cable(frame())
    assert ie.word(ie.rfd(0)) == 0
    ie.put(ISCP, 1)
    ie.attend()
    assert ie.word(ISCP) == 0
    assert ie.word(SCB) == CX | CNA


# ---- the command unit --------------------------------------------------------------------------------------


def test_nop_and_diagnose(ie):
    assert ie.do(NOP) == C | OK
    assert ie.word(SCB) == CX | CNA
    assert ie.irq
    ie.acknowledge()
    assert ie.do(DIAGNOSE) == C | OK


def test_a_list_is_done_in_order_and_interrupts_where_it_says(ie):
    ie.block(0x2000, NOP, flags=0, link=0x2100 - BASE)
    ie.block(0x2100, NOP, flags=I, link=0x2200 - BASE)
    ie.block(0x2200, DIAGNOSE, flags=EL)
    ie.put(SCB + 4, 0x1000)
    ie.scb(0x0100)
    assert ie.cu == 2
    assert not ie.irq
    ie.wait()
    assert [ie.word(at) for at in (0x2000, 0x2100, 0x2200)] == [C | OK] * 3
    assert ie.word(SCB) == CX | CNA
    ie.acknowledge()
    assert ie.cu == 0


def test_suspend_by_a_block_and_resume(ie):
    ie.block(0x2000, NOP, flags=S | I, link=0x2100 - BASE)
    ie.block(0x2100, NOP, flags=EL)
    ie.put(SCB + 4, 0x1000)
    ie.scb(0x0100)
    ie.wait()
    assert (ie.cu, ie.word(0x2100)) == (1, 0)
    assert ie.acknowledge() == CX | CNA
    ie.scb(0x0200)
    ie.wait()
    assert ie.word(0x2100) == C | OK
    assert ie.acknowledge() == CNA
    ie.scb(0x0200)  # nothing is suspended any more
    ie.wait()
    assert ie.word(SCB) == 0


def test_suspend_by_command(ie):
    ie.block(0x2000, NOP, flags=0, link=0x1000)  # for ever
    ie.put(SCB + 4, 0x1000)
    ie.scb(0x0100)
    ie.wait(5)
    assert ie.word(SCB) == 0x0200
    ie.scb(0x0300)
    ie.wait()
    assert ie.word(SCB) == CNA | 0x0100
    ie.acknowledge()
    ie.scb(0x0300)
    assert ie.word(SCB) == 0x0100


def test_abort(ie):
    at = ie.block(0x3000, TRANSMIT, NONE)
    ie.put(SCB + 4, at - BASE)
    ie.scb(0x0100)
    ie.machine.clock.advance(10_000)
    assert ie.word(at) == 0x4000
    ie.scb(0x0400)
    assert ie.word(at) == C | ABORTED
    assert ie.word(SCB) == CNA
    ie.wait()
    assert ie.word(at) == C | ABORTED
    assert not ie.station.frames
    ie.acknowledge()
    ie.scb(0x0400)
    assert ie.word(SCB) == 0


def test_a_link_may_change_until_its_block_is_done(ie):
    """Drivers let the chip run round a NOP and then change where that leads."""
    ie.block(0x2000, NOP, flags=0, link=0x1000)
    ie.block(0x2100, NOP, flags=EL | I)
    ie.put(SCB + 4, 0x1000)
    ie.scb(0x0100)
    ie.wait(3)
    ie.put(0x2004, 0x1100)
    ie.wait()
    assert ie.word(0x2100) == C | OK
    assert ie.word(SCB) == CX | CNA


def test_loops_of_nops_cost_little(ie):
    ie.block(0x2000, NOP, flags=0, link=0x2100 - BASE)
    ie.block(0x2100, NOP, flags=0, link=0x2000 - BASE)
    ie.put(SCB + 4, 0x1000)
    reads = 0
    original = ie.chip.read

    def counted(address, count):
        nonlocal reads
        reads += 1
        return original(address, count)

    ie.chip.read = counted
    ie.scb(0x0100)
    ie.wait(100)
    assert 100 < reads < 10_000


def test_tdr(ie):
    def result():
        assert ie.do(TDR, 0) == C | OK
        ie.acknowledge()
        return ie.word(0x2006)

    assert result() == 0x8000
    ie.station.port.set_link(False)
    assert result() & 0xF800 == 0x2000
    disconnect(ie.station.port)
    assert result() == 0x4000


def test_dump(ie):
    ie.do(MC, 6, data=bytes.fromhex("010203040506"))
    ie.memory[0x9000:0x90AA] = b"\xee" * 170
    ie.listen()
    assert ie.do(DUMP, 0x9000 - BASE) == C | OK
    image = bytes(ie.memory[0x9000:0x90AB])
    assert image[:11] == bytes((8, 0x40, 0x2E, 0, 0x60, 0, 0xF2, 0, 0, 64, 0))
    assert image[0x0C:0x12] == ME
    assert image[0x24:0x2C].count(0) == 7
    assert int.from_bytes(image[0x96:0x98], "little") == ie.rfd(0) - BASE
    assert int.from_bytes(image[0xA8:0xAA], "little") == SCB - BASE
    assert image[170] == 0  # no more than 170 bytes


def test_configure_takes_4_to_12_bytes(ie):
    before = bytes(ie.chip.config.bytes)
    ie.do(CONFIGURE, data=bytes((1, 2, 3, 4, 99, 99)))
    assert ie.chip.config.bytes == bytes((1, 2, 3, 4)) + before[4:]
    ie.do(CONFIGURE, data=bytes((0xFF,)) + bytes(range(1, 16)))
    assert ie.chip.config.bytes == bytes((0xFF, *range(1, 12)))


# ---- transmission ------------------------------------------------------------------------------------------


def test_a_frame_from_buffers(ie):
    data = frame(OTHER, 200)
    assert ie.send(data[:14], data[14:100], b"", data[100:]) & 0xFFBF == C | OK
    assert ie.station.frames == [data]
    assert ie.acknowledge() == CX | CNA


def test_a_frame_takes_its_time(ie):
    assert ie.send(frame(length=1514), wait=1) == 0x4000
    assert not ie.station.frames
    ie.wait()
    assert ie.word(0x3000) & OK


def test_the_header_from_the_block(ie):
    ie.configure(b3=0x26)
    at = ie.block(0x3000, TRANSMIT, 0x3100 - BASE, data=OTHER + b"\x08\x06")
    ie.put(0x3100, 0x8000 | 46, NONE)
    ie.long(0x3104, 0x10000)
    ie.memory[0x10000:0x1002E] = bytes(range(46))
    ie.put(SCB + 4, at - BASE)
    ie.scb(0x0100)
    ie.wait()
    assert ie.station.frames == [OTHER + ME + b"\x08\x06" + bytes(range(46))]


def test_no_carrier_without_a_cable(ie):
    ie.station.port.set_link(False)
    assert ie.send(frame(OTHER)) == C | 0x0400
    assert not ie.station.frames


def test_a_crc_made_by_software(ie):
    data = frame(OTHER)
    ie.configure(b8=0x08)
    assert ie.send(data, zlib.crc32(data).to_bytes(4, "little")) & OK
    assert ie.station.frames == [data]
    ie.send(data, b"....")  # nobody takes a frame with a wrong one
    assert ie.station.frames == [data]


def test_a_chain_that_ends_too_soon(ie):
    ie.block(0x3000, TRANSMIT, 0x3100 - BASE)
    ie.put(0x3100, 100, NONE)
    ie.put(SCB + 4, 0x2000)
    ie.scb(0x0100)
    ie.wait()
    assert ie.word(0x3000) == C | 0x0100
    assert not ie.station.frames


@pytest.mark.parametrize(("size", "status"), [(0, 0x0100), (1500, 0x0800)])
def test_chains_without_end(ie, size, status):
    ie.block(0x3000, TRANSMIT, 0x3100 - BASE)
    ie.put(0x3100, size, 0x3100 - BASE)
    ie.long(0x3104, 0x10000)
    ie.put(SCB + 4, 0x2000)
    ie.scb(0x0100)
    ie.wait(50)
    assert ie.word(0x3000) == C | status
    assert not ie.station.frames
    assert ie.cu == 0


@pytest.mark.parametrize("control", [RUN, 0x80])
def test_internal_loopback(ie, control):
    ie.configure(b3=0x6E)
    ie.listen()
    ie.csr = control | IE
    assert ie.send(frame()) & OK
    assert not ie.station.frames
    assert ie.word(ie.rfd(0)) == C | OK
    assert ie.data(0, 60) == frame()


def test_external_loopback(ie):
    ie.configure(b3=0xAE, b10=18)
    ie.listen()
    short = frame(length=14)
    ie.send(short)
    assert ie.station.frames == [short]
    assert ie.data(0, 14) == short


def test_the_boards_loopback(machine, ie):
    ie.configure(b3=0xAE)
    ie.listen()
    ie.put(SCB + 4, 0x2000)
    ie.csr = 0x90
    ie.send(frame())
    ie.csr = 0xD0
    assert ie.station.frames  # `send` attends with RUN: on the cable
    ie.station.frames.clear()
    ie.block(0x3000, TRANSMIT, 0x3100 - BASE)
    ie.scb(0x0100, 0x90)
    ie.wait()
    assert not ie.station.frames
    assert ie.word(0x3000) == C | OK
    assert ie.word(ie.rfd(1)) == C | OK
    ie.from_cable(frame(seed=5))
    assert ie.word(ie.rfd(2)) == 0


def test_a_wrong_crc_in_loopback(ie):
    ie.configure(b2=0xC0, b3=0x6E, b8=0x08)
    ie.listen()
    ie.send(frame(), b"\1\2\3\4")
    assert ie.word(ie.rfd(0)) == C | 0x0800
    assert ie.word(SCB + 8) == 1


# ---- reception ---------------------------------------------------------------------------------------------


def test_frames_in_one_and_many_buffers(ie):
    ie.listen(size=128)
    assert ie.word(SCB) == 0x0040
    small, large = frame(), frame(length=300, seed=1)
    ie.from_cable(small, large)
    assert [ie.word(ie.rfd(at)) for at in range(3)] == [C | OK, C | OK, 0]
    assert [ie.word(ie.rfd(at) + 6) for at in range(2)] == [ie.rbd(0) - BASE, ie.rbd(1) - BASE]
    assert [ie.word(ie.rbd(at)) for at in range(4)] == [0xC000 | 60, 0x4000 | 128, 0x4000 | 128, 0xC000 | 44]
    assert ie.data(0, 60) == small
    assert ie.data(1, 128) + ie.data(2, 128) + ie.data(3, 44) == large
    assert ie.irq
    assert ie.acknowledge() == FR
    assert not ie.irq


def test_headers_in_descriptors(ie):
    ie.configure(b3=0x26)
    ie.listen()
    data = frame(length=80)
    ie.from_cable(data)
    at = ie.rfd(0) + 8
    assert ie.memory[at : at + 14] == data[:14]
    assert ie.data(0, 66) == data[14:]
    assert ie.word(ie.rbd(0)) == 0xC000 | 66


def test_short_frames_are_padded(ie):
    ie.listen()
    ie.from_cable(frame(length=20))
    assert ie.word(ie.rbd(0)) == 0xC000 | 60
    assert ie.data(0, 60) == frame(length=20).ljust(60, b"\0")


def test_frames_come_one_after_the_other(ie):
    ie.listen()
    ie.station.port.send(frame(length=1000))
    ie.station.port.send(frame(length=1000))
    ie.machine.clock.advance(1012 * 800)
    assert ie.word(ie.rfd(0)) == 0
    ie.machine.clock.advance(10_000)
    assert (ie.word(ie.rfd(0)), ie.word(ie.rfd(1))) == (C | OK, 0)
    ie.wait(1)
    assert ie.word(ie.rfd(1)) == C | 0x0200  # 2,000 bytes do not fit


MULTICAST = bytes.fromhex("0100 5e00 0001")


@pytest.mark.parametrize(
    ("to", "byte8", "taken"),
    [
        (ME, 0, True), (OTHER, 0, False), (ALL, 0, True), (MULTICAST, 0, False),
        (OTHER, 1, True), (MULTICAST, 1, True), (ALL, 2, False), (ALL, 3, True), (ME, 2, True),
    ],
)  # fmt: skip
def test_the_address_filter(ie, to, byte8, taken):
    ie.configure(b8=byte8)
    ie.listen()
    ie.from_cable(frame(to))
    assert bool(ie.word(ie.rfd(0))) is taken


def test_multicast_addresses(ie):
    ie.do(MC, 12, data=MULTICAST + bytes.fromhex("030000000001"))
    ie.acknowledge()
    ie.listen()
    ie.from_cable(
        frame(MULTICAST), frame(bytes.fromhex("030000000001")), frame(bytes.fromhex("01005e000002"))
    )
    assert [bool(ie.word(ie.rfd(at))) for at in range(3)] == [True, True, False]
    ie.acknowledge()
    ie.do(MC, 0)
    ie.from_cable(frame(MULTICAST))
    assert ie.word(ie.rfd(2)) == 0


def test_no_more_descriptors(ie):
    ie.listen(frames=1)
    ie.from_cable(frame())
    assert (ie.ru, ie.word(SCB + 12), ie.acknowledge()) == (2, 0, FR | RNR)
    ie.from_cable(frame(), frame(), frame(OTHER))
    assert (ie.word(SCB + 12), ie.word(SCB)) == (2, 0x0020)
    ie.listen()
    ie.from_cable(frame(seed=7))
    assert ie.data(0, 60) == frame(seed=7)


def test_no_more_buffers(ie):
    ie.listen(buffers=2, size=100)
    ie.from_cable(frame(length=300))
    assert ie.word(ie.rfd(0)) == C | 0x0200
    assert [ie.word(ie.rbd(at)) for at in range(2)] == [0x4000 | 100] * 2
    assert (ie.ru, ie.acknowledge()) == (2, FR | RNR)
    assert ie.word(SCB + 12) == 0


def test_no_buffers_at_all(ie):
    ie.listen(buffers=0)
    ie.from_cable(frame())
    assert ie.word(ie.rfd(0)) == C | 0x0200
    assert ie.word(ie.rfd(0) + 6) == NONE


def test_suspension(ie):
    ie.listen(flags={0: S})
    ie.from_cable(frame())
    assert (ie.ru, ie.acknowledge()) == (1, FR | RNR)
    ie.from_cable(frame())
    assert ie.word(ie.rfd(1)) == 0
    ie.scb(0x0020)
    assert ie.ru == 4
    ie.from_cable(frame())
    assert ie.word(ie.rfd(1)) == C | OK
    ie.acknowledge()
    ie.scb(0x0030)
    assert (ie.ru, ie.acknowledge()) == (1, RNR)
    ie.scb(0x0040)
    assert (ie.ru, ie.word(SCB)) == (0, 0)


def test_abort_of_the_receive_unit(ie):
    ie.listen()
    ie.scb(0x0040)
    assert ie.word(SCB) == RNR
    ie.from_cable(frame())
    assert ie.word(ie.rfd(0)) == 0
    assert ie.word(SCB + 12) == 0


@pytest.mark.parametrize(
    ("error", "counter"), [(0x0800, 8), (0x0400, 10), (0x0C00, 10), (0x0100, 14), (0x0040, None)]
)
def test_bad_frames(ie, error, counter):
    ie.listen()
    ie.chip.ru.receive(frame(), error)
    counts = {at: ie.word(SCB + at) for at in (8, 10, 12, 14)}
    assert counts == {at: int(at == counter) for at in counts}
    assert ie.word(ie.rfd(0)) == 0  # not kept
    ie.configure(b2=0xC0)
    ie.chip.ru.receive(frame(), error)
    assert ie.word(ie.rfd(0)) == C | error
    assert ie.word(SCB) & FR


def test_runts(ie):
    ie.listen()
    ie.chip.ru.receive(frame(length=20))
    assert ie.word(ie.rfd(0)) == 0
    ie.configure(b2=0xC0)
    ie.chip.ru.receive(frame(length=20))
    assert ie.word(ie.rfd(0)) == C | 0x0080


def test_counters_stop_at_their_end(ie):
    ie.listen(frames=1)
    ie.put(SCB + 8, 0xFFFE)
    for _ in range(3):
        ie.chip.ru.receive(frame(), 0x0800)
    assert ie.word(SCB + 8) == 0xFFFF


# ---- what broken software does -----------------------------------------------------------------------------


def test_a_ring_of_empty_buffers(ie):
    ie.listen(buffers=1, size=0, last=0)
    ie.put(ie.rbd(0) + 2, ie.rbd(0) - BASE)
    ie.from_cable(frame())
    assert ie.word(ie.rfd(0)) == C | 0x0200
    assert ie.ru == 2


def test_a_ring_of_buffers_is_used_for_ever(ie):
    ie.listen(frames=1, buffers=2, size=100, last=0)
    ie.put(ie.rfd(0) + 2, 0, ie.rfd(0) - BASE)
    ie.put(ie.rbd(1) + 2, ie.rbd(0) - BASE)
    for seed in range(5):
        ie.from_cable(frame(seed=seed))
        assert ie.data(seed & 1, 60) == frame(seed=seed)
    assert ie.ru == 4


@pytest.mark.parametrize("where", ["scp", "scb", "block", "buffer", "descriptor"])
def test_a_refused_bus_cycle_stops_the_chip(ie, where):
    places = {"scp": 0xFFFFFC, "scb": SCB, "block": 0x3000, "buffer": 0x10000, "descriptor": 0x3100}
    at = places[where]
    ie.refused = range(at, at + 16)
    if where == "scp":
        ie.csr = 0
        ie.csr = 0xD0
        ie.attend()
    else:
        ie.send(frame())
    assert ie.csr & 0x02
    assert any("bus error" in line for line in ie.machine.logged)
    ie.refused = range(0)
    ie.put(SCB + 2, 0x0100)
    ie.attend()
    ie.wait()
    assert ie.word(SCB + 2) == 0x0100  # it does not answer
    assert not ie.station.frames
    ie.start()
    assert not ie.csr & 0x02
    assert ie.word(SCB) == CX | CNA


def test_a_refused_cycle_while_receiving(ie):
    ie.listen()
    ie.refused = range(ie.buffer(0), ie.buffer(1))
    ie.from_cable(frame(), frame())
    assert ie.csr & 0x02


def test_nonsense(machine, driver):
    """Random memory, random commands: no exception, no endless work."""
    rng = random.Random(82586)
    for turn in range(60):
        driver.memory[0x1000:0x21000] = rng.randbytes(0x20000)
        driver.start()
        for _ in range(8):
            driver.put(SCB + 4, rng.randrange(0x10000), rng.randrange(0x10000))
            driver.scb(rng.randrange(0x10000) & (0xFF7F if turn % 8 else 0xFFFF))
            driver.from_cable(frame(rng.choice((ME, ALL, OTHER))), frame(ALL, 1514), wait=3)
    assert driver.csr & 0x80


def test_too_many_frames_at_once(ie):
    ie.listen(frames=100, buffers=1, size=64, last=0)
    ie.put(ie.rbd(0) + 2, ie.rbd(0) - BASE)
    ie.from_cable(*[frame(seed=seed) for seed in range(90)], wait=20)
    taken = sum(bool(ie.word(ie.rfd(at))) for at in range(100))
    assert taken == 64


def test_memory_through_the_main_board():
    """As TME writes it, and the built-in machine: `obie0 memory at mainbus0`."""
    core = Machine(Options())
    session = Session(core)
    session.run("source SUN3")
    try:
        assert not session.errors
        seen = {}
        core.elements["mainbus0"].dvma.set_dma(lambda at, count: b"x" * count, seen.__setitem__)
        assert core.elements["ie0"].word(0x123456) == 0x7878
        core.elements["ie0"].put(0xFFFFFE, 0x1234)
        assert seen == {0xFFFFFE: b"\x34\x12"}
    finally:
        core.close()
        session.graph.close()
