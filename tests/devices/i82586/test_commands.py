"""The 82586's command unit."""

from __future__ import annotations

from tests.devices.i82586.driver import (
    ABORTED,
    BASE,
    CNA,
    CONFIGURE,
    CX,
    DIAGNOSE,
    DUMP,
    EL,
    MC,
    ME,
    NONE,
    NOP,
    OK,
    SCB,
    TDR,
    TRANSMIT,
    C,
    I,
    S,
)
from tme.port import disconnect


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
