"""machine/sun3/si and ic/ncr5380, driven at register level as NetBSD and Linux do."""

import os

import pytest

from tme.bus import BusError
from tme.errors import TmeError

ODATA, ICR, MODE, TCR, SER, START_SEND, SDI, START_RECV = range(8)
CSD, BUS, STATUS, IDATA, CLEAR = 0, 4, 5, 6, 7
A_DATA, A_ATN, A_SEL, A_BSY, A_ACK, LOST, AIP, A_RST = 1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80
B_SEL, B_IO, B_CD, B_MSG, B_REQ, B_BSY, B_RST = (1 << n for n in range(1, 8))
S_MATCH, S_IRQ, S_PARITY, S_DRQ, S_END, S_BUSY = 0x08, 0x10, 0x20, 0x40, 0x80, 4
M_ARB, M_DMA, M_BSY, M_EOP, M_PINT, M_PCHK = 1, 2, 4, 8, 0x10, 0x20
P_OUT, P_IN, P_CMD, P_STAT, P_MSGOUT, P_MSGIN = 0, 1, 2, 3, 6, 7
CSR, FIFO_DATA, FIFO, VEC, FIFO_HI = 0x18, 0x14, 0x16, 0x1E, 0x20
C_BERR, C_ID, C_EMPTY, C_CHIP, C_DMAEN, C_SEND, C_IE, C_FIFO, C_SCSI = (
    0x2000,
    0x1000,
    0x400,
    0x200,
    0x10,
    8,
    4,
    2,
    1,
)
UDC_DATA, UDC_ADDR = 0x10, 0x12


