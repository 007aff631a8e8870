"""Random accesses of a guest to all devices and to control space: no harm, and the same in both engines."""

import os
import random

import pytest

from tests.devices.sun4c.board import Board, assemble

DEVICES = """
zs0 at sbus0 addr 0xf1000000 ipl 12: tme/machine/sun4/zs
sink0 at zs0 channel A: tme/serial/sink
nvram0 at sbus0 addr 0xf2000000: tme/host/posix/memory ram 0x7f8
clock0 at sbus0 addr 0xf20007f8: tme/machine/sun4/clock type tme/ic/mk48t02
fdc0 at sbus0 addr 0xf7200000 ipl 11: tme/machine/sun4/fdc type tme/ic/i82072
audio0 at sbus0 addr 0xf7201000 ipl 13: tme/ic/am7930
esp0 at sbus0 slot 0 offset 0x800000 ipl 3: tme/ic/lsi64854 revision "1+" channel scsi
esp0 dma at sbus0 slot 0 offset 0x400000
ncr0 at esp0 master: tme/ic/ncr53c9x variant esp100
scsibus0 at ncr0: tme/scsi/bus
st0 at scsibus0: tme/scsi/tape id 4 type tme-scsi-1
le0 at sbus0 slot 0 offset 0xc00000 ipl 5 dma-offset 0xff000000: tme/ic/am7990
fb0 at sbus0 slot 1 offset 0x0 ipl 7: tme/bus/sbus/cgthree
"""
FRAMES = (
    0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x7200, 0x7201, 0x7400, 0x7600,
    0x8400, 0x8800, 0x8C00, 0xA400, 0xA800,
)  # fmt: skip
"""Pages of devices, and one where nothing is; they are mapped from FREE on."""
FREE = 0xFFD5_0000
HOME = 0x1000_0000
"""A segment in which maps may be changed."""

HANDLERS = """
        on      1, skip
        on      9, skip
        on      7, skip
        on      0x1f, error
        set     FREE, %i0
{maps}
        set     0x40000000, %o1
        mov     0xa0, %o0               ! DVMA
        stba    %o0, [%o1] 2
        set     {home:#x}, %i0
        set     0x40000, %o1
        mov     32, %o0
1:      stba    %o0, [%i0] 3
        inc     %o0
        cmp     %o0, 36
        bne     1b
        add     %i0, %o1, %i0
        set     0xff000000, %i0
        stba    %g0, [%i0] 3            ! what the Ethernet chip reaches
        b       body
        nop
skip:   jmp     %l2
        rett    %l2 + 4
error:  set     INTREG, %l3
        stb     %g0, [%l3]
        jmp     %l1
        rett    %l2
body:
"""
LOADS = {1: ("ldub", "ldsb"), 2: ("lduh", "ldsh"), 4: ("ld",), 8: ("ldd",)}
STORES = {1: "stb", 2: "sth", 4: "st", 8: "std"}
EXCHANGES = {1: "ldstub", 4: "swap"}


def accesses(chance, count):
    maps = "        set 0x1000, %g4\n"
    for frame in FRAMES:
        maps += (
            f"        set 0xc4000000 + {frame:#x}, %o0\n        sta %o0, [%i0] 4\n        add %i0, %g4, %i0\n"
        )
    text = HANDLERS.format(maps=maps, home=HOME)
    for _ in range(count):
        size = chance.choice((1, 1, 1, 2, 4, 4, 8))
        value = chance.choice((chance.getrandbits(32), chance.getrandbits(8), 0xFFFF_FFFF, 0))
        va, asi = place(chance, size)
        if asi == 3:
            value = 32 + chance.randrange(8)  # a map entry group of our own
        text += f"        set {va:#x}, %o1\n        set {value:#x}, %o2\n        set {value ^ 5:#x}, %o3\n"
        a, number = ("", "") if asi is None else ("a", f" {asi:#x}")
        kind = chance.random()
        if kind < 0.4:
            text += f"        {chance.choice(LOADS[size])}{a} [%o1]{number}, %o2\n        xor %g5, %o2, %g5\n"
        elif kind < 0.5 and size in EXCHANGES and asi != 3:
            text += f"        {EXCHANGES[size]}{a} [%o1]{number}, %o2\n"
        else:
            text += f"        {STORES[size]}{a} %o2, [%o1]{number}\n"
    return text + "        clr %o0\n        b exit\n        nop\n"


def place(chance, size):
    """(address, ASI or None) of a device or of control space."""
    if chance.random() < 0.7:
        return FREE + chance.randrange(len(FRAMES)) * 0x1000 + (chance.randrange(64) & -size), None
    asi = chance.choice((0, 2, 2, 3, 4, 4, 5, 0xC, 0xF, 9, 0x20))
    if asi == 2:
        return chance.choice((6, 8, 9, 15, 7, 1)) << 28 | chance.randrange(64) & -size, asi
    if asi == 9:
        return 0xFFD0_0000, asi
    return HOME + chance.randrange(4) * 0x4_0000 + chance.randrange(4) * 0x1000 + (
        chance.randrange(16) & -size
    ), asi


def outcome(rom, engine):
    one = Board(rom, engine, more=DEVICES).run()
    memory = one.machine.elements["ram0"].memory.read_bytes(0, 0x10_0000)
    state = one.mainbus.maps.state
    tables = list(state.page_map), list(state.segment_map), state.sync_error, state.sync_va
    found = one.status, one.cpu.registers(), memory, one.cpu.executed, tables, one.machine.clock.now
    one.close()
    return found


@pytest.mark.parametrize("seed", range(int(os.environ.get("TME_SEQUENCES", "2"))))
def test_any_accesses(tmp_path, seed):
    rom = assemble(accesses(random.Random(seed), 150), tmp_path)
    expected = outcome(rom, "concrete")
    assert expected[0] == 0
    assert outcome(rom, "interp") == expected
