"""Machines as descriptions make them: DVMA, Ethernet, TME's descriptions, and how mistakes are told."""

import random

import pytest

from devices.ic.sparc import Mb86904
from tests.devices.sun4c.board import Board
from tme.args import Args
from tme.bus import BusError
from tme.errors import TmeError
from tme.machine import Machine
from tme.mesh.session import Session
from tme.options import Options
from translator.memory import Refused
from translator.softmmu import READ

WRITABLE, READ_ONLY = 0xC000_0000, 0x8000_0000
ENABLE, SDVMA = 0x4000_0000, 0x20
D_INVALID, D_PROTECTION, D_TIMEOUT, D_DVMA, D_MEMORY, D_SBUS, D_MULTIPLE = 0x80, 0x40, 0x20, 0x10, 8, 2, 1

LE = "le0 at sbus0 slot 0 offset 0xc00000 ipl 5 dma-offset 0xff000000: tme/ic/am7990"


class Powered(Board):
    """A board that is switched on and does not run; maps are set from outside."""

    def __init__(self, tmp_path, more=""):
        rom = tmp_path / "rom.bin"
        rom.write_bytes(b"\1\0\0\0" * 64)  # NOPs
        super().__init__(rom, more=more)
        self.machine.power(True)
        self.control(2, ENABLE, 1, SDVMA)
        self.errors = self.mainbus.errors

    def control(self, asi, va, size, value):
        self.mainbus.control.write(asi, va, size, value)

    def map(self, va, entry, pmeg=7):
        self.control(3, va, 1, pmeg)
        self.control(4, va, 4, entry)

    @property
    def bus(self):
        return self.mainbus.bus


@pytest.fixture
def powered(tmp_path):
    made = Powered(tmp_path, LE)
    made.map(0xFFF0_0000, WRITABLE | 0x10)
    made.map(0xFFF0_1000, READ_ONLY | 0x20)
    yield made
    made.close()


def test_masters_go_through_the_maps(powered):
    powered.bus.dma_write(0xFFF0_0FFC, b"data")
    assert powered.word(0x10FFC) == int.from_bytes(b"data", "big")
    assert powered.bus.dma_read(0xFFF0_0FFC, 8) == b"data\0\0\0\0"
    assert powered.mainbus.maps.page_entry(0xFFF0_0000) == WRITABLE | 0x0300_0010
    assert powered.errors.async_error.value == 0


@pytest.mark.parametrize(
    ("va", "data", "causes"),
    [
        (0xFFF0_1000, b"x", D_PROTECTION),
        (0xFFF0_2000, b"x", D_INVALID),
        (0x2000_0000, None, D_INVALID),
        (0xFFF0_3000, b"x", D_TIMEOUT),
        (0xFFF0_4000, None, D_TIMEOUT | D_SBUS),
    ],
)
def test_refused_cycles_are_asynchronous_errors_and_the_masters_too(powered, va, data, causes):
    powered.map(0xFFF0_3000, WRITABLE | 2 << 26)
    powered.map(0xFFF0_4000, WRITABLE | 1 << 26 | 0xA000)
    powered.mainbus.interrupts.write(0, 1, 1)
    with pytest.raises(BusError):
        powered.bus.dma_read(va, 1) if data is None else powered.bus.dma_write(va, data)
    assert powered.errors.async_error.value == causes | D_DVMA
    assert powered.errors.async_va == va
    assert powered.cpu.state.irl == 15
    assert powered.mainbus.maps.state.sync_error == 0
    with pytest.raises(BusError):
        powered.bus.dma_read(0x3000_0000, 4)
    assert powered.errors.async_error.value & D_MULTIPLE
    assert powered.errors.async_va == va
    powered.mainbus.interrupts.write(0, 1, 0)
    assert powered.cpu.state.irl == 0


def test_only_while_enabled(powered):
    powered.control(2, ENABLE, 1, 0)
    with pytest.raises(BusError):
        powered.bus.dma_read(0xFFF0_0000, 1)
    assert powered.errors.async_error.value == D_TIMEOUT | D_SBUS | D_DVMA


def test_absent_memory_and_wrong_parity(powered):
    powered.map(0xFFF0_5000, WRITABLE | 0x4000)
    powered.bus.dma_write(0xFFF0_5000, b"lost")
    assert powered.bus.dma_read(0xFFF0_5000, 2) == b"\xff\xff"
    status = powered.mainbus.memory_errors
    status.write(0, 4, 0x30)
    powered.bus.dma_write(0xFFF0_0001, b"x")
    status.write(0, 4, 0x10)
    assert powered.bus.dma_read(0xFFF0_0002, 2) == b"\0\0"
    with pytest.raises(BusError):
        powered.bus.dma_read(0xFFF0_0000, 4)
    assert powered.errors.async_error.value == D_MEMORY | D_DVMA | 0x200
    assert status.read(0, 4) == 0x92
    powered.bus.dma_write(0xFFF0_0000, b"good")
    assert powered.bus.dma_read(0xFFF0_0000, 4) == b"good"


