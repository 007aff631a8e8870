"""Disassembly against objdump (GNU binutils) and capstone: systematic and random operands."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from translator.sparc import MB86904, MODELS
from translator.sparc.disasm import FPOPS

OBJDUMP = "sparc64-linux-gnu-objdump"
RANDOM = 40  # words of each declaration
NO_RESERVED = frozenset({"sethi", "bicc", "call", "unimp", "fbfcc", "cbccc", "cpop1", "cpop2"})
FIXED_RD = {"rett", "wrpsr", "wrwim", "wrtbr", "flush"}
FIXED_RS1 = {"rdpsr", "rdwim", "rdtbr"}
# Capstone prints displacements for targets, and takes some for V9 instructions.
NOT_CAPSTONE = {
    "bicc", "call", "fbfcc", "cbccc", "stdfq", "stdcq", "cpop1", "cpop2", "rdasr", "rdtbr",
}  # fmt: skip
STATE = re.compile(r"(ld|st)[fc]sr|std[fc]q")


def sound(name: str, word: int) -> int:
    """`word` with the bits that this instruction does not use set to zero: others refuse it otherwise."""
    if name in NO_RESERVED:
        return word & ~0x3EC00000 if name == "unimp" else word
    if name in ("fpop1", "fpop2"):
        choose = [k & 0x1FF for k in FPOPS if k >> 9 == (name == "fpop2")]
        opf = choose[(word >> 5 & 0x1FF) % len(choose)]
        word = word & ~(0x1FF << 5) | opf << 5
        if re.search("[dq]", FPOPS[opf | (name == "fpop2") << 9][0].replace("add", "").replace("div", "")):
            word &= ~(3 << 25 | 3 << 14 | 3)  # a V9 reads more registers from odd numbers
        if "1" not in FPOPS[opf | (name == "fpop2") << 9][1]:
            word &= ~(31 << 14)
        return word & ~(31 << 25) if name == "fpop2" else word
    if name in FIXED_RD or STATE.fullmatch(name):
        word &= ~(31 << 25)
    if name in FIXED_RS1:
        word &= ~(31 << 14)
    if name.startswith("rd"):
        return word & ~0x3FFF
    if name == "ticc":
        word &= ~(1 << 29) & ~(0x1F80 if word >> 13 & 1 else 0x1FE0)
    if re.match("(ld|st).*d[a-z]*$|stdf|lddf", name) and name.startswith(("ldd", "std")):
        word &= ~(1 << 25)
    if name.endswith("a") and name not in ("sra",):
        return word & ~(1 << 13)
    if not word >> 13 & 1:
        return word & ~0x1FE0
    return word & ~0x1FE0 if name in ("sll", "srl", "sra") else word


def words() -> list[tuple[str, int]]:
    """(declaration, word): corners of every operand field, and random ones."""
    rng = random.Random(8)
    out = []
    for insn in MB86904.decoder.insns:
        p = insn.pattern
        free = ~p.mask & 0xFFFFFFFF
        corners = [0, free, 1 << 13 & free, free & ~(31 << 14), free & ~(31 << 25), free & ~0x1F]
        for operands in corners + [rng.getrandbits(32) for _ in range(RANDOM)]:
            out.append((insn.name, sound(insn.name, p.value | operands & free)))
    return out


def ours(word: int, at: int) -> str:
    return MB86904.isa.disassemble(lambda a, n: word, at, "mb86904")[0]


# What the others write for what we spell out, and numbers in one base: regular expression, replacement.
SPELLED: list[tuple[str, str | Callable[[re.Match[str]], str]]] = [
    (r"^b(,a)?(?= )", r"ba\1"),
    (r"^clr \[(.*)\]$", r"st %g0, [\1]"),
    (r"^clr([bh]) \[(.*)\]$", r"st\1 %g0, [\2]"),
    (r"^clr (%..)$", r"mov 0, \1"),
    (r"^not (%..), (%..)$", r"xnor \1, %g0, \2"),
    (r"^not (%..)$", r"xnor \1, %g0, \1"),
    (r"^neg (%..), (%..)$", r"sub %g0, \1, \2"),
    (r"^neg (%..)$", r"sub %g0, \1, \1"),
    (r"^(inc|dec)(cc)? (%..)$", r"\1\2 1, \3"),
    (r"^inc(cc)? (.*), (%..)$", r"add\1 \3, \2, \3"),
    (r"^dec(cc)? (.*), (%..)$", r"sub\1 \3, \2, \3"),
    (r"^btst (%..), (%..)$", r"andcc \1, \2, %g0"),
    (r"^btst (.*), (%..)$", r"andcc \2, \1, %g0"),
    (r"^bset (.*), (%..)$", r"or \2, \1, \2"),
    (r"^bclr (.*), (%..)$", r"andn \2, \1, \2"),
    (r"^btog (.*), (%..)$", r"xor \2, \1, \2"),
    (r"^cmp (.*), (.*)$", r"subcc \1, \2, %g0"),
    (r"^tst (.*)$", r"orcc %g0, \1, %g0"),
    (r"^orcc (%..), %g0, %g0$", r"orcc %g0, \1, %g0"),
    (r"^(or|wr) %g0, (.*), (%\w+)$", r"mov \2, \3"),
    (r"^(or|wr) (%..), %g0, (%\w+)$", r"mov \2, \3"),
    (r"^(or|wr) (%..), 0, (%\w+)$", r"mov \2, \3"),
    (r"^(?:rd) (%\w+), (%..)$", r"mov \1, \2"),
    (r"^fcmp(e?)([sdq]) %fcc0, ", r"fcmp\1\2 "),
    (r"^(save|restore) %g0, (0|%g0), %g0$", r"\1"),
    (r"^wr (\S+), (%\w+)$", r"mov \1, \2"),
    (r"^mov %g0, ", "mov 0, "),
    (r"^(orcc|wr) %g0, 0, ", r"\1 %g0, %g0, "),
    (r"^([fc]b)(,a)?(?= )", r"\1a\2"),
    (r"^t([a-z]+) %icc, ", r"t\1 "),
    (r"^(t[a-z]+ %..) \+ %g0$", r"\1"),
    (r"^sethi (\d+), ", lambda m: f"sethi %hi({int(m[1]) << 10}), "),
    (r"^unimp (\d+)$", lambda m: f"unimp {int(m[1]) & 0x3FFFFF}"),
    (r"^sethi %hi\(0\), %g0$", "nop"),
]


def normal(text: str) -> str:
    """One spelling for numbers, addresses and synonyms."""
    text = re.sub(r"\s*!.*", "", text)
    text = re.sub(r"\s+", " ", text.replace("[ ", "[").replace(" ]", "]")).strip()
    text = re.sub(r"(?<![%\w])-?0x[0-9a-f]+", lambda m: str(int(m[0], 16)), text)
    text = re.sub(r" ?\+ ?-", " - ", text)
    text = re.sub(r"(%\w+) ?([-+]) ?(?=[%\d])", r"\1 \2 ", text)
    text = re.sub(r"\] ?(#ASI_\w+|\(\d+\)|\d+)", "] asi", text)
    for short, long in SPELLED:
        text = re.sub(short, long, text)
    return text.replace(" + %g0]", "]").replace("%g0 + ", "").replace("%g0 - ", "-")


def by_objdump(code: bytes, folder: Path) -> Iterator[str]:
    path = folder / "words"
    path.write_bytes(code)
    command = [OBJDUMP, "-D", "-z", "-b", "binary", "-m", "sparc", "-EB", str(path)]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    for line in out.splitlines():
        parts = line.split("\t")
        if len(parts) > 2:
            yield " ".join(parts[2:])


@pytest.mark.skipif(shutil.which(OBJDUMP) is None, reason="binutils-sparc64-linux-gnu is not installed")
def test_objdump(tmp_path: Path) -> None:
    todo = words()
    todo = [(name, word) for name, word in todo if not name.startswith("cpop")]  # it prints other operands
    theirs = list(by_objdump(b"".join(w.to_bytes(4, "big") for _, w in todo), tmp_path))
    assert len(theirs) == len(todo)
    wrong = [
        f"{name} {word:08x}: {ours(word, 4 * k)!r} {text!r}"
        for k, ((name, word), text) in enumerate(zip(todo, theirs, strict=True))
        if normal(ours(word, 4 * k)) != normal(text)
    ]
    assert wrong == []


def test_capstone() -> None:
    """It knows fewer instructions; those that it knows are the same."""
    capstone = pytest.importorskip("capstone")
    cs = capstone.Cs(capstone.CS_ARCH_SPARC, capstone.CS_MODE_BIG_ENDIAN)
    seen: set[str] = set()
    wrong = []
    for name, word in words():
        hit = next(cs.disasm(word.to_bytes(4, "big"), 0, 1), None)
        if hit is None or name in NOT_CAPSTONE:
            continue
        seen.add(name)
        text = f"{hit.mnemonic} {hit.op_str}"
        if normal(ours(word, 0)) != normal(text):
            wrong.append(f"{name} {word:08x}: {ours(word, 0)!r} {text!r}")
    assert wrong == []
    assert len(seen) > 50


@pytest.mark.parametrize("model", MODELS)
def test_every_word_has_a_text(model: str) -> None:
    rng = random.Random(9)
    for _ in range(3000):
        word = rng.getrandbits(32)
        text, length = MODELS[model].isa.disassemble(lambda a, n, w=word: w, 0x1000, model)
        assert length == 4
        assert "{" not in text
