"""TFTP: as PROMs ask, with answers that are lost, strangers, and names that lead nowhere."""

import os

import pytest

from tests.hostnet.services.client import SERVER, Client

DATA = os.urandom(512 * 20 + 100)


@pytest.fixture
def client(machine, tmp_path):
    (tmp_path / "boot.bin").write_bytes(DATA)
    (tmp_path / "tftp").mkdir()
    (tmp_path / "tftp" / "sub").mkdir()
    (tmp_path / "tftp" / "sub" / "kernel").write_bytes(b"k" * 1024)
    (tmp_path / "secret").write_text("secret")
    machine.make("net0", f"tme/host/diskless boot {tmp_path}/boot.bin tftp {tmp_path}/tftp")
    guest = machine.guest()
    machine.connect("guest0 at net0")
    return Client(machine, guest)


def request(name, op=1, mode=b"octet"):
    return bytes((0, op)) + name.encode() + b"\0" + mode + b"\0"


def fetch(client, name, **where):
    """The file, or the text of the error, or None for silence."""
    answers, data, block = client.udp(69, request(name), sport=4000, **where), b"", 1
    while True:
        if not answers:
            return None
        who, port, packet = answers[0]
        assert who == SERVER
        if packet[:2] == b"\0\5":
            return packet[4:-1].decode()
        assert packet[:4] == b"\0\3" + block.to_bytes(2, "big")
        data += packet[4:]
        last = len(packet) < 516
        answers = client.udp(port, b"\0\4" + packet[2:4], sport=4000)
        block += 1
        if last:
            assert answers == []
            return data


@pytest.mark.parametrize("name", ["0A00020F", "0A00020F.SUN3X", "C0A8001C.SUN4C", "0a00020f"])
@pytest.mark.parametrize("to", [SERVER, b"\xff" * 4, bytes((10, 0, 2, 0))])
def test_the_boot_file(client, machine, name, to):
    mac = b"\x52\x56" + SERVER if to == SERVER else b"\xff" * 6
    assert fetch(client, name, to=to, mac=mac) == DATA
    assert machine.elements["net0"].servers.tftp.transfers == {}
    assert set(machine.elements["net0"].servers.station.udp) == {67, 69, 111, 670, 671, 2049}


def test_a_file_of_whole_blocks(client):
    assert fetch(client, "sub/kernel") == b"k" * 1024
    assert fetch(client, "/sub/kernel") == b"k" * 1024


@pytest.mark.parametrize(
    "name", ["../secret", "sub/../../secret", "sub", "nothing", "", "0A00020F0", "0A0002"]
)
def test_names_that_lead_nowhere(client, name):
    assert fetch(client, name) == "no such file"
    assert fetch(client, name, to=b"\xff" * 4, mac=b"\xff" * 6) is None


def test_writing_is_refused(client):
    ((_, _, answer),) = client.udp(69, request("x", op=2), sport=4000)
    assert answer[:4] == b"\0\5\0\2"


def test_what_is_lost_comes_again(client, machine):
    ((_, port, first),) = client.udp(69, request("0A00020F"), sport=4000)
    machine.clock.advance(1_500_000_000)
    assert [packet for _, _, packet in client.incoming(4000)] == [first]
    # an old acknowledgement does not make two transfers of one
    ((_, _, second),) = client.udp(port, b"\0\4\0\1", sport=4000)
    assert client.udp(port, b"\0\4\0\1", sport=4000) in ([], [(SERVER, port, second)])
    machine.clock.advance(60_000_000_000)
    assert machine.elements["net0"].servers.tftp.transfers == {}


def test_a_stranger_does_not_disturb(client):
    ((_, port, _),) = client.udp(69, request("0A00020F"), sport=4000)
    ((_, _, answer),) = client.udp(port, b"\0\4\0\1", sport=4001)
    assert answer[:4] == b"\0\5\0\5"
    assert client.udp(port, b"\0\4\0\1", sport=4000)


def test_many_at_once_are_bounded(client, machine):
    for number in range(40):
        client.udp(69, request("0A00020F"), sport=5000 + number)
    assert len(machine.elements["net0"].servers.tftp.transfers) <= 16
