"""What devices call steady (tme.bus.Target) is what reads find, as often as one likes."""

from __future__ import annotations

import pytest

import tme

STEPS, STEP = 14, 50_000
BUSES = {"SUN3": ("obio0", "vme0"), "SUN4C": ("sbus0",)}
SCSI = """
si0: tme/machine/sun3/si type vme
si0 csr at vme0 addr 0xff200000 ipl 2
ncr0 at si0: tme/ic/ncr5380
scsibus0 at ncr0: tme/scsi/bus
sc0 at vme0 addr 0xff201000 ipl 2: tme/bus/multibus/sun-sc vme
scsibus1 at sc0: tme/scsi/bus
"""
MORE = {"SUN3": (SCSI,), "SUN4C": ()}
FOUND = {"SUN3": {"zs0", "zs1", "si0", "sc0"}, "SUN4C": {"zs0", "zs1", "esp0", "le0"}}
MOST = 64  # bytes of a device that are looked at


def steady(machine: tme.Machine, buses: tuple[str, ...]) -> dict[tuple[str, str, int, int], int]:
    """All that is: (bus, device, address, size) -> value."""
    found = {}
    for name in buses:
        bus = machine.element(name).map
        for base, length, _, owner in bus.regions():
            for size in (1, 2, 4):
                for at in range(base, base + min(length, MOST), size):
                    value = bus.steady(at, size)
                    if value is not None:
                        found[name, owner, at, size] = value
    return found


@pytest.mark.parametrize("name", BUSES)
def test_reads_find_what_was_promised(name: str) -> None:
    seen = set()
    with tme.Machine(name, *MORE[name], engine="interp") as machine:
        for _ in range(STEPS):
            machine.run(instructions=STEP)
            promised = steady(machine, BUSES[name])
            for (bus, owner, at, size), value in promised.items():
                seen.add(owner)
                assert machine.element(bus).map.read(at, size) == value, (owner, hex(at), size)
            assert steady(machine, BUSES[name]) == promised
    assert seen >= FOUND[name]
