"""The board as software sees it: control space, faults, interrupts, watchdog, DVMA; on all engines alike."""

import pytest

from tests.machine.board import Board, assemble
from tme.bus import BusError
from tme.errors import TmeError

ENGINES = ("concrete", "interp")


@pytest.fixture
def boards():
    made = []
    yield made
    for board in made:
        board.close()


@pytest.fixture(params=ENGINES)
def board(request, tmp_path, boards):
    """board(source): the machine with that program, having run to its end."""

    def run(source, **more):
        boards.append(Board(assemble(source, tmp_path), request.param, **more))
        return boards[-1].run()

    return run


CATCH = """
        .macro  guard           | d6: bus error register, d7: fault address, a5: where to go on
        move.l  #caught,8
        .endm
        bra     program
caught: clr.l   %d6
        movs.b  0x60000000,%d6
        move.l  16(%sp),%d7
        movea.l %a6,%sp
        jmp     (%a5)
program:
        guard
        movea.l %sp,%a6
"""


def test_exit_status(board):
    assert board("        moveq #42,%d0\n        bra exit").status == 42


def test_id_prom_and_registers_of_control_space(board):
    done = board("""
        clr.l   %d1
        movs.b  0x00000001,%d1
        move.l  %d1,0x1000                      | machine type
        movs.l  0x00000002,%d1
        move.l  %d1,0x1004                      | Ethernet address, four bytes of an 8-bit port
        moveq   #0,%d0
        movs.b  %d0,0x40000000                  | boot state: the program has no map in context 5
        moveq   #0x1D,%d0
        movs.b  %d0,0x30000000
        clr.l   %d1
        movs.b  0x30000000,%d1
        moveq   #0,%d0
        movs.b  %d0,0x30000000
        move.w  #0x80,%d0
        movs.b  %d0,0x40000000
        move.l  %d1,0x1008
        clr.l   %d1
        movs.b  0x40000000,%d1
        move.l  %d1,0x100C
        movs.l  0x10002000,%d1
        move.l  %d1,0x1010
        moveq   #0x55,%d0
        movs.b  %d0,0x70000000
        moveq   #0,%d0
        bra     exit
    """)
    assert done.status == 0
    assert done.long(0x1000) == 0x11
    assert done.long(0x1004) == 0x08002011
    assert done.long(0x1008) == 5
    assert done.long(0x100C) == 0x80
    assert done.long(0x1010) & 0xF0FF_FFFF == 0xC000_0001
    assert done.mainbus.leds.register.value == 0x55


@pytest.mark.parametrize(
    ("access", "cause", "address"),
    [
        ("move.l 0x00020000,%d0", 0x80, 0x00020000),
        ("move.l %d0,0x00020010", 0x80, 0x00020010),
        ("move.l 0x4000,%d0", 0x80, 0x4000),
        ("move.l %d0,0x6000", 0x40, 0x6000),
        ("move.b %d0,0x6003", 0x40, 0x6003),
        ("move.l 0x8000,%d0", 0x20, 0x8000),
        ("move.b %d0,0x8005", 0x20, 0x8005),
        ("move.l 0xA000,%d0", 0x20, 0xA000),
        ("movs.l 0x90000000,%d0", 0x20, 0x90000000),
        ("move.l 0x3FFE,%d0", 0x80, 0x4000),
    ],
)
def test_refused_accesses(board, access, cause, address):
    """Segment without a map, invalid page, read-only page, nothing on obio, nothing on VME, nothing in
    control space, and a long that begins well and ends in an invalid page."""
    done = board(
        f"""{CATCH}
        moveq   #0,%d0
        movs.l  %d0,0x10004000                  | invalid
        move.l  #0x80000003,%d0
        movs.l  %d0,0x10006000                  | read only
        move.l  #0xC4000160,%d0
        movs.l  %d0,0x10008000                  | obio 2C0000: nothing
        move.l  #0xC8000000,%d0
        movs.l  %d0,0x1000A000                  | VME: nothing
        moveq   #-1,%d0
        movs.b  %d0,0x20020000
        lea     1f,%a5
        {access}
        moveq   #99,%d0
        bra     exit
1:      move.l  %d6,0x1000
        move.l  %d7,0x1004
        clr.l   %d6
        movs.b  0x60000000,%d6                  | reading has cleared it
        move.l  %d6,0x1008
        moveq   #0,%d0
        bra     exit
    """
    )
    assert done.status == 0
    assert (done.long(0x1000), done.long(0x1004), done.long(0x1008)) == (cause, address, 0)


