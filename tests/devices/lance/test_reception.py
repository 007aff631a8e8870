"""What the LANCE receives: filters, buffers in its ring, errors."""

from __future__ import annotations

import pytest

from tests.devices.lance.driver import (
    ALL,
    BUFF,
    CRC,
    ENP,
    ERR,
    FRAM,
    INTR,
    ME,
    MISS,
    MULTICAST,
    OFLO,
    OTHER,
    OWN,
    PROM,
    RINT,
    RX,
    STP,
    TDMD,
    fcs,
    frame,
)


def test_a_frame_arrives(le):
    data = frame(length=100)
    le.from_cable(data)
    assert le.word(le.rmd(0) + 2) == STP | ENP | 8
    assert le.word(le.rmd(0) + 6) == 104
    assert le.data(0, 104) == data + fcs(data)
    assert le.irq
    assert le.take() == RINT | INTR


def test_short_frames_are_padded(le):
    le.from_cable(frame(length=20))
    assert le.word(le.rmd(0) + 6) == 64
    assert le.data(0, 60) == frame(length=20).ljust(60, b"\0")


def test_a_frame_in_several_buffers(driver):
    driver.start(size=128)
    data = frame(length=300)
    driver.from_cable(data)
    assert [driver.word(driver.rmd(n) + 2) for n in range(4)] == [STP | 8, 8, ENP | 8, OWN | 8]
    assert driver.word(driver.rmd(2) + 6) == 304
    assert driver.data(0, 128) + driver.data(1, 128) + driver.data(2, 48) == data + fcs(data)
    assert driver.take() == RINT | INTR


def test_round_the_receive_ring(le):
    for turn in range(9):
        le.from_cable(frame(seed=turn))
        assert le.data(turn % 4, 60) == frame(seed=turn)
        le.put(le.rmd(turn % 4) + 2, OWN | 8)


def test_missed_frames(le):
    le.from_cable(*[frame(seed=seed) for seed in range(5)])
    assert le.take() == RINT | MISS | ERR | INTR
    assert le.data(3, 60) == frame(seed=3)
    le.put(le.rmd(0) + 2, OWN | 8)
    le.from_cable(frame(seed=9))
    assert le.data(0, 60) == frame(seed=9)


@pytest.mark.parametrize(("length", "errors"), [(300, BUFF | OFLO), (130, BUFF)])
def test_no_buffer_for_the_rest(driver, length, errors):
    driver.start(size=128)
    driver.put(driver.rmd(1) + 2, 8)
    driver.from_cable(frame(length=length))
    assert driver.word(driver.rmd(0) + 2) == 0x4000 | errors | STP | 8
    assert driver.take() == RINT | INTR
    driver.from_cable(frame())
    assert driver.take() == MISS | ERR | INTR  # it waits for descriptor 1


def test_a_ring_of_one_buffer(driver):
    driver.start(rx=0, size=128)
    driver.from_cable(frame())
    assert driver.word(RX + 2) == STP | ENP | 8
    driver.put(RX + 2, OWN | 8)
    driver.from_cable(frame(length=300))
    assert driver.word(RX + 2) == 0x4000 | BUFF | OFLO | STP | 8


@pytest.mark.parametrize(("error", "bits"), [(CRC, CRC), (FRAM, FRAM), (CRC | FRAM, CRC | FRAM)])
def test_bad_frames(le, error, bits):
    data = frame()
    le.chip.rx.receive(data + fcs(data), error)
    assert le.word(le.rmd(0) + 2) == 0x4000 | bits | STP | ENP | 8
    assert le.take() == RINT | INTR


def test_runts(le):
    le.chip.rx.receive(frame(length=59) + b"1234")
    assert le.word(le.rmd(0) + 2) & OWN
    assert not le.irq


@pytest.mark.parametrize(
    ("to", "mode", "taken"),
    [
        (ME, 0, True), (OTHER, 0, False), (ALL, 0, True), (MULTICAST, 0, False),
        (OTHER, PROM, True), (MULTICAST, PROM, True), (ME, PROM, True),
    ],
)  # fmt: skip
def test_the_address_filter(driver, to, mode, taken):
    driver.start(mode)
    driver.from_cable(frame(to))
    assert bool(driver.word(driver.rmd(0) + 2) & OWN) is not taken


def test_logical_addresses(driver):
    # as drivers compute it: the CRC shifted in bit by bit, its upper six bits
    def selected(address):
        crc = 0xFFFFFFFF
        for byte in address:
            for bit in range(8):
                low = (crc ^ byte >> bit) & 1
                crc = crc >> 1 ^ (0xEDB88320 if low else 0)
        return crc >> 26

    bit = selected(MULTICAST)
    filters = [1 << bit % 16 if word == bit // 16 else 0 for word in range(4)]
    driver.start(filters=filters)
    other = next(a for a in (bytes((1, 0, 94, 0, 0, n)) for n in range(2, 99)) if selected(a) != bit)
    driver.from_cable(frame(other), frame(MULTICAST), frame(OTHER))
    assert driver.data(0, 60) == frame(MULTICAST)
    assert driver.word(driver.rmd(1) + 2) & OWN
    driver.start(filters=(0xFFFF,) * 4)
    driver.from_cable(frame(other), frame(OTHER))
    assert driver.data(0, 60) == frame(other)
    assert driver.word(driver.rmd(1) + 2) & OWN


def test_frames_come_one_after_the_other(le):
    le.station.port.send(frame(length=1000))
    le.station.port.send(frame(length=1000))
    le.machine.clock.advance(1024 * 800)
    assert [le.word(le.rmd(n) + 2) & OWN for n in (0, 1)] == [0, OWN]
    le.wait()
    assert not le.word(le.rmd(1) + 2) & OWN


@pytest.mark.parametrize("length", [64, 65])
@pytest.mark.parametrize("odd", [0, 1])
def test_byte_order(driver, length, odd):
    """Without BSWP each byte of a frame is at its neighbour's address; descriptors do not change."""
    driver.start(csr3=0)
    driver.put(driver.rmd(0), odd)
    data = frame(length=length)
    driver.from_cable(data)
    whole = data + fcs(data)
    stored = [driver.memory[0x80000 + odd + n ^ 1] for n in range(len(whole))]
    assert bytes(stored) == whole
    assert driver.memory[0x80000 - 2 + 2 * (1 - odd)] == (0 if odd else whole[1])
    at = 0xC0000
    for n, byte in enumerate(data):
        driver.memory[at + odd + n ^ 1] = byte
    driver.put(driver.tmd(0), odd, OWN | STP | ENP | 0x0C, -length, 0)
    driver.csr(0, TDMD)
    driver.wait()
    assert driver.station.frames == [data]
