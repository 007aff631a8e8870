"""Guests that wait in loops: what is skipped is as if it had been executed."""

import os
import struct
import time

import pytest

from devices.ic.m680x0 import M68020
from devices.ic.processor import BoardPort
from devices.ic.sparc import Mb86904
from tests.insn.sparc import NOP, bicc, op3
from tme.args import Args
from tme.element import Element
from tme.machine import Machine
from tme.memory import Memory
from tme.options import Options
from tme.port import connect
from translator.idle import Idle
from translator.memory import Mmu

DEVICE, LEVEL, PERIOD = 0x100000, 4, 443_750  # ns: 1775 instructions
FLAG, ROUNDS, INTERRUPTS = 0x800, 0x804, 0x808
LD, ST, ADD, AND, XOR, SUBCC, RDPSR, WRPSR, JMPL, RETT = 0, 4, 0, 1, 3, 0x14, 0x29, 0x31, 0x38, 0x39
PSR, STACK, HANDLER, CODE = 0xE0, 0x8000, 0x600, 0x400  # supervisor, traps on, level 0
ALWAYS, EQUAL, G1, L0, L1, L2, L3, L4, L5 = 8, 1, 1, 16, 17, 18, 19, 20, 21


def at(address, *words):
    return {address + 4 * k: word for k, word in enumerate(words)}


