"""A program reads code from a disk over code that it has run: esp, DMA, DVMA and translations together."""

import struct

import pytest

from tests.devices.sun4c.board import Board, assemble

DISK = """
esp0 at sbus0 slot 0 offset 0x800000 ipl 3: tme/ic/lsi64854 revision "1+" channel scsi
esp0 dma at sbus0 slot 0 offset 0x400000
ncr0 at esp0 master: tme/ic/ncr53c9x variant esp100
scsibus0 at ncr0: tme/scsi/bus
sd0 at scsibus0: tme/scsi/disk id 3 type tme-scsi-1
disk0 at sd0: tme/host/posix/disk file {file}
zs0 at sbus0 addr 0xf1000000 ipl 12: tme/machine/sun4/zs
"""
BLOCKS = 6

# Physical page 50 is CODE and what the DMA controller reaches at BUFFER.
SOURCE = """
        .equ    CODE, 0x10000000
        .equ    BUFFER, 0xfff00000
        .equ    ESP, FREE
        .equ    DMAC, FREE + 0x1000
        .macro  await                   ! %o4: interrupt register
1:      ld      [%i1], %o5
        btst    1, %o5
        be      1b
        nop
        ldub    [%i0 + 16], %o5
        ldub    [%i0 + 20], %o4
        .endm
        .macro  put register, value
        mov     \\value, %o5
        stb     %o5, [%i0 + 4 * (\\register)]
        .endm
        set     ESP, %i0
        set     0xc4008800, %o1
        sta     %o1, [%i0] 4
        set     DMAC, %i1
        set     0xc4008400, %o1
        sta     %o1, [%i1] 4
        set     0xc0000050, %o1
        set     CODE, %i2
        mov     16, %o2
        stba    %o2, [%i2] 3
        sta     %o1, [%i2] 4
        set     BUFFER, %i3
        mov     17, %o2
        stba    %o2, [%i3] 3
        sta     %o1, [%i3] 4
        set     0x40000000, %o1
        mov     0xa0, %o2
        stba    %o2, [%o1] 2            ! DVMA
        put     3, 2                    ! reset the chip
        put     3, 0
        put     8, 7
        put     9, 4
        put     5, 0x99
        clr     %i5                     ! the sum
        clr     %i4                     ! the block
again:  mov     0x10, %o5
        st      %o5, [%i1]
        put     3, 1
        put     2, 0x80
        put     2, 0x08
        put     2, 0
        put     2, 0
        stb     %i4, [%i0 + 8]
        put     2, 1
        put     2, 0
        put     4, 3
        put     3, 0x42
        await
        cmp     %o4, 0x18
        bne     fail
        nop
        put     0, 0
        put     1, 2
        put     3, 0x90
        st      %i3, [%i1 + 4]
        mov     0x310, %o5
        st      %o5, [%i1]
        await
        cmp     %o4, 0x10
        bne     fail
        nop
        put     3, 1
        put     3, 0x11
        await
        ldub    [%i0 + 8], %o3          ! status
        tst     %o3
        bne     fail
        nop
        put     3, 0x12
        await
        cmp     %o4, 0x20
        bne     fail
        nop
        mov     %i5, %o0
        set     CALLS, %l0
2:      call    %i2
        nop
        deccc   %l0
        bne     2b
        nop
        mov     %o0, %i5
        inc     %i4
        cmp     %i4, BLOCKS
        bne     again
        nop
        set     0x8000, %o1
        st      %i5, [%o1]
        clr     %o0
        b       exit
        nop
fail:   b       exit
        mov     99, %o0
"""


def image():
    """Each block is a function that adds its number + 1 to %o0."""
    insns = [(0x9002_2000 | n + 1, 0x81C3_E008, 0x0100_0000) for n in range(BLOCKS)]
    return b"".join(struct.pack(">3I", *words).ljust(512, b"\0") for words in insns)


def outcome(folder, engine, calls):
    (folder / "disk").write_bytes(image())
    text = SOURCE.replace("CALLS", str(calls)).replace("BLOCKS", str(BLOCKS))
    rom = assemble(text, folder)
    one = Board(rom, engine, more=DISK.format(file=folder / "disk"), insns=2_000_000).run()
    found = one.status, one.word(0x8000), one.cpu.registers(), one.cpu.executed, one.machine.clock.now
    regions = int(one.cpu.state.insns_jit)
    one.close()
    return found, regions


def test_code_from_a_disk(tmp_path):
    expected, _ = outcome(tmp_path, "concrete", 5)
    assert expected[:2] == (0, 5 * sum(range(1, BLOCKS + 1)))
    assert outcome(tmp_path, "interp", 5)[0] == expected


@pytest.mark.slow
def test_dma_over_translated_code(tmp_path):
    expected, _ = outcome(tmp_path, "interp", 20_000)
    assert expected[:2] == (0, 20_000 * sum(range(1, BLOCKS + 1)))
    found, regions = outcome(tmp_path, "jit", 20_000)
    assert found == expected
    assert regions > 100_000


def test_the_console_without_the_mmu(tmp_path):
    """Control space F is zs0: a byte to its transmitter, and a register back."""
    source = """
        set     0xf0000004, %g1
        mov     12, %o1
        stba    %o1, [%g1] 2            ! channel A: register 12
        mov     0x5a, %o1
        stba    %o1, [%g1] 2
        mov     12, %o1
        stba    %o1, [%g1] 2
        lduba   [%g1] 2, %o2
        set     0x8000, %o3
        st      %o2, [%o3]
        clr     %o0
        b       exit
        nop
    """
    (tmp_path / "disk").write_bytes(image())
    done = Board(assemble(source, tmp_path), more=DISK.format(file=tmp_path / "disk")).run()
    assert done.status == 0
    assert done.word(0x8000) == 0x5A
    done.close()
