"""The board as software sees it: faults, asynchronous errors, interrupts, counters, resets, parity."""

import itertools

import pytest

from tests.devices.sun4c.board import Board, assemble

S = 1_000_000_000


@pytest.fixture
def board(tmp_path):
    """board(source): the machine with that program, having run to its end."""
    made = []

    def run(source, **more):
        made.append(Board(assemble(source, tmp_path), **more))
        return made[-1].run()

    yield run
    for each in made:
        each.close()


# A synchronous fault: %g6 SER, %g7 SEVAR, %g4 the trap; it goes on behind the instruction.
CAUGHT = """
        .macro  guard
        on      1, caught
        on      9, caught
        set     SER, %i0
        lda     [%i0] 2, %g0
        .endm
        b       program
        nop
caught: set     SER, %l4
        lda     [%l4] 2, %g6
        add     %l4, 4, %l4
        lda     [%l4] 2, %g7
        rd      %tbr, %g4
        srl     %g4, 4, %g4
        jmp     %l2
        rett    %l2 + 4
        .macro  try insn:req
        clr     %g6
        clr     %g7
        clr     %g4
        \\insn
        st      %g6, [%i1]
        st      %g7, [%i1 + 4]
        st      %g4, [%i1 + 8]
        add     %i1, 12, %i1
        .endm
program:
        guard
        set     0x8000, %i1
"""


def test_synchronous_errors(board):
    source = (
        CAUGHT
        + """
        set     0x20000000, %i2         ! the hole
        try     "ld [%i2 + 4], %o0"
        try     "stb %g0, [%i2 + 3]"
        set     0xffd00000, %i3         ! the PROM is read only
        try     "st %g0, [%i3 + 8]"
        set     FREE, %i4
        set     0xc8000000, %o1         ! page type 2
        sta     %o1, [%i4] 4
        try     "ld [%i4 + 12], %o0"
        try     "sth %g0, [%i4 + 2]"
        set     0xc4007500, %o1         ! nothing there
        sta     %o1, [%i4] 4
        try     "ldub [%i4 + 7], %o0"
        set     0xc400a000, %o1         ! an empty slot
        sta     %o1, [%i4] 4
        try     "ldd [%i4], %o2"
        set     0x70000000, %i5         ! an address of control space without a register
        try     "lda [%i5] 2, %o0"
        jmpl    %i2, %o7                ! a fetch
        nop
        clr     %o0
        b       exit
        nop
    """
    )
    # the fetch fault returns to the hole's next address: let it end there instead
    source = source.replace("jmpl    %i2, %o7                ! a fetch", "on 1, last\n        jmp %i2")
    source += """
last:   set     SER, %l4
        lda     [%l4] 2, %g6
        set     0x8000 + 12 * 8, %g1
        st      %g6, [%g1]
        st      %l1, [%g1 + 4]
        clr     %o0
        b       exit
        nop
    """
    done = board(source)
    assert done.status == 0
    found = [tuple(done.words(0x8000 + 12 * i, 3)) for i in range(8)]
    free = 0xFFD5_0000
    assert found == [
        (0x80, 0x2000_0004, 9),
        (0x8080, 0x2000_0003, 9),
        (0x8040, 0xFFD0_0008, 9),
        (0x20, free + 12, 9),
        (0x8020, free + 2, 9),
        (0x20, free + 7, 9),
        (0x30, free, 9),
        (0x20, 0x7000_0000, 9),
    ]
    assert done.words(0x8000 + 12 * 8, 2) == [0x80, 0x2000_0000]


def test_absent_memory_reads_ones_and_loses_writes(board):
    done = board(
        CAUGHT
        + """
        set     FREE, %i4
        set     0xc0004000, %o1         ! 64 MB
        sta     %o1, [%i4] 4
        try     "st %g0, [%i4]"
        ld      [%i4], %o3
        lduh    [%i4 + 2], %o4
        st      %o3, [%i1]
        st      %o4, [%i1 + 4]
        set     SER, %i0
        lda     [%i0] 2, %o0
        set     0xc0008000, %o1         ! the expansion's
        sta     %o1, [%i4] 4
        st      %i4, [%i4 + 4]
        ld      [%i4 + 4], %o3
        st      %o3, [%i1 + 8]
        b       exit
        nop
    """
    )
    assert done.status == 0
    assert done.words(0x8000, 6) == [0, 0, 0, 0xFFFF_FFFF, 0xFFFF, 0xFFD5_0000]


ASYNC = (
    CAUGHT
    + """
        on      0x1f, nmi
        set     FREE, %i4
        set     0x8000, %g1
        set     0xc400a000, %o1
        sta     %o1, [%i4] 4
        set     INTREG, %g5
        mov     1, %o1
        stb     %o1, [%g5]
        {store}
        nop
        nop
        clr     %o0
        b       exit
        nop
nmi:    set     SER + 0x10, %l4
        .irp    at, 0x00, -8, -4, 4
        add     %l4, \\at, %l5
        lda     [%l5] 2, %l6
        st      %l6, [%g1]
        add     %g1, 4, %g1
        .endr
        stb     %g0, [%g5]              ! drops the interrupt
        mov     1, %l6
        stb     %l6, [%g5]
        jmp     %l1
        rett    %l2
"""
)


