"""The LANCE by its data sheet: registers, initialisation, both rings, and what broken rings do."""

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

RDP, RAP = 0x120000, 0x120002
ERR, BABL, CERR, MISS, MERR, RINT, TINT, IDON = (0x8000 >> n for n in range(8))
INTR, INEA, RXON, TXON, TDMD, STOP, STRT, INIT = (0x80 >> n for n in range(8))
ON = RXON | TXON | STRT | INIT
BSWP = 4
OWN, STP, ENP = 0x8000, 0x0200, 0x0100
FRAM, OFLO, CRC, BUFF = 0x2000, 0x1000, 0x0800, 0x0400
BLOCK, RX, TX = 0x1000, 0x2000, 0x3000
ME = bytes.fromhex("080020112233")
OTHER = bytes.fromhex("080020445566")
ALL = b"\xff" * 6
MULTICAST = bytes.fromhex("01005e000001")
MILLISECOND = 1_000_000
PROM, INTL, DRTY, COLL, DTCR, LOOP, DTX, DRX = 0x8000, 0x40, 0x20, 0x10, 8, 4, 2, 1


class Driver:
    """A driver at the level of registers and memory words."""

    def __init__(self, machine):
        self.machine = machine
        self.memory = bytearray(1 << 24)
        self.refused = range(0)
        self.bus = machine.make("obio0", "tme/generic/bus size 16MB").map
        self.bus.set_dma(self.dma_read, self.dma_write)
        self.chip = machine.make("le0", "tme/ic/am7990")
        machine.connect(f"le0 at obio0 addr {RDP:#x} ipl 3")
        self.station = machine.elements["station"] = Station(machine)
        machine.connect("station at le0")
        for element in machine.elements.values():
            element.check()
            element.reset()

    def dma_read(self, address, count):
        if any(at in self.refused for at in range(address, address + count)):
            raise BusError(address)
        return bytes(self.memory[address : address + count])

    def dma_write(self, address, data):
        if any(at in self.refused for at in range(address, address + len(data))):
            raise BusError(address)
        self.memory[address : address + len(data)] = data

    def word(self, address):
        return int.from_bytes(self.memory[address : address + 2], "big")

    def put(self, address, *words):
        for word in words:
            self.memory[address : address + 2] = (word & 0xFFFF).to_bytes(2, "big")
            address += 2

    def csr(self, number, value=None):
        self.bus.write(RAP, 2, number)
        if value is None:
            return self.bus.read(RDP, 2)
        self.bus.write(RDP, 2, value)
        return None

    @property
    def csr0(self):
        return self.csr(0)

    @property
    def irq(self):
        return self.bus.pending(3)

    def wait(self, ms=1):
        self.machine.clock.advance(ms * MILLISECOND)

    # rings: descriptors from RX and TX; buffers at 80000 and C0000, each 1000 further

    def rmd(self, number):
        return RX + 8 * number

    def tmd(self, number):
        return TX + 8 * number

    def start(self, mode=0, rx=2, tx=2, size=1536, filters=(0, 0, 0, 0), csr3=BSWP, go=STRT | INEA):
        """Initialise as drivers do; rx, tx: powers of two."""
        self.csr(0, STOP)
        address = [ME[at + 1] << 8 | ME[at] for at in (0, 2, 4)]
        self.put(BLOCK, mode, *address, *filters, RX, rx << 13, TX, tx << 13)
        for number in range(1 << rx):
            self.put(self.rmd(number), 0x1000 * number & 0xFFFF, OWN | 8 + (number >> 4), -size, 0)
        for number in range(1 << tx):
            self.put(self.tmd(number), 0, 0, 0xF000, 0)
        self.csr(1, BLOCK)
        self.csr(2, 0)
        self.csr(3, csr3)
        self.csr(0, INIT)
        self.wait()
        assert self.csr0 == IDON | INTR | INIT
        if go:
            self.csr(0, IDON | go)
        return self

    def buffer(self, number):
        return 0x80000 + 0x1000 * number

    def data(self, number, count):
        return bytes(self.memory[self.buffer(number) : self.buffer(number) + count])

    def offer(self, *pieces, first=0, flags=None):
        """Put a frame into the transmit ring."""
        for number, piece in reversed(list(enumerate(pieces, first))):
            at = 0xC0000 + 0x1000 * number
            self.memory[at : at + len(piece)] = piece
            mark = (STP if number == first else 0) | (ENP if number == first + len(pieces) - 1 else 0)
            high = 0x0C + (number >> 4)
            status = OWN | (mark if flags is None else flags) | high
            self.put(self.tmd(number), at, status, -len(piece) | 0xF000, 0)

    def send(self, *pieces, first=0, flags=None, wait=3):
        """Transmit; returns the last descriptor's status without the address."""
        self.offer(*pieces, first=first, flags=flags)
        self.csr(0, TDMD | INEA)
        self.wait(wait)
        return self.word(self.tmd(first + len(pieces) - 1) + 2) & 0xFF00

    def from_cable(self, *frames, wait=2):
        for frame in frames:
            self.station.port.send(frame)
        self.wait(wait)

    def take(self):
        """What has happened, acknowledged."""
        happened = self.csr0
        self.csr(0, happened & 0x7F00 | INEA)
        return happened & ~(ON | INEA)


