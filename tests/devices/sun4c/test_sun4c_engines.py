"""Programs that change their maps under themselves: the same state in every engine, at the same counts."""

import pytest

from tests.devices.sun4c.board import Board, assemble

# Four contexts. 10000000 leads to a function of its own in each (physical pages 64-67, or 68-71 when it has
# been moved): it adds to %o0 and to a word of a data page. Contexts are switched at every round, entries of
# the page map and of the segment map are changed every few rounds, functions are rewritten in place, and a
# page is made read only and back.
STORM = """
        .equ    CODE, 0x10000000
        .equ    DATA, 0x10001000
        .equ    CONTEXT, 0x30000000
        on      9, fault
        set     CONTEXT, %g1
        set     0x40000000, %g7
        stba    %g0, [%g7] 2            ! boot state: no context has these instructions yet
        mov     3, %g2                  ! contexts 3 to 0: the kernel's segments, and one of their own
1:      stba    %g2, [%g1] 2
        stba    %g0, [%g0] 3
        set     0xffd00000, %g3
        mov     1, %g4
        stba    %g4, [%g3] 3
        set     0xffd40000, %g3
        mov     2, %g4
        stba    %g4, [%g3] 3
        set     CODE, %g3
        add     %g2, 16, %g4
        stba    %g4, [%g3] 3
        set     0xc0000040, %g5
        add     %g5, %g2, %g5
        sta     %g5, [%g3] 4
        set     0xc0000048, %g5
        add     %g5, %g2, %g5
        set     DATA, %g3
        sta     %g5, [%g3] 4
        deccc   %g2
        bpos    1b
        nop
        mov     0x80, %g4
        stba    %g4, [%g7] 2
        set     FREE, %g3               ! physical pages 64-71 at FREE, to write the functions
        set     0xc0000040, %g5
        mov     0, %g4
1:      sta     %g5, [%g3] 4
        set     function, %o1
        mov     %g3, %o2
        mov     8, %o3
2:      ld      [%o1], %o4
        st      %o4, [%o2]
        add     %o1, 4, %o1
        deccc   %o3
        bne     2b
        add     %o2, 4, %o2
        ld      [%g3], %o4              ! add %o0, N, %o0
        or      %o4, %g4, %o4
        st      %o4, [%g3]
        inc     %g5
        add     %g3, 0x800, %g3
        add     %g3, 0x800, %g3
        inc     %g4
        cmp     %g4, 8
        bne     1b
        nop
        clr     %o0
        set     ROUNDS, %g7
loop:   and     %g7, 3, %g2
        set     CONTEXT, %g1
        stba    %g2, [%g1] 2
        set     CODE, %g3
        mov     CALLS, %l0
1:      call    %g3
        nop
        deccc   %l0
        bne     1b
        nop
        and     %g7, 7, %o1
        cmp     %o1, 5
        bne     3f
        nop
        lda     [%g3] 4, %o2            ! the other function page
        xor     %o2, 4, %o2
        sta     %o2, [%g3] 4
3:      and     %g7, 15, %o1
        cmp     %o1, 9
        bne     4f
        nop
        set     DATA, %o1               ! the data page: read only, until the fault
        lda     [%o1] 4, %o2
        set     0x40000000, %o3
        andn    %o2, %o3, %o2
        xor     %o2, 4, %o2             ! and another page of memory
        sta     %o2, [%o1] 4
4:      cmp     %o1, 6
        bne     5f
        nop
        lduba   [%g3] 3, %o2            ! another context's segment
        xor     %o2, 1, %o2
        stba    %o2, [%g3] 3
5:      and     %g7, 31, %o1
        cmp     %o1, 17
        bne     6f
        nop
        ld      [%g3], %o2              ! the function itself
        xor     %o2, 0x40, %o2
        st      %o2, [%g3]
6:      deccc   %g7
        bne     loop
        nop
        set     0x8000, %g1
        st      %o0, [%g1]
        st      %g6, [%g1 + 4]
        clr     %o0
        b       exit
        nop
function:
        add     %o0, 0, %o0
        set     DATA, %o1
        ld      [%o1], %o2
        add     %o2, %o0, %o2
        retl
        st      %o2, [%o1]
        nop
        nop
fault:  set     SER, %l3                ! the page may be written again
        lda     [%l3] 2, %l4
        add     %g6, %l4, %g6
        set     DATA, %l3
        lda     [%l3] 4, %l4
        set     0x40000000, %l5
        or      %l4, %l5, %l4
        sta     %l4, [%l3] 4
        jmp     %l1
        rett    %l2
"""


def storm(rounds, calls, folder):
    """`calls` calls of a function in each round."""
    return assemble(STORM.replace("ROUNDS", str(rounds)).replace("CALLS", str(calls)), folder)


def outcome(rom, engine, insns=5_000_000):
    one = Board(rom, engine, insns=insns).run()
    memory = one.machine.elements["ram0"].memory.read_bytes(0, 0x10_0000)
    maps = one.mainbus.maps.state
    tables = list(maps.page_map), list(maps.segment_map), maps.context
    found = one.status, one.cpu.registers(), memory, one.cpu.executed, tables, one.machine.clock.now
    regions = int(one.cpu.state.insns_jit)
    one.close()
    return found, regions


def test_maps_change_under_the_program(tmp_path):
    rom = storm(42, 4, tmp_path)
    expected, _ = outcome(rom, "concrete", 20_000)
    assert expected[0] == 0
    assert int.from_bytes(expected[2][0x8004:0x8008], "big") == 3 * 0x8040  # three faults
    found, _ = outcome(rom, "interp", 20_000)
    assert found == expected


@pytest.mark.slow
def test_maps_change_under_regions(tmp_path):
    rom = storm(600, 500, tmp_path)
    expected, _ = outcome(rom, "interp")
    found, regions = outcome(rom, "jit")
    assert found == expected
    assert regions > 10_000
