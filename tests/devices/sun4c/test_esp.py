"""ic/lsi64854 with ic/ncr53c9x, driven at register level as NetBSD, Linux and boot PROMs do."""

import random

import pytest

from tme.bus import BusError
from tme.errors import TmeError

TCL, TCM, FIFO, CMD, STAT, INTR, STEP, FLAGS, CFG1, CCF, TEST, CFG2 = range(12)
SELID, TIMEOUT = STAT, INTR
NOP, FLUSH, RESET, RESET_BUS, TRANS, ICCS, MSGOK, PAD, SETATN = 0, 1, 2, 3, 0x10, 0x11, 0x12, 0x18, 0x1A
SEL, SELATN, SELATNS, ENABLE, DISABLE, DMA = 0x41, 0x42, 0x43, 0x44, 0x45, 0x80
I_RESET, I_ILLEGAL, I_DIS, I_BS, I_FC, I_RESEL = 0x80, 0x40, 0x20, 0x10, 8, 4
S_INT, S_GROSS, S_TC = 0x80, 0x40, 0x10
OUT, IN, COMMAND, STATUS, MSGOUT, MSGIN = 0, 1, 2, 3, 6, 7
D_INT, D_ERR, D_IE, D_FLUSH, D_RESET, D_TO_MEM, D_EN, D_CNT, D_TC = (
    1,
    2,
    0x10,
    0x20,
    0x80,
    0x100,
    0x200,
    0x2000,
    0x4000,
)
S = 1_000_000_000
SLOT = 0xF800_0000
BLOCKS = 64
INQUIRY = bytes((0x12, 0, 0, 0, 36, 0))


class Driver:
    """A driver with a little memory behind DVMA."""

    def __init__(self, machine, folder, more=""):
        self.machine = machine
        self.bus = machine.make(
            "sbus0", "generic/bus size 4GB slot-addr 0xf8000000 slot-size 32MB slot 0 slot 1"
        ).map
        self.channel = machine.make("esp0", "tme/ic/lsi64854 revision 1+ channel scsi")
        machine.connect("esp0 at sbus0 slot 0 offset 0x800000 ipl 3")
        machine.connect("esp0 dma at sbus0 slot 0 offset 0x400000")
        self.chip = machine.make("ncr0", "tme/ic/ncr53c9x variant esp100")
        machine.connect("ncr0 at esp0 master")
        self.wires = machine.make("scsibus0", "scsi/bus").wires
        machine.connect("scsibus0 at ncr0")
        machine.make("sd0", f"scsi/disk id 3 type tme-scsi-1 {more}")
        machine.connect("sd0 at scsibus0")
        self.image = random.Random(7).randbytes(BLOCKS * 512)
        (folder / "disk").write_bytes(self.image)
        machine.make("disk0", f"host/posix/disk file {folder / 'disk'}")
        machine.connect("disk0 at sd0")
        self.memory = bytearray(1 << 17)
        self.bus.set_dma(self.dma_read, self.dma_write)
        self.channel.reset()
        self.dma_csr = D_IE
        self.write(CMD, RESET)
        self.write(CMD, NOP)
        self.write(CFG1, 7)
        self.write(CCF, 4)
        self.write(TIMEOUT, 0x99)

    def dma_read(self, address, count):
        if not 0xFFF0_0000 <= address <= address + count <= 0xFFF2_0000:
            raise BusError(address)
        return bytes(self.memory[address - 0xFFF0_0000 :][:count])

    def dma_write(self, address, data):
        self.dma_read(address, len(data))
        at = address - 0xFFF0_0000
        self.memory[at : at + len(data)] = data

    def read(self, register):
        return self.bus.read(SLOT + 0x80_0000 + 4 * register, 1)

    def write(self, register, value):
        self.bus.write(SLOT + 0x80_0000 + 4 * register, 1, value)

    @property
    def dma_csr(self):
        return self.bus.read(SLOT + 0x40_0000, 4)

    @dma_csr.setter
    def dma_csr(self, value):
        self.bus.write(SLOT + 0x40_0000, 4, value)

    @property
    def dma_address(self):
        return self.bus.read(SLOT + 0x40_0004, 4)

    @dma_address.setter
    def dma_address(self, value):
        self.bus.write(SLOT + 0x40_0004, 4, value)

    def count(self, n):
        self.write(TCL, n & 0xFF)
        self.write(TCM, n >> 8 & 0xFF)

    @property
    def irq(self):
        return self.bus.pending(3)

    def wait(self, ns=100_000):
        """(interrupt, phase, step) of the next interrupt, which must come soon."""
        assert not self.irq
        self.machine.clock.advance(ns)
        assert self.irq
        assert self.dma_csr & D_INT
        status, step = self.read(STAT), self.read(STEP)
        assert status & S_INT
        causes = self.read(INTR)
        assert not self.irq
        return causes, status & 7, step & 7

    def quiet(self, ns=100_000):
        self.machine.clock.advance(ns)
        return not self.irq

    def fill(self, data):
        self.write(CMD, FLUSH)
        for byte in data:
            self.write(FIFO, byte)

    def drain(self):
        return bytes(self.read(FIFO) for _ in range(self.read(FLAGS) & 0x1F))

    def select(self, cdb, identify=0x80, target=3):
        self.write(SELID, target)
        self.fill(bytes((identify,)) + cdb)
        self.write(CMD, SELATN)

    def dma(self, count, to_memory, address=0xFFF0_0000):
        self.count(count)
        self.write(CMD, TRANS | DMA)
        self.dma_address = address
        self.dma_csr = D_EN | D_IE | (D_TO_MEM if to_memory else 0)

    def finish(self):
        """Status and COMMAND COMPLETE: the status."""
        self.write(CMD, FLUSH)
        self.write(CMD, ICCS)
        assert self.wait()[0] == I_FC
        status, message = self.drain()
        assert message == 0
        self.write(CMD, MSGOK)
        assert self.wait()[0] == I_DIS
        return status