class Driver:
    """A driver with a little memory; the bus is a VMEbus or on-board I/O."""

    def __init__(self, machine, kind):
        self.vme = kind == "vme"
        self.base = 0xFF200000 if self.vme else 0x140000
        self.bus = machine.make("bus0", "tme/generic/bus size 4GB").map
        self.board = machine.make("si0", f"tme/machine/sun3/si type {kind}")
        machine.connect(f"si0 csr at bus0 addr {self.base:#x} ipl 2")
        self.chip = machine.make("ncr0", "tme/ic/ncr5380")
        machine.connect("ncr0 at si0")
        machine.make("scsibus0", "tme/scsi/bus")
        machine.connect("scsibus0 at ncr0")
        self.memory = bytearray(1 << 17)
        self.bus.set_dma(self.dma_read, self.dma_write)
        self.board.reset()
        self.write(CSR, 0)
        self.write(CSR, C_FIFO | C_SCSI | C_IE)

    def dma_read(self, address, count):
        if address + count > len(self.memory):
            raise BusError(address)
        return bytes(self.memory[address : address + count])

    def dma_write(self, address, data):
        self.dma_read(address, len(data))
        self.memory[address : address + len(data)] = data

    def read(self, register, size=2):
        return self.bus.read(self.base + register, size)

    def write(self, register, value, size=2):
        self.bus.write(self.base + register, size, value)

    def get(self, register):
        return self.read(register, 1)

    def put(self, register, value):
        self.write(register, value, 1)

    @property
    def irq(self):
        return self.bus.pending(2)

    def select(self, target, attention=False):
        """Arbitrate, then select."""
        self.put(TCR, 0)
        self.put(ODATA, 0x80)
        self.put(MODE, M_ARB)
        assert self.get(ICR) & AIP
        assert not self.get(ICR) & LOST
        atn = A_ATN if attention else 0
        self.put(ICR, A_SEL | A_BSY | atn)
        self.put(MODE, 0)
        self.put(ODATA, 0x80 | 1 << target)
        self.put(ICR, A_SEL | A_BSY | A_DATA | atn)
        self.put(ICR, A_SEL | A_DATA | atn)
        answered = bool(self.get(BUS) & B_BSY)
        self.put(ICR, atn if answered else 0)
        return answered

    def phase(self):
        bus = self.get(BUS)
        assert bus & (B_REQ | B_BSY) == B_REQ | B_BSY
        return bus >> 2 & 7

    def pio_out(self, phase, data, last=0):
        assert self.phase() == phase
        self.put(TCR, phase)
        for index, byte in enumerate(data):
            atn = A_ATN if last and index < len(data) - 1 else 0
            assert self.get(STATUS) & S_MATCH
            self.put(ODATA, byte)
            self.put(ICR, A_DATA | atn)
            self.put(ICR, A_DATA | A_ACK | atn)
            assert not self.get(BUS) & B_REQ
            self.put(ICR, A_DATA | atn)
        self.put(ICR, 0)

    def pio_in(self, phase, count):
        assert self.phase() == phase
        self.put(TCR, phase)
        out = bytearray()
        for _ in range(count):
            assert self.get(BUS) & B_REQ
            out.append(self.get(CSD))
            self.put(ICR, A_ACK)
            self.put(ICR, 0)
        return bytes(out)

    def finish(self):
        status = self.pio_in(P_STAT, 1)[0]
        assert self.pio_in(P_MSGIN, 1) == b"\0"
        assert not self.get(BUS) & B_BSY
        return status

    def command(self, cdb, identify=None):
        assert self.select(0, identify is not None)
        if identify is not None:
            self.put(ICR, A_ATN)
            self.pio_out(P_MSGOUT, (identify,), last=1)
        self.pio_out(P_CMD, cdb)

    def dma(self, address, count, sending):
        """Start a DMA transfer in the data phase that the target has asked for."""
        flags = C_FIFO | C_SCSI | C_IE | (C_SEND if sending else 0)
        self.write(CSR, flags)
        self.write(CSR, flags & ~C_FIFO)
        self.write(CSR, flags)
        if self.vme:
            self.write(8, address >> 16)
            self.write(10, address & 0xFFFF)
            self.write(FIFO_HI, count >> 16)
            self.write(FIFO, count & 0xFFFF)
        else:
            table = 0x80
            words = (
                0x282 if sending else 0x182,
                address >> 8 & 0xFF00 | 0x40,
                address & 0xFFFF,
                (count + 1) // 2,
                0x40,
            )
            words += (0xC2 if sending else 0xD2,)
            for index, word in enumerate(words):
                self.memory[table + 2 * index : table + 2 * index + 2] = word.to_bytes(2, "big")
            self.write(FIFO, count)
            for register, value in (
                (0x2E, 0),
                (0x26, 0),
                (0x22, table),
                (0x38, 0x0D),
                (0x2E, 0x32),
                (0x2E, 0xA0),
            ):
                self.write(UDC_ADDR, register)
                self.write(UDC_DATA, value)
        self.put(TCR, P_OUT if sending else P_IN)
        self.put(ICR, A_DATA if sending else 0)
        self.put(MODE, M_DMA | M_BSY)
        self.put(START_SEND if sending else START_RECV, 0)
        if self.vme:
            self.write(CSR, flags | C_DMAEN)

    def end_dma(self):
        self.write(CSR, self.read(CSR) & ~C_DMAEN & 0x3F)
        self.put(MODE, 0)
        self.put(ICR, 0)
        self.get(CLEAR)


@pytest.fixture(params=["vme", "onboard"])
def si(request, machine, tmp_path):
    driver = Driver(machine, request.param)
    machine.make("sd0", "tme/scsi/disk id 0 type tme-scsi-1 disconnect")
    machine.make("disk0", f"tme/host/posix/disk file {tmp_path / 'disk'} size 1MB")
    machine.connect("sd0 at scsibus0")
    machine.connect("disk0 at sd0")
    return driver


def test_what_probes_look_at(si):
    si.write(CSR, 0)
    assert si.read(CSR) == (0x1400 if si.vme else 0x0400)
    if si.vme:
        with pytest.raises(BusError):
            si.read(0xC, 1)
        with pytest.raises(BusError):
            si.write(0xC, 0, 1)
    with pytest.raises(BusError):
        si.read(0x801, 1)
    si.write(0x1E, 0x3D40)
    assert si.read(0x1E) == (0x3D40 if si.vme else 0)