@pytest.fixture
def driver(machine):
    return Driver(machine)


@pytest.fixture
def le(driver):
    return driver.start()


def frame(to=ME, length=60, seed=0):
    return to + OTHER + b"\x08\x00" + random.Random(seed).randbytes(length - 14)


def fcs(data):
    return zlib.crc32(data).to_bytes(4, "little")


# ---- registers ---------------------------------------------------------------------------------------------


def test_after_a_reset(driver):
    assert [driver.csr(n) for n in range(4)] == [STOP, 0, 0, 0]
    assert driver.bus.read(RAP, 2) == 3
    driver.chip.reset()
    assert driver.bus.read(RAP, 2) == 0


def test_rap_has_two_bits(driver):
    driver.bus.write(RAP, 2, 0xFFFE)
    assert driver.bus.read(RAP, 2) == 2
    assert driver.bus.read(RAP + 1, 1) == 2
    assert driver.bus.peek(RAP, 2) == 2


def test_the_other_registers_while_stopped(driver):
    for number, mask in ((1, 0xFFFE), (2, 0x00FF), (3, 0x0007)):
        driver.csr(number, 0xFFFF)
        assert driver.csr(number) == mask
    driver.csr(0, STOP)
    assert [driver.csr(n) for n in (1, 2, 3)] == [0xFFFE, 0x00FF, 0]  # STOP clears CSR3


def test_and_while_it_runs(le):
    le.csr(1, 0x4444)
    le.csr(3, 3)
    le.csr(0, STOP)
    assert le.csr(1) == BLOCK


@pytest.mark.parametrize("value", [INEA, TDMD, IDON | INEA, 0])
def test_only_init_and_strt_end_a_stop(driver, value):
    driver.csr(0, value)
    assert driver.csr0 == STOP


def test_stop_wins(driver):
    driver.csr(0, STOP | INIT | STRT | INEA)
    driver.wait()
    assert driver.csr0 == STOP


def test_a_long_word_reaches_both_registers(le):
    assert le.bus.read(RDP, 4) == le.csr0 << 16


# ---- initialisation ----------------------------------------------------------------------------------------


def test_initialisation(driver):
    driver.start(filters=(0x1111, 0x2222, 0x3333, 0x4444), rx=7, tx=0, go=0)
    chip = driver.chip
    assert chip.address == ME
    assert chip.filter == 0x4444_3333_2222_1111
    assert (chip.rx.ring.base, chip.rx.ring.length) == (RX, 128)
    assert (chip.tx.ring.base, chip.tx.ring.length) == (TX, 1)
    assert not driver.irq
    driver.csr(0, INEA)
    assert driver.irq
    driver.csr(0, IDON | INEA)
    assert driver.csr0 == INIT | INEA
    assert not driver.irq
    driver.csr(0, STRT | INEA)
    assert driver.csr0 == ON | INEA


