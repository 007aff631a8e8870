"""The Am7990's registers, initialisation block and descriptors, as tables.

The chip moves words of 16 bits. On a big-endian bus, as here, its words are the processor's; only the bytes
of frames have an order of their own, which BSWP sets right.

Sources: AMD, Am7990 LANCE and Am79C90 C-LANCE data sheets (05698, 17881); NetBSD sys/dev/ic/am7990reg.h.
"""

from __future__ import annotations

from tme.register import RO, RW, TAG, W1C, W1S, Register

ADDRESSES = 0xFF_FFFF
FCS = 4


class Csr0(Register, width=16, reset=0x0004):
    """Control and status. The chip wakes up stopped."""

    ERR = RO(0x8000)
    BABL = W1C(0x4000)
    CERR = W1C(0x2000)
    MISS = W1C(0x1000)
    MERR = W1C(0x0800)
    RINT = W1C(0x0400)
    TINT = W1C(0x0200)
    IDON = W1C(0x0100)
    INTR = RO(0x0080)
    INEA = RW(0x0040)
    RXON = RO(0x0020)
    TXON = RO(0x0010)
    TDMD = W1S(0x0008)
    STOP = W1S(0x0004)
    STRT = W1S(0x0002)
    INIT = W1S(0x0001)


ERRORS = Csr0.BABL | Csr0.CERR | Csr0.MISS | Csr0.MERR
"""What ERR is the sum of."""
EVENTS = Csr0.BABL | Csr0.MISS | Csr0.MERR | Csr0.RINT | Csr0.TINT | Csr0.IDON
"""What interrupts; a missing heartbeat (CERR) does not."""


class Csr1(Register, width=16):
    """Initialisation block, low part of its address; blocks are at even addresses."""

    IADR = RW(0xFFFE)


class Csr2(Register, width=16):
    """Initialisation block, high part of its address."""

    IADR = RW(0x00FF)


class Csr3(Register, width=16):
    """Bus interface. ACON and BCON choose what pins do, and whoever built the board knows."""

    BSWP = RW(0x0004)
    ACON = TAG(0x0002)
    BCON = TAG(0x0001)


# Initialisation block: offsets of its words
MODE, PADR, LADRF, RDRA, TDRA = 0, 2, 8, 16, 20
BLOCK_SIZE = 24

# Mode
PROM, INTL, DRTY, COLL, DTCR, LOOP, DTX, DRX = 0x8000, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01

# Descriptors: offsets of their words
LOW, STATUS, SIZE, RESULT = 0, 2, 4, 6
DESCRIPTOR = 8
RINGS = 0xFF_FFF8
"""Rings begin at quadwords."""

OWN, ERR, STP, ENP = 0x8000, 0x4000, 0x0200, 0x0100
"""Status of both kinds: the chip's, an error, a frame's first and last buffer."""
RX_FRAM, RX_OFLO, RX_CRC, RX_BUFF = 0x2000, 0x1000, 0x0800, 0x0400
TX_MORE, TX_ONE, TX_DEF = 0x1000, 0x0800, 0x0400
HIGH = 0x00FF
"""In a status: the upper bits of the buffer's address."""

TX_BUFF, TX_UFLO, TX_LCOL, TX_LCAR, TX_RTRY, TX_TDR = 0x8000, 0x4000, 0x1000, 0x0800, 0x0400, 0x03FF
"""The result of a transmission; valid with ERR."""
COUNT = 0x0FFF
"""Sizes are negative numbers of 12 bits: zero is 4096."""