def test_counts_are_one_counter_on_vme(si):
    if si.vme:
        si.write(0xC, 1)
        si.write(0xE, 0x2345)
        assert (si.read(FIFO_HI), si.read(FIFO)) == (1, 0x2345)
    else:
        si.write(FIFO, 0x1234)
        si.write(CSR, C_SCSI)
        si.write(CSR, C_SCSI | C_FIFO)
        assert si.read(FIFO) == 0x1234


def test_programmed_transfers(si):
    assert not si.select(3)
    si.command(bytes((0x12, 0, 0, 0, 36, 0)))
    data = si.pio_in(P_IN, 36)
    assert data[8:11] == b"TME"
    assert si.finish() == 0


def test_identify_and_programmed_output(si, tmp_path):
    si.command(bytes((0x0A, 0, 0, 1, 1, 0)), identify=0x80)
    data = os.urandom(512)
    si.pio_out(P_OUT, data)
    assert si.finish() == 0
    assert (tmp_path / "disk").read_bytes()[512:1024] == data


def test_dma_both_ways(si, tmp_path):
    data = os.urandom(4096)
    si.memory[0x2000:0x3000] = data
    si.command(bytes((0x0A, 0, 0, 8, 8, 0)))
    assert si.phase() == P_OUT
    si.dma(0x2000, 4096, True)
    assert si.irq
    assert si.read(CSR) & C_CHIP
    assert si.get(STATUS) & (S_IRQ | S_MATCH) == S_IRQ
    assert si.read(FIFO) == 0
    si.end_dma()
    assert not si.irq
    assert si.finish() == 0
    assert (tmp_path / "disk").read_bytes()[4096:8192] == data

    si.command(bytes((0x08, 0, 0, 8, 8, 0)))
    si.dma(0x10000, 4096, False)
    assert si.irq
    si.end_dma()
    assert si.finish() == 0
    assert si.memory[0x10000:0x11000] == data


def test_vme_interrupts_only_while_dma_is_enabled(si):
    si.command(bytes((0x08, 0, 0, 0, 1, 0)))
    si.dma(0, 512, False)
    assert si.irq
    si.write(CSR, C_FIFO | C_SCSI | C_IE)
    assert si.irq is (not si.vme)
    si.write(CSR, C_FIFO | C_SCSI)
    assert not si.irq


def test_the_vector(si):
    si.write(VEC, 0x3D41)
    si.command(bytes((0x08, 0, 0, 0, 1, 0)))
    si.dma(0, 512, False)
    assert si.bus.acknowledge(2) == (0x41 if si.vme else None)


def test_fewer_bytes_than_asked_for(si):
    si.command(bytes((0x12, 0, 0, 0, 36, 0)))
    si.dma(0x1000, 256, False)
    assert si.irq
    assert si.read(FIFO) == 220
    si.end_dma()
    assert si.memory[0x1008:0x100B] == b"TME"
    assert si.finish() == 0


def test_an_odd_byte_stays_in_the_fifo_on_board(si):
    si.memory[0x1000:0x1006] = b"\xff" * 6
    si.command(bytes((0x12, 0, 0, 0, 5, 0)))
    si.dma(0x1000, 5, False)
    si.end_dma()
    assert si.memory[0x1000:0x1004] == bytes((0, 0, 1, 1))
    if si.vme:
        assert si.memory[0x1004] == 31
    else:
        assert si.read(FIFO_DATA) >> 8 == 31
        assert si.memory[0x1004] == 0xFF
    assert si.finish() == 0


def test_more_bytes_than_room(si):
    si.command(bytes((0x08, 0, 0, 0, 1, 0)))
    si.dma(0x1000, 256, False)
    assert not si.irq
    assert si.get(STATUS) & (S_DRQ | S_IRQ) == S_DRQ
    assert si.read(FIFO) == 0
    si.end_dma()
    si.dma(0x1100, 256, False)
    assert si.irq
    si.end_dma()
    assert si.finish() == 0


def test_a_bus_error(si):
    si.command(bytes((0x08, 0, 0, 0, 1, 0)))
    si.dma(0x7F0000, 512, False)
    assert si.irq
    assert si.read(CSR) & C_BERR
    assert si.get(BUS) & B_REQ
    si.write(CSR, C_SCSI)
    assert not si.read(CSR) & C_BERR


