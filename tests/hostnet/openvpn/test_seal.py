"""The encrypted link: who is let in, what is let through, once; recordings and strangers."""

import os
import random

import pytest

from tests.hostnet.lab import Clock

pytest.importorskip("cryptography")
from hostnet.openvpn.seal import END, Seal, read_key
from tme.errors import TmeError

KEY = bytes(range(256))


class Pair:
    """Two ends and what is on the wire between them; nothing moves before `settle`."""

    def __init__(self, key_a=KEY, key_b=KEY):
        self.clock = Clock()
        self.wire, self.record = [], []
        self.got = {"a": [], "b": []}
        self.ends = {}
        self.make("a", key_a)
        self.make("b", key_b)

    def make(self, name, key=KEY):
        other = "b" if name == "a" else "a"
        got = self.got[name].append
        self.ends[name] = Seal(self.clock, key, lambda p: self.wire.append((other, p)), got)

    def settle(self, keep=lambda packet: True):
        for _ in range(200):
            if not self.wire:
                return
            to, packet = self.wire.pop(0)
            self.record.append((to, packet))
            if keep(packet):
                self.ends[to].open(packet)
        raise AssertionError("they never stop talking")

    def start(self):
        for end in self.ends.values():
            end.start()
        self.settle()
        return self


def test_both_ways():
    pair = Pair().start()
    assert all(end.confirmed for end in pair.ends.values())
    for size in (0, 1, 60, 1514, 9000):
        pair.ends["a"].seal(bytes(size))
        pair.ends["b"].seal(bytes(size + 1))
    pair.settle()
    assert [len(p) for p in pair.got["b"]] == [0, 1, 60, 1514, 9000]
    assert [len(p) for p in pair.got["a"]] == [1, 2, 61, 1515, 9001]


@pytest.mark.parametrize("first", ["a", "b"])
def test_one_starts_earlier(first):
    pair = Pair()
    pair.ends[first].start()
    pair.settle()
    assert all(end.confirmed for end in pair.ends.values())


@pytest.mark.parametrize("seed", range(20))
def test_losses_of_greetings(seed):
    """Whatever is lost, they come together within seconds, and then fall silent."""
    dice = random.Random(seed)
    pair = Pair()
    for end in pair.ends.values():
        end.start()
    for _ in range(60):
        pair.settle(lambda packet: dice.random() < 0.5)
        pair.clock.advance(1_000_000_000)
        if all(end.confirmed for end in pair.ends.values()):
            break
    pair.settle()
    pair.clock.advance(10_000_000_000)
    pair.settle()
    before = len(pair.record)
    pair.clock.advance(60_000_000_000)
    pair.settle()
    assert len(pair.record) == before
    pair.ends["a"].seal(b"x")
    pair.ends["b"].seal(b"y")
    pair.settle()
    assert (pair.got["a"], pair.got["b"]) == ([b"y"], [b"x"])


def test_a_restart():
    pair = Pair().start()
    pair.make("b")
    pair.clock.advance(30_000_000_000)
    pair.ends["b"].start()
    pair.settle()
    pair.ends["a"].seal(b"again")
    pair.settle()
    assert pair.got["b"] == [b"again"]


def test_a_stranger_is_refused():
    pair = Pair(KEY, bytes(256)).start()
    assert not any(end.session for end in pair.ends.values())
    assert pair.ends["a"].refused > 0


def test_recordings_change_nothing():
    """Every packet of an old session and of this one again: nothing comes twice, the link stays up."""
    pair = Pair().start()
    for number in range(50):
        pair.ends["a"].seal(b"old%d" % number)
    pair.settle()
    old = list(pair.record)
    pair.make("a"), pair.make("b")
    pair.start()
    pair.ends["a"].seal(b"new")
    pair.settle()
    pair.got["a"].clear(), pair.got["b"].clear()
    for to, packet in old + list(pair.record):
        pair.ends[to].open(packet)
    pair.wire.clear()
    assert pair.got == {"a": [], "b": []}
    pair.ends["a"].seal(b"still")
    pair.settle()
    assert pair.got["b"] == [b"still"]


def test_late_packets_come_once():
    pair = Pair().start()
    for number in range(100):
        pair.ends["a"].seal(bytes((number,)))
    packets = [packet for _, packet in pair.wire]
    pair.wire.clear()
    random.Random(1).shuffle(packets)
    for packet in packets * 2:
        pair.ends["b"].open(packet)
    assert sorted(pair.got["b"]) == [bytes((number,)) for number in range(100)]


def test_packets_that_are_too_late():
    pair = Pair().start()
    for _ in range(1100):
        pair.ends["a"].seal(b"x")
    packets = [packet for _, packet in pair.wire]
    pair.ends["b"].open(packets[-1])
    assert not pair.ends["b"].open(packets[0])
    assert pair.ends["b"].open(packets[200])


@pytest.mark.parametrize("at", [0, 1, 8, 9, 20, -1])
def test_a_changed_bit(at):
    pair = Pair().start()
    pair.ends["a"].seal(b"payload of some length")
    packet = bytearray(pair.wire.pop()[1])
    packet[at] ^= 1
    assert not pair.ends["b"].open(bytes(packet))
    assert pair.got["b"] == []


def test_our_own_packets_reflected():
    pair = Pair().start()
    pair.ends["a"].seal(b"x")
    for _, packet in [*pair.record, *pair.wire]:
        pair.ends["a"].open(packet)
    assert pair.got["a"] == []


def test_garbage():
    pair = Pair().start()
    dice = random.Random(5)
    for _ in range(2000):
        assert not pair.ends["a"].open(dice.randbytes(dice.randrange(120)))
        assert not pair.ends["a"].open(bytes((dice.randrange(4),)) + dice.randbytes(97))


def test_key_files(tmp_path):
    file = tmp_path / "key"
    data = os.urandom(256)
    lines = "\n".join(data.hex()[at : at + 32] for at in range(0, 512, 32))
    file.write_text(f"#\n# 2048 bit\n-----BEGIN OpenVPN Static key V1-----\n{lines}\n{END}\n")
    assert read_key(file) == data
    file.write_text("nothing")
    with pytest.raises(TmeError, match="openvpn --genkey secret"):
        read_key(file)
