"""NAT: rules from one description, and on this kernel, between namespaces."""

import json
import subprocess
import sys

import pytest

from hostnet.nat.rules import Nat
from tests.hostnet.lab import join, needs
from tests.hostnet.test_tap import tap
from tme.errors import TmeError

RULE = Nat("tap0", "eth0", "10.0.77.0/24")


def test_the_text_for_nft_is_what_we_apply(spaces):
    needs("nft")
    space, other = spaces(), spaces()
    space.sh(f"printf '%s' '{RULE.nft()}' | nft -f -")
    other.sh(f"printf '%s' '{json.dumps({'nftables': RULE.nft_add([])})}' | nft -j -f -")
    listed = [s.sh("nft list ruleset").replace("srcnat", "100") for s in (space, other)]
    assert listed[0] == listed[1]
    assert "masquerade" in listed[0]


def lab(machine, spaces):
    """guest - tap - router - outside"""
    needs("nft", "ping")
    router, outside = spaces(), spaces()
    join(router, outside, "eth0", "eth0")
    router.sh("ip addr add 192.0.2.1/24 dev eth0; ip route add default via 192.0.2.2")
    outside.sh("ip addr add 192.0.2.2/24 dev eth0")
    guest = spaces()
    machine.make("plug", "tme/host/switch")
    tap(machine, guest, "interface sun0 inet 10.0.77.2 netmask 255.255.255.0 nat none", name="sun0")
    guest.sh("ip route add default via 10.0.77.1")
    machine.connect("sun0 at plug")
    return router, outside, guest


def test_a_guest_reaches_the_world(machine, spaces):
    router, _, guest = lab(machine, spaces)
    router.sh("nft add table inet mine; nft add chain inet mine c")
    before = router.sh("nft list ruleset")
    made = tap(machine, router, "inet 10.0.77.1 netmask 255.255.255.0")
    machine.connect("tap0 at plug")
    assert router.sh("cat /proc/sys/net/ipv4/ip_forward") == "1\n"
    # the outside has no route back: only the router's address can be answered
    assert "1 received" in machine.shell(guest, "ping -c 1 -W 3 192.0.2.2")
    with router.inside():
        made.close()
    assert router.sh("nft list ruleset") == before
    assert router.sh("cat /proc/sys/net/ipv4/ip_forward") == "0\n"


def everything(space):
    """What a NAT may change."""
    names = "ipv4/ip_forward ipv6/conf/all/forwarding ipv6/conf/eth0/accept_ra"
    files = " ".join(f"/proc/sys/net/{name}" for name in names.split())
    return space.sh(f"cat {files}; nft list ruleset")


def test_a_guest_reaches_the_world_by_ipv6(machine, spaces):
    needs("nft", "ping")
    router, outside, guest = spaces(), spaces(), spaces()
    join(router, outside)
    router.sh("ip addr add fd01::1/64 dev eth0 nodad; ip -6 route add default via fd01::2")
    outside.sh("ip addr add fd01::2/64 dev eth0 nodad")
    for space in (router, guest):
        space.sh("echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad")  # addresses are good at once
    with guest.inside():
        machine.make("sun0", "tme/host/tun/tap", "interface sun0 inet6 fd00:77::2/64 nat none")
    guest.sh("ip -6 route add default via fd00:77::1")
    before = everything(router)
    made = tap(machine, router, "inet6 fd00:77::1/64")
    second = tap(machine, router, "inet6 fd00:78::1/64 nat eth0", name="tap1")
    machine.connect("sun0 at tap0")
    assert "2" in router.sh("cat /proc/sys/net/ipv6/conf/eth0/accept_ra")
    assert "1 received" in machine.shell(guest, "exec ping -c 1 -W 9 fd01::2", check=False)
    with router.inside():
        made.close()
        listed = router.sh("nft list ruleset")
        assert "fd00:78::/64" in listed
        assert "fd00:77::/64" not in listed
        second.close()
    assert everything(router) == before


def test_none_means_none(machine, spaces):
    router, _, guest = lab(machine, spaces)
    tap(machine, router, "inet 10.0.77.1 netmask 255.255.255.0 nat none")
    machine.connect("tap0 at plug")
    assert "table" not in router.sh("nft list ruleset")
    assert "1 received" not in machine.shell(guest, "ping -c 1 -W 1 192.0.2.2", check=False)


