"""machine/sun4/clock: the clock of a Sun-4, by the chip that it has.

clock0 at sbus0 addr 0xf20007f8: tme/machine/sun4/clock type tme/ic/mk48t02
"""

from __future__ import annotations

from devices.ic.mk48t02 import Mk48t02
from tme.args import Param, choice

CHIP = Mk48t02.module
CHIPS = (f"tme/{CHIP}", f"nme/{CHIP}", CHIP)


class Clock(Mk48t02):
    """The time of day. The counters that interrupt are the main board's."""

    module = "machine/sun4/clock"
    summary = "the clock of a Sun-4: `type tme/ic/mk48t02`; its RAM is a persistent memory of 2040 bytes"
    params = (Param("type", choice(*CHIPS), required=True, help="the chip"),)
