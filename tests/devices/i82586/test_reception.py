"""What the 82586 receives: filters, descriptors, buffers, errors."""

from __future__ import annotations

import pytest

from tests.devices.i82586.driver import ALL, BASE, FR, MC, ME, NONE, OK, OTHER, RNR, SCB, C, S, frame


def test_frames_in_one_and_many_buffers(ie):
    ie.listen(size=128)
    assert ie.word(SCB) == 0x0040
    small, large = frame(), frame(length=300, seed=1)
    ie.from_cable(small, large)
    assert [ie.word(ie.rfd(at)) for at in range(3)] == [C | OK, C | OK, 0]
    assert [ie.word(ie.rfd(at) + 6) for at in range(2)] == [ie.rbd(0) - BASE, ie.rbd(1) - BASE]
    assert [ie.word(ie.rbd(at)) for at in range(4)] == [0xC000 | 60, 0x4000 | 128, 0x4000 | 128, 0xC000 | 44]
    assert ie.data(0, 60) == small
    assert ie.data(1, 128) + ie.data(2, 128) + ie.data(3, 44) == large
    assert ie.irq
    assert ie.acknowledge() == FR
    assert not ie.irq


def test_headers_in_descriptors(ie):
    ie.configure(b3=0x26)
    ie.listen()
    data = frame(length=80)
    ie.from_cable(data)
    at = ie.rfd(0) + 8
    assert ie.memory[at : at + 14] == data[:14]
    assert ie.data(0, 66) == data[14:]
    assert ie.word(ie.rbd(0)) == 0xC000 | 66


def test_short_frames_are_padded(ie):
    ie.listen()
    ie.from_cable(frame(length=20))
    assert ie.word(ie.rbd(0)) == 0xC000 | 60
    assert ie.data(0, 60) == frame(length=20).ljust(60, b"\0")


def test_frames_come_one_after_the_other(ie):
    ie.listen()
    ie.station.port.send(frame(length=1000))
    ie.station.port.send(frame(length=1000))
    ie.machine.clock.advance(1012 * 800)
    assert ie.word(ie.rfd(0)) == 0
    ie.machine.clock.advance(10_000)
    assert (ie.word(ie.rfd(0)), ie.word(ie.rfd(1))) == (C | OK, 0)
    ie.wait(1)
    assert ie.word(ie.rfd(1)) == C | 0x0200  # 2,000 bytes do not fit


MULTICAST = bytes.fromhex("0100 5e00 0001")


@pytest.mark.parametrize(
    ("to", "byte8", "taken"),
    [
        (ME, 0, True), (OTHER, 0, False), (ALL, 0, True), (MULTICAST, 0, False),
        (OTHER, 1, True), (MULTICAST, 1, True), (ALL, 2, False), (ALL, 3, True), (ME, 2, True),
    ],
)  # fmt: skip
def test_the_address_filter(ie, to, byte8, taken):
    ie.configure(b8=byte8)
    ie.listen()
    ie.from_cable(frame(to))
    assert bool(ie.word(ie.rfd(0))) is taken


def test_multicast_addresses(ie):
    ie.do(MC, 12, data=MULTICAST + bytes.fromhex("030000000001"))
    ie.acknowledge()
    ie.listen()
    ie.from_cable(
        frame(MULTICAST), frame(bytes.fromhex("030000000001")), frame(bytes.fromhex("01005e000002"))
    )
    assert [bool(ie.word(ie.rfd(at))) for at in range(3)] == [True, True, False]
    ie.acknowledge()
    ie.do(MC, 0)
    ie.from_cable(frame(MULTICAST))
    assert ie.word(ie.rfd(2)) == 0


def test_no_more_descriptors(ie):
    ie.listen(frames=1)
    ie.from_cable(frame())
    assert (ie.ru, ie.word(SCB + 12), ie.acknowledge()) == (2, 0, FR | RNR)
    ie.from_cable(frame(), frame(), frame(OTHER))
    assert (ie.word(SCB + 12), ie.word(SCB)) == (2, 0x0020)
    ie.listen()
    ie.from_cable(frame(seed=7))
    assert ie.data(0, 60) == frame(seed=7)


def test_no_more_buffers(ie):
    ie.listen(buffers=2, size=100)
    ie.from_cable(frame(length=300))
    assert ie.word(ie.rfd(0)) == C | 0x0200
    assert [ie.word(ie.rbd(at)) for at in range(2)] == [0x4000 | 100] * 2
    assert (ie.ru, ie.acknowledge()) == (2, FR | RNR)
    assert ie.word(SCB + 12) == 0


def test_no_buffers_at_all(ie):
    ie.listen(buffers=0)
    ie.from_cable(frame())
    assert ie.word(ie.rfd(0)) == C | 0x0200
    assert ie.word(ie.rfd(0) + 6) == NONE


def test_suspension(ie):
    ie.listen(flags={0: S})
    ie.from_cable(frame())
    assert (ie.ru, ie.acknowledge()) == (1, FR | RNR)
    ie.from_cable(frame())
    assert ie.word(ie.rfd(1)) == 0
    ie.scb(0x0020)
    assert ie.ru == 4
    ie.from_cable(frame())
    assert ie.word(ie.rfd(1)) == C | OK
    ie.acknowledge()
    ie.scb(0x0030)
    assert (ie.ru, ie.acknowledge()) == (1, RNR)
    ie.scb(0x0040)
    assert (ie.ru, ie.word(SCB)) == (0, 0)


def test_abort_of_the_receive_unit(ie):
    ie.listen()
    ie.scb(0x0040)
    assert ie.word(SCB) == RNR
    ie.from_cable(frame())
    assert ie.word(ie.rfd(0)) == 0
    assert ie.word(SCB + 12) == 0


@pytest.mark.parametrize(
    ("error", "counter"), [(0x0800, 8), (0x0400, 10), (0x0C00, 10), (0x0100, 14), (0x0040, None)]
)
def test_bad_frames(ie, error, counter):
    ie.listen()
    ie.chip.ru.receive(frame(), error)
    counts = {at: ie.word(SCB + at) for at in (8, 10, 12, 14)}
    assert counts == {at: int(at == counter) for at in counts}
    assert ie.word(ie.rfd(0)) == 0  # not kept
    ie.configure(b2=0xC0)
    ie.chip.ru.receive(frame(), error)
    assert ie.word(ie.rfd(0)) == C | error
    assert ie.word(SCB) & FR


def test_runts(ie):
    ie.listen()
    ie.chip.ru.receive(frame(length=20))
    assert ie.word(ie.rfd(0)) == 0
    ie.configure(b2=0xC0)
    ie.chip.ru.receive(frame(length=20))
    assert ie.word(ie.rfd(0)) == C | 0x0080


def test_counters_stop_at_their_end(ie):
    ie.listen(frames=1)
    ie.put(SCB + 8, 0xFFFE)
    for _ in range(3):
        ie.chip.ru.receive(frame(), 0x0800)
    assert ie.word(SCB + 8) == 0xFFFF
