"""host/openvpn/tun/tap: host/tun/tap with OpenVPN's options.

    tap0 at ie0: tme/host/openvpn/tun/tap --dev tap --ifconfig 10.0.77.1 255.255.255.0 --up ./up.sh

The script of --up gets what openvpn gives it: interface, MTU, link MTU, address, netmask, "init".
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from hostnet.frames import ip_text
from hostnet.openvpn import options
from hostnet.tap import Tap
from tme.args import Args
from tme.errors import TmeError

if TYPE_CHECKING:
    from tme.machine import Machine

PATIENCE = 30
"""Seconds that the script may take."""


class OpenvpnTap(Tap):
    """A TAP interface set up by OpenVPN's options."""

    module = "host/openvpn/tun/tap"
    summary = "a TAP interface, described by options of OpenVPN"
    params = (options.OPTIONS,)

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        try:
            words, script = options.tap(args.words)
            translated = Args.parse(words, Tap.params, args.where)
        except TmeError as error:
            raise TmeError(f"{name} ({self.module}): {error.message}", args.where) from None
        super().__init__(name, translated, machine)
        self.args = Args(translated.values, translated.defaults, args.words, args.where)
        if script is not None:
            self._up(script)

    def _up(self, script: str) -> None:
        ip = ip_text(self.args["inet"]) if "inet" in self.args else ""
        mask = ip_text(self._netmask()) if "inet" in self.args else ""
        command = [*script.split(), self.interface.name, "1500", "1500", ip, mask, "init"]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=PATIENCE)
        except (OSError, subprocess.TimeoutExpired) as error:
            self.close()
            raise self.error(f"--up {script}: {getattr(error, 'strerror', None) or error}") from None
        if done.returncode:
            self.close()
            raise self.error(f"--up {script} ended with status {done.returncode}")


class OldName(OpenvpnTap):
    """The same under the name that some of TME's machine descriptions use."""

    module = "host/openvpn/tap"
    summary = "another name of host/openvpn/tun/tap"
