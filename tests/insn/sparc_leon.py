"""What QEMU's LEON3 makes of the programs of `sparc_system`: their pages afterwards, or its error mode."""

from __future__ import annotations

import re
import struct
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.insn import sparc_kernel as kernel
from tests.insn.sparc import NOP, load_constant, op3
from tests.insn.sparc_kernel import (
    BODY,
    DATA_SIZE,
    ENTRY,
    LOG,
    LOG_END,
    LOG_NAMES,
    ORIGIN,
    PAGE,
    RAM,
    RAM_SIZE,
    RESULT,
    STATE,
    STATE_NAMES,
    VARIABLES,
)
from tests.insn.sparc_system import JMPL, RETT, Machine, Program, logged, make, page
from translator.isa import Model
from translator.sparc.decl import V8

QEMU = "qemu-system-sparc"
WINDOW_UNDERFLOW = 0x06
FATAL = re.compile(r"fatal: Trap 0x([0-9a-f]{2}) .*Error state")
REGISTER = re.compile(r"(?<!\w)%?(pc|npc|psr|wim|y|[goli]0-7): ((?:[0-9a-f]{8}\s?)+)")


def command(folder: Path, model: Model) -> list[str]:
    version, count = int(model.options["implementation"]) << 24, model.options["windows"]
    v7 = "" if model.name in V8 else ",-mul,-div"
    size = f"{RAM_SIZE >> 20}M"
    return [
        QEMU, "-M", "leon3_generic,memory-backend=ram", "-m", size, "-bios", str(folder / "prom"),
        "-object", f"memory-backend-file,id=ram,size={size},mem-path={folder / 'ram'},share=on",
        "-cpu", f"LEON3,iu-version={version:#x},nwindows={count}{v7}", "-singlestep", "-display", "none",
        "-serial", "null", "-monitor", "none", "-nodefaults",
    ]  # fmt: skip


def prepare(folder: Path, model: Model, pages: Sequence[bytes]) -> None:
    """Memory, and a PROM that jumps into it."""
    memory, names = kernel.image(int(model.options["windows"]))
    out = bytearray(memory) + b"".join(pages)
    struct.pack_into(">I", out, VARIABLES - RAM, ORIGIN + len(pages) * PAGE)
    with (folder / "ram").open("wb") as f:
        f.write(out)
        f.truncate(RAM_SIZE)
    start = [*load_constant(1, names["start"]), op3(2, JMPL, 0, 1, imm=0), NOP]
    (folder / "prom").write_bytes(struct.pack(f">{len(start)}I", *start))


def theirs(programs: Sequence[Program], model: Model) -> list[bytes]:
    """The pages afterwards under QEMU; a RuntimeError if it did not get to the end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, model, [page(p) for p in programs])
        run = subprocess.run(command(folder, model), capture_output=True, text=True, timeout=600, check=False)
        if run.returncode:
            raise RuntimeError(f"QEMU ended with {run.returncode}: {run.stderr[:400]}")
        with (folder / "ram").open("rb") as f:
            f.seek(ORIGIN - RAM)
            return [f.read(PAGE) for _ in programs]


@dataclass
class Error:
    """QEMU's end: the trap in error mode and the registers; none if it goes on for ever. The page then."""

    trap: int | None
    registers: dict[str, int]
    page: bytes


