"""Storms of frames, calls and packets that make no sense, for test_fuzz.py and for the command line:

    python -m tests.hostnet.storm {services|calls|user-net|slirp|tcp|links|switch} COUNT

TME_SEED chooses others. Tells the processor's time, and memory after a tenth and at the end.
"""

import ctypes
import gc
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from hostnet import frames, offload
from hostnet.frames import ARP, BROADCAST, IPV4, Arp, Ip, ethernet
from hostnet.interface import Interface
from hostnet.openvpn.fragment import Fragmenter
from hostnet.user import tcp
from hostnet.user.segment import ACK, FIN, MASK, RST, SYN, Segment, parse
from hostnet.user.slirp import SOCKETS
from hostnet.user.tcp import Connection
from tests.hostnet.lab import CLONE_NEWNET, MAC, Clock, Machine
from tests.hostnet.nonsense import GATEWAY, Talk, corpus, corpus6, spoil, udp
from tests.hostnet.services.client import ME, SERVER

COUNT = int(os.environ.get("TME_FRAMES", "4000"))
SEED = int(os.environ.get("TME_SEED", "1"))
PORTS = [port.to_bytes(2, "big") for port in (111, 670, 671, 2049)]


def open_files():
    return len(os.listdir("/proc/self/fd"))


def attack(machine, element, guest, seeds, count, more=lambda dice: None):
    """Send spoilt frames, and what `more` makes; time passes."""
    dice = random.Random(SEED)
    for number in range(count):
        guest.send(more(dice) or spoil(dice.choice(seeds), dice))
        if number % 16 == 0:
            machine.clock.advance(5_000_000)
            guest.frames.clear()


def diskless(machine, tmp_path, count):
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_bytes(bytes(1000))
    (tmp_path / "outside").write_text("untouched")
    boot = tmp_path / "boot"
    boot.write_bytes(bytes(5000))
    words_ = f"boot {boot} tftp {root} root {root} writable rate 0 limit 1000000"
    element = machine.make("net0", f"tme/host/diskless {words_}")
    guest = machine.guest()
    machine.connect("guest0 at net0")
    before = open_files()
    handle = element.servers.nfs.exports[0].handle(())
    attack(machine, element, guest, corpus(SERVER, b"\x52\x56" + SERVER, handle), count)
    machine.clock.advance(120_000_000_000)
    assert open_files() == before
    assert element.servers.rpc.calls > count // 8
    assert element.servers.station.bad > 0
    assert len(element.servers.station.fragments) <= 16
    assert len(element.servers.station.neighbours) <= 1024
    assert (tmp_path / "outside").read_text() == "untouched"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["boot", "outside", "root"]


def user_net(machine, count):
    element = machine.make(
        "user0", "tme/host/user/net engine built-in inet6 fd00:2::2/64 host-loopback rate 0"
    )
    guest = machine.guest()
    machine.connect("guest0 at user0")
    before = open_files()
    seeds = corpus(GATEWAY, b"\x52\x55" + GATEWAY, bytes(32)) + corpus6()
    talk = Talk(machine, guest)
    attack(machine, element, guest, seeds, count, talk.frame)
    talk.server.close()
    assert open_files() - before <= 2 * 512 + 2 * 256 + 8  # both ends of a connection are here
    assert len(element.engine.tcp.flows) <= 512
    assert len(element.engine.udp.flows) <= 256
    assert len(element.engine.station.fragments) <= 16
    still_answers(machine, guest)


def slirp(machine, count):
    """libslirp behind its gate."""
    element = machine.make("user0", "tme/host/user/net engine slirp inet6 fd00:2::2/64 host-loopback rate 0")
    guest = machine.guest()
    machine.connect("guest0 at user0")
    before = open_files()
    seeds = corpus(GATEWAY, b"\x52\x55" + GATEWAY, bytes(32)) + corpus6()
    talk = Talk(machine, guest)
    attack(machine, element, guest, seeds, count, talk.frame)
    talk.server.close()
    assert open_files() - before <= 2 * SOCKETS
    assert 0 < element.engine.gate.dropped < count
    still_answers(machine, guest)


def still_answers(machine, guest):
    """After all that, a ping gets through."""
    guest.port.receive = guest.receive
    data = frames.build_icmp(frames.ECHO, 0, b"\0\1\0\2", b"still there?")
    arp = Arp(1, MAC, ME, bytes(6), GATEWAY)
    guest.send(ethernet(BROADCAST, MAC, ARP, arp.build()))
    packet = frames.build_ip(Ip(ME, GATEWAY, frames.ICMP, data))
    guest.send(ethernet(b"\x52\x55" + GATEWAY, MAC, IPV4, packet))
    machine.clock.advance(1_000_000_000)
    assert any(b"still there?" in frame for frame in guest.take())