@pytest.fixture
def driver(machine, tmp_path):
    return Driver(machine, tmp_path)


def test_a_command_with_data_in(driver):
    driver.select(bytes((0x08, 0, 0, 5, 3, 0)))
    assert driver.wait() == (I_BS | I_FC, IN, 4)
    assert driver.read(FLAGS) & 0x1F == 0
    driver.dma(3 * 512, True)
    assert driver.wait() == (I_BS, STATUS, 0)
    assert driver.read(STAT) & S_TC
    assert driver.memory[: 3 * 512] == driver.image[5 * 512 : 8 * 512]
    assert driver.dma_address == 0xFFF0_0600
    assert driver.finish() == 0


def test_a_command_with_data_out(driver, tmp_path):
    driver.memory[0x100:0x300] = data = bytes(range(256)) * 2
    driver.select(bytes((0x0A, 0, 0, 9, 1, 0)))
    assert driver.wait() == (I_BS | I_FC, OUT, 4)
    driver.dma(512, False, 0xFFF0_0100)
    assert driver.wait() == (I_BS, STATUS, 0)
    assert driver.finish() == 0
    assert (tmp_path / "disk").read_bytes()[9 * 512 : 10 * 512] == data


def test_the_target_ends_early_and_the_counter_says_so(driver):
    driver.select(INQUIRY)
    driver.wait()
    driver.dma(256, True)
    assert driver.wait() == (I_BS, STATUS, 0)
    assert driver.read(STAT) & S_TC == 0
    assert driver.read(TCL) | driver.read(TCM) << 8 == 256 - 36
    assert driver.memory[8:12] == b"TME "
    assert driver.finish() == 0


def test_the_driver_asks_for_less(driver):
    driver.select(INQUIRY)
    driver.wait()
    driver.dma(16, True)
    assert driver.wait() == (I_BS, IN, 0)  # the target has more
    driver.dma(20, True, 0xFFF0_0010)
    assert driver.wait() == (I_BS, STATUS, 0)
    assert driver.memory[8:11] == b"TME"
    assert driver.finish() == 0


def test_what_was_fetched_and_not_sent_is_in_the_fifo(driver):
    driver.select(bytes((0x0A, 0, 0, 9, 1, 0)))
    driver.wait()
    driver.dma(1024, False)
    assert driver.wait() == (I_BS, STATUS, 0)
    assert driver.read(FLAGS) & 0x1F == 16
    assert driver.read(TCL) | driver.read(TCM) << 8 == 512 - 16
    assert driver.finish() == 0


def test_dma_waits_for_the_controller(driver):
    driver.select(INQUIRY)
    driver.wait()
    driver.count(36)
    driver.write(CMD, TRANS | DMA)
    assert driver.quiet()
    driver.dma_address = 0xFFF0_0000
    driver.dma_csr = D_EN | D_IE  # the wrong direction
    assert driver.quiet()
    driver.dma_csr = D_EN | D_IE | D_TO_MEM
    assert driver.wait() == (I_BS, STATUS, 0)