def test_phase_mismatch_interrupts_without_a_start(si):
    """A driver that waits for whatever comes: DMA mode and a phase that does not exist."""
    si.write(CSR, C_FIFO | C_SCSI | C_IE | C_DMAEN)
    si.command(bytes(6))
    si.put(TCR, 4)
    si.put(MODE, M_DMA)
    assert si.irq
    si.get(CLEAR)
    assert not si.irq
    si.put(MODE, 0)
    assert si.finish() == 0


def test_reset_interrupts_and_clears(si):
    si.command(bytes((0x08, 0, 0, 0, 1, 0)))
    si.put(ICR, A_RST)
    assert si.get(BUS) & (B_RST | B_BSY) == B_RST
    assert si.get(STATUS) & S_IRQ
    assert (si.get(MODE), si.get(TCR)) == (0, 0)
    si.put(ICR, 0)
    si.get(CLEAR)
    assert not si.get(STATUS) & S_IRQ
    assert si.select(0)


def test_loss_of_busy(machine, si):
    si.command(bytes((0x08, 0, 0, 0, 1, 0)))
    si.put(MODE, M_DMA | M_BSY)
    machine.elements["sd0"].port.release()
    assert si.get(STATUS) & (S_IRQ | S_BUSY) == S_IRQ | S_BUSY
    assert not si.get(MODE) & M_DMA
    si.get(CLEAR)
    assert not si.get(STATUS) & S_BUSY


def test_parity(machine, si):
    si.command(bytes((0x12, 0, 0, 0, 36, 0)))
    machine.elements["scsibus0"].wires.flip_parity = True
    si.put(MODE, M_PCHK | M_PINT)
    si.pio_in(P_IN, 1)
    assert si.get(STATUS) & (S_PARITY | S_IRQ) == S_PARITY | S_IRQ
    si.get(CLEAR)
    assert not si.get(STATUS) & (S_PARITY | S_IRQ)


def test_disconnection_and_reselection(machine, si):
    si.put(SER, 0x80)
    si.command(bytes((0x08, 0, 0, 2, 1, 0)), identify=0xC0)
    assert si.pio_in(P_MSGIN, 2) == b"\x02\x04"
    assert not si.get(BUS) & B_BSY
    machine.clock.advance(1_000_000)
    assert si.get(STATUS) & S_IRQ
    assert si.get(BUS) & (B_SEL | B_IO | B_BSY) == B_SEL | B_IO
    assert si.get(CSD) == 0x81
    si.get(CLEAR)
    si.put(ICR, A_BSY)
    assert not si.get(BUS) & B_SEL
    si.put(ICR, 0)
    assert si.pio_in(P_MSGIN, 1) == b"\x80"
    assert len(si.pio_in(P_IN, 512)) == 512
    assert si.finish() == 0


def test_a_reselection_that_nobody_answers(machine, si):
    si.command(bytes((0x08, 0, 0, 2, 1, 0)), identify=0xC0)
    si.pio_in(P_MSGIN, 2)
    machine.clock.advance(1_000_000_000)
    assert si.get(BUS) == 0 or not si.get(BUS) & (B_SEL | B_BSY)
    assert si.select(0)


def test_messages(si):
    assert si.select(0, True)
    si.put(ICR, A_ATN)
    si.pio_out(P_MSGOUT, (0x80, 0x01, 0x03, 0x01, 0x19, 0x08), last=1)
    assert si.pio_in(P_MSGIN, 1) == b"\x07"  # no synchronous transfers
    si.pio_out(P_CMD, bytes(6))
    assert si.finish() == 0
    assert si.select(0, True)
    si.put(ICR, A_ATN)
    si.pio_out(P_MSGOUT, (6,), last=1)
    assert not si.get(BUS) & B_BSY


def test_a_board_without_a_chip_is_refused(machine):
    board = machine.make("si9", "tme/machine/sun3/si type vme")
    with pytest.raises(TmeError, match="plug one in"):
        board.check()
