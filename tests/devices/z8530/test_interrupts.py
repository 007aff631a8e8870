"""The chip's interrupt logic, and the board around it."""

import pytest

from devices.ic.z8530reg import RR0
from devices.sun.zs import Zs
from tests.devices.z8530.driver import CHARACTER, Driver, Terminal
from tme.errors import TmeError

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