def test_the_controllers_counter(driver):
    driver.select(INQUIRY)
    driver.wait()
    driver.bus.write(SLOT + 0x40_0008, 4, 0xFF00_0010)
    driver.count(36)
    driver.write(CMD, TRANS | DMA)
    driver.dma_address = 0xFFF0_0000
    driver.dma_csr = D_EN | D_IE | D_TO_MEM | D_CNT
    assert driver.quiet()
    assert driver.dma_csr & D_TC
    assert driver.read(TCL) == 20
    driver.bus.write(SLOT + 0x40_0008, 4, 100)
    assert driver.dma_csr & D_TC == 0
    assert driver.wait() == (I_BS, STATUS, 0)
    assert driver.bus.read(SLOT + 0x40_0008, 4) == 80


def test_byte_by_byte_without_dma(driver):
    driver.select(INQUIRY)
    driver.wait()
    data = b""
    while True:
        driver.write(CMD, TRANS)
        causes, phase, _ = driver.wait()
        assert causes == I_BS
        data += driver.drain()
        if phase != IN:
            break
    assert len(data) == 36
    assert data[8:11] == b"TME"
    assert driver.finish() == 0


def test_selection_without_attention(driver):
    driver.write(SELID, 3)
    driver.fill(bytes(6))
    driver.write(CMD, SEL)
    assert driver.wait() == (I_BS | I_FC, STATUS, 4)
    assert driver.finish() == 0


def test_selection_by_dma(driver):
    driver.memory[:7] = bytes((0x80,)) + INQUIRY
    driver.write(SELID, 3)
    driver.count(7)
    driver.write(CMD, SELATN | DMA)
    driver.dma_address = 0xFFF0_0000
    driver.dma_csr = D_EN | D_IE
    assert driver.wait() == (I_BS | I_FC, IN, 4)
    assert driver.read(STAT) & S_TC
    assert driver.dma_address == 0xFFF0_0007


def test_selection_and_stop_then_a_message(driver):
    driver.write(SELID, 3)
    driver.fill(b"\x80")
    driver.write(CMD, SELATNS)
    assert driver.wait() == (I_BS | I_FC, MSGOUT, 1)
    driver.fill(bytes((1, 3, 1, 50, 8)))  # synchronous transfers, please
    driver.write(CMD, TRANS)
    causes, phase, _ = driver.wait()
    assert (causes, phase) == (I_BS, MSGIN)
    driver.write(CMD, FLUSH)
    driver.write(CMD, TRANS)
    assert driver.wait()[0] == I_FC
    assert driver.drain() == b"\x07"  # no
    driver.write(CMD, MSGOK)
    assert driver.wait()[:2] == (I_BS, COMMAND)
    driver.fill(bytes(6))
    driver.write(CMD, TRANS)
    assert driver.wait()[:2] == (I_BS, STATUS)
    assert driver.finish() == 0


def test_attention_after_a_message_in(driver):
    driver.select(bytes(6))
    driver.wait()
    driver.write(CMD, ICCS)
    driver.wait()
    driver.write(CMD, SETATN)
    assert driver.quiet()
    driver.write(CMD, MSGOK)
    assert driver.wait()[:2] == (I_BS, MSGOUT)
    driver.fill(b"\x08")
    driver.write(CMD, TRANS)
    assert driver.wait()[0] == I_DIS


def test_nobody_answers(driver):
    driver.select(bytes(6), target=5)
    assert driver.quiet(200_000_000)
    assert driver.wait(60_000_000) == (I_DIS, 0, 0)
    driver.select(bytes(6))
    assert driver.wait()[0] == I_BS | I_FC


def test_illegal_commands(driver):
    driver.write(CMD, TRANS)
    assert driver.wait()[0] == I_ILLEGAL
    driver.write(CMD, 0x7F)
    assert driver.wait()[0] == I_ILLEGAL
    driver.select(INQUIRY)
    driver.wait()
    driver.write(CMD, SELATN)
    assert driver.wait()[0] == I_ILLEGAL
    driver.dma(36, True)
    assert driver.wait() == (I_BS, STATUS, 0)


