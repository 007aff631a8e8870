"""Networks end to end: Linux on the Sun-3 pings, and fetches a file by TCP, through each back end.

TME_LINUX=FOLDER python -m tests.bench.net_guest [KILOBYTES]        FOLDER: see tests/guests/linux/build.py

Guest time is what the guest's users see, at the wire's 10 Mbit/s; processor time is that of this process,
the emulated processor's work for its TCP included.
"""

from __future__ import annotations

import contextlib
import http.server
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import tme
from tests.hostnet.lab import Space, why_no_namespaces
from tests.hostnet.test_guest import CHIP, PROMPT

BACK_ENDS = {
    "user-mode, built-in": ("tme/host/user/net engine built-in host-loopback", "10.0.2.15", "10.0.2.2"),
    "user-mode, libslirp": ("tme/host/user/net engine slirp host-loopback", "10.0.2.15", "10.0.2.2"),
    "TAP": (
        "tme/host/tun/tap inet 10.0.77.1 netmask 255.255.255.0 nat none",
        "10.0.77.2",
        "10.0.77.1",
    ),
}


class Answers(http.server.BaseHTTPRequestHandler):
    """Gives as many kilobytes as the path says."""

    def do_GET(self) -> None:
        data = bytes(int(self.path[1:]) * 1024)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


@contextlib.contextmanager
def web() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def measure(network: str, me: str, host: str, kilobytes: int) -> None:
    """One back end; prints its line."""
    file = Path(tempfile.mkdtemp()) / "machine"
    file.write_text(f"{CHIP}back0 at ie0: {network}\n")
    vmlinux = Path(os.environ["TME_LINUX"]) / "vmlinux"
    with web() as port, tme.Machine(str(file), boot=vmlinux, boot_args=("prom", "console=hvc0")) as sun:
        sun.expect(PROMPT, 600)

        def sh(command: str) -> str:
            sun.send(f"{command}\r")
            return sun.expect(PROMPT, 600)

        sh(f"ifconfig eth0 {me} netmask 255.255.255.0 up")
        sh(f"ping -c 1 {host}")
        told = re.search(r"= [\d.]+/([\d.]+)/", sh(f"ping -c 20 -i 0.1 {host}"))
        guest, cpu = sun.seconds, time.process_time()
        assert "200" in sh(f"wget -q -O /dev/null http://{host}:{port}/{kilobytes} && echo 200")
        seconds, cpu = sun.seconds - guest, time.process_time() - cpu
        each = cpu / (kilobytes * 1024 / 1460)
        print(
            f"{told[1] if told else '?':>8} ms {kilobytes * 8.192 / 1000 / seconds:8.2f} Mbit/s"
            f" {each * 1e6:9.0f} µs",
            flush=True,
        )


def main(kilobytes: int) -> None:
    """Print the table."""
    print(f"{'back end':22} {'ping':>11} {'TCP':>15} {'CPU/segment':>12}")
    for name, (network, *ends) in BACK_ENDS.items():
        print(f"{name:22} ", end="")
        if name != "TAP":
            measure(network, *ends, kilobytes)
            continue
        if reason := why_no_namespaces():
            print(reason)
            continue
        space = Space()
        try:
            with space.inside():
                measure(network, *ends, kilobytes)
        finally:
            space.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1024)