def test_asynchronous_errors(board):
    done = board(ASYNC.format(store="set 0x11223344, %o3; sth %o3, [%i4 + 6]".replace("; ", "\n        ")))
    assert done.status == 0
    low, aser, asevar, high = done.words(0x8000, 4)
    assert (aser, asevar) == (0x122, 0xFFD5_0006)
    assert (low, high) == (0x3344, 0)
    assert done.word(0x8010) == 0  # one interrupt
    done = board(ASYNC.format(store="mov 5, %o2\n        set 0x66, %o3\n        std %o2, [%i4 + 8]"))
    low, aser, asevar, high = done.words(0x8000, 4)
    assert (aser, asevar, low, high) == (0x322, 0xFFD5_0008, 0x66, 5)


def test_soft_interrupts_of_three_levels(board):
    done = board("""
        .irp    level, 1, 4, 6
        on      0x10 + \\level, soft
        .endr
        set     0x8000, %g1
        set     INTREG, %g5
        mov     0x0f, %o1
        stb     %o1, [%g5]
        rd      %psr, %o2
        andn    %o2, 0xf00, %o2
        wr      %o2, 0, %psr            ! PIL 0: the highest comes first
        nop
        nop
        ldub    [%g5], %o0
        b       exit
        nop
soft:   rd      %tbr, %l4
        srl     %l4, 4, %l4
        st      %l4, [%g1]
        add     %g1, 4, %g1
        ldub    [%g5], %l5              ! take back the highest one
        btst    8, %l5
        bne,a   1f
        andn    %l5, 8, %l5
        btst    4, %l5
        bne,a   1f
        andn    %l5, 4, %l5
        andn    %l5, 2, %l5
1:      stb     %l5, [%g5]
        jmp     %l1
        rett    %l2
    """)
    assert done.status == 1
    assert done.words(0x8000, 4) == [0x16, 0x14, 0x11, 0]


def test_software_and_watchdog_resets(board):
    source = """
        set     0x40000000, %o1
        lduba   [%o1] 2, %o0            ! not boot
        set     0x8000, %i1
        ld      [%i1 + 8], %o2          ! how often so far
        st      %o0, [%i1]
        add     %o2, 1, %o3
        st      %o3, [%i1 + 8]
        set     SER, %o4
        lda     [%o4] 2, %o5
        sll     %o2, 2, %o3
        add     %i1, %o3, %o3
        st      %o5, [%o3 + 16]
        cmp     %o2, 1
        be      2f
        nop
        bg      3f
        nop
        mov     4, %o2
        stba    %o2, [%o1] 2            ! software reset
1:      b       1b
        nop
2:      wr      %g0, 0xfc0, %psr        ! traps off
        ta      5                       ! error mode
        b       1b
        nop
3:      clr     %o0
        b       exit
        nop
    """
    done = board(source)
    assert done.status == 0
    assert done.word(0x8000) == 0x80
    assert done.word(0x8008) == 3
    assert done.words(0x8010, 3) == [0, 0, 1]


def test_a_machine_that_only_resets_itself_ends(board):
    done = board("        wr %g0, 0xfc0, %psr\n        ta 5\n        nop")
    assert done.status == 1


COUNT = """
        on      0x1a, tick
        on      0x1e, tick
        set     0x8000, %g1
        set     TIMER, %g4
        set     INTREG, %g5
        set     (50 + 1) << 10, %o1
        st      %o1, [%g4 + 4]          ! every 50 us at level 10
        set     (120 + 1) << 10, %o1
        st      %o1, [%g4 + 12]         ! every 120 us at level 14
        mov     0xa1, %o1
        stb     %o1, [%g5]
        rd      %psr, %o2
        andn    %o2, 0xf00, %o2
        wr      %o2, 0, %psr
        nop
        set     700, %o3
1:      deccc   %o3
        bne     1b
        inc     %g3
        clr     %o0
        b       exit
        nop
tick:   rd      %tbr, %l4
        rd      %psr, %l7
        and     %l4, 0x40, %l4          ! level 14
        srl     %l4, 3, %l4
        add     %g4, %l4, %l5
        ld      [%l5], %l3              ! counter, with the bit
        st      %l3, [%g1]
        ld      [%l5 + 4], %l6          ! limit, which takes it back
        st      %l6, [%g1 + 4]
        ld      [%l5 + 4], %l6
        st      %l6, [%g1 + 8]
        st      %g3, [%g1 + 12]
        add     %g1, 16, %g1
        wr      %l7, 0, %psr
        jmp     %l1
        rett    %l2
"""


