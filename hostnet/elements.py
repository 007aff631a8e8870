"""The elements of this package: name in machine descriptions -> "package.module:Class", imported lazily."""

ELEMENTS: dict[str, str] = {
    "host/switch": "hostnet.switch:Switch",
    "host/tun/tap": "hostnet.tap:Tap",
    "host/user/net": "hostnet.user.net:UserNet",
}
