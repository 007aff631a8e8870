"""bus/multibus/sun-sc, driven as the PROM, SunOS and NetBSD drive it."""

import os

import pytest

DATA, CMD, ICR, DMA_HI, DMA_LO, COUNT, VECTOR = 0, 2, 4, 8, 10, 12, 15
PARITY_ERROR, BUS_ERROR, ODD, INT, REQ, MSG, CD, IO = (0x8000 >> n for n in range(8))
BSY, SEL, RST, PEN, WORD, DMA, IEN = (0x40 >> n for n in range(7))
PHASE = MSG | CD | IO


class Sc:
    """A polling driver and its memory."""

    def __init__(self, machine):
        self.bus = machine.make("vme0", "tme/generic/bus size 4GB").map
        self.board = machine.make("sc0", "tme/bus/multibus/sun-sc vme")
        machine.connect("sc0 at vme0 addr 0xff200000 ipl 2")
        machine.make("scsibus0", "tme/scsi/bus")
        machine.connect("scsibus0 at sc0")
        self.memory = bytearray(1 << 18)
        self.bus.set_dma(self.dma_read, self.dma_write)
        self.board.reset()

    def dma_read(self, address, count):
        from tme.bus import BusError

        if address + count > len(self.memory):
            raise BusError(address)
        return bytes(self.memory[address : address + count])

    def dma_write(self, address, data):
        self.dma_read(address, len(data))
        self.memory[address : address + len(data)] = data

    def read(self, register, size=2):
        return self.bus.read(0xFF200000 + register, size)

    def write(self, register, value, size=2):
        self.bus.write(0xFF200000 + register, size, value)

    @property
    def irq(self):
        return self.bus.pending(2)

    def select(self, target):
        self.write(DATA, 1 << target, 1)
        self.write(ICR, SEL)
        answered = bool(self.read(ICR) & BSY)
        self.write(ICR, PEN if answered else 0)
        return answered

    def command(self, cdb):
        for byte in cdb:
            icr = self.read(ICR)
            assert icr & (REQ | PHASE) == REQ | CD
            self.write(CMD, byte, 1)

    def set_dma(self, address, count):
        self.write(DMA_HI, address >> 16)
        self.write(DMA_LO, address & 0xFFFF)
        self.write(COUNT, ~count & 0xFFFF)

    def start(self, cdb, address=0, count=0, flags=DMA | IEN):
        assert self.select(0)
        self.set_dma(address, count)
        self.write(ICR, PEN | flags | (0 if count & 1 else WORD))
        self.command(cdb)

    def finish(self):
        icr = self.read(ICR)
        assert icr & (REQ | PHASE) == REQ | CD | IO
        status = self.read(CMD, 1)
        assert self.read(ICR) & (REQ | PHASE) == REQ | MSG | CD | IO
        assert self.read(CMD, 1) == 0
        assert not self.read(ICR) & (BSY | REQ)
        return status


@pytest.fixture
def sc(machine, tmp_path):
    driver = Sc(machine)
    machine.make("sd0", "tme/scsi/disk id 0 type acb4000")
    machine.make("disk0", f"tme/host/posix/disk file {tmp_path / 'disk'} size 1MB")
    machine.connect("sd0 at scsibus0")
    machine.connect("disk0 at sd0")
    return driver


def test_selection_times_out_for_an_absent_target(sc):
    assert not sc.select(5)
    assert not sc.read(ICR) & (BSY | REQ)


def test_a_command_without_data(sc):
    sc.start(bytes(6), flags=0)
    assert sc.finish() == 0


def test_write_and_read_by_dma(sc, tmp_path):
    data = os.urandom(8192)
    sc.memory[0x1000:0x3000] = data
    sc.start(bytes((0x0A, 0, 0, 3, 16, 0)), 0x1000, 8192)
    assert sc.read(COUNT) == 0xFFFF
    assert sc.finish() == 0
    assert (tmp_path / "disk").read_bytes()[3 * 512 : 19 * 512] == data
    sc.start(bytes((0x08, 0, 0, 3, 16, 0)), 0x1F000, 8192)
    assert (sc.read(DMA_HI), sc.read(DMA_LO), sc.read(COUNT)) == (2, 0x1000, 0xFFFF)
    assert sc.finish() == 0
    assert sc.memory[0x1F000:0x21000] == data