def test_pages_follow_their_maps(board):
    """Each change of a map is seen by the next access: page map, segment map, context, protection."""
    done = board(f"""{CATCH}
        move.l  #0x11111111,0x2000
        move.l  #0x22222222,0x4000
        move.l  0x6000,%d0                      | filled: page 3
        move.l  #0xC0000001,%d0
        movs.l  %d0,0x10006000
        move.l  0x6000,0x1000                   | page 1
        move.l  #0xC0000002,%d0
        movs.l  %d0,0x10006000
        move.l  0x6000,0x1004                   | page 2
        moveq   #5,%d0
        movs.b  %d0,0x20040000                  | another segment, its PMEG shared by a third
        movs.b  %d0,0x20060000
        move.l  #0xC0000001,%d0
        movs.l  %d0,0x10040000
        move.l  0x40000,%d1
        move.l  0x60000,%d1
        move.l  #0xC0000002,%d0
        movs.l  %d0,0x10060000
        move.l  0x40000,0x1008                  | changed through the other
        moveq   #6,%d0
        movs.b  %d0,0x20040000
        move.l  #0xC0000001,%d0
        movs.l  %d0,0x10040000
        move.l  0x40000,0x100C
        move.l  #0x80000001,%d0
        movs.l  %d0,0x10040000
        lea     1f,%a5
        move.l  %d0,0x40000                     | no longer writable
        bra     2f
1:      move.l  %d6,0x1010
2:      movs.l  0x10040000,%d0
        move.l  %d0,0x1014
        moveq   #0,%d0
        bra     exit
    """)
    assert done.status == 0
    assert [done.long(0x1000 + 4 * i) for i in range(5)] == [
        0x11111111, 0x22222222, 0x22222222, 0x11111111, 0x40,
    ]  # fmt: skip
    assert done.long(0x1014) == 0x80000001


def test_contexts_have_their_own_segments(board):
    done = board("""
        lea     0x30000000,%a0
        moveq   #0,%d0
        movs.b  %d0,0x40000000                  | boot state: the program has no map in context 3
        moveq   #3,%d0                          | there: the same code, RAM and devices
        movs.b  %d0,(%a0)
        moveq   #0,%d1
        movs.b  %d1,0x20000000
        moveq   #1,%d1
        movs.b  %d1,0x2FEE0000
        moveq   #2,%d1
        movs.b  %d1,0x2FE00000
        moveq   #7,%d1
        movs.b  %d1,0x20040000                  | and PMEG 7 at 0x40000
        move.l  #0xC0000004,%d1
        movs.l  %d1,0x10040000
        moveq   #0,%d0
        movs.b  %d0,(%a0)
        moveq   #8,%d1
        movs.b  %d1,0x20040000                  | PMEG 8 in context 0
        move.l  #0xC0000005,%d1
        movs.l  %d1,0x10040000
        move.l  #0xAAAA0000,0x40000
        moveq   #3,%d0
        movs.b  %d0,(%a0)
        move.l  #0xBBBB0003,0x40000
        moveq   #0,%d0
        movs.b  %d0,(%a0)
        move.l  0x40000,0x1000
        moveq   #0,%d0
        bra     exit
    """)
    assert done.status == 0
    assert done.long(0x1000) == 0xAAAA0000
    assert done.long(0x8000) == 0xBBBB0003
    assert done.long(0xA000) == 0xAAAA0000


def test_clock_interrupts_at_level_5(board):
    """A hundred a second by guest time; STOP between them costs no instructions."""
    done = board("""
        lea     tick,%a0
        move.l  %a0,(24+5)*4
        clr.l   0x1000
        lea     0x0FE06000,%a2
        move.b  #0x02,0x10(%a2)
        move.b  #0x1C,0x11(%a2)
        move.b  #0x21,0x0FE0A000
1:      stop    #0x2000
        cmp.l   #5,0x1000
        blo     1b
        moveq   #0,%d0
        bra     exit
tick:   addq.l  #1,0x1000
        tst.b   0x10(%a2)
        move.b  #0x01,0x0FE0A000
        move.b  #0x21,0x0FE0A000
        rte
    """)
    assert done.status == 0
    assert done.machine.clock.now // 10_000_000 == 5
    assert done.cpu.executed < 5000


def test_soft_interrupts_wait_for_the_mask(board):
    done = board("""
        lea     level1,%a0
        move.l  %a0,(24+1)*4
        lea     level3,%a0
        move.l  %a0,(24+3)*4
        moveq   #0,%d5
        move.b  #0x0B,0x0FE0A000                | both, enabled
        nop
        move.l  %d5,0x1000                      | the mask is 7
        move.w  #0x2000,%sr
        nop
        move.l  %d5,0x1004
        moveq   #0,%d0
        bra     exit
level3: lsl.l   #4,%d5
        addq.l  #3,%d5
        move.b  #0x03,0x0FE0A000
        rte
level1: lsl.l   #4,%d5
        addq.l  #1,%d5
        move.b  #0x01,0x0FE0A000
        rte
    """)
    assert done.status == 0
    assert done.long(0x1000) == 0
    assert done.long(0x1004) == 0x31


