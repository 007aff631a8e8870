"""Cables: captures that others can read, losses, delays, plugs that are pulled."""

import shutil
import subprocess

import pytest

from tests.hostnet.lab import MAC, MS, OTHER
from tme.errors import TmeError

FRAME = OTHER + MAC + b"\x08\x00" + bytes(46)


def two(machine, text="a at b"):
    a, b = machine.guest("a", MAC), machine.guest("b", OTHER)
    machine.connect(text)
    return a, b


def test_a_capture_as_scapy_reads_it(machine, tmp_path):
    scapy = pytest.importorskip("scapy.all")
    a, b = two(machine, f"a capture {tmp_path}/a.pcap at b")
    a.send(FRAME)
    machine.clock.advance(1500 * MS)
    b.send(FRAME[::-1])
    packets = scapy.rdpcap(str(tmp_path / "a.pcap"))
    assert [bytes(packet) for packet in packets] == [FRAME, FRAME[::-1]]
    assert packets[1].time - packets[0].time == pytest.approx(1.5)
    assert packets[0].time == 694224000  # 1992-01-01


def test_a_capture_as_tcpdump_reads_it(machine, tmp_path):
    if shutil.which("tcpdump") is None:
        pytest.skip("not installed: tcpdump")
    scapy = pytest.importorskip("scapy.all")
    a, _ = two(machine)
    a.port.command(["capture", str(tmp_path / "x.pcap")])
    a.send(
        bytes(
            scapy.Ether(dst="ff:ff:ff:ff:ff:ff", src="8:0:20:1:2:3")
            / scapy.ARP(pdst="10.0.2.2", psrc="10.0.2.15")
        )
    )
    a.port.command(["capture", "off"])
    a.send(FRAME)
    done = subprocess.run(
        ["tcpdump", "-enr", str(tmp_path / "x.pcap")], capture_output=True, text=True, check=True
    )
    assert "who-has 10.0.2.2 tell 10.0.2.15" in done.stdout
    assert len(done.stdout.splitlines()) == 1


def test_a_capture_that_cannot_be(machine):
    with pytest.raises(TmeError, match="cannot capture to /nowhere/x: No such file"):
        two(machine, "a capture /nowhere/x at b")
    assert machine.elements["a"].port.peer is None


def test_delay_is_guest_time(machine):
    a, b = two(machine, "a delay 2000 at b")
    a.send(FRAME)
    machine.clock.advance(1 * MS)
    assert not b.take()
    machine.clock.advance(1 * MS)
    assert b.take() == [FRAME]
    a.send(FRAME)
    b.port.set_link(False)
    machine.clock.advance(5 * MS)
    assert not b.take()


def test_losses_repeat(machine):
    a, b = two(machine, "a at b loss 25")
    for _ in range(1000):
        a.send(FRAME)
    count = len(b.take())
    assert 700 < count < 800
    again = type(machine)()
    c, d = two(again, "a at b loss 25")
    for _ in range(1000):
        c.send(FRAME)
    assert len(d.take()) == count


@pytest.mark.parametrize("words", ["loss 101", "loss x", "delay -1", "link sideways", "", "capture"])
def test_bad_commands(machine, words):
    a, _ = two(machine)
    with pytest.raises(TmeError, match=r"bad|usage: command a \{link"):
        a.port.command(words.split())
