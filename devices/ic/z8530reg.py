"""Registers of the Z8530, named as in Zilog's "SCC User's Manual" (UM010903), asynchronous part.

Only masks: the chip keeps its registers as plain bytes, because most bits act at the moment they are written.
"""

from tme.register import RO, RW, WO, Register


class WR0(Register):
    """Command register: the only one reached without the pointer."""

    CRC_RESET = WO(0xC0)
    COMMAND = WO(0x38)
    POINTER = WO(0x07)


NULL, POINT_HIGH, RESET_EXT, SEND_ABORT, INT_NEXT_RX, RESET_TX_IP, ERROR_RESET, RESET_IUS = range(8)
RESET_TX_UNDERRUN = 3  #: of WR0.CRC_RESET


class WR1(Register):
    """Interrupt enables and the wait/DMA request pin (which no Sun wires)."""

    WAIT_DMA = RW(0xE0)
    RX_INT = RW(0x18)
    PARITY_SPECIAL = RW(0x04)
    TX_INT = RW(0x02)
    EXT_INT = RW(0x01)


RX_INT_OFF, RX_INT_FIRST, RX_INT_ALL, RX_INT_SPECIAL = range(4)


class WR3(Register):
    """Receiver."""

    RX_BITS = RW(0xC0)
    AUTO_ENABLES = RW(0x20)
    SYNC = RW(0x1E)
    RX_ENABLE = RW(0x01)


class WR4(Register):
    """Format of both directions."""

    CLOCK_MODE = RW(0xC0)
    SYNC_MODE = RW(0x30)
    STOP_BITS = RW(0x0C)
    PARITY_EVEN = RW(0x02)
    PARITY_ENABLE = RW(0x01)


class WR5(Register):
    """Transmitter and modem outputs."""

    DTR = RW(0x80)
    TX_BITS = RW(0x60)
    SEND_BREAK = RW(0x10)
    TX_ENABLE = RW(0x08)
    CRC16 = RW(0x04)
    RTS = RW(0x02)
    TX_CRC_ENABLE = RW(0x01)


class WR9(Register):
    """Master interrupt control; one for both channels."""

    RESET = RW(0xC0)
    SOFT_INTACK = RW(0x20)
    STATUS_HIGH = RW(0x10)
    MIE = RW(0x08)
    DLC = RW(0x04)
    NO_VECTOR = RW(0x02)
    VIS = RW(0x01)


RESET_B, RESET_A, RESET_HARDWARE = 1, 2, 3  #: of WR9.RESET


class WR11(Register):
    """Where the clocks come from."""

    RTXC_XTAL = RW(0x80)
    RX_CLOCK = RW(0x60)
    TX_CLOCK = RW(0x18)
    TRXC = RW(0x07)


CLOCK_RTXC, CLOCK_TRXC, CLOCK_BRG, CLOCK_DPLL = range(4)


class WR14(Register):
    """Baud rate generator and test modes."""

    DPLL = RW(0xE0)
    LOCAL_LOOPBACK = RW(0x10)
    AUTO_ECHO = RW(0x08)
    DTR_REQUEST = RW(0x04)
    BRG_PCLK = RW(0x02)
    BRG_ENABLE = RW(0x01)


class WR15(Register):
    """Which external/status conditions interrupt. Bits 2 and 0 are always zero."""

    BREAK = RW(0x80)
    TX_UNDERRUN = RW(0x40)
    CTS = RW(0x20)
    SYNC = RW(0x10)
    DCD = RW(0x08)
    ZERO_COUNT = RW(0x02)


class RR0(Register):
    """Buffer and external status; the bits of WR15 are in the same places."""

    BREAK = RO(0x80)
    TX_UNDERRUN = RO(0x40)
    CTS = RO(0x20)
    SYNC = RO(0x10)
    DCD = RO(0x08)
    TX_EMPTY = RO(0x04)
    ZERO_COUNT = RO(0x02)
    RX_AVAILABLE = RO(0x01)


class RR1(Register):
    """Special receive conditions of the character at the top of the FIFO."""

    END_OF_FRAME = RO(0x80)
    FRAMING = RO(0x40)
    OVERRUN = RO(0x20)
    PARITY = RO(0x10)
    RESIDUE = RO(0x0E)
    ALL_SENT = RO(0x01)


RESIDUE_ASYNC = 0x06  #: what the residue bits show in asynchronous modes

IP_RX, IP_TX, IP_EXT = 4, 2, 1  #: a channel's bits of RR3; channel A's are three places higher

READ_ALIAS = (0, 1, 2, 3, 0, 1, 2, 3, 8, 13, 10, 15, 12, 13, 10, 15)
"""Which read register a pointer value reaches: the NMOS chip decodes only some."""
CHARACTER_BITS = (5, 7, 6, 8)
CLOCK_MODES = (1, 16, 32, 64)
STOP_HALF_BITS = (0, 2, 3, 4)  #: stop bits in halves; 0 is a synchronous mode
