"""Frames and packets against scapy, which reads and writes them independently."""

import random

import pytest

from hostnet import frames
from hostnet.frames import Arp, Ip, Udp

scapy = pytest.importorskip("scapy.all")
A, B = bytes((10, 0, 2, 15)), bytes((10, 0, 2, 2))
MAC = bytes.fromhex("080020010203")


@pytest.mark.parametrize("size", [0, 1, 2, 3, 19, 20, 1472, 65507])
def test_checksum_is_the_sum_of_words(size):
    data = random.Random(size).randbytes(size)
    total = sum(int.from_bytes((data + b"\0")[at : at + 2], "big") for at in range(0, size, 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert frames.checksum(data) == 0xFFFF - total


def test_checksum_of_zeros_and_of_ones():
    assert frames.checksum(bytes(4)) == 0xFFFF
    assert frames.checksum(b"\xff" * 4) == 0


def test_udp_in_ip_as_scapy_reads_it():
    payload = frames.build_udp(A, B, Udp(1023, 69, b"hello"))
    packet = scapy.IP(frames.build_ip(Ip(A, B, frames.UDP, payload, ident=7)))
    sums = packet.chksum, packet[scapy.UDP].chksum
    del packet.chksum, packet[scapy.UDP].chksum
    again = scapy.IP(bytes(packet))
    assert (again.chksum, again[scapy.UDP].chksum) == sums
    assert (again.src, again.dst, again.id, again.sport, again.dport) == (
        "10.0.2.15",
        "10.0.2.2",
        7,
        1023,
        69,
    )
    assert bytes(again[scapy.UDP].payload) == b"hello"


def test_udp_in_ip_as_scapy_writes_it():
    data = bytes(
        scapy.IP(src="10.0.2.15", dst="10.0.2.2", options=[scapy.IPOption_NOP()] * 4) / scapy.UDP() / b"x"
    )
    packet = frames.parse_ip_packet(data + b"padding")
    assert packet is not None
    assert (packet.source, packet.destination, len(packet.header)) == (A, B, 24)
    assert frames.parse_udp(packet) == Udp(53, 53, b"x")


@pytest.mark.parametrize("at", range(28))
def test_a_changed_bit_is_noticed(at):
    data = bytearray(frames.build_ip(Ip(A, B, frames.UDP, frames.build_udp(A, B, Udp(5, 6, b"data")))))
    data[at] ^= 0x10
    packet = frames.parse_ip_packet(bytes(data))
    assert packet is None or frames.parse_udp(packet) is None


@pytest.mark.parametrize("size", [0, 1, 27])
def test_cut_packets(size):
    data = frames.build_ip(Ip(A, B, frames.UDP, frames.build_udp(A, B, Udp(5, 6, b"data"))))
    assert frames.parse_ip_packet(data[:size]) is None


@pytest.mark.parametrize("size", [0, 1480, 1481, 2960, 8192, 65515])
def test_fragments_as_scapy_puts_them_together(size):
    data = random.Random(size).randbytes(size)
    pieces = frames.fragments(Ip(A, B, 99, data, ident=3))
    packets = [scapy.IP(frames.build_ip(piece)) for piece in pieces]
    assert all(len(packet) <= 1500 for packet in packets)
    whole = scapy.defragment(packets)
    assert bytes(whole[0].payload) == data


def test_arp_as_scapy_reads_it():
    packet = scapy.ARP(Arp(1, MAC, A, bytes(6), B).build())
    assert (packet.op, packet.hwsrc, packet.psrc, packet.pdst) == (
        1,
        "08:00:20:01:02:03",
        "10.0.2.15",
        "10.0.2.2",
    )
    assert frames.parse_arp(bytes(packet)) == Arp(1, MAC, A, bytes(6), B)
    assert frames.parse_arp(bytes(packet)[:27]) is None


@pytest.mark.parametrize("word", ["10.0.0", "10.0.0.256", "10.0.0.-1", "a.b.c.d", "", "1.2.3.4.5", "١.2.3.4"])
def test_bad_addresses(word):
    with pytest.raises(ValueError, match=r"10\.0\.2\.15"):
        frames.parse_ip(word)


def test_ethernet_addresses():
    assert frames.parse_mac("8:0:20:1:2:3") == MAC
    assert frames.mac_text(MAC) == "08:00:20:01:02:03"
    with pytest.raises(ValueError, match="Ethernet address"):
        frames.parse_mac("8:0:20:1:2")
