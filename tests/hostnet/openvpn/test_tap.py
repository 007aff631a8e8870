"""TAP interfaces described by OpenVPN's options, and the script of --up."""

import pytest

from tests.hostnet.test_tap import ask
from tme.errors import TmeError


def make(machine, space, words, module="tun/tap"):
    with space.inside():
        return machine.make("tap0", f"tme/host/openvpn/{module}", words)


@pytest.mark.parametrize("module", ["tun/tap", "tap"])
def test_as_tme_s_users_write_it(machine, spaces, module):
    space = spaces()
    guest = machine.guest()
    words = (
        "--dev tap --ifconfig 10.0.77.1 255.255.255.0 --tun-ipv6 --ifconfig-ipv6 2001:db8::1/64 2001:db8::2"
    )
    element = make(machine, space, words, module)
    machine.connect("tap0 at guest0")
    shown = space.sh(f"ip addr show dev {element.interface.name}")
    assert "10.0.77.1/24" in shown
    assert "2001:db8::1/64" in shown
    assert element.nats == []
    assert len(ask(machine, guest)) == 6


def test_the_script_of_up(machine, spaces, tmp_path):
    script, out = tmp_path / "up.sh", tmp_path / "out"
    script.write_text(f'#!/bin/sh\necho "$@" > {out}\nip link show dev $1 >> {out}\n')
    script.chmod(0o755)
    make(machine, spaces(), f"--dev tap9 --ifconfig 10.0.77.1 255.255.255.0 --up {script}")
    lines = out.read_text().splitlines()
    assert lines[0] == "tap9 1500 1500 10.0.77.1 255.255.255.0 init"
    assert "tap9" in lines[1]


def test_a_script_that_fails(machine, spaces, tmp_path):
    space = spaces()
    with pytest.raises(TmeError, match=r"--up false ended with status 1"):
        make(machine, space, "--dev tap9 --up false")
    with pytest.raises(TmeError, match="--up /nowhere: No such file"):
        make(machine, space, "--dev tap9 --up /nowhere")
    assert "tap9" not in space.sh("ip link")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--dev tun", "tun does not"),
        ("--ifconfig 10.0.77.1 255.255.255", "an address such as"),
        ("--ifconfig-ipv6 10.0.0.1", "--ifconfig-ipv6"),
        ("--remot x", "did you mean '--remote'"),
    ],
)
def test_mistakes(machine, words, message):
    with pytest.raises(TmeError) as caught:
        machine.make("tap0", "tme/host/openvpn/tun/tap", words)
    assert message in str(caught.value)
