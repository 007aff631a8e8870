"""machine/sun4/fdc: the floppy controller of a Sun-4, by the chip that it has.

fdc0 at sbus0 addr 0xf7200000 ipl 11: tme/machine/sun4/fdc type tme/ic/i82072
"""

from __future__ import annotations

from devices.ic.i82072 import I82072
from tme.args import Param, choice

CHIP = I82072.module
CHIPS = (f"tme/{CHIP}", f"nme/{CHIP}", CHIP)


class Fdc(I82072):
    """The controller; there is no drive."""

    module = "machine/sun4/fdc"
    summary = "the floppy controller of a Sun-4, without a drive: `type tme/ic/i82072`"
    params = (Param("type", choice(*CHIPS), required=True, help="the chip"),)