def test_counters_interrupt_at_exact_times(board):
    done = board(COUNT)
    assert done.status == 0
    ticks = []
    at = 0x8000
    while done.word(at):
        ticks.append(done.words(at, 4))
        at += 16
    ten = [t for t in ticks if t[2] == 51 << 10]
    fourteen = [t for t in ticks if t[2] == 121 << 10]
    assert len(ten) + len(fourteen) == len(ticks) > 15
    assert abs(len(ten) - len(fourteen) * 120 / 50) < 3
    for counter, limit, again, _ in ticks:
        assert counter >> 31 == limit >> 31 == 1
        assert again >> 31 == 0
        assert limit & 0x7FFF_FFFF == again
        assert 1 <= counter >> 10 & 0x1FFFFF < 20  # the count began anew at the limit
    # 3 instructions a round: all instructions between two ticks at level 14 are 480 at 4 a microsecond
    rounds = [b[3] - a[3] for a, b in itertools.pairwise(fourteen)]
    assert max(rounds) - min(rounds) <= 20


FAULT = (
    CAUGHT
    + """
        set     0x20000000, %i2
        try     "ld [%i2], %o0"
        b       exit
        nop
"""
)


@pytest.mark.parametrize("source", [FAULT, COUNT], ids=["fault", "counters"])
def test_engines_leave_the_same_state(tmp_path, source):
    rom = assemble(source, tmp_path)
    found = []
    for engine in ("concrete", "interp"):
        one = Board(rom, engine).run()
        memory = one.machine.elements["ram0"].memory.read_bytes(0, 0x10000)
        found.append((one.status, one.cpu.registers(), memory, one.cpu.executed, one.machine.clock.now))
        one.close()
    assert found[0] == found[1]


def test_parity(board):
    done = board(
        CAUGHT
        + """
        set     MEMERR, %i5
        mov     0x30, %o1               ! check, and write wrong parity
        st      %o1, [%i5]
        set     0xc000, %i4
        stb     %o1, [%i4 + 1]
        mov     0x10, %o1
        st      %o1, [%i5]
        try     "ldub [%i4], %o2"
        try     "lduh [%i4], %o2"
        ld      [%i5], %o3
        st      %o3, [%i1]
        ld      [%i5], %o3
        st      %o3, [%i1 + 4]
        add     %i1, 8, %i1
        sth     %g0, [%i4]              ! good again
        try     "ld [%i4], %o2"
        clr     %o0
        b       exit
        nop
    """
    )
    assert done.status == 0
    # only the byte itself, and the halfword that it is in
    assert done.words(0x8000, 6) == [0, 0, 0, 8, 0xC000, 9]
    assert done.words(0x8018, 5) == [0x92, 0x10, 0, 0, 0]


def test_the_cache_in_the_boot_state(board):
    """A self-test: lines fill, hit, are written through and flushed."""
    done = board(
        CAUGHT
        + """
        .equ    TAGS, 0x80000000
        .equ    LINES, 0x90000000
        set     0x40000000, %i2
        set     0xc0c0, %i4             ! the test's line
        set     0x11223344, %o1
        st      %o1, [%i4]
        mov     0x10, %o1
        stba    %o1, [%i2] 2            ! boot state, with the cache
        ldub    [%i4 + 2], %o2          ! fills
        set     TAGS + 0xc0c0, %i5
        lda     [%i5] 2, %o3
        st      %o2, [%i1]
        st      %o3, [%i1 + 4]
        set     LINES + 0xc0c0, %l0
        set     0x55667788, %o1
        sta     %o1, [%l0] 2            ! another value in the line
        ld      [%i4], %o2              ! hits
        st      %o2, [%i1 + 8]
        stb     %g0, [%i4]              ! through: to the line and to memory
        lda     [%l0] 2, %o2
        st      %o2, [%i1 + 12]
        lda     [%i5] 2, %o3            ! another address: a store misses, and takes the valid bit
        or      %o3, 4, %o4
        sta     %o4, [%i5] 2
        stb     %g0, [%i4 + 1]
        lda     [%i5] 2, %o4
        st      %o4, [%i1 + 16]
        sta     %o3, [%i5] 2            ! ours again
        sta     %g0, [%i4] 6            ! hardware page flush
        lda     [%i5] 2, %o4
        st      %o4, [%i1 + 20]
        mov     0x80, %o1
        stba    %o1, [%i2] 2            ! leave
        ld      [%i4], %o2
        st      %o2, [%i1 + 24]
        clr     %o0
        b       exit
        nop
    """
    )
    assert done.status == 0
    writable, valid = 0x20_0000, 0x8_0000
    found = done.words(0x8000, 7)
    assert found == [0x33, writable | valid, 0x55667788, 0x667788, writable | 4, writable, 0x3344]
