"""The enable register lets the 68881 answer."""

from __future__ import annotations

import pytest

from devices.sun.sun3.control import Enable
from translator.cpu import Cpu
from translator.m68k import SYSTEMS


@pytest.fixture
def board(machine, tmp_path):
    path = tmp_path / "idprom"
    path.write_bytes(bytes(32))
    machine.make("mainbus0", f"tme/machine/sun3 {path}")
    return machine.elements["mainbus0"]


def test_coprocessor_answers_when_it_is_enabled(board):
    cpu = Cpu(SYSTEMS["m68020+m68881"], board.mmu, board)
    board.attach_cpu(cpu)
    assert cpu.state.fp_off
    board.enable.write(0, 1, Enable.NOT_BOOT | Enable.FPP)
    assert not cpu.state.fp_off
    board.enable.write(0, 1, Enable.NOT_BOOT)
    assert cpu.state.fp_off
    board.enable.write(0, 1, Enable.FPP)
    board.reset()
    assert cpu.state.fp_off