@pytest.mark.parametrize(("wr9", "vector"), [(0x09, 0x99), (0x08, 0x91), (0x0A, 24 + 6)])
def test_serial_chips_drive_their_vector(board, wr9, vector):
    """The chip lets go of its wire when it is acknowledged; the processor takes level 6 all the same."""
    done = board(
        f"""
        .macro  zs register, value
        move.b  #\\register,(%a2)
        move.b  #\\value,(%a2)
        .endm
        move.l  #OBIO,%d1
        movs.l  %d1,0x1FE00000
        lea     0x0FE00004,%a2                  | zs1, channel A
        lea     sent,%a0
        move.l  %a0,{vector * 4}
        clr.l   0x1000
        zs      9, 0xC0
        zs      4, 0x44
        zs      5, 0x68
        zs      11, 0x50
        zs      14, 0x03
        zs      1, 0x02
        zs      2, 0x91
        zs      9, {wr9}
        move.b  #0x01,0x0FE0A000
        move.b  #'x',2(%a2)                     | to the shift register: the buffer is free again
        stop    #0x2000
        move.w  %sr,0x1004
        moveq   #0,%d0
        bra     exit
sent:   move.w  %sr,0x1000
        addq.w  #1,0x1002
        move.b  #0x28,(%a2)                     | reset TX pending
        move.b  #0x38,(%a2)                     | reset highest IUS
        rte
    """,
        more="zs1 at obio0 addr 0x000000 ipl 6: tme/machine/sun3/zs",
    )
    assert done.status == 0
    assert done.long(0x1000) == 0x2600_0001
    assert done.long(0x1004) >> 16 == 0x2000


def test_a_double_fault_is_a_watchdog_reset(board, capsys):
    done = board("""
        clr.l   %d1
        movs.b  0x60000000,%d1
        tst.b   %d1
        bne     again
        lea     0x00100000,%sp                  | no stack there
        trap    #0
again:  move.l  %d1,0x1000
        clr.l   %d1
        movs.b  0x40000000,%d1
        move.l  %d1,0x1004
        moveq   #0,%d0
        bra     exit
    """)
    assert done.status == 0
    assert done.long(0x1000) == 1
    said = capsys.readouterr().err
    assert "double bus fault at pc 0fef" in said
    assert "sr 27" in said
    assert said.count("watchdog reset") == 1


def test_endless_watchdog_resets_end_the_machine(board, capsys):
    done = board("        lea 0x00100000,%sp\n        trap #0")
    assert done.status == 1
    assert "3 watchdog resets within a second: stopped" in capsys.readouterr().err


def test_reset_instruction_silences_devices_and_keeps_the_maps(board):
    done = board("""
        lea     0x0FE06000,%a2
        move.b  #0x02,0x10(%a2)
        move.b  #0x1C,0x11(%a2)
        move.b  #0x21,0x0FE0A000
        reset
        clr.l   %d0
        move.b  0x0FE0A000,%d0
        move.l  %d0,0x1000
        moveq   #0,%d0
        bra     exit
    """)
    assert done.status == 0
    assert done.long(0x1000) == 0


def test_prom_without_maps_only_in_the_boot_state(board):
    """Leaving the boot state needs a mapped PROM: here its pages are taken away under the program."""
    done = board("""
        lea     bus,%a0
        move.l  #0x2000,8                       | the handler is in RAM
        lea     0x2000,%a1
        moveq   #end-bus,%d0
1:      move.b  (%a0)+,(%a1)+
        dbra    %d0,1b
        moveq   #0,%d0
        movs.l  %d0,0x1FEF0000
        nop
        moveq   #1,%d0
        bra     exit
bus:    movs.b  0x60000000,%d6
        move.b  %d6,0x1000
        moveq   #7,%d0
        move.l  %d0,0x0FE1E008
        move.l  #4,0x0FE1E004
end:    nop
    """)
    assert done.status == 7
    assert done.long(0x1000) >> 24 == 0x80


def test_engines_agree(tmp_path, boards):
    """Registers, memory, time and instruction count of a program with interrupts, on each engine."""
    rom = assemble(
        """
        moveq   #0,%d3
        moveq   #0,%d4
        lea     soft,%a0
        move.l  %a0,(24+1)*4
        move.w  #0x2000,%sr
1:      move.l  %d4,%d5
        mulu.l  #1103515245,%d4
        add.l   #12345,%d4
        move.l  %d4,%d6
        lsr.l   #8,%d6
        and.w   #0x3FFC,%d6
        add.l   %d5,(0x2000,%d6.w)
        bra     1b
soft:   addq.l  #1,%d3
        eor.l   %d3,%d4
        move.b  #0x01,0x0FE0A000
        rte
    """,
        tmp_path,
    )
    found = []
    for engine in ("concrete", "interp", "jit"):
        board = Board(rom, engine, insns=20_001)
        boards.append(board)
        clock, interrupts = board.machine.clock, board.mainbus.interrupts

        def ask(clock=clock, interrupts=interrupts):
            interrupts.write(0, 1, 0x03)
            clock.after(333_333, ask)

        clock.after(1_100_000, ask)
        board.run()
        ram = board.machine.elements["ram0"].memory.read_bytes(0, 0x10000)
        found.append((board.cpu.registers(), board.cpu.now, clock.now, ram))
    assert found[0] == found[1]
    assert found[0] == found[2]
    assert found[0][0]["d3"] == 12
    assert boards[-1].machine.stats()["instructions by engine"]["jit"] > 5000


# ---- the host's side --------------------------------------------------------------------------------------


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
