"""Which trap an instruction takes in user mode: our hand table against Unicorn."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from tests.insn.sparc import NOP
from tests.translator.sparc.board import CODE, SIZE
from tests.translator.sparc.test_traps import CAUSES

unicorn = pytest.importorskip("unicorn")
const = pytest.importorskip("unicorn.sparc_const")

# Where Unicorn (a QEMU 5) does otherwise: (its trap, why ours is right)
KNOWN = {
    "lda with i = 1, user: privileged comes first": (
        0x02,
        "V8 table 7-1: privileged_instruction has priority 6",
    ),
    "ldda, odd rd, user": (0x02, "likewise"),
    "stdfq in user mode": (0x04, "V8 B.5: privileged, and table 7-1: fp_disabled has priority 8"),
    "rdasr of none": (None, "V8 B.28: implementation-dependent; it reads as zero there"),
}

ERRORS = {
    unicorn.UC_ERR_INSN_INVALID: 0x02,
    unicorn.UC_ERR_READ_UNMAPPED: 0x09,
    unicorn.UC_ERR_WRITE_UNMAPPED: 0x09,
}


def theirs(word: int, g1: int) -> int | None:
    """The trap that an instruction takes in user mode."""
    u = unicorn.Uc(unicorn.UC_ARCH_SPARC, unicorn.UC_MODE_SPARC32 | unicorn.UC_MODE_BIG_ENDIAN)
    u.ctl_set_cpu_model(const.UC_CPU_SPARC32_FUJITSU_MB86904)
    u.mem_map(0, SIZE)
    u.mem_write(CODE, struct.pack(">3I", word, NOP, NOP))
    u.reg_write(const.UC_SPARC_REG_G1, g1)
    traps: list[int] = []

    def trapped(uc: Any, number: int, data: Any) -> None:
        traps.append(number)
        uc.emu_stop()

    u.hook_add(unicorn.UC_HOOK_INTR, trapped)
    try:
        u.emu_start(CODE, CODE + 12, count=1)
    except unicorn.UcError as e:
        return ERRORS[e.errno]
    return traps[0] if traps else None


@pytest.mark.parametrize("cause", [c for c, (_, _, user, _) in CAUSES.items() if user])
def test_cause(cause: str) -> None:
    word, g1, _, tt = CAUSES[cause]
    assert theirs(word, g1) == (KNOWN[cause][0] if cause in KNOWN else tt)
