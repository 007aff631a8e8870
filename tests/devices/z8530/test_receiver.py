"""The receiver of the chip on a Sun-3 board, driven as the drivers and the data sheet do."""

from devices.ic.z8530reg import RR0, RR1
from tests.devices.z8530.driver import CHARACTER


def test_receive(machine, a, terminal):
    a.setup()
    terminal.port.send(b"xyz")
    assert not a.read(0) & RR0.RX_AVAILABLE
    machine.clock.advance(CHARACTER + 1)
    assert a.read(0) & RR0.RX_AVAILABLE
    assert a.get() == ord("x")
    assert not a.read(0) & RR0.RX_AVAILABLE
    machine.clock.advance(2 * CHARACTER)
    assert bytes((a.get(), a.get())) == b"yz"


def test_input_waits_for_the_guest(machine, a, terminal):
    a.setup(wr3=0xC0)
    assert not terminal.port.ready
    a.write(3, 0xC1)
    sent = b"0123456789"
    terminal.port.send(sent)
    machine.clock.advance(50 * CHARACTER)
    assert len(a.channel.fifo) == 3
    seen = b""
    for _ in sent:
        seen += bytes((a.get(),))
        machine.clock.advance(CHARACTER)
    assert seen == sent
    assert not a.read(1) & RR1.OVERRUN
    terminal.port.send(bytes(100))
    assert not terminal.port.ready


def test_local_loopback_and_overrun(machine, a, terminal):
    a.setup(wr14=0x13)
    terminal.port.send(b"!")  # RxD is cut off
    for value in (0x01, 0x02, 0x03, 0x04, 0x05):
        a.put(value)
        machine.clock.advance(CHARACTER + 1)
    assert a.get() == 1
    assert not a.read(1) & RR1.OVERRUN
    assert a.get() == 2
    assert a.read(1) & RR1.OVERRUN
    assert a.get() == 5
    assert a.read(1) & RR1.OVERRUN  # latched
    a.command(6)
    assert not a.read(1) & RR1.OVERRUN


def test_auto_echo(machine, a, terminal):
    a.setup(wr14=0x0B)
    terminal.port.send(b"e")
    a.put(0x41)
    machine.clock.advance(2 * CHARACTER)
    assert terminal.got == b"e"


def test_seven_bit_characters_are_filled_with_ones(a):
    a.setup(wr3=0x41)
    a.fill(0x41)
    assert a.get() == 0xC1


def test_receive_interrupt_on_all_characters(machine, zs, a, b):
    a.setup(wr1=0x10)
    a.write(9, 0x08)
    a.fill(0x41, 0x42)
    assert a.read(3) == 0x20
    assert b.read(3) == 0
    assert b.read(2) == 0x0C  # A receive: 110
    a.get()
    assert zs.chip.irq.level
    a.get()
    assert not zs.chip.irq.level


def test_receive_interrupt_on_the_first_character(zs, a):
    a.setup(wr1=0x08)
    a.write(9, 0x08)
    a.fill(0x41, 0x42)
    assert zs.chip.irq.level
    a.get()
    assert not zs.chip.irq.level
    a.get()
    a.fill(0x43)
    assert not zs.chip.irq.level
    a.get()
    a.command(4)  # interrupt on next character
    a.fill(0x44)
    assert zs.chip.irq.level


def test_special_condition_holds_the_character(machine, zs, a, b):
    a.setup(wr1=0x18)
    a.write(9, 0x08)
    a.channel._shift_in(0x41, RR1.FRAMING)
    a.channel._shift_in(0x42)
    assert zs.chip.irq.level
    assert b.read(2) == 0x0E  # A special: 111
    assert a.read(1) & RR1.FRAMING
    assert a.get() == a.get() == 0x41
    a.command(6)
    assert not zs.chip.irq.level
    assert a.get() == 0x42


def test_parity_is_special_only_when_wr1_says_so(zs, a):
    a.setup(wr1=0x18)
    a.write(9, 0x08)
    a.channel._shift_in(0x41, RR1.PARITY)
    assert not zs.chip.irq.level
    a.write(1, 0x1C)
    assert zs.chip.irq.level
