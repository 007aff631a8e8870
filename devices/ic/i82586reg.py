"""What the Intel 82586 keeps in memory and in itself, as tables: offsets, bits, configuration.

Words are little-endian. Offsets in control blocks and descriptors count from the SCB base of 24 bits.

Source: Intel, 82586 IEEE 802.3 Ethernet LAN Coprocessor, 231246; Intel LAN Components User's Manual, 230814.
"""

from __future__ import annotations

NOTHING = 0xFFFF
"""An offset that leads nowhere."""
ADDRESSES = 0xFF_FFFF

SCP = 0xFF_FFF6
"""Where the chip looks first: the word of the bus width; the word at +2 is unused."""
SCP_ISCP = 6
ISCP_BUSY, ISCP_SCB, ISCP_BASE = 0, 2, 4

# System control block
SCB_STATUS, SCB_COMMAND, SCB_CBL, SCB_RFA = 0, 2, 4, 6
CRC_ERRORS, ALIGNMENT_ERRORS, RESOURCE_ERRORS, OVERRUN_ERRORS = 8, 10, 12, 14

CX, FR, CNA, RNR = 0x8000, 0x4000, 0x2000, 0x1000
"""Status: a command with I done, a frame received, command unit not active, receive unit not ready. The same
bits of the command acknowledge them."""
EVENTS = CX | FR | CNA | RNR
CUC, RESET, RUC = 0x0700, 0x0080, 0x0070
START, RESUME, SUSPEND, ABORT = 1, 2, 3, 4
"""Values of CUC and RUC."""
CU_IDLE, CU_SUSPENDED, CU_ACTIVE = 0, 1, 2
RU_IDLE, RU_SUSPENDED, RU_NO_RESOURCES, RU_READY = 0, 1, 2, 4

# Command blocks and descriptors: status, command, link, parameters
STATUS, COMMAND, LINK, PARAMETERS = 0, 2, 4, 6
COMPLETE, BUSY, OK, ABORTED = 0x8000, 0x4000, 0x2000, 0x1000
END, SUSPENDS, INTERRUPTS = 0x8000, 0x4000, 0x2000
NOP, IA_SETUP, CONFIGURE, MC_SETUP, TRANSMIT, TDR, DUMP, DIAGNOSE = range(8)

TX_LATE, TX_NO_CARRIER, TX_NO_CTS, TX_UNDERRUN, TX_DEFERRED, TX_HEARTBEAT, TX_COLLISIONS = (
    0x0800,
    0x0400,
    0x0200,
    0x0100,
    0x0080,
    0x0040,
    0x0020,
)
"""Status of a TRANSMIT."""
TX_ADDRESS = 8
"""The destination in a TRANSMIT block; the length follows it."""
TDR_OK, TDR_TRANSCEIVER, TDR_OPEN, TDR_SHORT = 0x8000, 0x4000, 0x2000, 0x1000
DUMP_SIZE = 170

# Buffer descriptors
TBD_COUNT, TBD_NEXT, TBD_BUFFER = 0, 2, 4
RBD_COUNT, RBD_NEXT, RBD_BUFFER, RBD_SIZE = 0, 2, 4, 8
EOF, FILLED, COUNT = 0x8000, 0x4000, 0x3FFF

RFD_RBD, RFD_HEADER = 6, 8
RX_CRC, RX_ALIGNMENT, RX_NO_BUFFERS, RX_OVERRUN, RX_SHORT, RX_NO_EOF = (
    0x0800,
    0x0400,
    0x0200,
    0x0100,
    0x0080,
    0x0040,
)
"""Errors in a receive frame descriptor."""
RX_ERRORS = RX_CRC | RX_ALIGNMENT | RX_OVERRUN | RX_SHORT | RX_NO_EOF

DEFAULTS = bytes((12, 8, 0x00, 0x26, 0x00, 0x60, 0x00, 0xF2, 0x00, 0x00, 0x40, 0x00))
"""The configuration after a reset."""
LEAST, MOST = 4, len(DEFAULTS)


class Configuration:
    """The parameters of CONFIGURE. Those that have no effect here (FIFO threshold, bus timing, preamble,
    backoff, carrier and collision filters) are kept for DUMP."""

    def __init__(self) -> None:
        self.bytes = bytearray(DEFAULTS)

    def load(self, data: bytes) -> None:
        """Replace the first bytes; the others keep their values."""
        self.bytes[: len(data)] = data

    @property
    def save_bad(self) -> bool:
        """Bad frames are kept with their errors; otherwise only counted."""
        return bool(self.bytes[2] & 0x80)

    @property
    def external_loopback(self) -> bool:
        return bool(self.bytes[3] & 0x80)

    @property
    def internal_loopback(self) -> bool:
        return bool(self.bytes[3] & 0x40)

    @property
    def header_in_buffer(self) -> bool:
        """AL-LOC: addresses and length stand in the buffers, not in the descriptors."""
        return bool(self.bytes[3] & 0x08)

    @property
    def address_length(self) -> int:
        """Bytes of an address, 0 to 6; 7 means none."""
        return self.bytes[3] % 8 % 7

    @property
    def header(self) -> int:
        """Bytes of two addresses and the length."""
        return 2 * self.address_length + 2

    @property
    def spacing(self) -> int:
        """Bit times between frames."""
        return max(self.bytes[5], 32)

    @property
    def no_crc(self) -> bool:
        """NCRC-INS: frames in memory end with their CRC."""
        return bool(self.bytes[8] & 0x08)

    @property
    def no_broadcast(self) -> bool:
        return bool(self.bytes[8] & 0x02)

    @property
    def promiscuous(self) -> bool:
        return bool(self.bytes[8] & 0x01)

    @property
    def shortest(self) -> int:
        """Bytes of the shortest frame, its CRC included."""
        return self.bytes[10]