def test_status_interrupts_and_the_control_register_takes_it_back(sc):
    sc.write(VECTOR, 0x40, 1)
    sc.start(bytes(6), flags=IEN)
    assert sc.irq
    assert sc.bus.acknowledge(2) == 0x40
    assert sc.read(ICR) & INT
    assert not sc.irq
    assert not sc.read(ICR) & INT
    sc.finish()


def test_without_int_enable_it_does_not_interrupt(sc):
    sc.start(bytes(6), flags=0)
    assert not sc.irq
    assert sc.board.peek(ICR, 2) & INT


def test_a_count_that_runs_out_interrupts(sc):
    sc.start(bytes((0x08, 0, 0, 0, 2, 0)), 0, 512)
    assert sc.irq
    assert sc.read(ICR) & (INT | PHASE | REQ) == INT | IO | REQ
    sc.set_dma(512, 512)
    sc.write(ICR, PEN)
    sc.write(ICR, PEN | DMA | WORD)
    assert sc.finish() == 0


def test_an_odd_count_in_word_mode(sc):
    sc.start(bytes((0x03, 0, 0, 0, 4, 0)), 0x100, 3, flags=DMA | IEN | WORD)
    icr = sc.read(ICR)
    assert icr & (ODD | INT | REQ) == ODD | INT | REQ
    assert sc.read(COUNT) == 0xFFFE
    assert sc.read(DATA, 1) == 0  # the odd byte, with its handshake
    assert sc.read(DATA, 1) == 0
    assert sc.finish() == 0


def test_an_odd_count_goes_out_whole(sc):
    """SunOS sends the MT-02's 13 bytes of MODE SELECT in word mode and waits for the status."""
    sc.start(bytes((0x15, 0, 0, 0, 13, 0)), 0, 13, flags=DMA | IEN | WORD)
    assert sc.read(COUNT) == 0xFFFF
    assert not sc.board.peek(ICR, 2) & ODD
    assert sc.finish() == 0


def test_fewer_bytes_than_the_count(sc):
    sc.memory[0:8] = b"\xff" * 8
    sc.start(bytes((0x03, 0, 0, 0, 4, 0)), 0, 8)
    assert ~sc.read(COUNT) & 0xFFFF == 4
    assert sc.memory[:8] == bytes(4) + b"\xff" * 4
    assert sc.finish() == 0


def test_a_bus_error_in_dma(sc):
    sc.start(bytes((0x08, 0, 0, 0, 1, 0)), 0x7F0000, 512)
    assert sc.irq
    icr = sc.read(ICR)
    assert icr & (BUS_ERROR | REQ | IO) == BUS_ERROR | REQ | IO
    sc.write(ICR, RST)
    sc.write(ICR, 0)
    assert sc.read(ICR) & (BSY | REQ) == 0
    sc.start(bytes(6), flags=0)
    assert sc.finish() == 0


def test_bytes_by_hand(sc):
    """The data register handshakes in data phases."""
    sc.start(bytes((0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0)), flags=0)
    assert bytes(sc.read(DATA, 1) for _ in range(8)) == (2047).to_bytes(4, "big") + (512).to_bytes(4, "big")
    assert sc.finish() == 0


def test_parity(machine, sc):
    machine.elements["scsibus0"].wires.flip_parity = True
    sc.start(bytes((0x03, 0, 0, 0, 4, 0)), 0, 4)
    assert sc.read(ICR) & PARITY_ERROR
    sc.finish()
    sc.write(ICR, 0)
    assert not sc.read(ICR) & PARITY_ERROR


def test_reset_lets_everybody_go(sc):
    sc.start(bytes((0x08, 0, 0, 0, 1, 0)), flags=0)
    assert sc.read(ICR) & BSY
    sc.write(ICR, RST)
    assert not sc.read(ICR) & BSY
    sc.write(ICR, 0)
    assert sc.select(0)


def test_the_serial_ports_places_are_free(machine, sc):
    machine.make("zs2", "tme/machine/sun3/zs")
    machine.connect("zs2 at vme0 addr 0xff200800 ipl 6")
