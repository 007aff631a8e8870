"""Options of OpenVPN: what TME's users write, and what cannot be."""

import pytest

from hostnet.openvpn import options
from tme.errors import TmeError


def test_what_users_write():
    made = options.link(
        "--dev tap --local 192.168.0.1 --remote 192.168.0.2 --lport 5000 --rport 5001 --float".split()
    )
    assert (made.local, made.lport, made.remote, made.rport) == ("192.168.0.1", 5000, "192.168.0.2", 5001)
    assert made.float
    assert made.proto == "udp"


def test_a_tap():
    words = (
        "--dev tap --ifconfig 10.0.77.1 255.255.255.0 --tun-ipv6 --ifconfig-ipv6 2001:db8::1/64 2001:db8::2"
    )
    assert options.tap(words.split()) == (
        "nat none inet 10.0.77.1 netmask 255.255.255.0 inet6 2001:db8::1/64".split(), None,
    )  # fmt: skip
    assert options.tap(["--dev", "tap3", "--up", "x.sh"]) == (["interface", "tap3"], "x.sh")


def test_one_port_for_both():
    made = options.link("--remote h 7777 tcp-client --port 6666".split())
    assert (made.lport, made.rport, made.proto) == (6666, 7777, "tcp-client")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--remot x", "did you mean '--remote'"),
        ("remote x", "an option such as --remote is expected"),
        ("--remote", "'--remote' takes 1 to 3 values, not 0"),
        ("--float 3", "'--float' takes 0 values, not 1"),
        ("--float --float", "given twice"),
        ("--dev tun", "tun does not"),
        ("--proto sctp", "udp, tcp-server or tcp-client"),
        ("--proto tcp-client", "needs `--remote HOST`"),
        ("--lport 70000", "a number from 0 to 65535"),
        ("--fragment 1300 --proto tcp-server", "TCP needs none"),
        ("--secret /nowhere", "there is no file '/nowhere'"),
        ("--ca /etc/passwd", "TLS needs all of"),
        ("--tls-server", "TLS needs"),
        ("--cipher AES-256-GCM", "'AES-256-GCM' needs a key"),
        ("--secret /etc/passwd --cipher none", "always encrypted"),
        ("--ca /etc/passwd --cert /etc/passwd --key /etc/passwd", "certificates need TCP"),
    ],
)
def test_mistakes(words, message):
    with pytest.raises(TmeError) as caught:
        options.link(words.split())
    assert message in str(caught.value)


def test_unencrypted_on_purpose():
    assert options.link("--cipher none --auth none".split()).secret is None