def test_initialisation_takes_its_time(driver):
    driver.csr(0, INIT)
    assert driver.csr0 == INIT
    driver.csr(0, STOP)
    driver.wait()
    assert driver.csr0 == STOP


def test_init_and_strt_at_once(driver):
    driver.start(go=0)
    driver.csr(0, STOP)
    driver.csr(3, BSWP)
    driver.csr(0, INIT | STRT)
    driver.wait()
    assert driver.csr0 == ON | IDON | INTR


@pytest.mark.parametrize(("mode", "on"), [(0, RXON | TXON), (DRX, TXON), (DTX, RXON), (DTX | DRX, 0)])
def test_halves_that_are_off(driver, mode, on):
    driver.start(mode)
    assert driver.csr0 & (RXON | TXON) == on
    driver.from_cable(frame())
    assert bool(driver.word(driver.rmd(0) + 2) & OWN) is not bool(on & RXON)
    driver.send(frame(OTHER))
    assert bool(driver.station.frames) is bool(on & TXON)
    assert not driver.csr0 & TDMD


def test_a_restart_without_init_keeps_the_rings(le):
    le.from_cable(frame())
    le.csr(0, STOP)
    le.csr(3, BSWP)
    le.csr(0, STRT)
    le.from_cable(frame(seed=1))
    assert le.data(1, 60) == frame(seed=1)


def test_stop_drops_what_is_on_its_way(le):
    le.offer(frame(OTHER, 1500))
    le.csr(0, TDMD)
    le.station.port.send(frame())
    le.machine.clock.advance(10_000)
    le.csr(0, STOP)
    le.wait(5)
    assert le.csr0 == STOP
    assert not le.station.frames
    assert le.word(le.rmd(0) + 2) & OWN
    assert le.word(le.tmd(0) + 2) & OWN


# ---- transmission ------------------------------------------------------------------------------------------


def test_a_frame(le):
    data = frame(OTHER, 200)
    assert le.send(data) == STP | ENP
    assert le.station.frames == [data]
    assert le.irq
    assert le.take() == TINT | INTR
    assert not le.irq
    assert le.word(le.tmd(0) + 2) & 0xFF == 0x0C  # the address stays


def test_chained_buffers(le):
    data = frame(OTHER, 400)
    assert le.send(data[:100], data[100:101], data[101:]) == ENP
    assert le.station.frames == [data]
    assert [le.word(le.tmd(n) + 2) & 0xFF00 for n in range(4)] == [STP, 0, ENP, 0]


def test_round_the_ring(le):
    for turn in range(9):
        data = frame(OTHER, seed=turn)
        assert le.send(data, first=turn % 4) == STP | ENP
        assert le.station.frames.pop() == data


def test_several_frames_on_one_demand(le):
    frames = [frame(OTHER, seed=seed) for seed in range(3)]
    for number, data in enumerate(frames):
        le.offer(data, first=number)
    le.csr(0, TDMD)
    le.wait()
    assert le.station.frames == frames


def test_without_a_demand_the_chip_looks_every_1600_microseconds(le):
    le.wait(2)
    le.offer(frame(OTHER))
    le.machine.clock.advance(1_700_000)
    assert le.station.frames


def test_a_frame_takes_its_time(le):
    assert le.send(frame(OTHER, 1514), wait=1) == OWN | STP | ENP
    le.csr(0, TDMD | INEA)  # impatience changes nothing
    le.machine.clock.advance(300_000)
    assert len(le.station.frames) == 1
    assert not le.word(le.tmd(0) + 2) & OWN


def test_the_rest_of_a_lost_frame_is_skipped(le):
    le.offer(b"x" * 60, flags=ENP)
    data = frame(OTHER)
    assert le.send(data, first=1) == STP | ENP
    assert le.word(le.tmd(0) + 2) & 0xFF00 == ENP
    assert le.station.frames == [data]


