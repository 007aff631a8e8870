"""The board from the host's side: DVMA, commands, machines that lack something."""

import pytest

from tests.machine.board import Board, assemble
from tme.bus import BusError
from tme.errors import TmeError


@pytest.fixture
def idle(tmp_path, boards):
    """A board whose program has set up its maps, and system DVMA, and ended."""
    source = """
        moveq   #9,%d0
        movs.b  %d0,0x2FF00000
        move.l  #0xC0000003,%d0
        movs.l  %d0,0x1FF00000
        move.l  #0xC0000004,%d0
        movs.l  %d0,0x1FF02000
        move.l  #0x80000005,%d0
        movs.l  %d0,0x1FF04000
        move.w  #0xA0,%d0
        movs.b  %d0,0x40000000
        moveq   #0,%d0
        bra     exit
    """
    boards.append(Board(assemble(source, tmp_path), "concrete"))
    return boards[-1].run()


def test_dvma_goes_through_the_maps(idle):
    vme, obio = idle.mainbus.buses["vme"], idle.mainbus.buses["obio"]
    data = bytes(range(200)) * 50
    vme.dma_write(0x1000, data)
    ram = idle.machine.elements["ram0"].memory
    assert ram.read_bytes(0x7000, 0x1000) + ram.read_bytes(0x8000, len(data) - 0x1000) == data
    assert obio.dma_read(0xF01000, len(data)) == data
    assert idle.mainbus.maps.state.page_map[9 * 16] & 0x0300_0000 == 0x0300_0000


def test_dvma_is_refused_where_the_maps_refuse(idle):
    vme = idle.mainbus.buses["vme"]
    assert vme.dma_read(0x4000, 4) == bytes(4)
    for address in (0x4000, 0x6000, 0x100000):
        with pytest.raises(BusError):
            vme.dma_write(address, b"1234")
    assert idle.mainbus.maps.state.bus_error == 0
    idle.mainbus.enable.register.SDVMA = 0
    with pytest.raises(BusError):
        vme.dma_read(0x1000, 4)


def test_commands(idle):
    idle.session.run("command mainbus0 diag-switch true\ncommand mainbus0 power down\n")
    assert idle.mainbus.maps.state.enable & 1
    assert not idle.machine.powered
    idle.session.run("command mainbus0 power up")
    assert idle.machine.powered
    assert idle.mainbus.maps.state.enable == 1
    idle.session.run("command mainbus0 dance")
    assert "power {up|down}" in str(idle.session.take_errors()[0])
    with pytest.raises(TmeError, match="usage"):
        idle.machine.elements["cpu0"].command(["dance"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mainbus0: tme/machine/sun3 @machines/none.bin", "cannot read the ID PROM"),
        ("mainbus0: tme/machine/sun3 @machines/SUN3", "not 32"),
        ("cpu0: tme/ic/m68020", "is on no board"),
        ("mainbus0: tme/machine/sun3 @machines/sun3-idprom.bin", "has no obmem bus"),
    ],
)
def test_incomplete_machines(text, message):
    from tme.machine import Machine
    from tme.mesh.session import Session

    machine = Machine()
    session = Session(machine)
    session.run(text, "TEST")
    try:
        if not session.errors:
            machine.power(True)
        said = str(session.errors[0])
    except TmeError as error:
        said = str(error)
    finally:
        machine.close()
    assert message in said


def test_missing_prom(tmp_path, boards):
    board = Board(assemble("", tmp_path), "concrete")
    boards.append(board)
    board.session.run("rm rom0")
    with pytest.raises(TmeError, match="has no PROM"):
        board.machine.power(True)
