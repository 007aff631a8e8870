"""What the 82586 sends, on the cable and in loopback."""

from __future__ import annotations

import zlib

import pytest

from tests.devices.i82586.driver import BASE, CNA, CX, IE, ME, NONE, OK, OTHER, RUN, SCB, TRANSMIT, C, frame


def test_a_frame_from_buffers(ie):
    data = frame(OTHER, 200)
    assert ie.send(data[:14], data[14:100], b"", data[100:]) & 0xFFBF == C | OK
    assert ie.station.frames == [data]
    assert ie.acknowledge() == CX | CNA


def test_a_frame_takes_its_time(ie):
    assert ie.send(frame(length=1514), wait=1) == 0x4000
    assert not ie.station.frames
    ie.wait()
    assert ie.word(0x3000) & OK


def test_the_header_from_the_block(ie):
    ie.configure(b3=0x26)
    at = ie.block(0x3000, TRANSMIT, 0x3100 - BASE, data=OTHER + b"\x08\x06")
    ie.put(0x3100, 0x8000 | 46, NONE)
    ie.long(0x3104, 0x10000)
    ie.memory[0x10000:0x1002E] = bytes(range(46))
    ie.put(SCB + 4, at - BASE)
    ie.scb(0x0100)
    ie.wait()
    assert ie.station.frames == [OTHER + ME + b"\x08\x06" + bytes(range(46))]


def test_no_carrier_without_a_cable(ie):
    ie.station.port.set_link(False)
    assert ie.send(frame(OTHER)) == C | 0x0400
    assert not ie.station.frames


def test_a_crc_made_by_software(ie):
    data = frame(OTHER)
    ie.configure(b8=0x08)
    assert ie.send(data, zlib.crc32(data).to_bytes(4, "little")) & OK
    assert ie.station.frames == [data]
    ie.send(data, b"....")  # nobody takes a frame with a wrong one
    assert ie.station.frames == [data]


def test_a_chain_that_ends_too_soon(ie):
    ie.block(0x3000, TRANSMIT, 0x3100 - BASE)
    ie.put(0x3100, 100, NONE)
    ie.put(SCB + 4, 0x2000)
    ie.scb(0x0100)
    ie.wait()
    assert ie.word(0x3000) == C | 0x0100
    assert not ie.station.frames


@pytest.mark.parametrize(("size", "status"), [(0, 0x0100), (1500, 0x0800)])
def test_chains_without_end(ie, size, status):
    ie.block(0x3000, TRANSMIT, 0x3100 - BASE)
    ie.put(0x3100, size, 0x3100 - BASE)
    ie.long(0x3104, 0x10000)
    ie.put(SCB + 4, 0x2000)
    ie.scb(0x0100)
    ie.wait(50)
    assert ie.word(0x3000) == C | status
    assert not ie.station.frames
    assert ie.cu == 0


@pytest.mark.parametrize("control", [RUN, 0x80])
def test_internal_loopback(ie, control):
    ie.configure(b3=0x6E)
    ie.listen()
    ie.csr = control | IE
    assert ie.send(frame()) & OK
    assert not ie.station.frames
    assert ie.word(ie.rfd(0)) == C | OK
    assert ie.data(0, 60) == frame()


def test_external_loopback(ie):
    ie.configure(b3=0xAE, b10=18)
    ie.listen()
    short = frame(length=14)
    ie.send(short)
    assert ie.station.frames == [short]
    assert ie.data(0, 14) == short


def test_the_boards_loopback(machine, ie):
    ie.configure(b3=0xAE)
    ie.listen()
    ie.put(SCB + 4, 0x2000)
    ie.csr = 0x90
    ie.send(frame())
    ie.csr = 0xD0
    assert ie.station.frames  # `send` attends with RUN: on the cable
    ie.station.frames.clear()
    ie.block(0x3000, TRANSMIT, 0x3100 - BASE)
    ie.scb(0x0100, 0x90)
    ie.wait()
    assert not ie.station.frames
    assert ie.word(0x3000) == C | OK
    assert ie.word(ie.rfd(1)) == C | OK
    ie.from_cable(frame(seed=5))
    assert ie.word(ie.rfd(2)) == 0


def test_a_wrong_crc_in_loopback(ie):
    ie.configure(b2=0xC0, b3=0x6E, b8=0x08)
    ie.listen()
    ie.send(frame(), b"\1\2\3\4")
    assert ie.word(ie.rfd(0)) == C | 0x0800
    assert ie.word(SCB + 8) == 1
