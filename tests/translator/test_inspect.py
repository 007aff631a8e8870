"""Regions as text: every stage, every instruction; looking does not change what is compiled."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import pytest

from tme.debug.listing import Listing
from tme.debug.replay import engine
from translator import inspect
from translator.llvm import build
from translator.m68k.user import PAGE_BITS, UserProgram
from translator.region import Region
from translator.render import RegionEmitter
from translator.translation import CODEGEN, LEVEL

PROGRAM = Path(__file__).resolve().parents[1] / "traces/programs/text.elf"


@pytest.fixture(scope="module")
def program() -> UserProgram:
    """After its regions have been translated."""
    native, jit = engine("jit")
    user = UserProgram(PROGRAM, native, jit)
    while user.status is None:
        user.run(500)
        jit.poll()
    return user


@pytest.fixture(scope="module")
def region(program: UserProgram) -> Region:
    """One that loops, loads and stores, and has nothing twice, as callees may be."""
    regions = [inspect.region_of(code, program.cpu.model) for code in program.cpu.jit.codes.values()]
    return max((r for r in regions if r.insns == len(addresses(r))), key=lambda r: r.insns)


def text(program: UserProgram, region: Region, stage: str) -> list[str]:
    (found,) = inspect.stages(region, PAGE_BITS, [stage], Listing(program.cpu).line)
    return found.splitlines()


def test_regions_are_found_again(program: UserProgram) -> None:
    for code in program.cpu.jit.codes.values():
        again = inspect.region_of(code, program.cpu.model)
        assert (again.insns, again.spans) == (code.insns, code.spans)


def addresses(region: Region) -> set[str]:
    return {f"{step.address:08x}" for block in region.blocks.values() for step in block.steps}


@pytest.mark.parametrize("stage", ["uop", "llvm"])
def test_every_instruction_has_a_heading(program: UserProgram, region: Region, stage: str) -> None:
    mark = "" if stage == "uop" else "; "
    lines = "\n".join(text(program, region, stage))
    heads = re.findall(rf"^{mark}([0-9a-f]{{8}}) [0-9a-f]{{4,}} +\S", lines, re.MULTILINE)
    assert set(heads) == addresses(region)
    assert len(heads) == len(set(heads))


@pytest.mark.parametrize(("stage", "mark"), [("opt", ";"), ("asm", "#")])
def test_what_is_left_of_them_is_still_grouped(
    program: UserProgram, region: Region, stage: str, mark: str
) -> None:
    lines = text(program, region, stage)
    heads = {line[2:10] for line in lines if re.match(rf"{mark} [0-9a-f]{{8}} ", line)}
    assert heads <= addresses(region)
    assert len(heads) > len(addresses(region)) / 2
    assert not [line for line in lines if "!dbg" in line or ".loc" in line or "debug_" in line]


def test_stores_are_under_their_instruction(program: UserProgram, region: Region) -> None:
    """The uops of a store stand under an instruction that stores."""
    head = ""
    stores = 0
    for line in text(program, region, "uop"):
        if re.match(r"[0-9a-f]{8} ", line):
            head = line
        elif re.match(r"\s+store ", line):
            stores += 1
            assert re.search(r"move|clr|jsr|bsr|pea|add|sub|link", head), head
    assert stores


def test_looking_changes_nothing(program: UserProgram) -> None:
    """The code with debug locations is the code that runs."""

    def code(obj: bytes) -> bytes:
        sections = llvm.ObjectFileRef.from_data(obj).sections()
        return next(bytes(s.data()) for s in sections if s.is_text() and s.size())

    for linked in program.cpu.jit.codes.values():
        region = inspect.region_of(linked, program.cpu.model)
        plain = build.compile_text(RegionEmitter(region, PAGE_BITS).module(), LEVEL, CODEGEN)
        heads: dict[int, str] = inspect.headings(region, lambda pc: "")
        module: Any = inspect._optimised(region, PAGE_BITS, heads)
        assert code(build.machine(CODEGEN).emit_object(module)) == code(plain), f"{linked.entry:#x}"
