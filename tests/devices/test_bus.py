import pytest

from devices.generic.bus import Slave
from tme.bus import BusError
from tme.element import Element
from tme.errors import TmeError
from tme.line import Line
from tme.port import BusPort, disconnect


class Board(Element):
    """Drives a bus and can be mapped on it, as a main board with its DVMA window."""

    module = "test/board"

    def __init__(self, name, machine):
        self.name, self.machine, self.where, self.connections = name, machine, None, []
        self.window = Device.Target()

    def ports(self, args):
        return [BusPort(self, "controller", args, target=self.window, size=0x100)]


class Device(Element):
    """A slave with an interrupt."""

    module = "test/device"

    class Target:
        width = 1

        def read(self, offset, size):
            return offset

        peek = read

        def write(self, offset, size, value):
            pass

    def __init__(self, name, machine, signal=None):
        self.name, self.machine, self.where, self.connections = name, machine, None, []
        self.irq, self.signal, self.resets = Line(), signal, 0

    def ports(self, args):
        self.port = Slave(self, args, self.Target(), 8, irq=self.irq, signal=self.signal, vector=lambda: 0x42)
        return [self.port]

    def reset(self):
        self.resets += 1


@pytest.fixture
def obio(machine):
    bus = machine.make("obio0", "tme/generic/bus size 64KB")
    machine.elements |= {"board0": Board("board0", machine), "dev0": Device("dev0", machine)}
    machine.elements |= {"dev1": Device("dev1", machine), "clock0": Device("clock0", machine, "clock")}
    return bus


def test_a_device_answers_where_it_was_placed(machine, obio):
    machine.connect("dev0 at obio0 addr 0x2000 ipl 6")
    assert obio.map.read(0x2003, 1) == 3
    with pytest.raises(BusError):
        obio.map.read(0x2008, 1)


def test_interrupts_and_vectors_reach_the_board(machine, obio):
    heard = []
    obio.map.on_interrupt(lambda ipl, level, source, vector: heard.append((ipl, level, vector and vector())))
    machine.connect("dev0 at obio0 addr 0x2000 ipl 6")
    machine.connect("dev1 at obio0 addr 0x3000 ipl 3 vector 0x75")
    machine.connect("clock0 at obio0 addr 0x4000")
    for name in ("dev0", "dev1", "clock0"):
        machine.elements[name].irq.set(True)
    assert heard == [(6, True, 0x42), (3, True, 0x75), ("clock", True, 0x42)]
    machine.elements["dev0"].irq.set(False)
    assert heard[-1][:2] == (6, False)


def test_a_device_without_ipl_interrupts_nobody(machine, obio):
    heard = []
    obio.map.on_interrupt(lambda *edge: heard.append(edge))
    machine.connect("dev0 at obio0 addr 0x2000")
    machine.elements["dev0"].irq.set(True)
    assert heard == []


def test_disconnecting_frees_the_place_and_drops_the_request(machine, obio):
    port, _ = machine.connect("dev0 at obio0 addr 0x2000 ipl 6")
    machine.elements["dev0"].irq.set(True)
    disconnect(port)
    assert obio.map.find(0x2000) is None
    assert not obio.map.pending(6)
    machine.connect("dev1 at obio0 addr 0x2000 ipl 6")


def test_two_devices_at_one_place(machine, obio):
    machine.connect("dev0 at obio0 addr 0x2000")
    with pytest.raises(TmeError, match=r"dev1 at 0x2004-0x200b overlaps dev0 at 0x2000-0x2007"):
        machine.connect("dev1 at obio0 addr 0x2004")
    assert [region.owner for region in obio.map.regions()] == ["dev0"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "addr ADDRESS"),
        ("addr 0xfffc", "does not fit on obio0"),
        ("slot 1 offset 0", "no slot 1; it has none"),
        ("offset 4", "start of a slot"),
        ("addr 0 ipl six", "a number"),
        ("adr 0", "did you mean 'addr'"),
    ],
)
def test_wrong_places(machine, obio, arguments, message):
    with pytest.raises(TmeError, match=message):
        machine.connect(f"dev0 at obio0 {arguments}")
    assert obio.map.regions() == []


def test_slots_follow_each_other(machine):
    text = "slot-addr 0xf8000000 slot-size 32MB slot 0 slot 1 slot-addr 0 slot-size 1KB slot x"
    bus = machine.make("sbus0", f"generic/bus size 4GB {text}")
    assert bus.slots == {"0": 0xF800_0000, "1": 0xFA00_0000, "x": 0}
    machine.elements["dev0"] = Device("dev0", machine)
    machine.connect("dev0 at sbus0 slot 1 offset 0x800000")
    assert bus.map.read(0xFA80_0001, 1) == 1
    machine.elements["dev1"] = Device("dev1", machine)
    with pytest.raises(TmeError, match="only one of"):
        machine.connect("dev1 at sbus0 slot 1 addr 3")


@pytest.mark.parametrize(
    "text", ["slot-size 4KB slot a", "slot-addr 0 slot a", "slot-addr 0 slot-size 1 slot a slot a"]
)
def test_wrong_slots(machine, text):
    with pytest.raises(TmeError):
        machine.make("sbus0", f"generic/bus size 4GB {text}")


def test_one_board_drives_a_bus_and_may_be_mapped_on_it(machine, obio):
    port, _ = machine.connect("board0 at obio0 addr 0x100")
    assert obio.controller is machine.elements["board0"]
    assert port.peer.bus is obio.map
    assert obio.map.read(0x105, 1) == 5
    machine.elements["board1"] = Board("board1", machine)
    with pytest.raises(TmeError, match="already driven by board0"):
        machine.connect("obio0 at board1")
    disconnect(port)
    machine.connect("obio0 at board1")


def test_dma_goes_through_the_bus_with_its_offset(machine, obio):
    machine.connect("dev0 at obio0 addr 0x2000 dma-offset 0x100")
    seen = []
    obio.map.set_dma(lambda address, count: bytes(count), lambda address, data: seen.append((address, data)))
    machine.elements["dev0"].port.dma_write(8, b"x")
    assert seen == [(0x108, b"x")]
    assert machine.elements["dev0"].port.dma_read(0, 2) == b"\0\0"


def test_the_reset_wire(machine, obio):
    machine.connect("board0 at obio0")
    machine.connect("dev0 at obio0 addr 0x2000")
    machine.connect("dev0 at obio0 addr 0x3000")
    obio.reset_slaves()
    assert machine.elements["dev0"].resets == 1
