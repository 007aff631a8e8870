"""The servers of a diskless machine beside the gateway of a user-mode network, with both engines."""

import pytest

import tme
from hostnet import frames
from hostnet.frames import ARP, IPV4, RARP, Arp, Ip, ethernet
from tests.firmware.test_netboot import GREETING
from tests.hostnet.lab import MAC, needs_libslirp
from tests.hostnet.services.client import ME, SERVER, Client
from tests.hostnet.services.test_dhcp import dhcp
from tests.hostnet.services.test_tftp import fetch
from tme.errors import TmeError

scapy = pytest.importorskip("scapy.all")
DATA = bytes(range(256)) * 10
GATEWAY = bytes((10, 0, 2, 2))
SECOND = 1_000_000_000


@pytest.fixture(params=["built-in", "slirp"])
def net(request, machine, tmp_path):
    """Makes (element, guest)."""
    if request.param == "slirp":
        needs_libslirp()
    (tmp_path / "boot").write_bytes(DATA)

    def make(words=""):
        words = words.replace("DIR", str(tmp_path))
        element = machine.make("user0", f"tme/host/user/net engine {request.param} rate 0 {words}")
        guest = machine.guest()
        machine.connect("guest0 at user0")
        return element, guest

    return make


def who_am_i(machine, guest):
    guest.take()
    guest.send(ethernet(frames.BROADCAST, MAC, RARP, Arp(3, MAC, bytes(4), MAC, bytes(4)).build()))
    machine.clock.advance(SECOND)
    return [frames.parse_arp(frame[14:]) for frame in guest.take()]


@pytest.mark.parametrize("by_command", [False, True])
def test_a_machine_boots_and_reaches_the_world(machine, net, tmp_path, by_command):
    element, guest = net("" if by_command else "boot DIR/boot root DIR")
    if by_command:
        assert who_am_i(machine, guest) == []
        assert element.command(["boot", f"{tmp_path}/boot"]) is None
    (answer,) = who_am_i(machine, guest)
    assert (answer.op, answer.sender_ip, answer.target_ip) == (4, SERVER, ME)
    assert fetch(Client(machine, guest), "0A00020F") == DATA
    guest.take()
    guest.send(bytes(dhcp("discover")))
    machine.clock.advance(SECOND)
    (offer,) = [scapy.Ether(frame) for frame in guest.take()]  # one server gives addresses, not two
    told = dict(option for option in offer[scapy.DHCP].options if isinstance(option, tuple))
    assert (told["router"], told["name_server"], told["server_id"]) == ("10.0.2.2", "10.0.2.3", "10.0.2.4")
    assert offer[scapy.BOOTP].file.rstrip(b"\0") == b"0A00020F"
    guest.send(ethernet(frames.BROADCAST, MAC, ARP, Arp(1, MAC, ME, bytes(6), GATEWAY).build()))
    ping = Ip(ME, GATEWAY, frames.ICMP, frames.build_icmp(frames.ECHO, 0, bytes(4), b"hello"))
    guest.send(ethernet(b"\x52\x55" + GATEWAY, MAC, IPV4, frames.build_ip(ping)))
    machine.clock.advance(SECOND)
    assert any(b"hello" in frame for frame in guest.take())
    assert "server: clients: 1" in element.command(["show"])


def test_another_file_for_the_next_boot(machine, net, tmp_path):
    element, guest = net("boot DIR/boot")
    (tmp_path / "other").write_bytes(b"other")
    element.command(["boot", f"{tmp_path}/other"])
    assert fetch(Client(machine, guest), "0A00020F") == b"other"


@pytest.mark.slow
def test_one_line_and_no_disk(tmp_path):
    """The machine as it comes, and what it is to boot: b ie() runs it."""
    (tmp_path / "program").write_bytes(GREETING)
    (tmp_path / "machine").write_text(f'source SUN3\ncommand net0 boot "{tmp_path}/program"\n')
    with tme.Machine(str(tmp_path / "machine")) as sun:
        sun.expect("\n>", 60)
        sun.send("b ie()\r")
        said = sun.expect("Booted over the network", 60)
    assert "Using IP Address 10.0.2.15 = 0A00020F" in said
    assert "Booting from tftp server at 10.0.2.4 = 0A000204" in said


def test_mistakes(machine, net, tmp_path):
    with pytest.raises(TmeError, match=r"cannot serve .*nothing: No such file"):
        net("boot DIR/nothing")
    with pytest.raises(TmeError, match="server must be another host"):
        net("boot DIR/boot server 10.0.2.2")
    element, _ = net()
    with pytest.raises(TmeError, match=r"cannot serve .*nothing: No such file"):
        element.command(["boot", f"{tmp_path}/nothing"])