def test_ethernet_reaches_memory_through_the_maps(powered):
    le, clock = 0xF8C0_0000, powered.machine.clock
    block = bytes.fromhex("0000 0008 2000 0100 0000000000000000 0000 20f0 0000 20f0")
    powered.bus.dma_write(0xFFF0_0000, b"".join(block[i : i + 2] for i in range(0, len(block), 2)))
    for register, value in ((1, 0x0000), (2, 0x00F0), (0, 0x41)):  # the block at f00000, INIT and INEA
        powered.bus.write(le + 2, 2, register)
        powered.bus.write(le, 2, value)
    clock.skip_to(clock.now + 1_000_000)
    clock.run_due()
    assert powered.bus.read(le, 2) & 0x0100  # IDON
    assert powered.bus.pending(5)


def test_tags_protect_while_the_cache_is_visible(powered):
    board, visible = powered.mainbus, 4 << 40
    powered.control(2, ENABLE, 1, SDVMA | 0x10)
    powered.map(0x1000_0000, WRITABLE | 0x30, 8)
    ours, code, user = 0x1000_0040, 9, 0xA
    assert board.cpu.memory.translate(ours, 0xB, READ) == visible | ours
    for asi in (0xB, user):
        board.write(visible | ours, ours, 4, 0x1234_5678, asi)
        assert board.read(visible | ours, ours, 4, asi) == 0x1234_5678
    tag = board.cache.read_tag(ours)
    for bits, asi, writes, reads in (
        (0x20_0000, user, False, True),
        (0x10_0000, user, None, False),
        (0, 0xB, True, True),
    ):
        board.cache.write_tag(ours, (tag ^ bits) if bits != 0x10_0000 else tag | bits)
        if reads:
            board.read(visible | ours, ours, 4, asi)
        else:
            with pytest.raises(Refused):
                board.read(visible | ours, ours, 4, asi)
        if writes:
            board.write(visible | ours, ours, 1, 0, asi)
        else:
            with pytest.raises(Refused):
                board.write(visible | ours, ours, 1, 0, asi)
            assert board.errors.read(0) & 0x8040 == 0x8040
    board.cache.write_tag(ours, 0)
    powered.control(4, 0x1000_0000, 4, WRITABLE | 0x1000_0030)  # not to be cached
    board.read(visible | ours, ours, 4, code)
    assert board.cache.read_tag(ours) == 0
    assert powered.bus.dma_read(0xFFF0_0000, 1) == b"\0"  # masters go past it
    with pytest.raises(Refused):
        board.read(visible | 0x1000_1000, 0x1000_1000, 4, 0xB)
    assert board.errors.read(0) == 0x80


def test_random_cycles_harm_nobody(powered):
    """Whatever a guest does to control space and the board's registers, it gets an answer or a refusal."""
    chance = random.Random(17)
    board = powered.mainbus
    places = (
        0xF300_0000,
        0xF400_0000,
        0xF500_0000,
        0xF740_0003,
        0xF8C0_0000,
        0xF600_0000,
        0x0800_FFF8,
        0x0F00_0000,
    )
    for _ in range(3000):
        size = chance.choice((1, 2, 4, 8))
        if chance.random() < 0.5:
            space, asi = 2 << 40, chance.randrange(256)
            va = (
                chance.choice((chance.getrandbits(32), chance.randrange(16) << 28 | chance.randrange(64)))
                & -size
            )
            phys = space | va
        else:
            phys = chance.choice(places) + chance.randrange(16) & -size
            asi, va = 0xB, phys & 0xFFFF_FFFF
        value = chance.getrandbits(8 * size)
        if asi == 2 and va >> 28 == 4:
            value &= ~0x04 & (1 << 8 * size) - 1  # a reset would end the game
        try:
            if chance.random() < 0.5:
                assert 0 <= board.read(phys, va, size, asi) < 1 << 8 * size
            else:
                board.write(phys, va, size, value, asi)
        except Refused:
            assert board.maps.state.sync_error


# ---- descriptions -----------------------------------------------------------------------------------------

