"""`tmesh --nat-rules KIND [MACHINE...]`: the NAT of every TAP described, without running anything."""

from __future__ import annotations

from collections.abc import Iterable

from hostnet.interface import class_mask, default_interface, network
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
        if "inet" in args and "proxy" not in args and args.get("nat") != "none"
    ]
    if found and not taps:
        raise TmeError("no tme/host/tun/tap of this machine has NAT: give one the argument `inet ADDRESS`")
    if not taps:
        taps = [("tap0", Args.parse(EXAMPLE.split(), Tap.params))]
    outside = default_interface() or "eth0"
    texts = []
    for name, args in taps:
        mask = args.get("netmask") or class_mask(args["inet"])
        inside, chosen = args.get("interface", name), args.get("nat", outside)
        texts.append(manual(kind, Nat(inside, chosen, network(args["inet"], mask))))
    return "\n".join(texts)
