"""Which words are instructions: all 65,536, on each model, against capstone."""

from __future__ import annotations

import pytest

from translator.isa import Model
from translator.m68k import M68000, M68010, M68020

capstone = pytest.importorskip("capstone")

LINES_A_AND_F = (0xA, 0xF)
# Second words with which some instruction has its only valid form.
EXTENSIONS = [ext + bytes(16) for ext in (b"\0\0", b"\x10\0", b"\x08\0", b"\0\1", b"\x08\1")]
EARLY = {
    **dict.fromkeys((0x0CFC, 0x0EFC), "CAS2 is a 68020's (PRM CAS2)"),
    **dict.fromkeys(range(0xE8C0, 0xE900), "BFTST is a 68020's (PRM BFTST)"),
    **dict.fromkeys(
        range(0x60FF, 0x70FF, 0x100), "displacement -1: before the 68020 no long branch, but an odd address"
    ),
}
CMPI_PC = dict.fromkeys(
    (0xC3A, 0xC3B, 0xC7A, 0xC7B, 0xCBA, 0xCBB), "CMPI to a PC-relative operand is a 68020's (PRM CMPI)"
)
REASONS = {"m68000": EARLY, "m68010": {**EARLY, **CMPI_PC}, "m68020": {}}


@pytest.mark.slow
@pytest.mark.parametrize("model", [M68000, M68010, M68020], ids=lambda m: m.name)
def test_instruction_words(model: Model) -> None:
    mode = getattr(capstone, f"CS_MODE_M68K_{model.name[3:]}")
    cs = capstone.Cs(capstone.CS_ARCH_M68K, capstone.CS_MODE_BIG_ENDIAN | mode)

    def known(word: int) -> bool:
        for ext in EXTENSIONS:
            found = next(cs.disasm_lite(word.to_bytes(2, "big") + ext, 0x1000), None)
            if found is not None and not found[2].startswith("dc.w"):
                return True
        return False

    words = (w for w in range(0x10000) if w >> 12 not in LINES_A_AND_F)
    differ = {w for w in words if (model.decoder.decode(w) is not None) != known(w)}
    assert differ <= REASONS[model.name].keys(), [hex(w) for w in differ - REASONS[model.name].keys()][:20]