LIKE_TME = """
board0: nme/machine/sun4 name Calvin
cpu0 at board0: nme/ic/cy7c601 fpu-type tms390-c602A fpu-compliance partial fpu-incomplete trap
sbus0: nme/generic/bus size 4GB slot-addr 0xf8000000 slot-size 32MB slot 0 slot 1 slot 2 slot 3
sbus0 controller at board0 sbus
alias mainbus0 sbus0
ram0 at mainbus0 addr 0x0: nme/host/posix/memory ram 16MB
ram1 at mainbus0 addr 0x08000000: nme/host/posix/memory ram 32MB
ram2 at mainbus0 addr 0x0a000000: nme/host/posix/memory ram 32MB
rom0 at mainbus0 addr 0xf6000000: nme/host/posix/memory rom rom.bin
zs0 at mainbus0 addr 0xf1000000 ipl 12: nme/machine/sun4/zs
zs1 at mainbus0 addr 0xf0000000 ipl 12: nme/machine/sun4/zs
nvram0 at mainbus0 addr 0xf2000000: nme/host/posix/memory persistent nvram.bin
clock0 at mainbus0 addr 0xf20007f8: nme/machine/sun4/clock type nme/ic/mk48t02
board0 timer at mainbus0 addr 0xf3000000
board0 memerr at mainbus0 addr 0xf4000000
board0 intreg at mainbus0 addr 0xf5000000
fdc0 at mainbus0 addr 0xf7200000 ipl 11: nme/machine/sun4/fdc type nme/ic/i82072
audioamd0 at mainbus0 addr 0xf7201000 ipl 13: nme/ic/am7930
board0 auxreg at mainbus0 addr 0xf7400003
kbd0 at zs1 channel A: nme/serial/keyboard type sun-type-4-us macros macros.txt map keyboards.txt rate 20
ms0 at zs1 channel B: nme/serial/mouse type mousesystems-5
sink1 at zs0 channel A: nme/serial/sink
esp0 at sbus0 slot 0 offset 0x800000 ipl 3: nme/ic/lsi64854 revision "1+" channel scsi
esp0 dma at sbus0 slot 0 offset 0x400000
ncr0 at esp0 master: nme/ic/ncr53c9x variant esp100
scsibus0 at ncr0: nme/scsi/bus
le0 at sbus0 slot 0 offset 0xc00000 ipl 5 dma-offset 0xff000000: nme/ic/am7990
cgthree0 at sbus0 slot 1 offset 0x0 ipl 7: nme/bus/sbus/cgthree
cgthreerom0 at sbus0 slot 1 offset 0x0: nme/host/posix/memory rom "card.bin"
bwtwo0 at sbus0 slot 2 offset 0x0 ipl 7: nme/bus/sbus/bwtwo
display0: nme/host/gtk/display
display0 at cgthree0
display0 at kbd0
display0 at ms0
st0 at scsibus0: nme/scsi/tape id 4 type nme-scsi-1
tape0 at st0: nme/host/posix/tape
command cpu0 idle-type netbsd32-type-1
command board0 power up
"""


def describe(tmp_path, text):
    for name, data in (("rom.bin", b"\1\0\0\0"), ("card.bin", b"\xfe\1\1\4"), ("nvram.bin", bytes(2040))):
        (tmp_path / name).write_bytes(data)
    machine = Machine(Options(engine="concrete"))
    session = Session(machine)
    file = tmp_path / "TEST"
    file.write_text(text)
    session.load(str(file))
    return machine, session


def test_tmes_description_powers_up(tmp_path):
    machine, session = describe(tmp_path, LIKE_TME)
    assert [str(error) for error in session.errors] == []
    assert machine.powered
    assert machine.elements["cpu0"].cpu.model.name == "cy7c601+tms390-c602A"
    machine.close()
    session.graph.close()


@pytest.mark.parametrize(
    ("wrong", "right", "says"),
    [
        ("name Calvin", "name Hobbes", "one of Calvin is expected"),
        ("fpu-type tms390-c602A", "fpu-type m68881", "tms390-c602A"),
        ("bus/sbus/cgthree", "bus/sbus/cgsix", "cgsix' is known to TME, not in this version"),
        ("idle-type netbsd32-type-1", "idle-type vms", "netbsd32-type-0"),
        ("slot 2 offset 0x0 ipl 7", "slot 4 offset 0x0 ipl 7", "sbus0 has no slot 4"),
        ("rom0 at mainbus0 addr 0xf6000000", "rom0 at mainbus0 addr 0xf6800000", "has no PROM"),
        ("sbus0 controller at board0 sbus\n", "", "sbus0 controller at board0 sbus"),
        ("board0 timer at", "board0 timer sbus at", "not several"),
    ],
)
def test_mistakes(tmp_path, wrong, right, says):
    machine, session = describe(tmp_path, LIKE_TME.replace(wrong, right))
    assert says in "\n".join(map(str, session.errors))
    assert not machine.powered
    machine.close()
    session.graph.close()


def test_an_id_prom_instead_of_a_name(tmp_path):
    good = bytes((1, 0x55)) + bytes(30)
    for image, fits in ((good, True), (bytes((1, 0x11)) + bytes(30), False), (b"", False)):
        (tmp_path / "id").write_bytes(image)
        machine, session = describe(tmp_path, f"board0: tme/machine/sun4 idprom {tmp_path / 'id'}\n")
        assert bool(session.errors) is not fits
        if not fits:
            assert "not that of a 4/75" in str(session.errors[0])
        machine.close()
        session.graph.close()


def test_a_missing_id_prom_is_told(tmp_path):
    machine = Machine(Options(engine="concrete"))
    session = Session(machine)
    session.run(f"board0: tme/machine/sun4 idprom {tmp_path / 'none'}\n", "TEST")
    assert "cannot read the ID PROM" in str(session.errors[0])
    machine.close()


def test_floating_point_that_a_processor_has_not():
    with pytest.raises(TmeError, match="one of none, mb86904"):
        Args.parse(["fpu-type", "m68881"], Mb86904.params, subject="cpu0")
