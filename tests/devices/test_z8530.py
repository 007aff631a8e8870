"""The chip on a Sun-3 board, driven as the drivers and the data sheet do."""

import pytest

from devices.ic.z8530reg import RR0, RR1, WR5
from devices.sun.zs import Zs
from tme.args import Args
from tme.element import Element
from tme.errors import TmeError
from tme.port import SerialPort

CHARACTER = 1_041_666  # 10 bits at 9600 baud
B_CONTROL, B_DATA, A_CONTROL, A_DATA = 0, 2, 4, 6


class Terminal(Element):
    """The other end of a line: remembers everything."""

    module = "test/terminal"

    def __init__(self, name, machine):
        super().__init__(name, Args(), machine)
        self.got, self.breaks, self.lines, self.room = b"", [], {}, 4096
        self.port = SerialPort(
            self,
            receive=self.receive,
            on_break=self.breaks.append,
            on_line=self.lines.__setitem__,
            want=lambda: self.room,
        )

    def receive(self, data):
        self.got += data

    def ports(self, args):
        return [self.port]


class Driver:
    """Bus cycles on one channel of the board."""

    def __init__(self, machine, zs, channel="A"):
        self.registers, self.clock = zs.registers, machine.clock
        self.control = A_CONTROL if channel == "A" else B_CONTROL
        self.channel = zs.chip.a if channel == "A" else zs.chip.b

    def write(self, register, value):
        if register:
            self.registers.write(self.control, 1, register & 7 | (8 if register > 7 else 0))
        self.registers.write(self.control, 1, value)

    def read(self, register=0):
        if register:
            self.registers.write(self.control, 1, register & 7 | (8 if register > 7 else 0))
        return self.registers.read(self.control, 1)

    def command(self, code):
        self.registers.write(self.control, 1, code << 3)

    def put(self, value):
        self.registers.write(self.control + 2, 1, value)

    def get(self):
        return self.registers.read(self.control + 2, 1)

    def setup(self, wr1=0, wr14=0x03, wr15=0, wr3=0xC1, wr5=0xEA):
        """9600 baud, 8 bits, no parity, one stop bit: clock x16, time constant 14."""
        for register, value in (
            (4, 0x44),
            (3, wr3),
            (5, wr5),
            (11, 0x50),
            (12, 14),
            (13, 0),
            (14, wr14),
            (15, wr15),
            (1, wr1),
        ):
            self.write(register, value)

    def fill(self, *characters):
        """Let characters arrive and the time pass that they need."""
        self.channel.receive(bytes(characters))
        self.clock.advance(CHARACTER * (len(characters) + 1))


@pytest.fixture
def zs(machine):
    return machine.make("zs0", "tme/machine/sun3/zs speed real")


@pytest.fixture
def terminal(machine, zs):
    machine.elements["tty0"] = Terminal("tty0", machine)
    machine.connect("tty0 at zs0 channel A")
    return machine.elements["tty0"]


@pytest.fixture
def a(machine, zs):
    return Driver(machine, zs, "A")


@pytest.fixture
def b(machine, zs):
    return Driver(machine, zs, "B")


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


# ---- receiver ---------------------------------------------------------------------------------------------


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


# ---- interrupt logic --------------------------------------------------------------------------------------


def test_master_enable(zs, a):
    a.setup(wr1=0x10)
    a.fill(1)
    assert not zs.chip.irq.level
    assert a.read(3) == 0x20
    a.write(9, 0x08)
    assert zs.chip.irq.level


def test_priorities_and_interrupts_under_service(zs, a, b):
    b.setup(wr1=0x10)
    a.setup(wr1=0x10)
    a.write(2, 0x40)
    a.write(9, 0x09)
    b.fill(1)
    assert zs.chip.acknowledge() == 0x44
    assert not zs.chip.irq.level
    a.fill(1)
    assert zs.chip.irq.level  # A is above B
    assert zs.chip.acknowledge() == 0x4C
    a.get()
    a.command(7)
    assert not zs.chip.irq.level  # B is still under service
    b.command(7)
    assert zs.chip.irq.level
    b.get()
    assert not zs.chip.irq.level
    assert zs.chip.acknowledge() is None


