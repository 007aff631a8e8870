"""A channel of the chip on a Sun-3 board: registers, resets, transmitter, external status."""

import pytest

from devices.ic.z8530reg import RR0, RR1, WR5
from tests.devices.z8530.driver import A_CONTROL, A_DATA, CHARACTER, Driver, Terminal

# ---- registers and resets ---------------------------------------------------------------------------------


def test_after_reset(a, b):
    for channel in (a, b):
        assert channel.read(0) == RR0.TX_UNDERRUN | RR0.TX_EMPTY
        assert channel.read(1) == 0x07
        assert channel.read(3) == 0
        assert channel.read(10) == 0
        assert channel.read(15) == 0xF8


def test_the_pointer_falls_back_to_zero(a):
    a.write(12, 0x5A)
    a.write(13, 0xA5)
    assert a.read(12) == 0x5A
    assert a.read(0) & RR0.TX_EMPTY
    assert a.read(13) == 0xA5


def test_the_nmos_chip_decodes_some_registers_only(a):
    a.write(13, 0x77)
    a.write(15, 0xFF)
    assert a.read(9) == 0x77
    assert a.read(11) == a.read(15) == 0xFA
    assert a.read(4) == a.read(0)


def test_peek_changes_nothing(zs, a, terminal):
    a.setup(wr1=0x10)
    a.fill(0x41)
    a.registers.write(A_CONTROL, 1, 12)
    assert zs.registers.peek(A_CONTROL, 1) == 14
    assert zs.registers.peek(A_CONTROL, 1) == 14
    assert a.registers.read(A_CONTROL, 1) == 14
    assert zs.registers.peek(A_DATA, 1) == 0x41
    assert a.read(0) & RR0.RX_AVAILABLE


def test_channel_reset_spares_the_other_channel(a, b):
    a.setup()
    b.setup()
    a.write(9, 0x80)
    assert a.read(12) == 14
    assert a.read(15) == 0xF8
    assert b.read(15) == 0
    assert not a.channel.rx_enabled
    assert b.channel.rx_enabled


def test_hardware_reset_clears_both(zs, a, b):
    a.setup(wr1=0x12)
    a.write(9, 0x08)
    a.put(0x55)
    a.write(9, 0xC0)
    assert not zs.chip.irq.level
    assert a.read(3) == 0
    assert a.read(0) & RR0.TX_EMPTY


def test_vector_is_shared(a, b):
    b.write(2, 0x60)
    assert a.read(2) == 0x60
    assert b.read(2) == 0x66  # nothing pending: status 011


# ---- transmitter ------------------------------------------------------------------------------------------


def test_characters_take_their_time(machine, a, terminal):
    a.setup()
    a.put(0x41)
    assert a.read(0) & RR0.TX_EMPTY  # it went into the shift register
    assert not a.read(1) & RR1.ALL_SENT
    a.put(0x42)
    assert not a.read(0) & RR0.TX_EMPTY
    machine.clock.advance(CHARACTER - 10)
    assert terminal.got == b""
    machine.clock.advance(20)
    assert terminal.got == b"A"
    assert a.read(0) & RR0.TX_EMPTY
    machine.clock.advance(CHARACTER)
    assert terminal.got == b"AB"
    assert a.read(1) & RR1.ALL_SENT


