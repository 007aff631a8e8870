"""68010 and 68020 against Musashi, instruction by instruction: exceptions, both modes, control registers."""

from __future__ import annotations

import pytest

pytest.importorskip("machine68k")

from tests.insn import musashi
from tests.insn.generate import generate
from translator.isa import Model
from translator.m68k import M68010, M68020

# Families in which Musashi is wrong or fills undefined flags otherwise, and why we do not follow it.
WRONG = {
    "abcd": "N, V and invalid digits are undefined (PRM 4-3); ours are the 68000 vectors'",
    "abcd_memory": "as abcd",
    "sbcd": "N, V and invalid digits are undefined (PRM 4-171); ours are the 68000 vectors'",
    "sbcd_memory": "as sbcd",
    "nbcd": "N, V and invalid digits are undefined (PRM 4-143); ours are the 68000 vectors'",
    "divs_w": "N and Z are undefined after overflow (PRM 4-94)",
    "divu_w": "N and Z are undefined after overflow (PRM 4-98)",
    "div_l": "N, Z are undefined after overflow; C is always cleared (PRM 4-94)",
    "chk_w": "Z, V, C are undefined (PRM 4-70); Musashi keeps N when it does not trap",
    "chk_l": "as chk_w",
    "chk2_cmp2": "a lower bound above the upper one makes a range that goes round (PRM 4-72)",
    "pack_memory": "the digits' bytes are swapped: the low digit has the higher address (PRM 4-157)",
    "unpk_memory": "as pack_memory",
    "cas2": "words do not change the upper half of a compare register (PRM 4-67)",
    "bfchg": "bit fields that end in a fifth byte change too much; QEMU agrees with us",
    "bfclr": "as bfchg",
    "bfset": "as bfchg",
    "bfins": "as bfchg",
    "movem_predecrement": "the 68020 stores its base register decremented (PRM 4-129)",
    "rte": "a format error stacks the address of RTE (68020 UM 6.1.11)",
    "movec_from_control": "CACR on a 68010 is an illegal instruction (PRM 6-22)",
    "link_w": "LINK A7 stores A7 as it was: 68000 vectors, QEMU",
    "link_l": "as link_w",
    "callm": "not in Musashi",
    "rtm": "not in Musashi",
}


@pytest.mark.parametrize("model", [M68010, M68020], ids=lambda m: m.name)
@pytest.mark.parametrize("block", [0, *(pytest.param(b, marks=pytest.mark.slow) for b in range(1, 20))])
def test_programs(model: Model, block: int) -> None:
    names = frozenset(i.name for i in model.decoder.insns) - WRONG.keys()
    pair = musashi.Pair(model)
    modes = (0x0000, 0x2700, 0x2000, 0x3000 if model is M68020 else 0x2300)
    steps = 0
    for seed in range(500 * block, 500 * (block + 1)):
        p = generate(
            seed, model, 6, base=musashi.BASE, data_base=musashi.DATA, traps=True, system=True, only=names,
        )
        n, step = pair.run(p, modes[seed % 4] | p.ccr)
        steps += n
        if step is not None:
            pytest.fail(f"seed {seed}: {step}")
    assert steps > 2000


def test_every_reason_is_needed() -> None:
    """A family in the table that always agrees should not be there."""
    seen: set[str] = set()
    for model in (M68010, M68020):
        pair = musashi.Pair(model)
        have = {i.name for i in model.decoder.insns}
        for name in (WRONG.keys() & have) - seen:
            for seed in range(300):
                only = frozenset({name})
                p = generate(seed, model, 1, musashi.BASE, musashi.DATA, traps=True, system=True, only=only)
                step = pair.run(p, 0x2700 | p.ccr)[1]
                if step is not None and step.name == name:
                    seen.add(name)
                    break
    assert WRONG.keys() - seen == set()
