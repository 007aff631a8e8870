"""RARP, BOOTP and DHCP as scapy writes and reads them."""

import pytest

from tests.hostnet.lab import MAC, OTHER, needs
from tests.hostnet.test_tap import tap
from tme.errors import TmeError

scapy = pytest.importorskip("scapy.all")
MAC_TEXT = "08:00:20:01:02:03"


@pytest.fixture
def guest(machine, tmp_path):
    (tmp_path / "boot").write_bytes(b"program")
    machine.make(
        "net0", f"tme/host/diskless boot {tmp_path}/boot root {tmp_path} hostname sun domain example"
    )
    made = machine.guest()
    machine.connect("guest0 at net0")
    return made


def ask(machine, guest, packet):
    """Answers within a guest second."""
    guest.take()
    guest.send(bytes(packet))
    machine.clock.advance(1_000_000_000)
    return [scapy.Ether(frame) for frame in guest.take()]


def test_rarp(machine, guest):
    """Op 4, our address as sender: that is where the PROM sends its TFTP request."""
    request = scapy.Ether(dst="ff:ff:ff:ff:ff:ff", src=MAC_TEXT, type=0x8035) / scapy.ARP(
        op=3, hwsrc=MAC_TEXT, hwdst=MAC_TEXT, psrc="0.0.0.0", pdst="0.0.0.0"
    )
    (answer,) = ask(machine, guest, request)
    arp = scapy.ARP(bytes(answer.payload))
    assert (answer.type, answer.dst, arp.op, arp.hwdst, arp.pdst, arp.psrc) == (
        0x8035, MAC_TEXT, 4, MAC_TEXT, "10.0.2.15", "10.0.2.4",
    )  # fmt: skip
    assert len(bytes(answer)) == 60
    other = bytes(request).replace(MAC, OTHER)
    assert scapy.ARP(bytes(ask(machine, guest, other)[0].payload)).pdst == "10.0.2.16"


def bootp(**options):
    fields = {"chaddr": MAC + bytes(10), "xid": 77, **options}
    head = scapy.Ether(dst="ff:ff:ff:ff:ff:ff", src=MAC_TEXT) / scapy.IP(src="0.0.0.0", dst="255.255.255.255")
    return head / scapy.UDP(sport=68, dport=67) / scapy.BOOTP(**fields)


def test_bootp(machine, guest):
    (answer,) = ask(machine, guest, bootp() / bytes(64))
    reply = answer[scapy.BOOTP]
    assert (reply.op, reply.xid, reply.yiaddr, reply.siaddr) == (2, 77, "10.0.2.15", "10.0.2.4")
    assert reply.file.rstrip(b"\0") == b"0A00020F"
    assert (answer[scapy.IP].dst, answer.dst) == ("10.0.2.15", MAC_TEXT)
    assert len(bytes(reply)) >= 300
    told = dict(option for option in answer[scapy.DHCP].options if isinstance(option, tuple))
    assert told["subnet_mask"] == "255.255.255.0"
    assert told["hostname"] == b"sun"
    assert told["root-path" if "root-path" in told else "root_disk_path"] == b"/export/root"


def dhcp(kind, *options, **fields):
    return bootp(**fields) / scapy.DHCP(options=[("message-type", kind), *options, "end"])


def types(answers):
    return [dict(o for o in a[scapy.DHCP].options if isinstance(o, tuple))["message-type"] for a in answers]


def test_dhcp(machine, guest):
    (offer,) = ask(machine, guest, dhcp("discover"))
    assert types([offer]) == [2]
    wanted = ("requested_addr", offer[scapy.BOOTP].yiaddr), ("server_id", "10.0.2.4")
    (ack,) = ask(machine, guest, dhcp("request", *wanted))
    assert types([ack]) == [5]
    assert ack[scapy.BOOTP].yiaddr == "10.0.2.15"
    assert types(ask(machine, guest, dhcp("request", ("requested_addr", "10.0.2.99")))) == [6]
    assert ask(machine, guest, dhcp("request", wanted[0], ("server_id", "10.0.2.9"))) == []
    assert ask(machine, guest, dhcp("release", ciaddr="10.0.2.15")) == []
    (broadcast,) = ask(machine, guest, dhcp("discover", flags=0x8000))
    assert broadcast.dst == "ff:ff:ff:ff:ff:ff"


def test_as_many_clients_as_there_are_addresses(machine, guest):
    found = set()
    for number in range(40):
        packet = dhcp("discover", chaddr=bytes((8, 0, 0x20, 0, 0, number)) + bytes(10))
        found |= {answer[scapy.BOOTP].yiaddr for answer in ask(machine, guest, packet)}
    assert len(found) == 16


def test_too_many_requests(machine, tmp_path):
    machine.make("net0", "tme/host/diskless limit 10 rate 0")
    guest = machine.guest()
    machine.connect("guest0 at net0")
    request = scapy.Ether(dst="ff:ff:ff:ff:ff:ff", src=MAC_TEXT, type=0x8035) / scapy.ARP(
        op=3, hwsrc=MAC_TEXT, hwdst=MAC_TEXT
    )
    for _ in range(100):
        guest.send(bytes(request))
    machine.clock.advance(1)
    assert len(guest.take()) == 10
    machine.clock.advance(500_000_000)
    for _ in range(100):
        guest.send(bytes(request))
    machine.clock.advance(1)
    assert len(guest.take()) == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("root /nowhere", "cannot serve /nowhere: No such file"),
        ("boot /nowhere", "cannot serve /nowhere: No such file"),
        ("swap /nowhere", "cannot serve /nowhere: No such file"),
        ("guest 10.0.3.1", "different hosts of one network"),
        ("hostname a.b", "letters, digits and hyphens"),
    ],
)
def test_mistakes(machine, words, message):
    with pytest.raises(TmeError) as caught:
        machine.make("net0", "tme/host/diskless", words)
    assert message in str(caught.value)


@pytest.mark.parametrize("element", ["tme/host/user/net", "tme/host/diskless"])
def test_a_real_client(machine, spaces, element):
    needs("busybox")
    space = spaces()
    machine.make("net0", element)
    tap(machine, space, "interface eth0", name="sun0")
    machine.connect("sun0 at net0")
    output = machine.shell(space, "exec busybox udhcpc -i eth0 -n -q -f -t 5 -T 1 -s /bin/true")
    assert "lease of 10.0.2.15 obtained" in output


def test_addresses_from_one_side_only(machine):
    machine.make("net0", "tme/host/user/net no-dhcp")
    guest = machine.guest()
    machine.connect("guest0 at net0")
    assert [a for a in ask(machine, guest, dhcp("discover")) if scapy.DHCP in a] == []