def hexed(address, text):
    data = bytes.fromhex(text + " 0000" * (len(text.replace(" ", "")) % 8 // 4))
    return at(address, *struct.unpack(f">{len(data) // 4}I", data))


# The handler acknowledges, counts, and sets the flag every second time.
M68K = {
    **at(0, STACK, CODE),
    **at(4 * (24 + LEVEL), HANDLER),
    **hexed(HANDLER, "13fc 0000 0010 0000  52b8 0808  0838 0000 080b  6608  21fc 0000 0001 0800  4e73"),
}
SPARC = {
    **at(0, bicc(ALWAYS, 0, CODE // 4), NOP),
    **at(16 * (0x10 + LEVEL), bicc(ALWAYS, 0, HANDLER // 4 - 4 * (0x10 + LEVEL)), NOP),
    **at(
        HANDLER,
        op3(2, RDPSR, L0, 0), DEVICE >> 10 | 4 << 22 | L4 << 25, op3(3, ST, 0, L4, imm=0),
        op3(3, LD, L3, 0, imm=INTERRUPTS), op3(2, ADD, L3, L3, imm=1), op3(3, ST, L3, 0, imm=INTERRUPTS),
        op3(2, AND, L5, L3, imm=1), op3(2, XOR, L5, L5, imm=1), op3(3, ST, L5, 0, imm=FLAG),
        op3(2, WRPSR, 0, L0, imm=0), NOP, NOP, NOP, op3(2, JMPL, 0, L1, imm=0), op3(2, RETT, 0, L2, imm=0),
    ),
}  # fmt: skip
BEGIN = (op3(2, WRPSR, 0, 0, imm=PSR), NOP, NOP, NOP)
POINT = (DEVICE >> 10 | 4 << 22 | L4 << 25,)  # sethi: to the device
AFTER = (  # counts and clears the flag
    op3(3, LD, G1, 0, imm=ROUNDS), op3(2, ADD, G1, G1, imm=1), op3(3, ST, G1, 0, imm=ROUNDS),
    op3(3, ST, 0, 0, imm=FLAG),
)  # fmt: skip
TEST = (op3(2, SUBCC, 0, G1, imm=0), bicc(EQUAL, 0, -2))

GUESTS = {  # name: processor, program
    "m68k waits": (M68020, M68K | hexed(CODE, "46fc 2000  4ab8 0800 67fa  52b8 0804 42b8 0800 60f0")),
    "m68k goes round itself": (M68020, M68K | hexed(CODE, "46fc 2000  60fe")),
    "m68k counts": (M68020, M68K | hexed(CODE, "46fc 2000  5280 4ab8 0800 67f8  42b8 0800 60f0")),
    "m68k stores": (M68020, M68K | hexed(CODE, "46fc 2000  21c0 0900 4ab8 0800 67f6  42b8 0800 60ee")),
    "m68k polls": (M68020, M68K | hexed(CODE, "46fc 2000  4ab9 0010 0000 67f8 60f6")),
    "m68k polls what is steady": (
        M68020, M68K | hexed(CODE, "46fc 2000  4ab9 0010 0010 66f8  4ab8 0800 67f2  42b8 0800 60ec"),
    ),
    "sparc waits": (
        Mb86904,
        SPARC | at(CODE, *BEGIN, op3(3, LD, G1, 0, imm=FLAG), *TEST, NOP, *AFTER, bicc(ALWAYS, 0, -8), NOP),
    ),
    "sparc counts": (
        Mb86904,
        SPARC
        | at(CODE, *BEGIN, op3(3, LD, G1, 0, imm=FLAG), *TEST, op3(2, ADD, 5, 5, imm=1), *AFTER)
        | at(CODE + 48, bicc(ALWAYS, 0, -8), NOP),
    ),
    "sparc stores": (
        Mb86904,
        SPARC | at(CODE, *BEGIN, op3(3, LD, G1, 0, imm=FLAG), *TEST, op3(3, ST, 5, 0, imm=0x900))
        | at(CODE + 32, *AFTER, bicc(ALWAYS, 0, -8), NOP),
    ),
    "sparc polls": (
        Mb86904,
        SPARC | at(CODE, *BEGIN, *POINT, op3(3, LD, G1, L4, imm=0), *TEST, NOP, bicc(ALWAYS, 0, -4), NOP),
    ),
}  # fmt: skip
STEADY = 0x10
WAITING = ["m68k polls what is steady", "m68k waits", "m68k goes round itself", "sparc waits"]


class Board(Element):
    """64 KB of RAM at 0, and a timer: every PERIOD an interrupt, until DEVICE is written."""

    module = "test/board"

    def __init__(self, machine):
        super().__init__("board0", Args(), machine)
        self.mmu, self.ram, self.reads, self.period = Mmu(), Memory.ram(0x10000), 0, PERIOD

    def ports(self, args):
        return [BoardPort(self, self)]

    def memories(self):
        yield 0, self.ram

    def read(self, phys, va, size, fc):
        self.reads += not phys & STEADY
        return 0

    def steady(self, phys, va, size, fc):
        return 0 if phys & STEADY else None

    def write(self, phys, va, size, value, fc):
        self.ask(0)

    def attach_cpu(self, cpu):
        self.cpu, self.pin = cpu, "ipl" if hasattr(cpu.state, "ipl") else "irl"
        self.event = self.machine.clock.after(self.period, self.tick)

    def tick(self):
        self.ask(LEVEL)
        self.machine.clock.after(self.period, self.tick)

    def ask(self, level):
        setattr(self.cpu.state, self.pin, level)
        self.cpu.attention()

    def bus_reset(self):
        pass

    def cpu_halted(self):
        pass

    def before_routine(self, name):
        if self.pin == "ipl":
            self.cpu.state.int_vector = 0xFFFFFFFF


@pytest.fixture
def build(monkeypatch):
    monkeypatch.setattr("tme.idling.WORTH", 0)
    made = []

    def make(name, **options):
        cls, program = GUESTS[name]
        machine = Machine(Options(engine="concrete", **options))
        board, cpu = Board(machine), cls("cpu0", Args({"fpu-type": "none"}), machine)
        machine.elements |= {"board0": board, "cpu0": cpu}
        connect(board, Args(), cpu, Args())
        for address, word in program.items():
            board.ram.write(address, 4, word)
        made.append(machine)
        machine.power(True)
        return machine, board, cpu

    yield make
    for machine in made:
        machine.elements["cpu0"].close()
        machine.close()
        machine.elements["board0"].ram.close()


def history(machine, board, cpu, stops):
    """What there is to see at each stop."""
    seen = []
    for stop in stops:
        machine.pause_at = stop
        machine.run()
        memory = tuple(board.ram.read(a, 4) for a in (FLAG, ROUNDS, INTERRUPTS, 0x900))
        seen.append((cpu.now, machine.clock.now, cpu.registers(), memory, board.reads))
    return seen


@pytest.mark.parametrize("name", GUESTS)
def test_it_is_at_every_stop_as_if_every_instruction_had_been_executed(build, monkeypatch, name):
    stops = [700, 701, 1774, 1775, 1790, 3000, 3551, 4999, 5333, 7101, 8000]
    machine, board, cpu = build(name)
    found = history(machine, board, cpu, stops)
    monkeypatch.setattr(Idle, "look", lambda self, budget: False)
    executed = build(name)
    assert found == history(*executed, stops)
    assert [now for now, *_ in found] == stops
    assert executed[2].idle.skipped == 0
    memory = found[-1][3]
    assert memory[2] == 4  # interrupts
    if "waits" in name:
        assert memory[1] == 2  # they let the guest leave its loop
    assert cpu.stats()["instructions by engine"]["skipped"] == cpu.idle.skipped
    assert (cpu.idle.skipped > 3000) == (name in WAITING)
    assert name in WAITING or cpu.idle.skipped == 0


@pytest.mark.parametrize("name", WAITING)
def test_next_to_nothing_is_executed(build, name):
    machine, board, cpu = build(name)
    board.period = 10_000_000
    machine.clock.after(200_000_000, machine.stop)
    machine.run()
    assert cpu.now == 800_000
    assert cpu.idle.skipped > 780_000
    assert board.ram.read(INTERRUPTS, 4) == 20


def sleep(machine, seconds):
    """Let a machine run until it has slept for so long, and for how long that was: hosts may be busy."""
    start = time.monotonic()
    while machine.stats()["seconds by stage"]["idle"] < seconds:
        assert time.monotonic() - start < 60
        machine.run(0.1)
    return time.monotonic() - start


@pytest.mark.parametrize("clock", ["host", "icount"])
def test_the_process_sleeps_at_the_pace_of_guest_time(build, clock):
    """By icount only while there could be input."""
    machine, board, cpu = build("sparc waits", clock=clock)
    board.period = 20_000_000
    source, sink = os.pipe()
    machine.add_reader(source, machine.stop)
    took = sleep(machine, 0.2)
    stats = machine.stats()
    assert 0.1 < stats["guest seconds"] < took + 0.05
    assert clock == "host" or stats["guest seconds"] == cpu.now / 4_000_000
    os.write(sink, b"x")
    assert machine.run(10) == 0
    assert machine.exit_code == 0
    os.close(source)
    os.close(sink)


def test_without_events_it_sleeps_too(build):
    machine, board, cpu = build("m68k goes round itself")
    board.event.cancel()
    sleep(machine, 0.1)
    assert cpu.condition == "running"


def test_nothing_is_skipped_while_somebody_watches(build):
    machine, _, cpu = build("m68k waits")
    seen = []

    class Observer:
        def before(self, routine):
            seen.append(routine)

        def after(self, routine):
            pass

    cpu.cpu.observe(Observer())
    history(machine, *(machine.elements[n] for n in ("board0", "cpu0")), [1500])
    assert seen.count(None) == 1500