def test_a_chain_that_ends_too_soon(le):
    le.send(frame(OTHER, 100), b"y" * 40, flags=STP)
    assert le.word(le.tmd(1) + 2) & 0xFF00 == 0x4000 | STP
    assert le.word(le.tmd(1) + 6) == 0xC000  # BUFF and UFLO
    assert not le.station.frames
    assert le.csr0 & (TXON | RXON | TINT) == RXON | TINT
    le.from_cable(frame())
    assert not le.word(le.rmd(0) + 2) & OWN


@pytest.mark.parametrize("ring", [0, 2, 7])
def test_a_ring_without_an_end(driver, ring):
    driver.start(tx=ring)
    driver.put(TX, *[0, OWN | STP | 0x0C, -100, 0] * (1 << ring))
    driver.csr(0, TDMD)
    driver.wait(30)
    last = driver.tmd((1 << ring) - 1)
    assert driver.word(last + 6) == 0xC000
    assert not driver.csr0 & TXON
    assert not driver.station.frames


def test_a_frame_without_measure(driver):
    driver.start(tx=7)
    driver.put(TX, *[0, OWN | STP | 0x0C, 0, 0] * 128)  # 4096 bytes each
    driver.csr(0, TDMD)
    driver.wait(25)
    assert driver.word(driver.tmd(6) + 6) == 0x1000  # LCOL, from the transceiver
    assert driver.csr0 & (TXON | BABL) == TXON | BABL
    assert not driver.station.frames


@pytest.mark.parametrize(("length", "babble"), [(1514, 0), (1515, BABL)])
def test_babble(le, length, babble):
    data = frame(OTHER, length)
    assert le.send(data) == STP | ENP
    assert le.station.frames == [data]
    assert le.take() == TINT | INTR | babble | (ERR if babble else 0)
    assert le.csr0 == ON | INEA


def test_no_carrier(le):
    le.station.port.set_link(False)
    assert le.send(frame(OTHER)) == 0x4000 | STP | ENP
    assert le.word(le.tmd(0) + 6) == 0x0800
    assert le.take() == TINT | INTR | CERR | ERR
    assert le.csr0 == ON | INEA
    le.station.port.set_link(True)
    assert le.send(frame(OTHER), first=1) == STP | ENP


def test_cerr_alone_does_not_interrupt(le):
    le.chip.signal(CERR)
    assert le.csr0 == ON | INEA | CERR | ERR
    assert not le.irq


def test_an_fcs_made_by_software(driver):
    driver.start(DTCR)
    data = frame(OTHER)
    driver.send(data + fcs(data))
    assert driver.station.frames == [data]
    driver.send(data + b"....", first=1)  # nobody takes a frame with a wrong one
    assert driver.station.frames == [data]


# ---- reception ---------------------------------------------------------------------------------------------


def test_a_frame_arrives(le):
    data = frame(length=100)
    le.from_cable(data)
    assert le.word(le.rmd(0) + 2) == STP | ENP | 8
    assert le.word(le.rmd(0) + 6) == 104
    assert le.data(0, 104) == data + fcs(data)
    assert le.irq
    assert le.take() == RINT | INTR


def test_short_frames_are_padded(le):
    le.from_cable(frame(length=20))
    assert le.word(le.rmd(0) + 6) == 64
    assert le.data(0, 60) == frame(length=20).ljust(60, b"\0")


def test_a_frame_in_several_buffers(driver):
    driver.start(size=128)
    data = frame(length=300)
    driver.from_cable(data)
    assert [driver.word(driver.rmd(n) + 2) for n in range(4)] == [STP | 8, 8, ENP | 8, OWN | 8]
    assert driver.word(driver.rmd(2) + 6) == 304
    assert driver.data(0, 128) + driver.data(1, 128) + driver.data(2, 48) == data + fcs(data)
    assert driver.take() == RINT | INTR


