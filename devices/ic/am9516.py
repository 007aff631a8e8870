"""Am9516 universal DMA controller, as far as Sun's on-board SCSI uses it: channel 1, loaded by chaining.

A driver writes the address of a chain table and starts; the chip fetches from there the registers that the
table's first word names, and then serves requests. It moves words.

Source: AMD, Am9516A data sheet.
"""

from __future__ import annotations

from collections.abc import Callable

MODE, COMMAND = 0x38, 0x2E
CHAIN_HIGH, CHAIN_LOW = 0x26, 0x22
ADDRESS_A_HIGH, ADDRESS_A_LOW, ADDRESS_B_HIGH, ADDRESS_B_LOW = 0x1A, 0x0A, 0x12, 0x02
COUNT = 0x32
CHANNEL_MODE_HIGH, CHANNEL_MODE_LOW = 0x56, 0x52

RELOAD = (
    (0x200, (ADDRESS_A_HIGH, ADDRESS_A_LOW)),
    (0x100, (ADDRESS_B_HIGH, ADDRESS_B_LOW)),
    (0x080, (COUNT,)),
    (0x040, (0x1E, 0x0E)),  # base address A
    (0x020, (0x16, 0x06)),  # base address B
    (0x010, (0x36,)),  # base count
    (0x008, (0x4A, 0x4E)),  # pattern, mask
    (0x004, (0x5A,)),  # interrupt vector
    (0x002, (CHANNEL_MODE_HIGH, CHANNEL_MODE_LOW)),
    (0x001, (CHAIN_HIGH, CHAIN_LOW)),
)
"""Bits of a table's first word, in order of the words behind it -> the registers that those load."""
RESET, CHANNEL_1_CHAIN = 0x00, 0xA0
CLEARED_INTERRUPTS = 0x20
"""Commands; 32 (interrupt enable) and others need nothing here."""
MASTER_ENABLE = 0x01
TERMINAL_COUNT, NO_AUTO_RELOAD, INTERRUPT_ENABLED = 0x0001, 0x0800, 0x8000


class Am9516:
    """Channel 1. `fetch(address)` reads a word of the chain table from memory."""

    def __init__(self, fetch: Callable[[int], int]) -> None:
        self.fetch = fetch
        self.reset()

    def reset(self) -> None:
        """Nothing is loaded, nothing moves."""
        self.pointer = 0
        self.registers: dict[int, int] = {}
        self.enabled = False
        self.status = 0

    def read(self) -> int:
        """The register that the pointer names."""
        return self.status if self.pointer == COMMAND else self.registers.get(self.pointer, 0)

    def write(self, value: int) -> None:
        """Write the register that the pointer names."""
        if self.pointer == COMMAND:
            self._command(value & 0xFF)
        else:
            self.registers[self.pointer] = value

    def _command(self, command: int) -> None:
        if command == RESET:
            pointer = self.pointer
            self.reset()
            self.pointer = pointer
        elif command == CHANNEL_1_CHAIN and self.registers.get(MODE, 0) & MASTER_ENABLE:
            self._load()

    def _load(self) -> None:
        """Fetch registers from the chain table and begin."""
        at = self._long(CHAIN_HIGH, CHAIN_LOW)
        wanted = self.fetch(at)
        for mask, registers in RELOAD:
            for register in registers if wanted & mask else ():
                at += 2
                self.registers[register] = self.fetch(at)
        self.status = 0
        self.enabled = True

    def _long(self, high: int, low: int) -> int:
        """24 bits of address: bits 23-16 are the upper byte of the high register, the lower one is a tag."""
        return (self.registers.get(high, 0) & 0xFF00) << 8 | self.registers.get(low, 0)

    @property
    def words(self) -> int:
        """Words still to move."""
        return self.registers.get(COUNT, 0) if self.enabled else 0

    def address(self, sending: bool) -> int:
        """Where the next word is (register A, device B flips) or goes."""
        high, low = (ADDRESS_A_HIGH, ADDRESS_A_LOW) if sending else (ADDRESS_B_HIGH, ADDRESS_B_LOW)
        return self._long(high, low)

    def moved(self, words: int, sending: bool) -> None:
        """Account for words that have been moved."""
        high, low = (ADDRESS_A_HIGH, ADDRESS_A_LOW) if sending else (ADDRESS_B_HIGH, ADDRESS_B_LOW)
        address = self._long(high, low) + 2 * words
        self.registers[high] = address >> 8 & 0xFF00 | self.registers.get(high, 0) & 0xFF
        self.registers[low] = address & 0xFFFF
        self.registers[COUNT] = self.registers.get(COUNT, 0) - words & 0xFFFF
        if not self.registers[COUNT]:
            self.enabled = False
            self.status = TERMINAL_COUNT | NO_AUTO_RELOAD