def test_two_machines_share_the_table(machine, machines, spaces):
    router, *_ = lab(machine, spaces)
    first = tap(machine, router, "inet 10.0.77.1 netmask 255.255.255.0 nat eth0", name="a")
    second = tap(machines(), router, "inet 10.0.78.1 netmask 255.255.255.0 nat eth0", name="b")
    with router.inside():
        first.close()
    listed = router.sh("nft list ruleset")
    assert "10.0.78.0/24" in listed
    assert "10.0.77.0/24" not in listed
    assert router.sh("cat /proc/sys/net/ipv4/ip_forward") == "1\n"
    with router.inside():
        second.close()
    assert router.sh("nft list ruleset") == ""
    assert router.sh("cat /proc/sys/net/ipv4/ip_forward") == "0\n"


def test_forwarding_that_was_on_stays_on(machine, spaces):
    router, *_ = lab(machine, spaces)
    router.sh("echo 1 > /proc/sys/net/ipv4/ip_forward")
    made = tap(machine, router, "inet 10.0.77.1 netmask 255.255.255.0")
    with router.inside():
        made.close()
    assert router.sh("cat /proc/sys/net/ipv4/ip_forward") == "1\n"


def test_rules_that_are_kept(machine, spaces):
    router, *_ = lab(machine, spaces)
    made = tap(machine, router, "inet 10.0.77.1 netmask 255.255.255.0 nat eth0 nat-keep")
    with router.inside():
        made.close()
    assert "masquerade" in router.sh("nft list ruleset")


def test_a_missing_program_is_told(machine, spaces, monkeypatch):
    needs("nft")
    space = spaces()
    space.sh("ip link add eth0 type veth peer name eth1; ip link set eth1 up; ip link set eth0 up")
    space.sh("ip route add default dev eth0")

    def absent(*args, **kwargs):
        raise FileNotFoundError

    monkeypatch.setattr("hostnet.nat.apply.subprocess.run", absent)
    tap(machine, space, "inet 10.0.77.1 netmask 255.255.255.0")
    assert any("install the package nftables" in line for line in machine.logged)
    with pytest.raises(TmeError, match="install the package nftables"):
        tap(machine, space, "inet 10.0.78.1 nat eth0", name="b")
    monkeypatch.undo()


def test_the_command_line_prints_rules():
    done = subprocess.run(
        [sys.executable, "-m", "tme", "--nat-rules", "pf"], capture_output=True, text=True, check=True
    )
    assert "nat on" in done.stdout


# ---- the proxy ----------------------------------------------------------------------------------------


def settings(space):
    """Everything that a proxy changes."""
    names = "ipv4/ip_forward ipv4/conf/eth0/proxy_arp ipv6/conf/all/forwarding ipv6/conf/eth0/proxy_ndp"
    files = " ".join(f"/proc/sys/net/{name}" for name in (*names.split(), "ipv6/conf/eth0/accept_ra"))
    return space.sh(f"cat {files}; ip -4 route; ip -6 neigh show proxy")


@pytest.mark.parametrize("version", [4, 6])
def test_the_host_answers_for_the_guest(machine, spaces, version):
    needs("ping")
    host, lan, guest = spaces(), spaces(), spaces()
    join(host, lan)
    near, far, mine = [("192.0.2.1", "fd01::1"), ("192.0.2.2", "fd01::2"), ("192.0.2.9", "fd01::9")]
    wide, which = ("/24", 0) if version == 4 else ("/64", 1)
    for space, own in ((host, near), (lan, far)):
        space.sh(f"ip addr add {own[which]}{wide} dev eth0 {'nodad' if version == 6 else ''}")
    before = settings(host)
    made = tap(machine, host, f"proxy eth0 guest {mine[which]}")
    with guest.inside():
        machine.make("sun0", "tme/host/tun/tap", "interface sun0 inet6 fd02::1/64")
    guest.sh(f"ip addr add {mine[which]}{wide} dev sun0 {'nodad' if version == 6 else ''}")
    machine.connect("sun0 at tap0")
    ping = "exec ping -c 3 -i 0.5 -W 5"
    with host.inside():  # that is where the machine runs
        assert " 0% packet loss" in machine.shell(guest, f"{ping} {far[which]}", check=False)
        assert " 0% packet loss" in machine.shell(lan, f"{ping} {mine[which]}", check=False)
        made.close()
    assert settings(host) == before


def test_mistakes_of_a_proxy(machine, spaces):
    space = spaces()
    with pytest.raises(TmeError, match="belong together"):
        tap(machine, space, "proxy lo")
    with pytest.raises(TmeError, match="the host has no interface nowhere0"):
        tap(machine, space, "proxy nowhere0 guest 192.0.2.9")
    with pytest.raises(TmeError, match="bad value 'x' for 'guest'"):
        tap(machine, space, "proxy lo guest x")
