"""What became of a region, stage by stage, as text: what --dump-ir shows.

    uop   the typed operations of each instruction        opt   LLVM's text after its passes
    llvm  the LLVM text made from them                    asm   the host's code

Every group of lines is headed by the guest instruction that it comes from.  For the last two LLVM itself
keeps the books: the text is compiled again with debug locations that have the instruction's number as line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .codes import Code
from .isa import Model
from .llvm import build
from .region import Region, discover
from .render import RegionEmitter
from .spec.value import Uop
from .steps import OutOfSight
from .trace import dump
from .translation import CODEGEN, LEVEL

STAGES = ("uop", "llvm", "opt", "asm")
SEVERAL = "several instructions, or none of them"
_SCOPE, _FIRST = 102, 1000  # numbers of metadata nodes, away from those of llvm.emit.METADATA
_DEBUG = f"""
!llvm.dbg.cu = !{{!100}}
!llvm.module.flags = !{{!104}}
!100 = distinct !DICompileUnit(language: DW_LANG_C, file: !101, emissionKind: LineTablesOnly)
!101 = !DIFile(filename: "guest", directory: "/")
!{_SCOPE} = distinct !DISubprogram(file: !101, type: !103, unit: !100, spFlags: DISPFlagDefinition)
!103 = !DISubroutineType(types: !105)
!104 = !{{i32 2, !"Debug Info Version", i32 3}}
!105 = !{{}}
"""
_LOCATION = re.compile(r"^!(\d+) = !DILocation\(line: (\d+),")
_DBG = re.compile(r",? !dbg !(\d+)")
_LOC = re.compile(r"^\s*\.loc\s+\d+\s+(\d+)")
_NOISE = re.compile(r"^\s*(\.(cfi_|file|ident|addrsig|loc)|\.Ltmp\d+:|\.Lfunc_begin)")


class _Annotated(RegionEmitter):
    """The region's text with headings, and optionally with the location of every operation."""

    def __init__(self, region: Region, page_bits: int, headings: dict[int, str], located: bool) -> None:
        super().__init__(region, page_bits)
        self._headings, self._located = headings, located
        self._numbers = {address: n for n, address in enumerate(headings, 1)}

    def put(self, line: str) -> None:
        number = self._numbers.get(self.here, 0)
        super().put(f"{line}, !dbg !{_FIRST + number}" if self._located and number else line)

    def op_insn(self, u: Uop) -> None:
        if not self._located:
            self.lines.append(f"; {self._headings[u.args[0]]}")

    def module(self, name: str = "region") -> str:
        text = super().module(name)
        if not self._located:
            return text
        text = text.replace(" nounwind {", f" nounwind !dbg !{_SCOPE} {{", 1)
        places = (f"!{_FIRST + n} = !DILocation(line: {n}, scope: !{_SCOPE})" for n in self._numbers.values())
        return text + _DEBUG + "\n".join(places) + "\n"


def region_of(code: Code, model: Model) -> Region:
    """The region that linked code was made from, found again in the guest's memory."""

    pieces = _pieces(code)

    def read(address: int, size: int) -> int:
        out, at = b"", address
        while len(out) < size:
            here = next((p for p in pieces if 0 <= at - p[0] < p[1]), None)
            if here is None:
                raise OutOfSight(f"{at:#x}")
            va, _, memory, offset = here
            out += bytes([memory.bytes[offset + at - va]])
            at += 1
        return int.from_bytes(out, "big" if model.isa.big_endian else "little")

    return discover(model, code.mode, code.entry, read)


def _pieces(code: Code) -> list[tuple[int, int, Any, int]]:
    """(address, length, memory, offset) of the guest code of a region."""
    out, homes = [], iter(code.homes)
    for address, length in code.spans:
        while length > 0:
            memory, offset, n = next(homes)
            out.append((address, n, memory, offset))
            address, length = address + n, length - n
    return out


def headings(region: Region, line: Callable[[int], str]) -> dict[int, str]:
    """Address -> heading of every instruction, in the order in which they were found."""
    steps = (step for b in region.blocks.values() for step in b.steps)
    return {u.args[0]: line(u.args[0]) for step in steps for u in step.ops if u.op == "insn"}


def stages(
    region: Region,
    page_bits: int,
    wanted: Iterable[str],
    line: Callable[[int], str],
) -> Iterator[str]:
    """The texts of the wanted stages, each with a title; `line(address)` is an instruction's heading."""
    heads = headings(region, line)
    title = f"region {region.entry:#x}, {region.insns} instructions"
    for stage in STAGES:
        if stage in wanted:
            yield f"== {stage} of {title}\n{_MAKERS[stage](region, page_bits, heads)}\n"


def _uop(region: Region, page_bits: int, heads: dict[int, str]) -> str:
    out = []
    for b in region.blocks.values():
        for step in b.steps:
            body = dump([u for u in step.ops if u.op != "insn"])
            out += [heads[step.address], *("    " + text for text in body.splitlines())]
        if b.stuck:
            out.append(f"{b.follow:08x} is left to the interpreter")
    return "\n".join(out)


def _llvm(region: Region, page_bits: int, heads: dict[int, str]) -> str:
    text = _Annotated(region, page_bits, heads, False).module()
    return text[text.index("define") :].rstrip()


def _optimised(region: Region, page_bits: int, heads: dict[int, str]) -> Any:
    return build.optimise(_Annotated(region, page_bits, heads, True).module(), LEVEL, CODEGEN)


def _opt(region: Region, page_bits: int, heads: dict[int, str]) -> str:
    lines = str(_optimised(region, page_bits, heads)).splitlines()
    numbers = {m[1]: int(m[2]) for m in map(_LOCATION.match, lines) if m}
    body = lines[next(i for i, text in enumerate(lines) if text.startswith("define")) :]
    located = []
    for text in body[: body.index("}") + 1]:
        at = _DBG.search(text)
        located.append((numbers.get(at[1], 0) if at and text.startswith(" ") else None, _DBG.sub("", text)))
    return "\n".join(_headed(located, heads, ";"))


def _asm(region: Region, page_bits: int, heads: dict[int, str]) -> str:
    located: list[tuple[int | None, str]] = []
    at = 0
    for text in build.machine(CODEGEN).emit_assembly(_optimised(region, page_bits, heads)).splitlines():
        place = _LOC.match(text)
        if place:
            at = int(place[1])
        elif ".section\t.debug" in text:
            break
        elif not _NOISE.match(text):
            instruction = text.startswith("\t") and not text.startswith("\t.")
            located.append((at if instruction else None, text))
    return "\n".join(_headed(located, heads, "#"))


def _headed(located: Iterable[tuple[int | None, str]], heads: dict[int, str], mark: str) -> Iterator[str]:
    """Lines with a heading wherever the instruction that they come from changes."""
    by_number = dict(enumerate(heads.values(), 1))
    now = 0
    for number, text in located:
        if number is not None and number != now:
            now = number
            yield f"{mark} {by_number.get(now, SEVERAL)}"
        yield text


_MAKERS = {"uop": _uop, "llvm": _llvm, "opt": _opt, "asm": _asm}