def test_round_the_receive_ring(le):
    for turn in range(9):
        le.from_cable(frame(seed=turn))
        assert le.data(turn % 4, 60) == frame(seed=turn)
        le.put(le.rmd(turn % 4) + 2, OWN | 8)


def test_missed_frames(le):
    le.from_cable(*[frame(seed=seed) for seed in range(5)])
    assert le.take() == RINT | MISS | ERR | INTR
    assert le.data(3, 60) == frame(seed=3)
    le.put(le.rmd(0) + 2, OWN | 8)
    le.from_cable(frame(seed=9))
    assert le.data(0, 60) == frame(seed=9)


@pytest.mark.parametrize(("length", "errors"), [(300, BUFF | OFLO), (130, BUFF)])
def test_no_buffer_for_the_rest(driver, length, errors):
    driver.start(size=128)
    driver.put(driver.rmd(1) + 2, 8)
    driver.from_cable(frame(length=length))
    assert driver.word(driver.rmd(0) + 2) == 0x4000 | errors | STP | 8
    assert driver.take() == RINT | INTR
    driver.from_cable(frame())
    assert driver.take() == MISS | ERR | INTR  # it waits for descriptor 1


def test_a_ring_of_one_buffer(driver):
    driver.start(rx=0, size=128)
    driver.from_cable(frame())
    assert driver.word(RX + 2) == STP | ENP | 8
    driver.put(RX + 2, OWN | 8)
    driver.from_cable(frame(length=300))
    assert driver.word(RX + 2) == 0x4000 | BUFF | OFLO | STP | 8


@pytest.mark.parametrize(("error", "bits"), [(CRC, CRC), (FRAM, FRAM), (CRC | FRAM, CRC | FRAM)])
def test_bad_frames(le, error, bits):
    data = frame()
    le.chip.rx.receive(data + fcs(data), error)
    assert le.word(le.rmd(0) + 2) == 0x4000 | bits | STP | ENP | 8
    assert le.take() == RINT | INTR


def test_runts(le):
    le.chip.rx.receive(frame(length=59) + b"1234")
    assert le.word(le.rmd(0) + 2) & OWN
    assert not le.irq


@pytest.mark.parametrize(
    ("to", "mode", "taken"),
    [
        (ME, 0, True), (OTHER, 0, False), (ALL, 0, True), (MULTICAST, 0, False),
        (OTHER, PROM, True), (MULTICAST, PROM, True), (ME, PROM, True),
    ],
)  # fmt: skip
def test_the_address_filter(driver, to, mode, taken):
    driver.start(mode)
    driver.from_cable(frame(to))
    assert bool(driver.word(driver.rmd(0) + 2) & OWN) is not taken


