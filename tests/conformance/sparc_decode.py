"""SPARC's instructions as capstone and objdump (binutils) read them: every declaration, random operands."""

from __future__ import annotations

import random
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.conformance.tally import Tally

PIECE = 20_000


def missing() -> str:
    from tests.translator.sparc.test_disasm import OBJDUMP

    if not find_spec("capstone"):
        return "the Python package capstone is not installed"
    return "" if shutil.which(OBJDUMP) else f"{OBJDUMP} (Debian: binutils-sparc64-linux-gnu) is not installed"


def blocks(cases: int | None, seed: int) -> list[tuple[int, int]]:
    """(seed, words)"""
    cases = cases or PIECE
    return [(seed * 1_000_000 + b, min(PIECE, cases - b)) for b in range(0, cases, PIECE)]


def words(seed: int, count: int) -> list[tuple[str, int]]:
    """Declarations in turn, with random operands; those that the two others refuse are left out."""
    from tests.translator.sparc.test_disasm import sound
    from translator.sparc import MB86904

    rng, insns = random.Random(seed), MB86904.decoder.insns
    out = []
    for k in range(count):
        insn = insns[(seed + k) % len(insns)]
        free = ~insn.pattern.mask & 0xFFFFFFFF
        out.append((insn.name, sound(insn.name, insn.pattern.value | rng.getrandbits(32) & free)))
    return out


def run(model: str, engine: str, seed: int, count: int) -> Tally:
    """Both are asked about each word; capstone only about what it knows."""
    import capstone

    from tests.translator.sparc import test_disasm as texts

    cs: Any = capstone.Cs(capstone.CS_ARCH_SPARC, capstone.CS_MODE_BIG_ENDIAN)
    out = Tally()
    todo = [(n, w) for n, w in words(seed, count) if not n.startswith("cpop")]  # objdump has other operands
    with tempfile.TemporaryDirectory() as folder:
        listing = list(texts.by_objdump(b"".join(w.to_bytes(4, "big") for _, w in todo), Path(folder)))
    for k, ((name, word), line) in enumerate(zip(todo, listing, strict=True)):
        if texts.normal(texts.ours(word, 4 * k)) == texts.normal(line):
            out.agreed += 1
        else:
            out.fail(f"{name} {word:08x}: {texts.ours(word, 4 * k)} | objdump: {line}")
        hit = next(cs.disasm(word.to_bytes(4, "big"), 0, 1), None)
        if hit is None or name in texts.NOT_CAPSTONE:
            continue
        line = f"{hit.mnemonic} {hit.op_str}"
        if texts.normal(texts.ours(word, 0)) == texts.normal(line):
            out.agreed += 1
        else:
            out.fail(f"{name} {word:08x}: {texts.ours(word, 0)} | capstone: {line}")
    return out
