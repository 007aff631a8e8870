"""machine/sun3/clock: the Intersil 7170 of a Sun-3, its interrupt on the wire that the interrupt register
gates.

clock0 at obio0 addr 0x060000: tme/machine/sun3/clock
"""

from __future__ import annotations

from devices.ic.isil7170 import Isil7170


class Clock(Isil7170):
    """The time of day, and the 100 Hz that drives the operating system."""

    module = "machine/sun3/clock"
    summary = "the Sun-3's Intersil 7170 clock; interrupts at level 5 or 7 as the interrupt register says"
    signal = "clock"
