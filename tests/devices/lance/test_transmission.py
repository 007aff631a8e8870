"""What the LANCE sends, from buffers in its ring, and what becomes of it."""

from __future__ import annotations

import pytest

from tests.devices.lance.driver import (
    BABL,
    CERR,
    DTCR,
    ENP,
    ERR,
    INEA,
    INTR,
    ON,
    OTHER,
    OWN,
    RXON,
    STP,
    TDMD,
    TINT,
    TX,
    TXON,
    fcs,
    frame,
)


def test_a_frame(le):
    data = frame(OTHER, 200)
    assert le.send(data) == STP | ENP
    assert le.station.frames == [data]
    assert le.irq
    assert le.take() == TINT | INTR
    assert not le.irq
    assert le.word(le.tmd(0) + 2) & 0xFF == 0x0C  # the address stays


def test_chained_buffers(le):
    data = frame(OTHER, 400)
    assert le.send(data[:100], data[100:101], data[101:]) == ENP
    assert le.station.frames == [data]
    assert [le.word(le.tmd(n) + 2) & 0xFF00 for n in range(4)] == [STP, 0, ENP, 0]


def test_round_the_ring(le):
    for turn in range(9):
        data = frame(OTHER, seed=turn)
        assert le.send(data, first=turn % 4) == STP | ENP
        assert le.station.frames.pop() == data


def test_several_frames_on_one_demand(le):
    frames = [frame(OTHER, seed=seed) for seed in range(3)]
    for number, data in enumerate(frames):
        le.offer(data, first=number)
    le.csr(0, TDMD)
    le.wait()
    assert le.station.frames == frames


def test_without_a_demand_the_chip_looks_every_1600_microseconds(le):
    le.wait(2)
    le.offer(frame(OTHER))
    le.machine.clock.advance(1_700_000)
    assert le.station.frames


def test_a_frame_takes_its_time(le):
    assert le.send(frame(OTHER, 1514), wait=1) == OWN | STP | ENP
    le.csr(0, TDMD | INEA)  # impatience changes nothing
    le.machine.clock.advance(300_000)
    assert len(le.station.frames) == 1
    assert not le.word(le.tmd(0) + 2) & OWN


def test_the_rest_of_a_lost_frame_is_skipped(le):
    le.offer(b"x" * 60, flags=ENP)
    data = frame(OTHER)
    assert le.send(data, first=1) == STP | ENP
    assert le.word(le.tmd(0) + 2) & 0xFF00 == ENP
    assert le.station.frames == [data]


def test_a_chain_that_ends_too_soon(le):
    le.send(frame(OTHER, 100), b"y" * 40, flags=STP)
    assert le.word(le.tmd(1) + 2) & 0xFF00 == 0x4000 | STP
    assert le.word(le.tmd(1) + 6) == 0xC000  # BUFF and UFLO
    assert not le.station.frames
    assert le.csr0 & (TXON | RXON | TINT) == RXON | TINT
    le.from_cable(frame())
    assert not le.word(le.rmd(0) + 2) & OWN


@pytest.mark.parametrize("ring", [0, 2, 7])
def test_a_ring_without_an_end(driver, ring):
    driver.start(tx=ring)
    driver.put(TX, *[0, OWN | STP | 0x0C, -100, 0] * (1 << ring))
    driver.csr(0, TDMD)
    driver.wait(30)
    last = driver.tmd((1 << ring) - 1)
    assert driver.word(last + 6) == 0xC000
    assert not driver.csr0 & TXON
    assert not driver.station.frames


def test_a_frame_without_measure(driver):
    driver.start(tx=7)
    driver.put(TX, *[0, OWN | STP | 0x0C, 0, 0] * 128)  # 4096 bytes each
    driver.csr(0, TDMD)
    driver.wait(25)
    assert driver.word(driver.tmd(6) + 6) == 0x1000  # LCOL, from the transceiver
    assert driver.csr0 & (TXON | BABL) == TXON | BABL
    assert not driver.station.frames


@pytest.mark.parametrize(("length", "babble"), [(1514, 0), (1515, BABL)])
def test_babble(le, length, babble):
    data = frame(OTHER, length)
    assert le.send(data) == STP | ENP
    assert le.station.frames == [data]
    assert le.take() == TINT | INTR | babble | (ERR if babble else 0)
    assert le.csr0 == ON | INEA


def test_no_carrier(le):
    le.station.port.set_link(False)
    assert le.send(frame(OTHER)) == 0x4000 | STP | ENP
    assert le.word(le.tmd(0) + 6) == 0x0800
    assert le.take() == TINT | INTR | CERR | ERR
    assert le.csr0 == ON | INEA
    le.station.port.set_link(True)
    assert le.send(frame(OTHER), first=1) == STP | ENP


def test_cerr_alone_does_not_interrupt(le):
    le.chip.signal(CERR)
    assert le.csr0 == ON | INEA | CERR | ERR
    assert not le.irq


def test_an_fcs_made_by_software(driver):
    driver.start(DTCR)
    data = frame(OTHER)
    driver.send(data + fcs(data))
    assert driver.station.frames == [data]
    driver.send(data + b"....", first=1)  # nobody takes a frame with a wrong one
    assert driver.station.frames == [data]
