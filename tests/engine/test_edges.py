"""Instructions at a page's end touch the next page if they extend into it, in every engine."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest

from tests.engine.fuzz import Bench
from tests.engine.machine import ACCESSED, CODE, DATA, NOTHING_VA, VALID, Machine
from tests.engine.sequences import HANDLERS
from tests.engine.short import program, run
from translator import interp
from translator.edges import extends, slot
from translator.m68k.fpu.model import SYSTEMS
from translator.state import EDGE_PAGES

PAGE = 0x100
ROUNDS = 50
OFFSET = 0x00012344  # of the outer displacement
START = "5382 | subq.l #1,d2\n6b04 | bmi.s to the end\n6000 {way:04x} | bra.w to the jump\n4e4f | trap #15\n"
JUMPS = {  # to CODE, with d0 = 0x40: bytes, text
    4: "4efb 08{near:02x} | jmp (d8,pc,d0.l)",
    8: "4efb 0930 {far:08x} | jmp (bd32,pc,d0.l)",
    12: "4efb 0933 {data:08x} {outer:08x} | jmp ([bd32,pc,d0.l],od32)",
}


@pytest.fixture(params=("concrete", "interp", "jit"))
def machine(request: pytest.FixtureRequest, bench: Callable[..., Bench]) -> Machine:
    m = bench().machines[request.param]
    return m if m.jit is None else Machine(m.model, "jit", m.native)


def loop(length: int, room: int) -> tuple[str, dict[int, int]]:
    """A loop whose jump of `length` bytes begins `room` bytes before its page's end, and its registers."""
    at = CODE + PAGE - room
    index = CODE - at - 2 if length == 4 else 0x40
    jump = JUMPS[length].format(
        near=0,
        far=CODE - at - 2 - 0x40 & 0xFFFFFFFF,
        data=DATA - at - 2 - 0x40 & 0xFFFFFFFF,
        outer=OFFSET,
    )
    way = at - (CODE + 6)
    text = START.format(way=way) + "4e71\n" * ((at - CODE - 10) // 2) + jump + "\n"
    return text, {0: index & 0xFFFFFFFF, 2: ROUNDS}


@pytest.mark.parametrize("length", JUMPS)
@pytest.mark.parametrize("room", range(2, 24, 2))
def test_the_next_page_is_touched_only_if_the_instruction_extends_into_it(
    machine: Machine, length: int, room: int
) -> None:
    text, regs = loop(length, room)
    pointer = (CODE - OFFSET & 0xFFFFFFFF).to_bytes(4, "big")
    p = program(text, regs, image={DATA: pointer})
    if room >= length:
        p.pages[CODE + PAGE] = machine.entry(CODE + PAGE) & ~VALID
    before = machine.cpu.edges
    out = run(machine, p, cut=40)
    assert out["d2"] == 0xFFFFFFFF
    at = 4 * ((CODE >> 8) + 1)
    next_page = int.from_bytes(out["pages"][at:at + 4], "little")
    assert bool(next_page & ACCESSED) == (room < length)
    assert machine.cpu.edges - before <= 1  # the others are done natively


FAULTS = {  # what ends in an exception before its last word is wanted, 2 or 4 bytes of it on the first page
    "operand": ("3350 | move.w (a0),16(a1)", "0010", 0x2700),
    "second half": ("33d0 0000 | move.w (a0),$2000.l", "2000", 0x2700),
    "privilege": ("027c | andi #16,sr", "0010", 0),
}


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("name", FAULTS)
def test_words_come_before_operands(machine: Machine, name: str, there: bool) -> None:
    """The next page is touched by a prefetch; its refusal is not heard of."""
    first, rest, sr = FAULTS[name]
    nops = 0x7F if len(first.split("|")[0]) == 5 else 0x7E
    p = program("4e71\n" * nops + f"{first}\n{rest}", {8: NOTHING_VA, 9: DATA}, sr=sr, limit=nops + 1)
    if not there:
        p.pages[CODE + PAGE] = machine.entry(CODE + PAGE) & ~VALID
    out = machine.execute(p, itertools.repeat(40))
    at = 4 * ((CODE >> 8) + 1)
    assert bool(int.from_bytes(out["pages"][at:at + 4], "little") & ACCESSED) == there
    assert out["fault_va"] == (0 if name == "privilege" else NOTHING_VA)
    assert HANDLERS <= out["pc"] < CODE


MODEL = SYSTEMS["m68020+m68881"]


def _reader(words: bytes) -> Callable[[int, int], int]:
    return lambda at, size: int.from_bytes(words[at:at + size], "big")


def test_every_length() -> None:
    """`extends` says of every shape what the interpreter's handler consumes, and what is disassembled."""
    rng = random.Random(5)
    for shape in rng.sample([s for s in MODEL.decoder.shapes() if s.part == "all"], 300):
        insn, known = shape.insn, shape.known
        consumed = interp.handler(MODEL, 8, "h", shape)[1]
        words = rng.choice(shape.places).to_bytes(2, "big") + rng.randbytes(30)
        length = next(n for n in range(2, 32, 2) if not extends(MODEL, insn, known, words[:n]))
        assert consumed in (0, length), insn.name
        text, shown = MODEL.isa.disassemble(_reader(words), 0, MODEL.name)
        assert length == shown or text.startswith("dc.w"), text


def test_other_bytes_at_the_same_place(bench: Callable[..., Bench]) -> None:
    """What was learnt of one instruction is not used for another that takes its place."""
    machine = bench().machines["interp"]
    for length, room in ((4, 8), (8, 8), (12, 8), (4, 8)):
        before = machine.cpu.edges
        text, regs = loop(length, room)
        run(machine, program(text, regs, image={DATA: (CODE - OFFSET & 0xFFFFFFFF).to_bytes(4, "big")}))
        assert machine.cpu.edges - before == 1


def test_places_do_not_overlap() -> None:
    places = [slot(page, room) for page in range(EDGE_PAGES) for room in range(2, 22, 2)]
    assert len(set(places)) == len(places)
    assert slot(EDGE_PAGES, 2) == slot(0, 2)
