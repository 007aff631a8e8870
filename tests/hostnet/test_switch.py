"""The switch: learning, any number of ends, processes that come and go, loops."""

import os
import subprocess
import sys
import textwrap
import time

import pytest

from tests.hostnet.lab import MS
from tme.errors import TmeError

MACS = [bytes((8, 0, 0x20, 0, 0, n)) for n in range(8)]
BROADCAST = b"\xff" * 6


def frame(to, sender, text=b""):
    return (to + sender + b"\x08\x00" + text).ljust(60, b"\0")


def lab(machine, count, name="switch0"):
    machine.make(name, "tme/host/switch")
    guests = [machine.guest(f"g{n}", MACS[n]) for n in range(count)]
    for n in range(count):
        machine.connect(f"g{n} at {name}")
    return guests


def test_floods_then_learns(machine):
    a, b, c = lab(machine, 3)
    a.send(frame(MACS[1], MACS[0]))
    assert (len(a.take()), len(b.take()), len(c.take())) == (0, 1, 1)
    b.send(frame(MACS[0], MACS[1]))
    assert (len(a.take()), len(b.take()), len(c.take())) == (1, 0, 0)
    c.send(frame(BROADCAST, MACS[2]))
    assert (len(a.take()), len(b.take()), len(c.take())) == (1, 1, 0)


def test_a_station_moves(machine):
    a, b, c = lab(machine, 3)
    a.send(frame(BROADCAST, MACS[0]))
    c.send(frame(BROADCAST, MACS[0]))
    a.take(), b.take(), c.take()
    b.send(frame(MACS[0], MACS[1]))
    assert (len(a.take()), len(c.take())) == (0, 1)


def test_the_silent_are_forgotten(machine):
    a, b, c = lab(machine, 3)
    a.send(frame(BROADCAST, MACS[0]))
    a.take(), b.take(), c.take()
    machine.clock.advance(301_000 * MS)
    b.send(frame(MACS[0], MACS[1]))
    assert (len(a.take()), len(c.take())) == (1, 1)


def test_a_flood_of_addresses_is_bounded(machine):
    a, b = lab(machine, 2)
    for n in range(10_000):
        a.send(frame(MACS[1], b"\x08" + n.to_bytes(5, "big")))
    assert len(machine.elements["switch0"].stations) <= 4096
    assert len(b.take()) == 10_000


def test_leaving(machine):
    from tme.port import disconnect

    a, b, c = lab(machine, 3)
    a.send(frame(BROADCAST, MACS[0]))
    disconnect(a.port)
    b.take(), c.take()
    b.send(frame(MACS[0], MACS[1]))
    assert len(c.take()) == 1
    assert len(machine.elements["switch0"].ends) == 2


def test_a_loop_is_broken(machine):
    a, b = lab(machine, 2)
    machine.make("switch1", "tme/host/switch")
    for _ in range(3):
        machine.connect("switch0 at switch1")
    a.send(frame(BROADCAST, MACS[0]))
    assert b.take()
    assert any("loop" in line for line in machine.logged)


def test_commands(machine):
    a, b = lab(machine, 2)
    switch = machine.elements["switch0"]
    switch.command(["g1", "link", "down"])
    assert b.links == [True, False]
    a.send(frame(BROADCAST, MACS[0]))
    assert not b.take()
    assert switch.command(["stations"]) == "08:00:20:00:00:00  g0"
    with pytest.raises(TmeError, match="usage: command switch0"):
        switch.command(["g7", "link", "down"])


# ---- processes ----------------------------------------------------------------------------------------


def test_two_machines(machine, machines, tmp_path):
    other = machines()
    place = tmp_path / "net"
    late = other.make("s", f"tme/host/switch join {place}")  # nobody listens yet: it tries again
    machine.make("s", f"tme/host/switch listen {place}")
    assert place.stat().st_mode & 0o777 == 0o600
    for m, mac in ((machine, MACS[0]), (other, MACS[1])):
        m.guest("g", mac)
        m.connect("g at s")
    other.until(lambda: len(late.ends) == 2, 3)
    machine.step()
    sent = frame(MACS[1], MACS[0], os.urandom(1400))
    machine.elements["g"].send(sent)
    assert other.until(lambda: other.elements["g"].frames, 3) == [sent]
    other.elements["g"].send(frame(MACS[0], MACS[1]))
    assert machine.until(lambda: machine.elements["g"].frames, 3) == [frame(MACS[0], MACS[1])]
    other.elements["s"].close()
    machine.until(lambda: len(machine.elements["s"].ends) == 1, 3)
    assert len(machine.elements["s"].ends) == 1
    assert MACS[1] not in machine.elements["s"].stations


def test_a_process_that_dies_leaves_no_trap(machine, tmp_path):
    place = tmp_path / "net"
    code = f"""
        import os
        from tests.hostnet.lab import Machine
        m = Machine()
        m.make("s", "tme/host/switch listen {place}")
        os.kill(os.getpid(), 9)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert place.exists()
    machine.make("s", f"tme/host/switch listen {place}")
    machine.elements["s"].close()
    assert not place.exists()


def test_the_listener_comes_back(machines, tmp_path):
    place = tmp_path / "net"
    first, second, client = machines(), machines(), machines()
    first.make("s", f"tme/host/switch listen {place}")
    joined = client.make("s", f"tme/host/switch join {place}")
    assert len(joined.ends) == 1
    first.step()
    first.elements["s"].close()
    client.until(lambda: not joined.ends, 2)
    second.make("s", f"tme/host/switch listen {place}")
    assert client.until(lambda: len(joined.ends) == 1, 5)


def test_listening_twice(machine, tmp_path):
    machine.make("a", f"tme/host/switch listen {tmp_path}/net")
    with pytest.raises(TmeError, match=r"cannot listen at .*/net: Address already in use"):
        machine.make("b", f"tme/host/switch listen {tmp_path}/net")


def test_a_reader_that_sleeps_does_not_stop_the_others(machine, machines, tmp_path):
    other = machines()
    machine.make("s", f"tme/host/switch listen {tmp_path}/net")
    other.make("s", f"tme/host/switch join {tmp_path}/net")
    machine.guest("g", MACS[0])
    machine.connect("g at s")
    machine.step()
    start = time.monotonic()
    for _ in range(3000):
        machine.elements["g"].send(frame(BROADCAST, MACS[0], bytes(1400)))
    assert time.monotonic() - start < 5
    assert sum(getattr(end, "lost", 0) for end in machine.elements["s"].ends) > 0