def test_fast_is_sixteen_times_faster(machine):
    fast = Driver(machine, machine.make("zs1", "machine/sun3/zs"))
    machine.elements["tty1"] = Terminal("tty1", machine)
    machine.connect("tty1 at zs1 channel A")
    fast.setup()
    fast.put(0x41)
    machine.clock.advance(CHARACTER // 16 + 1)
    assert machine.elements["tty1"].got == b"A"


@pytest.mark.parametrize(
    ("wr4", "wr5", "low", "bits"),
    [
        (0x44, 0xEA, 14, 10),
        (0x4C, 0xEA, 14, 11),
        (0x45, 0xAA, 14, 10),
        (0x84, 0xEA, 14, 20),
        (0x44, 0xEA, 30, 20),
    ],
)
def test_character_times(a, wr4, wr5, low, bits):
    a.setup()
    a.write(4, wr4)
    a.write(5, wr5)
    a.write(12, low)
    assert a.channel.character_time(receive=False) == pytest.approx(bits * 1e9 / 9600, abs=2)


def test_no_clock_no_character(machine, a, terminal):
    a.setup(wr14=0)
    a.put(0x41)
    machine.clock.advance(10 * CHARACTER)
    assert terminal.got == b""
    a.write(14, 0x03)
    machine.clock.advance(CHARACTER + 1)
    assert terminal.got == b"A"


def test_a_disabled_transmitter_keeps_its_buffer(machine, a, terminal):
    a.setup(wr5=0x60)
    a.put(0x41)
    machine.clock.advance(10 * CHARACTER)
    assert terminal.got == b""
    a.write(5, 0xEA)
    machine.clock.advance(CHARACTER + 1)
    assert terminal.got == b"A"


def test_output_waits_for_a_peer_without_room(machine, a, terminal):
    a.setup()
    terminal.room = 0
    a.put(0x41)
    a.put(0x42)
    machine.clock.advance(10 * CHARACTER)
    assert terminal.got == b""
    assert not a.read(0) & RR0.TX_EMPTY
    terminal.room = 1
    machine.clock.advance(3 * CHARACTER)
    assert terminal.got == b"AB"


def test_seven_bits_and_parity(machine, a, terminal):
    a.setup(wr5=0xAA)
    a.write(4, 0x47)  # even
    a.put(0x43)
    machine.clock.advance(2 * CHARACTER)
    a.write(4, 0x45)  # odd
    a.put(0x43)
    machine.clock.advance(2 * CHARACTER)
    a.write(4, 0x44)
    a.put(0xFF)
    machine.clock.advance(2 * CHARACTER)
    assert terminal.got == b"\xc3\x43\x7f"


def test_break_and_modem_outputs(a, terminal):
    a.setup(wr5=0x60 | WR5.DTR)
    assert terminal.lines == {"dtr": True}
    a.write(5, 0x60 | WR5.RTS | WR5.SEND_BREAK)
    assert terminal.lines == {"dtr": False, "rts": True}
    assert terminal.breaks == [True]
    a.write(9, 0x80)
    assert terminal.breaks == [True, False]
    assert terminal.lines == {"dtr": False, "rts": False}


def test_transmit_interrupt(machine, zs, a, terminal):
    a.setup(wr1=0x02)
    a.write(9, 0x08)
    assert not zs.chip.irq.level  # the buffer was never filled
    a.put(0x41)
    assert a.read(3) == 0x10
    assert zs.chip.irq.level
    a.put(0x42)
    assert not zs.chip.irq.level
    machine.clock.advance(CHARACTER + 1)
    assert zs.chip.irq.level
    a.command(5)  # reset Tx interrupt pending
    assert not zs.chip.irq.level
    machine.clock.advance(5 * CHARACTER)
    assert not zs.chip.irq.level


# ---- external status --------------------------------------------------------------------------------------


def test_modem_inputs(a, terminal):
    a.setup()
    terminal.port.set_line("dcd", True)
    terminal.port.set_line("cts", True)
    assert a.read(0) & (RR0.DCD | RR0.CTS) == RR0.DCD | RR0.CTS
    terminal.port.set_line("cts", False)
    assert not a.read(0) & RR0.CTS


def test_external_status_is_latched_until_reset(zs, a, terminal):
    a.setup(wr1=0x01, wr15=0x20)
    a.write(9, 0x08)
    terminal.port.set_line("dcd", True)
    assert not zs.chip.irq.level
    terminal.port.set_line("cts", True)
    assert a.read(3) == 0x08
    terminal.port.set_line("cts", False)
    assert a.read(0) & RR0.CTS
    a.command(2)  # the second edge interrupts now
    assert zs.chip.irq.level
    assert not a.read(0) & RR0.CTS
    a.command(2)
    assert not zs.chip.irq.level


def test_break_in(machine, zs, a, b, terminal):
    a.setup(wr1=0x11, wr15=0x80)
    a.write(9, 0x08)
    terminal.port.send(b"x")
    terminal.port.break_(True)
    machine.clock.advance(CHARACTER + 1)
    assert a.get() == ord("x")
    machine.clock.advance(CHARACTER)
    assert a.read(0) & RR0.BREAK
    assert b.read(2) == 0x0A  # A external status: 101
    terminal.port.break_(False)
    machine.clock.advance(CHARACTER + 1)
    assert a.read(0) & RR0.BREAK
    a.command(2)
    assert not a.read(0) & RR0.BREAK
    assert zs.chip.irq.level
    a.command(2)
    assert a.get() == 0  # the NUL that a break leaves
    assert not zs.chip.irq.level


def test_auto_enables(machine, a, terminal):
    a.setup(wr3=0xE1)
    a.put(0x41)
    machine.clock.advance(5 * CHARACTER)
    assert terminal.got == b""
    assert not terminal.port.ready
    terminal.port.set_line("cts", True)
    terminal.port.set_line("dcd", True)
    machine.clock.advance(CHARACTER + 1)
    assert terminal.got == b"A"
    assert terminal.port.ready


def test_zero_count_interrupt(machine, zs, a):
    a.setup(wr1=0x01, wr15=0x02)
    a.write(9, 0x08)
    machine.clock.advance(16 * 1_000_000_000 // 4_915_200 + 1)
    assert zs.chip.irq.level
    assert a.read(0) & RR0.ZERO_COUNT
    a.command(2)
    assert not zs.chip.irq.level
    machine.clock.advance(4000)
    assert zs.chip.irq.level
