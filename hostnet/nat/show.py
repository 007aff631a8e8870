"""`tmesh --nat-rules KIND [MACHINE...]`: the NAT of every TAP described, without running anything."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from hostnet.interface import class_mask, default_interface, default_interface6, network
from hostnet.nat.rules import KINDS, Nat, manual
from tme.args import Args
from tme.element import Element
from tme.errors import TmeError

EXAMPLE = "inet 10.0.77.1 netmask 255.255.255.0"
MODULE = "host/tun/tap"


def rules(kind: str, elements: Iterable[Element]) -> str:
    """Text for all TAP elements that have an address and NAT; for an example when there is no machine."""
    from hostnet.tap import Tap

    if kind not in KINDS:
        raise TmeError(f"--nat-rules: '{kind}' is none of {', '.join(KINDS)}")
    found = [(e.name, Args.parse(e.args.words, Tap.params, e.where)) for e in elements if e.module == MODULE]
    taps = [
        (name, args)
        for name, args in found
        if ("inet" in args or "inet6" in args) and "proxy" not in args and args.get("nat") != "none"
    ]
    if found and not taps:
        raise TmeError("no tme/host/tun/tap of this machine has NAT: give one the argument `inet ADDRESS`")
    if not taps:
        taps = [("tap0", Args.parse(EXAMPLE.split(), Tap.params))]
    nats = []
    for name, args in taps:
        inside, chosen = args.get("interface", name), args.get("nat")
        if "inet" in args:
            inet = network(args["inet"], args.get("netmask") or class_mask(args["inet"]))
            nats.append(Nat(inside, chosen or default_interface() or "eth0", inet))
        if "inet6" in args:
            inet6 = str(ipaddress.IPv6Network(args["inet6"], strict=False))
            nats.append(Nat(inside, chosen or default_interface6() or "eth0", inet6))
    return manual(kind, nats)