@pytest.mark.parametrize(("wr9", "vector"), [(0x08, 0x40), (0x09, 0x4C), (0x19, 0x30), (0x0B, None)])
def test_vectors(zs, a, wr9, vector):
    a.setup(wr1=0x10)
    a.write(2, 0x40)
    a.write(9, wr9)
    a.fill(1)
    assert zs.chip.acknowledge() == vector


def test_disabling_a_source_drops_its_request(zs, a):
    a.setup(wr1=0x13, wr15=0x20)
    a.write(9, 0x08)
    a.put(1)
    a.channel.on_line("cts", True)
    a.fill(2)
    assert a.read(3) == 0x38
    a.write(1, 0)
    assert a.read(3) == 0
    assert not zs.chip.irq.level


# ---- the board --------------------------------------------------------------------------------------------


def test_on_the_bus(machine, zs):
    obio = machine.make("obio0", "generic/bus size 16MB")
    machine.connect("zs0 at obio0 addr 0x020000 ipl 6")
    obio.map.write(0x20004, 1, 12)
    obio.map.write(0x20004, 1, 0x33)
    obio.map.write(0x20004, 1, 12)
    assert obio.map.read(0x20004, 1) == 0x33


def test_two_chips_acknowledged_on_the_bus(machine, zs, a):
    """Both at one level: the vector tells them apart; Reset Highest IUS ends the service."""
    obio = machine.make("obio0", "generic/bus size 16MB")
    machine.connect("zs0 at obio0 addr 0x020000 ipl 6")
    other = machine.make("zs1", "machine/sun3/zs")
    machine.connect("zs1 at obio0 addr 0x000000 ipl 6")
    for driver, vector in ((a, 0x90), (Driver(machine, other), 0x91)):
        driver.write(2, vector)
        driver.write(9, 0x09)
    a.setup(wr1=0x12)
    assert not obio.map.pending(6)
    a.put(1)
    machine.clock.advance(CHARACTER)
    assert obio.map.pending(6)
    assert obio.map.acknowledge(6) == 0x98
    assert not obio.map.pending(6)
    a.command(5)
    a.command(7)
    assert zs.chip.ius == 0
    assert not obio.map.pending(6)


def test_without_a_vector_the_interrupt_is_under_service_all_the_same(machine, zs, a):
    obio = machine.make("obio0", "generic/bus size 16MB")
    machine.connect("zs0 at obio0 addr 0x020000 ipl 6")
    a.setup(wr1=0x10)
    a.write(9, 0x0A)
    a.fill(1)
    assert obio.map.acknowledge(6) is None
    assert zs.chip.ius == 0x20
    assert not obio.map.pending(6)


def test_one_line_a_channel(machine, zs, terminal):
    machine.elements["tty1"] = Terminal("tty1", machine)
    with pytest.raises(TmeError, match="already connected to tty0"):
        machine.connect("tty1 at zs0 channel A")
    with pytest.raises(TmeError, match="one of A, B"):
        machine.connect("tty1 at zs0 channel C")
    with pytest.raises(TmeError, match="no ports fit"):
        machine.connect("tty1 at zs0")
    machine.connect("tty1 at zs0 channel B")


def test_a_null_modem_between_two_machines(machine, zs, a):
    other = Driver(machine, machine.make("zs1", "machine/sun3/zs"), "B")
    machine.connect("zs0 channel A at zs1 channel B")
    a.setup()
    other.setup()
    assert other.read(0) & RR0.CTS
    assert other.read(0) & RR0.DCD
    for character in b"hello":
        a.put(character)
        machine.clock.advance(CHARACTER + 1)
        machine.clock.advance(CHARACTER + 1)
        assert other.get() == character


def test_status_command(machine, zs, a):
    a.setup()
    assert "channel A: 960 characters/s" in zs.command(["status"])
    assert "channel B: no clock" not in zs.command(["status"])
    with pytest.raises(TmeError, match="usage"):
        zs.command(["reset"])


def test_sink(machine, zs, a):
    machine.make("sink0", "tme/serial/sink")
    machine.connect("sink0 at zs0 channel A")
    a.setup()
    a.put(1)
    machine.clock.advance(2 * CHARACTER)
    assert a.read(0) & RR0.CTS
    assert isinstance(zs, Zs)