def test_logical_addresses(driver):
    # as drivers compute it: the CRC shifted in bit by bit, its upper six bits
    def selected(address):
        crc = 0xFFFFFFFF
        for byte in address:
            for bit in range(8):
                low = (crc ^ byte >> bit) & 1
                crc = crc >> 1 ^ (0xEDB88320 if low else 0)
        return crc >> 26

    bit = selected(MULTICAST)
    filters = [1 << bit % 16 if word == bit // 16 else 0 for word in range(4)]
    driver.start(filters=filters)
    other = next(a for a in (bytes((1, 0, 94, 0, 0, n)) for n in range(2, 99)) if selected(a) != bit)
    driver.from_cable(frame(other), frame(MULTICAST), frame(OTHER))
    assert driver.data(0, 60) == frame(MULTICAST)
    assert driver.word(driver.rmd(1) + 2) & OWN
    driver.start(filters=(0xFFFF,) * 4)
    driver.from_cable(frame(other), frame(OTHER))
    assert driver.data(0, 60) == frame(other)
    assert driver.word(driver.rmd(1) + 2) & OWN


def test_frames_come_one_after_the_other(le):
    le.station.port.send(frame(length=1000))
    le.station.port.send(frame(length=1000))
    le.machine.clock.advance(1024 * 800)
    assert [le.word(le.rmd(n) + 2) & OWN for n in (0, 1)] == [0, OWN]
    le.wait()
    assert not le.word(le.rmd(1) + 2) & OWN


@pytest.mark.parametrize("length", [64, 65])
@pytest.mark.parametrize("odd", [0, 1])
def test_byte_order(driver, length, odd):
    """Without BSWP each byte of a frame is at its neighbour's address; descriptors do not change."""
    driver.start(csr3=0)
    driver.put(driver.rmd(0), odd)
    data = frame(length=length)
    driver.from_cable(data)
    whole = data + fcs(data)
    stored = [driver.memory[0x80000 + odd + n ^ 1] for n in range(len(whole))]
    assert bytes(stored) == whole
    assert driver.memory[0x80000 - 2 + 2 * (1 - odd)] == (0 if odd else whole[1])
    at = 0xC0000
    for n, byte in enumerate(data):
        driver.memory[at + odd + n ^ 1] = byte
    driver.put(driver.tmd(0), odd, OWN | STP | ENP | 0x0C, -length, 0)
    driver.csr(0, TDMD)
    driver.wait()
    assert driver.station.frames == [data]


# ---- loopback ----------------------------------------------------------------------------------------------


def test_internal_loopback(driver):
    driver.start(LOOP | INTL)
    data = frame(length=32)
    assert driver.send(data) == STP | ENP
    assert not driver.station.frames
    assert driver.word(driver.rmd(0) + 2) == STP | ENP | 8
    assert driver.data(0, 36) == data + fcs(data)
    assert driver.word(driver.rmd(0) + 6) == 36
    driver.from_cable(frame())
    assert driver.word(driver.rmd(1) + 2) & OWN  # deaf meanwhile
    driver.send(frame(OTHER, 32), first=1)
    assert driver.word(driver.rmd(1) + 2) & OWN  # not addressed to us


def test_external_loopback(driver):
    driver.start(LOOP)
    data = frame(length=32)
    driver.send(data)
    assert driver.station.frames == [data]
    assert driver.data(0, 32) == data
    driver.from_cable(frame(seed=4))
    assert driver.data(1, 60) == frame(seed=4)


def test_an_open_cable_in_external_loopback(driver):
    driver.start(LOOP)
    driver.station.port.set_link(False)
    driver.send(frame(length=32))
    assert driver.word(driver.tmd(0) + 6) == 0x0800
    assert driver.word(driver.rmd(0) + 2) & OWN


@pytest.mark.parametrize("good", [True, False])
def test_crc_logic_in_loopback(driver, good):
    driver.start(LOOP | INTL | DTCR)
    data = frame(length=28)
    driver.send(data + (fcs(data) if good else b"1234"))
    assert driver.word(driver.rmd(0) + 2) == (0 if good else 0x4000 | CRC) | STP | ENP | 8


@pytest.mark.parametrize(("mode", "taken"), [(LOOP, False), (LOOP | DTCR, True)])
def test_logical_addresses_in_loopback(driver, mode, taken):
    """One CRC generator serves both ways."""
    driver.start(mode, filters=(0xFFFF,) * 4)
    data = frame(MULTICAST, 28)
    driver.send(data + fcs(data))
    assert bool(driver.word(driver.rmd(0) + 2) & OWN) is not taken


@pytest.mark.parametrize("mode", [LOOP | INTL | COLL, LOOP | INTL | COLL | DRTY])
def test_forced_collisions(driver, mode):
    driver.start(mode)
    assert driver.send(frame(length=32)) == 0x4000 | STP | ENP
    assert driver.word(driver.tmd(0) + 6) & 0xFC00 == 0x0400
    assert driver.word(driver.rmd(0) + 2) & OWN
    assert driver.csr0 & TXON


# ---- what broken software does -----------------------------------------------------------------------------


@pytest.mark.parametrize("where", [BLOCK, RX, TX, 0x80000, 0xC0000])
def test_refused_bus_cycles(driver, where):
    if where == BLOCK:
        driver.refused = range(BLOCK, BLOCK + 24)
        driver.csr(1, BLOCK)
        driver.csr(0, INIT | STRT | INEA)
        driver.wait()
    else:
        driver.start()
        driver.offer(frame(OTHER))
        driver.refused = range(where, where + 8)
        driver.csr(0, TDMD | INEA)
        driver.from_cable(frame(), frame())
    assert driver.csr0 & (ERR | MERR | INTR | RXON | TXON) == ERR | MERR | INTR
    assert driver.irq
    assert any("memory error" in line for line in driver.machine.logged)
    driver.refused = range(0)
    before = bytes(driver.memory)
    driver.from_cable(frame())
    assert bytes(driver.memory) == before
    driver.start()
    driver.from_cable(frame(seed=3))
    assert driver.data(0, 60) == frame(seed=3)


def test_nonsense(driver):
    """Random memory, random registers: no exception, no endless work."""
    rng = random.Random(7990)
    for turn in range(60):
        driver.memory[0x1000:0x21000] = rng.randbytes(0x20000)
        driver.refused = range(0x180000, 0x200000) if turn % 3 == 0 else range(0)
        driver.csr(0, STOP)
        for number in (1, 2, 3):
            driver.csr(number, rng.randrange(0x10000) if number != 2 else rng.randrange(2))
        if turn % 2:
            driver.put(
                BLOCK, rng.randrange(0x10000) & ~(DRX | DTX), *[rng.randrange(0x10000) for _ in range(7)]
            )
            driver.put(BLOCK + 16, RX, rng.randrange(8) << 13, TX, rng.randrange(8) << 13)
            driver.csr(1, BLOCK)
            driver.csr(2, 0)
        driver.csr(0, INIT | STRT)
        for _ in range(8):
            driver.csr(0, rng.randrange(0x10000) & ~STOP)
            to = rng.choice((ME, ALL, OTHER, driver.chip.address))
            driver.from_cable(frame(to), frame(to, 1514), wait=3)
    driver.csr(0, STOP)
    assert driver.csr0 == STOP


def test_a_busy_ring_is_bounded_work(driver):
    """Descriptors that a driver gives back at once, all without STP."""
    driver.start(tx=7)
    reads = 0
    original = driver.chip.word

    def counted(address):
        nonlocal reads
        reads += 1
        for number in range(128):
            driver.put(driver.tmd(number) + 2, OWN)
        return original(address)

    driver.chip.word = counted
    driver.csr(0, TDMD)
    driver.wait(10)
    assert reads <= 10 * MILLISECOND // 2000 + 1


def test_too_many_frames_at_once(driver):
    driver.start(rx=7, size=64)
    driver.from_cable(*[frame(seed=seed) for seed in range(90)], wait=20)
    assert sum(not driver.word(driver.rmd(n) + 2) & OWN for n in range(128)) == 64


# ---- on its board ------------------------------------------------------------------------------------------


def test_without_a_bus(machine):
    chip = machine.make("le0", "tme/ic/am7990")
    with pytest.raises(TmeError, match="le0 at obio0 addr 0x120000 ipl 3"):
        chip.check()


def test_memory_through_the_main_board():
    core = Machine(Options())
    session = Session(core)
    session.run(
        "source SUN3\nle0 at obio0 addr 0x120000 ipl 3: tme/ic/am7990\nle0 memory at mainbus0\n"
        "net1 at le0: tme/host/diskless"
    )
    try:
        assert not session.errors
        seen = {}
        core.elements["mainbus0"].dvma.set_dma(lambda at, count: b"x" * count, seen.__setitem__)
        assert core.elements["le0"].word(0x123456) == 0x7878
        core.elements["le0"].put(0xFFFFFE, 0x1234)
        assert seen == {0xFFFFFE: b"\x12\x34"}
    finally:
        core.close()
        session.graph.close()
