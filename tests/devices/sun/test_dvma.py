"""DVMA at the ends of what is mapped: whatever a master asks for, it gets data or a bus error."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from devices.sun.sun3.dvma import Dvma
from devices.sun.sun3.mmu import OBMEM, SPACE_SHIFT
from tme.bus import Bus, BusError
from tme.memory import Memory

SMALL = 0x800
"""Bytes of a memory that fills a quarter of its page, as an EEPROM does."""


@pytest.fixture
def dvma():
    bus = Bus(1 << 24)
    memory = Memory.ram(SMALL)
    bus.add(0, SMALL, memory, "small")
    identity = SimpleNamespace(
        translate=lambda va, fc, how: OBMEM << SPACE_SHIFT | va & 0xFF_FFFF, wrote=lambda phys, count: None
    )
    board = SimpleNamespace(
        cpu=SimpleNamespace(memory=identity),
        enable=SimpleNamespace(register=SimpleNamespace(SDVMA=1)),
        maps=SimpleNamespace(state=SimpleNamespace(bus_error=0)),
        bus_of=lambda number, phys: bus,
    )
    yield Dvma(board)
    memory.close()


def test_up_to_the_end(dvma):
    dvma.onboard_write(SMALL - 4, b"last")
    assert dvma.onboard_read(SMALL - 4, 4) == b"last"


def test_across_the_end(dvma):
    with pytest.raises(BusError):
        dvma.onboard_read(SMALL - 4, 8)
    with pytest.raises(BusError):
        dvma.onboard_write(SMALL - 4, b"too long")


def test_outside_of_the_window(dvma):
    for address in (-1, 1 << 24):
        with pytest.raises(BusError):
            dvma.onboard_read(address, 1)


def test_only_while_enabled(dvma):
    dvma.board.enable.register.SDVMA = 0
    with pytest.raises(BusError):
        dvma.onboard_read(0, 1)
