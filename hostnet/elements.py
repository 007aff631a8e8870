"""The elements of this package: name in machine descriptions -> "package.module:Class", imported lazily."""

ELEMENTS: dict[str, str] = {
    "host/bsd/bpf": "hostnet.bpf:Bpf",
    "host/diskless": "hostnet.services.diskless:Diskless",
    "host/openvpn/socket/link": "hostnet.openvpn.link:Link",
    "host/openvpn/socket/server": "hostnet.openvpn.server:Server",
    "host/openvpn/tap": "hostnet.openvpn.tap:OldName",
    "host/openvpn/tun/tap": "hostnet.openvpn.tap:OpenvpnTap",
    "host/switch": "hostnet.switch:Switch",
    "host/tun/tap": "hostnet.tap:Tap",
    "host/user/net": "hostnet.user.net:UserNet",
}
