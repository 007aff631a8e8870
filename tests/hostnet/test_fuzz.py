"""Frames, calls and packets that make no sense: nothing breaks, nothing grows. See storm.py.

TME_FRAMES says how many of each kind (default 4000); `-m slow` sends 100,000 each, in processes of their own.
"""

import errno
import subprocess
import sys

import pytest

from tests.hostnet import storm
from tests.hostnet.lab import needs_libslirp
from tests.hostnet.nonsense import GATEWAY, corpus
from tests.hostnet.storm import COUNT


@pytest.mark.parametrize("name", storm.STORMS)
def test_a_storm(machine, tmp_path, name):
    if name == "slirp":
        needs_libslirp()
    if name == "links":
        pytest.importorskip("cryptography")
    storm.STORMS[name](machine, tmp_path, COUNT // 4 if name == "links" else COUNT)


@pytest.mark.slow
@pytest.mark.parametrize("name", storm.STORMS)
def test_a_long_storm(name):
    """In a process of its own: a fault in C would end it, and is told; its memory does not grow."""
    if name == "slirp":
        needs_libslirp()
    if name == "links":
        pytest.importorskip("cryptography")
    command = [sys.executable, "-m", "tests.hostnet.storm", name, "100000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    before, after = (float(word) for word in done.stdout.split("MB: ")[1].split()[:2])
    assert after - before < 8


def test_without_sockets_the_guest_is_refused(machine, monkeypatch):
    """The host has no descriptors left: the guest is told, nothing else happens."""
    element = machine.make("user0", "tme/host/user/net engine built-in rate 0")
    guest = machine.guest()
    machine.connect("guest0 at user0")

    def none_left(*args, **kwargs):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("socket.socket", none_left)
    for frame in corpus(bytes((192, 0, 2, 1)), b"\x52\x55" + GATEWAY, bytes(32)):
        guest.send(frame)
    machine.clock.advance(1_000_000_000)
    monkeypatch.undo()
    assert element.engine.tcp.flows == {}
