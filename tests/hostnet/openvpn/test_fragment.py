"""Fragments: any size, any order, mixed, broken."""

import random

import pytest

from hostnet.openvpn.fragment import Fragmenter


@pytest.mark.parametrize("size", [68, 500, 1300, 1472])
@pytest.mark.parametrize("length", [14, 60, 64, 65, 499, 1296, 1297, 1514, 9000])
def test_any_size_in_any_order(size, length):
    frame = random.Random(length).randbytes(length)
    packets = Fragmenter(size).cut(frame)
    assert length > size * 30 or all(len(packet) <= max(size, length // 32 + 8) for packet in packets)
    random.Random(size).shuffle(packets)
    joined = [frame for packet in packets for frame in [Fragmenter.join(JOIN, packet)] if frame is not None]
    assert joined == [frame]


JOIN = Fragmenter(1300)


def test_two_frames_mixed():
    cutter, joiner = Fragmenter(500), Fragmenter(500)
    frames = [bytes((n,)) * 1500 for n in (1, 2)]
    first, second = map(cutter.cut, frames)
    found = [joiner.join(p) for pair in zip(first, second, strict=True) for p in pair]
    assert [frame for frame in found if frame] == frames


def test_a_lost_piece_costs_one_frame_only():
    cutter, joiner = Fragmenter(500), Fragmenter(500)
    for _ in range(600):  # the numbers come round
        packets = cutter.cut(bytes(1500))
        assert [joiner.join(p) for p in packets[1:]] == [None] * (len(packets) - 1)
        assert [joiner.join(p) for p in cutter.cut(b"x" * 1500)][-1] == b"x" * 1500


def test_garbage():
    joiner, dice = Fragmenter(500), random.Random(3)
    for _ in range(5000):
        joiner.join(dice.randbytes(dice.randrange(40)))
    assert len(joiner._parts) <= 16
