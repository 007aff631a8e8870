"""From the Ethernet chip to the world: Linux on the Sun-3. Opt-in: TME_LINUX names the folder where
tests/guests/linux/build.py made vmlinux."""

from __future__ import annotations

import hashlib
import http.server
import os
import threading
from pathlib import Path

import pytest

import tme
from tests.hostnet.lab import Space, needs, needs_libslirp
from tme.tools import idprom

VMLINUX = Path(os.environ.get("TME_LINUX") or "/nowhere") / "vmlinux"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not VMLINUX.exists(), reason="TME_LINUX names no folder of tests/guests/linux/build.py"
    ),
]
CHIP = """
source SUN3
rm net0
"""
PROMPT = "/ # "
DATA = bytes(range(256)) * 1000
DIGEST = hashlib.md5(DATA).hexdigest()


class Answers(http.server.BaseHTTPRequestHandler):
    """Gives the data to everybody."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        self.wfile.write(DATA)

    def log_message(self, *args):
        pass


@pytest.fixture
def web():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


class Linux:
    """A Sun-3 that runs Linux, at its shell."""

    def __init__(self, folder, network, chip=CHIP, words=()):
        machine = folder / "machine"
        machine.write_text(chip + network)
        self.sun = tme.Machine(str(machine), boot=VMLINUX, boot_args=("prom", "console=hvc0", *words))
        self.sun.expect(PROMPT, 600)

    def __call__(self, command, seconds=120):
        self.sun.send(f"{command}\r")
        return self.sun.expect(PROMPT, seconds).partition("\n")[2]


def test_without_privilege(tmp_path, web):
    """DHCP, ping, TCP through the user-mode network; TFTP from the services at the same switch."""
    (tmp_path / "boot").write_bytes(DATA)
    linux = Linux(
        tmp_path,
        "switch0: tme/host/switch\n"
        "user0 at switch0: tme/host/user/net host-loopback\n"
        f"net0 at switch0: tme/host/diskless boot {tmp_path}/boot\n"
        f"ie0 at switch0 capture {tmp_path}/ie0.pcap\n",
    )
    with linux.sun:
        linux("ifconfig eth0 up")
        assert "lease of 10.0.2.15 obtained" in linux("udhcpc -i eth0 -n -q -f -s /bin/true")
        linux("ifconfig eth0 10.0.2.15 netmask 255.255.255.0; route add default gw 10.0.2.2")
        assert " 0% packet loss" in linux("ping -c 3 10.0.2.2")
        assert " 0% packet loss" in linux("ping -c 2 -s 4000 10.0.2.2")
        assert DIGEST in linux(f"wget -q -O - http://10.0.2.2:{web}/ | md5sum")
        linux("tftp -g -l /tmp/boot -r 0A00020F 10.0.2.4")
        assert DIGEST in linux("md5sum /tmp/boot")
    assert (tmp_path / "ie0.pcap").stat().st_size > 2 * len(DATA)


def lance(folder):
    """A Sun-3/60, as far as its ID PROM says, with that machine's chip."""
    id_prom = folder / "id.bin"
    assert not idprom.main(["make", "3/60", "8:0:20:11:22:33", "12345", "-o", str(id_prom)])
    sun3 = (Path(tme.__file__).parent / "machines/SUN3").read_text().partition("# Ethernet")[0]
    sun3 = sun3.replace("@machines/sun3-idprom.bin", f'"{id_prom}"')
    return f"{sun3}\nle0 at obio0 addr 0x120000 ipl 3: tme/ic/am7990\nle0 memory at mainbus0\n"


@pytest.mark.parametrize("engine", ["built-in", "slirp"])
def test_the_lance(tmp_path, web, engine):
    """Linux's own driver for it: ping, in fragments too, TCP, and IPv6 that sets itself up."""
    if b"SUN3 Lance" not in VMLINUX.read_bytes():
        pytest.skip("this vmlinux was built without CONFIG_SUN3LANCE: run tests/guests/linux/build.py again")
    if engine == "slirp":
        needs_libslirp()
    net = f'user0 at le0: tme/host/user/net host-loopback engine {engine} inet6 "fd00:2::2/64"\n'
    # a 3/60's own SCSI is not here, and its driver does not look
    linux = Linux(tmp_path, net, lance(tmp_path), ["initcall_blacklist=sun3_scsi_driver_init"])
    with linux.sun:
        linux("ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up; sleep 3")
        assert "SUN3 Lance" in linux("cat /proc/interrupts")
        assert " 0% packet loss" in linux("ping -c 3 10.0.2.2")
        assert " 0% packet loss" in linux("ping -c 2 -s 4000 10.0.2.2")
        assert DIGEST in linux(f"wget -q -O - http://10.0.2.2:{web}/ | md5sum")
        if engine == "built-in":  # libslirp's word goes to a group, and this driver sets no filter for groups
            assert "fd00:2::a00:20ff:fe11:2233" in linux("ifconfig eth0")
            assert " 0% packet loss" in linux("ping6 -c 2 fd00:2::2")


def test_through_a_tap(tmp_path):
    needs("ping")
    space = Space()
    try:
        with space.inside():
            linux = Linux(
                tmp_path, "tap0 at ie0: tme/host/tun/tap inet 10.0.77.1 netmask 255.255.255.0 nat none"
            )
            with linux.sun:
                linux("ifconfig eth0 10.0.77.2 netmask 255.255.255.0 up")
                assert " 0% packet loss" in linux("ping -c 3 10.0.77.1")
                assert " 0% packet loss" in linux("ping -c 2 -s 4000 10.0.77.1")
    finally:
        space.close()
