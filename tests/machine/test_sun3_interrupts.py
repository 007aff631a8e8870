"""Interrupts, resets and the watchdog as software sees them; in all engines alike."""

import pytest

from tests.machine.board import Board, assemble


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