def calls(machine, tmp_path, count):
    """Remote procedure calls: arguments that are a little wrong, in packets that are right."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_bytes(bytes(1000))
    element = machine.make("net0", f"tme/host/diskless root {root} writable rate 0 limit 100000000")
    guest = machine.guest()
    machine.connect("guest0 at net0")
    rpc, dice, before = element.servers.rpc, random.Random(SEED), open_files()
    seeds = [
        frame[42:]
        for frame in corpus(SERVER, b"\x52\x56" + SERVER, element.servers.nfs.exports[0].handle(()))
        if frame[23] == frames.UDP and len(frame) > 70 and frame[36:38] in PORTS
    ]
    ports = [111, 670, 671, 2049]
    for number in range(count):
        data = bytearray(dice.choice(seeds))
        data[16:20] = dice.randrange(18).to_bytes(4, "big") if dice.random() < 0.1 else data[16:20]
        for _ in range(dice.choice((0, 1, 1, 2, 4))):
            at = dice.randrange(40, max(len(data), 41)) & ~3
            data[at : at + 4] = dice.choice(
                (b"\0\0\0\0", b"\xff" * 4, b"\x7f" + b"\xff" * 3, dice.randbytes(4))
            )
        packet = udp(SERVER, 1000, dice.choice(ports), bytes(data[: dice.choice((28, 200, 1400, 1400))]))
        guest.send(ethernet(b"\x52\x56" + SERVER, MAC, IPV4, packet))
        if number % 16 == 0:
            machine.clock.advance(5_000_000)
            guest.frames.clear()
    assert rpc.calls > count // 2
    assert open_files() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["root"]


def connections(count):
    """A TCP end that is told nonsense by its guest, while the host writes and reads."""
    dice, clock = random.Random(SEED), Clock()
    us, them = (GATEWAY, 80), (ME, 1000)
    sent = []
    end = None
    for number in range(count):
        if end is None or end.dead or number % 500 == 0:
            sent.clear()
            end = Connection(clock, us, them, sent.append, lambda: None, dice.getrandbits(32))
            if dice.random() < 0.5:
                end.connect()
            else:
                end.accept(
                    Segment(1000, 80, dice.getrandbits(32), 0, SYN, 4096, b"", dice.choice((None, 0, 536)))
                )
        near = dice.choice((0, 0, 0, 1, -1, 100, -100, 40_000, 1 << 31, dice.getrandbits(32)))
        ack = dice.choice((end._una, end._nxt, end._nxt + 1, end._una - 5, dice.getrandbits(32))) & MASK
        flags = dice.choice(
            (
                ACK,
                ACK,
                ACK,
                ACK | FIN,
                SYN,
                SYN | ACK,
                RST,
                63,
            )
        )
        data = dice.randbytes(dice.choice((0, 0, 1, 536, 1460, 9000)))
        end.segment(
            Segment(1000, 80, end._rcv + near & MASK, ack, flags, dice.choice((0, 1, 4096, 65535)), data)
        )
        match dice.randrange(8):
            case 0 if end.room:
                end.write(dice.randbytes(min(end.room, dice.choice((1, 5000, 100_000)))))
            case 1:
                end.finish()
            case 2:
                end.take(min(len(end.received), dice.randrange(40_000)))
            case 3:
                clock.advance(dice.choice((1, 10**8, 10**10)))
        assert len(end.received) <= tcp.WINDOW
        assert len(end._out) <= tcp.BUFFER
        assert len(end._stray) <= tcp.STRAY
        for packet in sent:
            assert parse(packet) is not None
            assert len(packet.payload) <= 1480
        sent.clear()


def packets_of_links(count):
    """What a link takes from the net: sealed and cut packets, headers of cards."""
    from hostnet.openvpn.seal import Seal

    dice, clock, wire, got = random.Random(SEED), Clock(), [], []
    a = Seal(clock, bytes(256), lambda p: wire.append(p), got.append)
    b = Seal(clock, bytes(256), lambda p: wire.append(p), got.append)
    a.start(), b.start()
    joiner, cutter = Fragmenter(500), Fragmenter(500)
    for number in range(count):
        packet = wire.pop() if wire and dice.random() < 0.5 else dice.randbytes(dice.randrange(150))
        if len(wire) > 100:
            wire.clear()
        for end in (a, b):
            end.open(packet)
            end.open(spoil(packet, dice))
        if number % 50 == 0:
            a.seal(b"x" * 60)
            clock.advance(100_000_000)
        for piece in cutter.cut(dice.randbytes(dice.randrange(3000))):
            joiner.join(spoil(piece, dice))
        offload.finish(spoil(offload.HEADER.pack(1, dice.randrange(6), 0, 1448, 34, 16) + bytes(3000), dice))
        if number % 1000 == 0:
            got.clear()
    assert len(joiner._parts) <= 16


def switch(machine, count):
    dice = random.Random(SEED)
    element = machine.make("switch0", "tme/host/switch")
    guests = [machine.guest(f"g{n}") for n in range(3)]
    for n in range(3):
        machine.connect(f"g{n} at switch0")
    for number in range(count):
        dice.choice(guests).send(dice.randbytes(dice.randrange(1600)))
        if number % 100 == 0:
            for guest in guests:
                guest.frames.clear()
    assert len(element.stations) <= 4096


STORMS = {
    "services": diskless,
    "calls": calls,
    "user-net": lambda machine, _, count: user_net(machine, count),
    "slirp": lambda machine, _, count: slirp(machine, count),
    "tcp": lambda machine, _, count: connections(count),
    "links": lambda machine, _, count: packets_of_links(count),
    "switch": lambda machine, _, count: switch(machine, count),
}


def memory():
    """Megabytes that this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def alone():
    """A network of our own, if we may have one: what is aimed at the world gets nowhere."""
    if ctypes.CDLL(None).unshare(CLONE_NEWNET) == 0:
        Interface("lo").up()


def main(name, count):
    """One storm; a tenth of it first, after which memory is not to grow any more."""
    alone()
    used = []
    for part in (count // 10, count):
        with tempfile.TemporaryDirectory() as folder:
            machine = Machine()
            STORMS[name](machine, Path(folder), part)
            machine.close()
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        used.append(memory())
    seconds = time.process_time()
    print(f"{name}: {count} in {seconds:.0f} processor seconds, MB: {used[0]:.1f} {used[1]:.1f}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
