"""Sun's board with the 82586: control register, initialisation, interrupts."""

from __future__ import annotations

import pytest

from tests.devices.i82586.driver import CNA, CSR, CX, ISCP, SCB, frame
from tme.errors import TmeError
from tme.port import disconnect


def test_control_register(driver):
    assert driver.csr == 0
    driver.csr = 0xDF
    assert driver.csr == 0xD0  # the lower bits are read only or free
    assert driver.bus.read(CSR, 2) == 0xD000
    driver.bus.write(CSR, 2, 0xC0FF)
    assert driver.csr == 0xC0
    assert driver.bus.peek(CSR, 2) == 0xC000
    driver.board.reset()
    assert driver.csr == 0


def test_a_chip_in_reset_takes_no_notice(driver):
    driver.start(0x40)
    driver.csr = 0x60
    assert driver.word(ISCP) == 1
    driver.csr = 0x80  # released, but nobody has called it yet
    assert driver.word(ISCP) == 1


def test_boards_without_chip_or_place_are_refused(machine):
    machine.make("obio0", "tme/generic/bus size 16MB")
    board = machine.make("obie0", "tme/machine/sun3/obie")
    chip = machine.make("ie0", "tme/ic/i82586")
    with pytest.raises(TmeError, match="is on no bus"):
        board.check()
    machine.connect("obie0 csr at obio0 addr 0xc0000 ipl 3")
    with pytest.raises(TmeError, match="has no 82586"):
        board.check()
    with pytest.raises(TmeError, match="is on no board"):
        chip.check()
    machine.connect("ie0 at obie0")
    board.check()
    chip.check()
    disconnect(chip.socket)
    with pytest.raises(TmeError, match="has no 82586"):
        board.check()


def test_initialisation(driver):
    driver.start()
    assert driver.word(ISCP) == 0
    assert driver.word(SCB) == CX | CNA
    assert driver.irq
    assert driver.csr == 0xD1


def test_only_the_rising_edge_attends(driver):
    driver.start()
    driver.csr = 0xF0
    driver.put(SCB + 2, CX | CNA)
    driver.csr = 0xF0
    assert driver.word(SCB) == CX | CNA
    driver.csr = 0xD0
    assert driver.word(SCB) == CX | CNA
    driver.csr = 0xF0
    assert driver.word(SCB) == 0


def test_acknowledgement_and_enable(driver):
    driver.start()
    driver.csr = 0xC0
    assert not driver.irq
    assert driver.csr == 0xC1
    driver.csr = 0xD0
    assert driver.irq
    driver.scb(CX)
    assert driver.word(SCB) == CNA
    assert driver.irq
    driver.scb(CNA)
    assert driver.word(SCB) == 0
    assert driver.word(SCB + 2) == 0
    assert not driver.irq


@pytest.mark.parametrize("how", ["pin", "bit"])
def test_reset(ie, how):
    ie.listen()
    if how == "pin":
        ie.csr = 0x50
        ie.csr = 0xD0
    else:
        ie.scb(0x0080)
    assert not ie.irq
    ie.from_cable(frame())
    assert ie.word(ie.rfd(0)) == 0
    ie.put(ISCP, 1)
    ie.attend()
    assert ie.word(ISCP) == 0
    assert ie.word(SCB) == CX | CNA
