"""The LANCE's loopback modes."""

from __future__ import annotations

import pytest

from tests.devices.lance.driver import (
    COLL,
    CRC,
    DRTY,
    DTCR,
    ENP,
    INTL,
    LOOP,
    MULTICAST,
    OTHER,
    OWN,
    STP,
    TXON,
    fcs,
    frame,
)


def test_internal_loopback(driver):
    driver.start(LOOP | INTL)
    data = frame(length=32)
    assert driver.send(data) == STP | ENP
    assert not driver.station.frames
    assert driver.word(driver.rmd(0) + 2) == STP | ENP | 8
    assert driver.data(0, 36) == data + fcs(data)
    assert driver.word(driver.rmd(0) + 6) == 36
    driver.from_cable(frame())
    assert driver.word(driver.rmd(1) + 2) & OWN  # deaf meanwhile
    driver.send(frame(OTHER, 32), first=1)
    assert driver.word(driver.rmd(1) + 2) & OWN  # not addressed to us


def test_external_loopback(driver):
    driver.start(LOOP)
    data = frame(length=32)
    driver.send(data)
    assert driver.station.frames == [data]
    assert driver.data(0, 32) == data
    driver.from_cable(frame(seed=4))
    assert driver.data(1, 60) == frame(seed=4)


def test_an_open_cable_in_external_loopback(driver):
    driver.start(LOOP)
    driver.station.port.set_link(False)
    driver.send(frame(length=32))
    assert driver.word(driver.tmd(0) + 6) == 0x0800
    assert driver.word(driver.rmd(0) + 2) & OWN


@pytest.mark.parametrize("good", [True, False])
def test_crc_logic_in_loopback(driver, good):
    driver.start(LOOP | INTL | DTCR)
    data = frame(length=28)
    driver.send(data + (fcs(data) if good else b"1234"))
    assert driver.word(driver.rmd(0) + 2) == (0 if good else 0x4000 | CRC) | STP | ENP | 8


@pytest.mark.parametrize(("mode", "taken"), [(LOOP, False), (LOOP | DTCR, True)])
def test_logical_addresses_in_loopback(driver, mode, taken):
    """One CRC generator serves both ways."""
    driver.start(mode, filters=(0xFFFF,) * 4)
    data = frame(MULTICAST, 28)
    driver.send(data + fcs(data))
    assert bool(driver.word(driver.rmd(0) + 2) & OWN) is not taken


@pytest.mark.parametrize("mode", [LOOP | INTL | COLL, LOOP | INTL | COLL | DRTY])
def test_forced_collisions(driver, mode):
    driver.start(mode)
    assert driver.send(frame(length=32)) == 0x4000 | STP | ENP
    assert driver.word(driver.tmd(0) + 6) & 0xFC00 == 0x0400
    assert driver.word(driver.rmd(0) + 2) & OWN
    assert driver.csr0 & TXON