def test_bus_reset(driver):
    driver.select(INQUIRY)
    driver.wait()
    driver.write(CMD, RESET_BUS)
    assert driver.wait()[0] == I_RESET
    assert driver.wires.control == 0
    driver.write(CFG1, 0x47)
    driver.write(CMD, RESET_BUS)
    assert driver.quiet()


def test_disconnection_and_reselection(machine, tmp_path):
    driver = Driver(machine, tmp_path, "disconnect")
    driver.write(CMD, ENABLE)
    driver.select(bytes((0x08, 0, 0, 1, 1, 0)), identify=0xC0)
    assert driver.wait() == (I_BS | I_FC, MSGIN, 4)
    for message in (2, 4):  # save data pointer, disconnect
        driver.write(CMD, FLUSH)
        driver.write(CMD, TRANS)
        assert driver.wait()[0] == I_FC
        assert driver.drain() == bytes((message,))
        driver.write(CMD, MSGOK)
        if message == 2:
            assert driver.wait()[:2] == (I_BS, MSGIN)
    assert driver.wait()[0] == I_DIS
    assert driver.quiet()
    driver.write(CMD, ENABLE)
    assert driver.wait(1_000_000)[0] == I_RESEL
    assert driver.drain() == bytes((0x88, 0x80))
    driver.write(CMD, MSGOK)
    assert driver.wait()[:2] == (I_BS, IN)
    driver.dma(512, True)
    assert driver.wait()[:2] == (I_BS, STATUS)
    assert driver.memory[:512] == driver.image[512:1024]
    assert driver.finish() == 0


def test_a_dma_fault_is_the_drivers_to_mend(driver):
    driver.select(INQUIRY)
    driver.wait()
    driver.dma(36, True, 0x1000)
    driver.machine.clock.advance(100_000)
    assert driver.irq
    assert driver.dma_csr & (D_INT | D_ERR) == D_ERR
    assert driver.read(INTR) == 0
    driver.dma_csr = D_RESET
    driver.dma_csr = D_IE
    assert not driver.irq
    driver.write(CMD, RESET_BUS)
    driver.machine.clock.advance(100_000)
    driver.read(INTR)
    driver.write(CFG1, 7)
    driver.select(INQUIRY)
    assert driver.wait()[0] == I_BS | I_FC


def test_registers(driver):
    driver.write(CFG2, 0x0A)
    assert driver.read(CFG2) != 0x0A  # by that drivers know an ESP100
    for value in range(17):
        driver.write(FIFO, value)
    assert driver.read(FLAGS) & 0x1F == 16
    assert driver.read(STAT) & S_GROSS
    assert driver.drain() == bytes((*range(15), 16))
    assert driver.dma_csr >> 28 == 9
    assert driver.bus.read(SLOT + 0x80_0000 + 4 * CFG1, 4) == 0x07FF_FFFF
    driver.dma_address = 0xFFFF_FFFE
    driver.channel.advance(4)
    assert driver.dma_address == 0xFF00_0002
    newer = driver.machine.make("ncr1", "nme/ic/ncr53c9x variant esp100a")
    newer.write(CFG2, 0x0A)
    assert newer.read(CFG2) == 0x0A


def test_mistakes_in_descriptions(machine):
    with pytest.raises(TmeError, match="ethernet is known to TME"):
        machine.make("le0", "tme/ic/lsi64854 revision 2 channel ethernet")
    esp = machine.make("esp0", "tme/ic/lsi64854 revision 1+ channel scsi")
    with pytest.raises(TmeError, match="ncr0 at esp0 master"):
        esp.check()


def test_any_guest_is_survived(driver):
    """Random register accesses harm nobody."""
    chance = random.Random(11)
    for _ in range(4000):
        if chance.random() < 0.2:
            driver.machine.clock.advance(chance.randrange(10_000_000))
        at = chance.choice((0x80_0000 + 4 * chance.randrange(16), 0x40_0000 + 4 * chance.randrange(4)))
        size = chance.choice((1, 2, 4))
        if chance.random() < 0.5:
            driver.bus.read(SLOT + at, size)
        else:
            value = chance.choice((chance.getrandbits(32), 0xFFF0_0000, chance.randrange(256) << 24 | 0x210))
            value = chance.choice((value, 0x41, 0x42, 0xC2, 0x90, 0x10, 0x12, 0x11)) & (1 << 8 * size) - 1
            driver.bus.write(SLOT + at, size, value)
