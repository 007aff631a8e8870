"""The LANCE by its data sheet: registers and initialisation."""

from __future__ import annotations

import pytest

from tests.devices.lance.driver import (
    BLOCK,
    BSWP,
    DRX,
    DTX,
    IDON,
    INEA,
    INIT,
    INTR,
    ME,
    ON,
    OTHER,
    OWN,
    RAP,
    RDP,
    RX,
    RXON,
    STOP,
    STRT,
    TDMD,
    TX,
    TXON,
    frame,
)


def test_after_a_reset(driver):
    assert [driver.csr(n) for n in range(4)] == [STOP, 0, 0, 0]
    assert driver.bus.read(RAP, 2) == 3
    driver.chip.reset()
    assert driver.bus.read(RAP, 2) == 0


def test_rap_has_two_bits(driver):
    driver.bus.write(RAP, 2, 0xFFFE)
    assert driver.bus.read(RAP, 2) == 2
    assert driver.bus.read(RAP + 1, 1) == 2
    assert driver.bus.peek(RAP, 2) == 2


def test_the_other_registers_while_stopped(driver):
    for number, mask in ((1, 0xFFFE), (2, 0x00FF), (3, 0x0007)):
        driver.csr(number, 0xFFFF)
        assert driver.csr(number) == mask
    driver.csr(0, STOP)
    assert [driver.csr(n) for n in (1, 2, 3)] == [0xFFFE, 0x00FF, 0]  # STOP clears CSR3


def test_and_while_it_runs(le):
    le.csr(1, 0x4444)
    le.csr(3, 3)
    le.csr(0, STOP)
    assert le.csr(1) == BLOCK


@pytest.mark.parametrize("value", [INEA, TDMD, IDON | INEA, 0])
def test_only_init_and_strt_end_a_stop(driver, value):
    driver.csr(0, value)
    assert driver.csr0 == STOP


def test_stop_wins(driver):
    driver.csr(0, STOP | INIT | STRT | INEA)
    driver.wait()
    assert driver.csr0 == STOP


def test_a_long_word_reaches_both_registers(le):
    assert le.bus.read(RDP, 4) == le.csr0 << 16


def test_initialisation(driver):
    driver.start(filters=(0x1111, 0x2222, 0x3333, 0x4444), rx=7, tx=0, go=0)
    chip = driver.chip
    assert chip.address == ME
    assert chip.filter == 0x4444_3333_2222_1111
    assert (chip.rx.ring.base, chip.rx.ring.length) == (RX, 128)
    assert (chip.tx.ring.base, chip.tx.ring.length) == (TX, 1)
    assert not driver.irq
    driver.csr(0, INEA)
    assert driver.irq
    driver.csr(0, IDON | INEA)
    assert driver.csr0 == INIT | INEA
    assert not driver.irq
    driver.csr(0, STRT | INEA)
    assert driver.csr0 == ON | INEA


def test_initialisation_takes_its_time(driver):
    driver.csr(0, INIT)
    assert driver.csr0 == INIT
    driver.csr(0, STOP)
    driver.wait()
    assert driver.csr0 == STOP


def test_init_and_strt_at_once(driver):
    driver.start(go=0)
    driver.csr(0, STOP)
    driver.csr(3, BSWP)
    driver.csr(0, INIT | STRT)
    driver.wait()
    assert driver.csr0 == ON | IDON | INTR


@pytest.mark.parametrize(("mode", "on"), [(0, RXON | TXON), (DRX, TXON), (DTX, RXON), (DTX | DRX, 0)])
def test_halves_that_are_off(driver, mode, on):
    driver.start(mode)
    assert driver.csr0 & (RXON | TXON) == on
    driver.from_cable(frame())
    assert bool(driver.word(driver.rmd(0) + 2) & OWN) is not bool(on & RXON)
    driver.send(frame(OTHER))
    assert bool(driver.station.frames) is bool(on & TXON)
    assert not driver.csr0 & TDMD


def test_a_restart_without_init_keeps_the_rings(le):
    le.from_cable(frame())
    le.csr(0, STOP)
    le.csr(3, BSWP)
    le.csr(0, STRT)
    le.from_cable(frame(seed=1))
    assert le.data(1, 60) == frame(seed=1)


def test_stop_drops_what_is_on_its_way(le):
    le.offer(frame(OTHER, 1500))
    le.csr(0, TDMD)
    le.station.port.send(frame())
    le.machine.clock.advance(10_000)
    le.csr(0, STOP)
    le.wait(5)
    assert le.csr0 == STOP
    assert not le.station.frames
    assert le.word(le.rmd(0) + 2) & OWN
    assert le.word(le.tmd(0) + 2) & OWN
