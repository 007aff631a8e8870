"""Random user-level 68020 instructions and sequences against qemu-m68k, on many operands each."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Sequence
from dataclasses import replace

from tests.conformance import guest
from tests.conformance.flat import BATCH, EARNEST, QUICK, Flat, Place, reader
from tests.conformance.guest import CODE, DATA, DATA_SIZE, LEAP, LEAVE, RESULT, qemu
from tests.conformance.operands import ONES, SLOT, Operands, Subject, subject, valid_digits
from tests.conformance.tally import Tally
from tests.insn.known import DECIMAL, FLAWS, Difference, why, words_at
from translator.m68k import M68020
from translator.m68k.model import pack_sr, unpack_sr
from translator.state import Reason

PIECE, SETS = 12_000, 48  # cases of a block; sets of operands of one program
PROGRAMS = 4096  # of a block, at most
# Vectors and stack, where no stray pointer leads (that would be an address that QEMU does not have); what the
# vectors hold, where nothing is.
SUPERVISOR, HANDLERS = 0x6B0C5000, 0x20000000
TRAP_15 = 47  # vector
LONGEST = 400  # instructions
EARNEST_EVERY = 16
NAMES = [*(f"{'da'[i >> 3]}{i & 7}" for i in range(16)), "sr"]
Answer = tuple[Subject, int, bytes, bytes]  # program, set, task, our result


def missing() -> str:
    return "" if shutil.which(guest.QEMU) else "qemu-m68k (Debian: qemu-user) is not installed"


class Ours:
    """The same programs on our own flat memory, which has nothing but what they may touch."""

    def __init__(self, engine: str) -> None:
        self.flat = Flat(M68020, engine)
        self.data = self.flat.map(DATA, DATA_SIZE)
        self.code = self.flat.map(CODE, SLOT, writable=False)
        leave = self.flat.map(LEAVE, 0x1000, writable=False)
        leave[0:2] = b"\x4e\x4f"  # TRAP #15
        supervisor = self.flat.map(SUPERVISOR, 0x1000)
        supervisor[0:1024] = struct.pack(">256I", *(HANDLERS + 4 * v for v in range(256)))
        self.flat.cpu.watch_routines(lambda name: None)
        self.state = self.flat.state
        self.in_regions = 0

    def put(self, s: Subject, code: bytes) -> None:
        """The only program there is now: what reads others' code strays."""
        cpu = self.flat.cpu
        cpu.memory.ranges[1].base = cpu.state.ranges[1].base = s.program.base
        cpu.flush_tlb()
        self.code[:] = code.ljust(SLOT, b"\0")

    def result(self, s: Subject, task: bytes, host: int = 0) -> bytes | None:
        """What QEMU should write; None if the program takes an exception or strays."""
        flat, state = self.flat, self.state
        flat.clear()
        self.data[:] = task[:DATA_SIZE]
        *regs, ccr, _, base = struct.unpack_from(">16IHHI", task, DATA_SIZE)
        state.sr_sys, state.vbr, state.isp = 0, SUPERVISOR, SUPERVISOR + 0x1000
        unpack_sr(state, ccr)
        state.r[0:16] = regs
        state.pc = base
        flat.enter(base, 0, host)
        self.in_regions += flat.run(LONGEST)
        if flat.cpu.reason is not Reason.ROUTINE or state.pc != HANDLERS + 4 * TRAP_15:
            return None
        regs = [*state.r[0:15], state.usp]
        return self.data[:] + struct.pack(">16IHH", *regs, pack_sr(state) & 0x1F, 0)


