"""The 68020's integer instructions decoded by us and by capstone: every word, several extension words."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Any

from tests.conformance.tally import Tally

WORDS = 0xF000  # line F is the coprocessors'
PIECE = 0x2000


def missing() -> str:
    return "" if find_spec("capstone") else "the Python package capstone is not installed"


def blocks(cases: int | None, seed: int) -> list[tuple[int, int, int]]:
    """(extension word, first word, step); fewer cases: every so many words."""
    from tests.translator.m68k.test_disasm import EXTENSIONS

    everything = len(EXTENSIONS) * WORDS
    step = 1 if cases is None else max(1, everything // cases)
    # another seed shows other words, where not all are
    return [(e, first + seed % step, step) for e in EXTENSIONS for first in range(0, WORDS, PIECE)]


def theirs(cs: Any, code: bytes) -> tuple[str, int]:
    from tests.translator.m68k.test_disasm import PC

    hit = next(cs.disasm(code, PC, 1), None)
    return (f"{hit.mnemonic} {hit.op_str}".strip(), hit.size) if hit else ("", 0)


def run(model: str, engine: str, extension: int, first: int, step: int) -> Tally:
    """Words `first`, `first` + `step`, … of one piece, each followed by the extension word."""
    import capstone

    from tests.translator.m68k.test_disasm import ours

    cs = capstone.Cs(capstone.CS_ARCH_M68K, capstone.CS_MODE_M68K_020 | capstone.CS_MODE_BIG_ENDIAN)
    out = Tally()
    for word in range(first, min(first - first % PIECE + PIECE, WORDS), step):
        code = word.to_bytes(2, "big") + extension.to_bytes(2, "big") * 10
        judge(out, code, ours(code), theirs(cs, code))
    return out


def judge(out: Tally, code: bytes, mine: tuple[str, int], its: tuple[str, int]) -> None:
    from tests.translator.m68k.test_disasm import REASONS, family, normal

    (a, n), (b, m) = mine, its
    illegal = a.startswith("dc.w")
    none = not b or b.startswith("dc.w")
    if none if illegal else (normal(a), n) == (normal(b), m):
        out.agreed += 1
        return
    name = family(int.from_bytes(code[:2], "big"))
    for names, accept, reason in REASONS:
        if re.fullmatch(names, name) and accept(normal(a), normal(b), code):
            out.explain(f"{name}: {reason}")
            return
    out.fail(f"{code[: max(n, m)].hex(' ', 2)}: {a} | {b}")
