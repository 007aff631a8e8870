"""Sun's own software on our networks: the PROM boots over the network, SunOS talks. Opt-in: TME_GUESTS, see
tests/guests/sunos.py."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading

from tests.guests.sunos import Sun, description, needed
from tests.hostnet.lab import Space, needs

pytestmark = needed

CHIP = """
obie0: tme/machine/sun3/obie
obie0 csr at obio0 addr 0x0c0000 ipl 3
obie0 memory at mainbus0
ie0 at obie0: tme/ic/i82586
"""


def machine(folder, network):
    return description(folder, "si") + CHIP + network


def munix(sun, *commands):
    """MUNIX from tape, to its shell."""
    sun.shell()
    for command in commands:
        sun.sh(command)


def test_the_prom_boots_over_the_network(tmp_path):
    """RARP, then TFTP at whoever answered, for the address in hex."""
    program = b"\x4e\x71" * 5000 + b"\x60\xfe"  # nop …, bra.s itself
    (tmp_path / "boot").write_bytes(program)
    net = f"net0 at ie0 capture {tmp_path}/net.pcap: tme/host/diskless boot {tmp_path}/boot"
    with Sun(machine(tmp_path, net)) as sun:
        sun.prompt()
        sun.send("b ie()\r")
        text = sun.expect(re.compile(r"Downloaded \d+ bytes"), 120)
        assert "Using IP Address 10.0.2.15 = 0A00020F" in text
        assert "Booting from tftp server at 10.0.2.4 = 0A000204" in text
        assert f"Downloaded {len(program)} bytes" in text
    assert program[:512] in (tmp_path / "net.pcap").read_bytes()


def test_sunos_and_the_host_by_a_tap(tmp_path):
    """The host's kernel pings SunOS, with packets of one and of several frames."""
    needs("ping")
    space = Space()
    try:
        tap = "tap0 at ie0: tme/host/tun/tap inet 10.0.77.1 netmask 255.255.255.0 nat none"
        with space.inside(), Sun(machine(tmp_path, tap), clock="host") as sun:
            munix(sun, "ifconfig ie0 10.0.77.2 netmask 255.255.255.0 up")
            for size in (56, 4000):
                ping = ["ip", "netns", "exec", space.name, "ping", "-c", "3", "-s", str(size), "10.0.77.2"]
                process = subprocess.Popen(ping, stdout=subprocess.PIPE, text=True)
                while process.poll() is None:
                    sun.run(seconds=0.5)
                assert " 0% packet loss" in process.stdout.read()
                process.stdout.close()
    finally:
        space.close()


def test_sunos_and_the_user_mode_network(tmp_path):
    """Somebody on the host calls a port of SunOS where nobody listens: its refusal comes back."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    net = f"user0 at ie0 capture {tmp_path}/net.pcap: tme/host/user/net engine built-in forward {port}=7"
    ends = []

    def call():
        with socket.create_connection(("127.0.0.1", port), 60) as connection:
            connection.settimeout(60)
            try:
                ends.append(connection.recv(9))
            except ConnectionResetError:
                ends.append("reset")

    with Sun(machine(tmp_path, net), clock="host") as sun:
        munix(sun, "ifconfig ie0 10.0.2.15 netmask 255.255.255.0 up")
        caller = threading.Thread(target=call, daemon=True)
        caller.start()
        for _ in range(60):
            sun.run(seconds=0.5)
            if not caller.is_alive():
                break
    assert ends == ["reset"]
    assert os.path.getsize(tmp_path / "net.pcap") > 4 * 60