def blocks(cases: int | None, seed: int) -> list[tuple[int, int]]:
    """(first seed, cases)"""
    cases = cases or PIECE
    n = -(-cases // PIECE)
    return [(seed * 100_000_000 + b * 100_000, min(PIECE, cases - b * PIECE)) for b in range(n)]


def run(model: str, engine: str, first: int, count: int, ones: Sequence[str] = ONES) -> Tally:
    """At least `count` cases, from programs of the seeds `first`, `first` + 1, …; `ones`: families alone"""
    out, ours, operands = Tally(), Ours(engine), Operands(first)
    answers: list[Answer] = []
    programs: list[Subject] = []
    sets = max(4, min(SETS, count // 40))
    seed = first
    while len(answers) < count and len(programs) < PROGRAMS:
        batch: list[Subject] = []
        while (
            len(batch) < min(BATCH, (count - len(answers)) // sets + 4)
            and len(programs) + len(batch) < PROGRAMS
        ):
            found = subject(seed, len(programs) + len(batch), ones)
            seed += 1
            if found is not None:
                batch.append(found)
        hosts = [0] * len(batch)
        if engine == "jit":
            earnest = len(programs) // BATCH % EARNEST_EVERY == EARNEST_EVERY - 1
            hosts = ours.flat.translate([place(s, s.code) for s in batch], EARNEST if earnest else QUICK)
        for s, host in zip(batch, hosts, strict=True):
            ours.put(s, s.code)
            for k in range(sets):
                task = operands.task(s, k)
                mine = ours.result(s, task, host)
                if mine is not None:
                    answers.append((s, k, task, mine))
        programs += batch
    listed = [(s.program.base, s.code) for s in programs]
    for answer, its in zip(answers, ask(listed, [a[2] for a in answers]), strict=True):
        judge(out, ours, answer, its)
    out.in_regions = ours.in_regions
    return out


def place(s: Subject, code: bytes) -> Place:
    return Place(s.program.base, 0, reader(s.program.base, code), len(s.program.insns) + 2)


def ask(programs: list[tuple[int, bytes]], tasks: list[bytes]) -> list[bytes | None]:
    """QEMU's results; None for those that it does not survive."""
    results = qemu(programs, tasks) if tasks else []
    if results is not None:
        return list(results)
    if len(tasks) == 1:
        return [None]
    half = len(tasks) // 2
    return ask(programs, tasks[:half]) + ask(programs, tasks[half:])


def judge(out: Tally, ours: Ours, answer: Answer, its: bytes | None) -> None:
    mine = answer[3]
    if mine == its:
        out.agreed += 1
        return
    reason = explanation(answer, its)
    if reason:
        out.explain(reason)
    else:
        out.fail(describe(ours, answer, its) if out.unexplained < 3 else "")


def explanation(answer: Answer, its: bytes | None) -> str:
    """Why they may differ behind an instruction alone, or ""; sequences have none that QEMU does wrong."""
    s, k, task, mine = answer
    if s.family not in FLAWS:
        return ""
    at = next(at for at, _, name in reversed(s.program.insns) if name == s.family)
    digits = s.family not in DECIMAL or valid_digits(s, k)
    d = Difference(
        words_at(s.program, at), left(mine, its), registers(mine), registers(task),
        digits=digits, died=its is None,
    )  # fmt: skip
    reason = why(FLAWS[s.family], d)
    return reason and f"{s.family}: {reason}"


def describe(ours: Ours, answer: Answer, its: bytes | None) -> str:
    """The case, cut off behind the first instruction that differs."""
    s, k, task, mine = answer
    program = s.program
    for n in range(1, len(program.insns)):
        at, length, _ = program.insns[n - 1]
        end = at + length - program.base
        code = bytes(program.code[:end]) + LEAP
        cut = Subject(replace(program, insns=program.insns[:n], code=program.code[:end]), s.family)
        ours.put(cut, code)
        host = ours.flat.translate([place(cut, code)])[0] if ours.flat.engine == "jit" else 0
        short = ours.result(cut, task, host)
        if short is None:
            continue
        answered = ask([(program.base, code)], [task])[0]
        if answered != short:
            s, mine, its = cut, short, answered
            break
    ours.put(answer[0], answer[0].code)
    text = "; ".join(ours.flat.cpu.disassemble(at, fetch(s))[0] for at, _, _ in s.program.insns)
    *regs, ccr, _, _ = struct.unpack_from(">16IHHI", task, DATA_SIZE)
    words = bytes(s.program.code).hex(" ", 2)
    return (
        f"seed {s.program.seed}, set {k}: {text} [{words}] at {s.program.base:x} "
        f"with {' '.join(f'{x:x}' for x in regs)} ccr {ccr:x}: ours | theirs: {differences(mine, its)}"
    )


def fetch(s: Subject):  # type: ignore[no-untyped-def]
    code = reader(s.program.base, s.code + bytes(16))
    return lambda at, size: code(at, size)


def registers(result: bytes) -> dict[str, int]:
    values = struct.unpack_from(">16IH", result, DATA_SIZE)
    return dict(zip(NAMES, values, strict=True))


def left(mine: bytes, its: bytes | None) -> dict[str, tuple[int, int]]:
    """What differs: register or address -> (ours, theirs)."""
    if its is None:
        return {}
    a, b = registers(mine), registers(its)
    out = {n: (a[n], b[n]) for n in NAMES if a[n] != b[n]}
    return out | {f"{DATA + i:x}": (mine[i], its[i]) for i in range(DATA_SIZE) if mine[i] != its[i]}


def differences(mine: bytes, its: bytes | None) -> str:
    if its is None or len(its) != RESULT:
        return "it did not survive"
    found = [*left(mine, its).items()][:12]
    return ", ".join(f"{n}{':' * (len(n) > 2)} {x:x} | {y:x}" for n, (x, y) in found)