def error_mode(p: Program, model: Model) -> Error:
    """What QEMU makes of a program that is at ORIGIN and does not come to its end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, model, [page(p)])
        try:
            run = subprocess.run(
                command(folder, model), capture_output=True, text=True, timeout=20, check=False
            )
            text = run.stderr
        except subprocess.TimeoutExpired:
            text = ""
        with (folder / "ram").open("rb") as f:
            f.seek(ORIGIN - RAM)
            after = f.read(PAGE)
    hit = FATAL.search(text)
    found: dict[str, int] = {}
    for names, values in REGISTER.findall(text) if hit else ():
        for n, value in enumerate(values.split()):
            found[f"{names[0]}{n}" if names.endswith("0-7") else names] = int(value, 16)
    return Error(int(hit[1], 16) if hit else None, found, after)


# -- differences ---------------------------------------------------------------------------------------------


def words(after: bytes, at: int, names: Sequence[str]) -> dict[str, int]:
    return dict(zip(names, struct.unpack_from(f">{len(names)}I", after, BODY + at), strict=True))


REGISTERS = [
    "g0",
    *(f"g{n}" for n in range(1, 8)),
    *(f"{c}{n} of {w}" for w in range(8) for c in "ol" for n in range(8)),
]


def findings(mine: bytes, its: bytes) -> Iterator[str]:
    """What two pages disagree on: the first trap, then registers and memory."""
    for k in range((LOG_END - LOG) // ENTRY):
        a, b = (words(x, LOG + k * ENTRY, LOG_NAMES) for x in (mine, its))
        if a != b:
            yield f"trap {k}: " + ", ".join(f"{n} {a[n]:08x} {b[n]:08x}" for n in a if a[n] != b[n])
            break
    for at, names in ((RESULT, REGISTERS), (STATE, STATE_NAMES)):
        a, b = (words(x, at, names) for x in (mine, its))
        yield from (f"{n} {a[n]:08x} {b[n]:08x}" for n in a if a[n] != b[n])
    if mine[BODY : BODY + DATA_SIZE] != its[BODY : BODY + DATA_SIZE]:
        yield "data"


def difference(model: Model, p: Program, mine: bytes, its: bytes) -> str:
    """The same in words, with the program."""
    text = [model.isa.disassemble(lambda a, n, w=w: w, 0, model.name)[0] for w in p.words]  # type: ignore[misc]
    return f"seed {p.seed}: {'; '.join(findings(mine, its)) or 'elsewhere'}; {'; '.join(text)}"


def met(pages: Sequence[bytes]) -> Counter[int]:
    """Trap types in the logs of programs that lie one behind the other."""
    out: Counter[int] = Counter()
    for k, after in enumerate(pages):
        for trap in range(logged(after, ORIGIN + k * PAGE) or 0):
            out[words(after, LOG + trap * ENTRY, LOG_NAMES)["tbr"] >> 4 & 0xFF] += 1
    return out


GOES_ON = "a RETT's underflow is an ordinary trap to QEMU, which sets ET first (B.26: error mode)"
ENDS = "`ta 0` while ET = 0 ends QEMU's LEON3 (a power-off of its own), like any error mode ours"
REFUSES = "while ET = 0 QEMU's MMU refuses nothing: an access error of the bus, not an access exception"
BUS = {(0x09, 0x29), (0x01, 0x21)}


def error_difference(machine: Machine, p: Program) -> str:
    """What is different about the error mode of a program: "", a reason, or in words."""
    model = machine.cpu.model
    p = make(p.seed, ORIGIN, p.length, model)
    ended = machine.run(ORIGIN, [page(p)])
    if ended or not machine.cpu.halted:
        return f"seed {p.seed}: no error mode at {ORIGIN:#x}"
    mine = machine.cpu.registers()
    tt = mine["tbr"] >> 4 & 0xFF
    its = error_mode(p, model)
    word = int.from_bytes(machine.ram[mine["pc"] - RAM : mine["pc"] - RAM + 4], "big")
    if word & 0xC1F80000 == op3(2, RETT, 0, 0) and tt == WINDOW_UNDERFLOW:
        at = mine["g7"] - ORIGIN - BODY  # where it has written down this trap
        trap = words(its.page, at, LOG_NAMES)
        if (trap["pc"], trap["npc"], trap["tbr"] >> 4 & 0xFF) == (mine["pc"], mine["npc"], tt):
            return GOES_ON
    if its.trap is None and tt == 0x80:
        return ENDS
    if its.trap is None:
        return f"seed {p.seed}: QEMU goes on, not {tt:#x}"
    wrong = [f"{n} {mine[n]:08x} {v:08x}" for n, v in its.registers.items() if mine[n] != v]
    if (tt, its.trap) in BUS and not wrong:
        return REFUSES
    if its.trap != tt:
        wrong.append(f"trap {tt:#x} {its.trap:#x}")
    return f"seed {p.seed}: {', '.join(wrong)}" if wrong or len(its.registers) != 37 else ""
