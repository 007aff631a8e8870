"""Floppy controller and audio chip, as PROMs and kernels look for them."""

import random

import pytest

S = 1_000_000_000
STATUS, FIFO = 0, 1
INIT, MCR4, MUX_ALL = 0x21, 0x44, 0x45


@pytest.fixture
def fdc(machine):
    machine.make("fdc0", "tme/machine/sun4/fdc type tme/ic/i82072")
    machine.make("sbus0", "generic/bus size 4GB")
    machine.connect("fdc0 at sbus0 addr 0xf7200000 ipl 11")
    machine.elements["fdc0"].reset()
    return machine.elements["fdc0"]


def command(fdc, *data):
    for byte in data:
        assert fdc.read(STATUS, 1) & 0xC0 == 0x80
        fdc.write(FIFO, 1, byte)
    found = []
    while fdc.read(STATUS, 1) & 0x40:
        assert fdc.peek(FIFO, 1) == fdc.peek(FIFO, 1)
        found.append(fdc.read(FIFO, 1))
    return found


def irq(machine, level):
    return machine.elements["sbus0"].map.pending(level)


def test_a_reset_and_the_four_drives(machine, fdc):
    assert command(fdc, 8) == [0x80]
    fdc.write(STATUS, 1, 0x80)
    assert irq(machine, 11)
    assert [command(fdc, 8) for _ in range(4)] == [[0xC0 + n, 0] for n in range(4)]
    assert not irq(machine, 11)
    assert command(fdc, 0x13, 0, 0x10, 0) == []  # polling off
    fdc.write(STATUS, 1, 0x80)
    assert not irq(machine, 11)


def test_parameters_are_kept(fdc):
    assert command(fdc, 3, 0xDF, 0x02) == []
    assert command(fdc, 0x13, 0, 0x57, 1) == []
    assert command(fdc, 0x0E) == [0, 0, 0, 0, 0xDF, 0x02, 0, 0, 0x57, 1]
    assert command(fdc, 0x10) == [0x80]  # no VERSION: so drivers tell it from an 82077
    assert command(fdc, 4, 1) == [1]


def test_no_drive_answers(machine, fdc):
    command(fdc, 7, 0)
    assert not irq(machine, 11)
    machine.clock.advance(S)
    assert irq(machine, 11)
    assert command(fdc, 8) == [0x70, 0]
    command(fdc, 0x0F, 0, 5)
    machine.clock.advance(S)
    assert command(fdc, 8) == [0x20, 5]
    for byte in (0xE6, 0, 5, 0, 1, 2, 18, 0x1B, 0xFF):
        fdc.write(FIFO, 1, byte)
    assert irq(machine, 11)
    assert [fdc.read(FIFO, 1) for _ in range(7)] == [0x48, 1, 0, 5, 0, 1, 2]
    assert not irq(machine, 11)
    assert command(fdc, 0x4A, 0) == [0x48, 1, 0, 0, 0, 0, 0]


@pytest.fixture
def audio(machine):
    machine.make("audio0", "tme/ic/am7930")
    machine.make("sbus0", "generic/bus size 4GB")
    machine.connect("audio0 at sbus0 addr 0xf7201000 ipl 13")
    return machine.elements["audio0"]


def write(audio, bank, *data):
    audio.write(0, 1, bank)
    for byte in data:
        audio.write(1, 1, byte)


def read(audio, bank, count):
    audio.write(0, 1, bank)
    return [audio.read(1, 1) for _ in range(count)]


def test_banks(audio):
    write(audio, 0x61, *range(16))
    assert read(audio, 0x61, 17) == [*range(16), 0]
    write(audio, MUX_ALL, 1, 2, 3, 0, 99)
    assert [read(audio, bank, 1) for bank in (0x41, 0x42, 0x43, 0x44)] == [[1], [2], [3], [0]]
    write(audio, 0xF3, 1)
    assert read(audio, 0xF3, 1) == [0]
    audio.reset()
    assert read(audio, 0x61, 2) == [0, 0]


def test_samples_are_asked_for_8000_times_a_second(machine, audio):
    write(audio, INIT, 1)
    write(audio, MCR4, 8)
    machine.clock.advance(124_999)
    assert not irq(machine, 13)
    count = 0
    for _ in range(8000):
        machine.clock.advance(125_000)
        count += irq(machine, 13)
        assert audio.read(5, 1) == 0xFF
        assert audio.read(0, 1) == 8
        assert not irq(machine, 13)
    assert count == 8000
    write(audio, INIT, 5)
    machine.clock.advance(S)
    assert not irq(machine, 13)


@pytest.mark.parametrize("chip", ["fdc", "audio"])
def test_any_guest_is_survived(machine, chip, request):
    element = request.getfixturevalue(chip)
    chance = random.Random(3)
    for _ in range(3000):
        if chance.random() < 0.1:
            machine.clock.advance(chance.randrange(10_000_000))
        offset = chance.randrange(element.port.size)
        if chance.random() < 0.4:
            element.read(offset, 1)
        else:
            element.write(offset, 1, chance.randrange(256))
