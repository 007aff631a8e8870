"""A processor on the smallest board there is: 64 KB of RAM at 0, no watchdog, interrupts by hand."""

from __future__ import annotations

import json
import struct

import pytest

from devices.ic.m680x0 import M68010, M68020
from devices.ic.processor import BoardPort
from tme.args import Args
from tme.element import Element
from tme.errors import TmeError
from tme.machine import FAILED, Machine
from tme.memory import Memory
from tme.options import Options
from tme.port import connect
from translator.memory import Mmu, Refused

START, STACK = 0x1000, 0x8000
BAD_STACK = "2e7c 0010 0000"  # movea.l #$100000,sp: no memory there
TRAP, STOP, LOOP = "4e40", "4e72 2000", "60fe"


class Board(Element):
    module = "test/board"

    def __init__(self, machine, watchdog=False):
        super().__init__("board0", Args(), machine)
        self.mmu, self.ram = Mmu(), Memory.ram(0x10000)
        self.watchdog, self.resets, self.halts = watchdog, 0, 0

    def ports(self, args):
        return [BoardPort(self, self)]

    def memories(self):
        yield 0, self.ram

    def read(self, phys, va, size, fc):
        raise Refused

    def write(self, phys, va, size, value, fc):
        raise Refused

    def attach_cpu(self, cpu):
        self.cpu = cpu

    def before_routine(self, name):
        self.cpu.state.int_vector = 0xFFFFFFFF

    def bus_reset(self):
        self.resets += 1

    def cpu_halted(self):
        self.halts += 1
        if self.watchdog:
            self.ram.write(START, 4, 0x4E722700)  # next time: stop
            self.machine.elements["cpu0"].reset()


@pytest.fixture
def build(request):
    made = []

    def make(code, cls=M68020, watchdog=False, **options):
        machine = Machine(Options(engine="concrete", insns=2000, **options))
        board, cpu = Board(machine, watchdog), cls("cpu0", Args(), machine)
        machine.elements |= {"board0": board, "cpu0": cpu}
        connect(board, Args(), cpu, Args())
        image = struct.pack(">II", STACK, START) + struct.pack(">I", START) * 62
        image = image.ljust(START, b"\0") + bytes.fromhex(code)
        for at, byte in enumerate(image):
            board.ram.write(at, 1, byte)
        made.append(machine)
        return machine, board, cpu

    yield make
    for machine in made:
        machine.elements["cpu0"].close()
        machine.close()
        machine.elements["board0"].ram.close()


def run(machine):
    machine.power(True)
    return machine.run()


@pytest.mark.parametrize("cls", [M68010, M68020])
def test_a_double_bus_fault_ends_a_machine_without_a_watchdog(build, capsys, cls):
    machine, board, cpu = build(BAD_STACK + TRAP, cls)
    assert run(machine) == FAILED
    said = capsys.readouterr().err
    assert "cpu0: halted (double bus fault at pc 00001006), and nothing resets it" in said
    assert "00100000" in said  # its stack pointer
    assert board.halts == 1
    assert cpu.waiting
    assert cpu.command(["registers"]).startswith("halted (double bus fault at pc 00001006)\nd0 ")
    assert cpu.stats()["processor"] == "halted (double bus fault at pc 00001006)"
    assert cpu.now == 2


def test_a_halted_processor_is_in_the_statistics(build, capsys):
    machine, _, _ = build(BAD_STACK + TRAP, stats="json")
    assert run(machine) == FAILED
    stats = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert stats["processor"] == "halted (double bus fault at pc 00001006)"
    assert stats["instructions"] == 2


def test_power_brings_it_back(build, capsys):
    machine, board, cpu = build(BAD_STACK + TRAP)
    assert run(machine) == FAILED
    machine.power(False)
    board.ram.write(START, 2, 0x60FE)
    assert run(machine) == 0
    assert cpu.condition == "running"
    assert cpu.cpu.state.r[15] == STACK


def test_no_interrupt_helps_a_halted_processor(build, capsys):
    machine, board, cpu = build(BAD_STACK + TRAP)
    assert run(machine) == FAILED
    board.cpu.state.ipl = 7
    assert cpu.run(10) == 0
    assert cpu.condition.startswith("halted")


def test_a_watchdog_resets_it(build, capsys):
    machine, board, cpu = build(BAD_STACK + TRAP, watchdog=True)
    assert run(machine) == FAILED  # it waits for an interrupt that nothing can cause
    assert "nothing is left that could cause one" in capsys.readouterr().err
    assert board.halts == 1
    assert cpu.condition == "stopped (interrupt mask 7)"
    assert cpu.command(["registers"]).splitlines()[0] == cpu.condition


def test_an_odd_program_counter_from_the_reset_vector_halts(build, capsys):
    """An address error while reset is processed is a double bus fault (68020 UM 6.1.1)."""
    machine, board, cpu = build(LOOP)
    board.ram.write(4, 4, START + 1)
    assert run(machine) == FAILED
    assert f"halted (double bus fault at pc {START + 1:08x})" in capsys.readouterr().err
    assert cpu.now == 0


def test_reset_instruction_tells_the_board_and_goes_on(build, capsys):
    machine, board, cpu = build("4e70 7005 60fe")
    assert run(machine) == 0
    assert board.resets == 1
    assert cpu.registers()["d0"] == 5
    assert cpu.registers()["pc"] == START + 4
    assert cpu.condition == "running"


def test_registers_need_power(build):
    _, _, cpu = build(LOOP)
    with pytest.raises(TmeError, match="cpu0 has no power yet"):
        cpu.command(["registers"])
