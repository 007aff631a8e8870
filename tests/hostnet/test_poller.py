"""Many sockets behind one reader of the machine."""

import socket

from hostnet.poller import Poller


def test_reading_and_writing(machine):
    a, b = socket.socketpair()
    poller, calls = Poller(machine), []
    poller.watch(a.fileno(), lambda: calls.append(a.recv(9)))
    assert machine.readers == {}
    poller.start()
    b.send(b"x")
    machine.step()
    assert calls == [b"x"]
    poller.watch(a.fileno(), None, lambda: (calls.append("room"), poller.forget(a.fileno())))
    machine.step()
    machine.step()
    assert calls == [b"x", "room"]
    a.close(), b.close()
    poller.close()
    poller.close()


def test_a_machine_with_nothing_to_wait_for_has_no_reader(machine):
    """Runs by instruction count repeat only then."""
    a, b = socket.socketpair()
    poller = Poller(machine)
    poller.start()
    assert machine.readers == {}
    poller.watch(a.fileno(), lambda: None)
    assert len(machine.readers) == 1
    poller.forget(a.fileno())
    poller.forget(a.fileno())
    assert machine.readers == {}
    poller.close()
    a.close(), b.close()


def test_one_that_is_forgotten_meanwhile_is_not_called(machine):
    pairs = [socket.socketpair() for _ in range(2)]
    poller, calls = Poller(machine), []

    def read(which):
        calls.append(which)
        poller.forget(pairs[1 - which][0].fileno())
        pairs[which][0].recv(9)

    for number, (mine, other) in enumerate(pairs):
        poller.watch(mine.fileno(), lambda number=number: read(number))
        other.send(b"x")
    poller.start()
    machine.step()
    assert len(calls) == 1
    poller.close()
    for pair in pairs:
        for end in pair:
            end.close()


def test_quiet_elements_leave_the_machine_alone(machine):
    for number, words in enumerate(("host/switch", "host/user/net restrict", "host/diskless")):
        machine.make(f"e{number}", f"tme/{words}")
    assert machine.readers == {}
