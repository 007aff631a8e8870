"""Control space, maps and refused accesses as software sees them; in all engines alike."""

import pytest

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
