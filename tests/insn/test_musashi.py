"""68010 and 68020 against Musashi, instruction by instruction: exceptions, both modes, control registers."""

from __future__ import annotations

import pytest

pytest.importorskip("machine68k")

from tests.insn import musashi
from tests.insn.generate import generate
from tests.insn.known_musashi import FLAWS
from translator.isa import Model
from translator.m68k import M68010, M68020


@pytest.mark.parametrize("model", [M68010, M68020], ids=lambda m: m.name)
@pytest.mark.parametrize("block", [0, *(pytest.param(b, marks=pytest.mark.slow) for b in range(1, 20))])
def test_programs(model: Model, block: int) -> None:
    names = frozenset(i.name for i in model.decoder.insns) - FLAWS.keys()
    pair = musashi.Pair(model)
    modes = (0x0000, 0x2700, 0x2000, 0x3000 if model is M68020 else 0x2300)
    steps = 0
    for seed in range(500 * block, 500 * (block + 1)):
        p = generate(
            seed,
            model,
            6,
            base=musashi.BASE,
            data_base=musashi.DATA,
            traps=True,
            system=True,
            only=names,
        )
        n, step = pair.run(p, modes[seed % 4] | p.ccr)
        steps += n
        if step is not None:
            pytest.fail(f"seed {seed}: {step}")
    assert steps > 2000


RARE = {"divs_w": (1174,)}  # seeds of what random operands hardly ever are


@pytest.mark.slow
def test_every_reason_is_needed() -> None:
    """A flaw that is never met should not be in the table, and nothing else differs in its families."""
    seen: set[str] = set()
    for model in (M68010, M68020):
        pair = musashi.Pair(model)
        have = {i.name for i in model.decoder.insns}
        for name in FLAWS.keys() & have:
            for seed in (*range(200), *RARE.get(name, ())):
                only = frozenset({name})
                p = generate(seed, model, 1, musashi.BASE, musashi.DATA, traps=True, system=True, only=only)
                step = pair.run(p, 0x2700 | p.ccr)[1]
                if step is not None and step.name == name:
                    assert step.reason, f"seed {seed}: {step}"
                    seen.add(f"{name}: {step.reason}")
    assert {f"{name}: {flaw.why}" for name, flaws in FLAWS.items() for flaw in flaws} == seen
