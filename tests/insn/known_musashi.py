"""Where Musashi is wrong or fills undefined flags otherwise, and why we do not follow it.

Handlers are at HANDLERS + 16 * vector.
"""

from __future__ import annotations

from tests.insn.known import (
    DECIMAL,
    ONE_FOR_BOTH,
    QUOTIENTS,
    C,
    Difference,
    Flaw,
    How,
    N,
    V,
    Z,
    digits,
    everywhere,
    its_register,
    no_digits,
    one_for_both,
)

HANDLERS = 0x2000
ILLEGAL, DIVIDE, CHK, FORMAT = 4, 5, 6, 14  # vectors


def went(d: Difference, who: int) -> int:
    """The vector that we (0) or Musashi (1) took, or -1."""
    pc = d.left.get("pc", (d.ours["pc"],) * 2)[who]
    return (pc - HANDLERS) >> 4 if HANDLERS <= pc < HANDLERS + 0x1000 else -1


def division(d: Difference) -> bool:
    """After overflow, and where the status register is stacked after a division by zero."""
    undefined = d.only("sr", most=1) and not d.flags & ~(N | Z | V | C)
    if went(d, 0) == DIVIDE:
        return undefined and all(at == d.ours["a7"] + 1 for at, *_ in d.bytes)
    return undefined and bool(d.ours["sr"] & V) and not d.bytes and not d.flags & V


def most_negative(d: Difference) -> bool:
    """$80000000 by -1 is 0 to Musashi."""
    x = f"d{d.words[0] >> 9 & 7}"
    return d.only(x, "sr") and d.left.get(x) == (0x80000000, 0) and bool(d.ours["sr"] & V)


def chk(d: Difference) -> bool:
    """N, if there is no trap; else V and C, also where they are stacked."""
    if went(d, 0) != CHK:
        return d.only("sr") and d.flags == N
    return flags_and_stacked(d, V | C)


def flags_and_stacked(d: Difference, mask: int) -> bool:
    """Some of these flags; if there is an exception, also in its frame."""
    stacked = went(d, 0) >= 0 and all(at == d.ours["a7"] + 1 for at, *_ in d.bytes)
    return d.only("sr", most=1) and not d.flags & ~mask and (not d.bytes or stacked)


def bounds(d: Difference) -> tuple[int, int] | None:
    """Of CHK2 and CMP2, where their address is easily found."""
    mode, n, ext = d.words[0] >> 3 & 7, d.words[0] & 7, d.words[2:]
    size = 1 << (d.words[0] >> 9 & 3)
    disp = ext[0] - (ext[0] >> 15 << 16)
    match mode, n:
        case 2, _:
            at = d.before[f"a{n}"]
        case 5, _:
            at = d.before[f"a{n}"] + disp
        case 7, 1:
            at = ext[0] << 16 | ext[1]
        case 7, 2:
            at = d.before["pc"] + 4 + disp
        case _:
            return None
    lower, upper = (d.memory[at + k * size : at + (k + 1) * size] for k in (0, 1))
    return int.from_bytes(lower, "big", signed=True), int.from_bytes(upper, "big", signed=True)


def address_register(words: tuple[int, ...]) -> bool:
    """CHK2 and CMP2 of An with bounds of bytes or words"""
    return bool(words[1] & 0x8000) and words[0] >> 9 & 3 != 2


def either_way(d: Difference) -> bool:
    """One finds it within the bounds, the other does not."""
    return went(d, 0) != went(d, 1) or (d.only("sr") and bool(d.flags & C))


def round_about(d: Difference) -> bool:
    """N and V; and Musashi finds everything outside of bounds in the wrong order."""
    if flags_and_stacked(d, N | V):
        return True
    found = bounds(d)
    if found is not None and found[0] <= found[1]:
        return False
    if not d.words[1] & 0x800:  # CMP2
        return d.only("sr") and d.flags & ~(N | V) == C and not d.ours["sr"] & C
    stack = d.left.get("a7", (0, 0))[1]
    frame = all(stack <= at < stack + 12 for at, *_ in d.bytes)
    return went(d, 0) == -1 and went(d, 1) == CHK and not d.ours["sr"] & C and frame


def _predecremented(d: Difference) -> tuple[int, int]:
    """Ay, and what it moves by."""
    y = d.words[0] & 7
    return d.before[f"a{y}"], 2 if y == 7 else 1


def packed(d: Difference) -> bool:
    """What PACK makes of the two bytes in the other order, and of those in ours."""
    at, step = _predecremented(d)
    first, second = d.memory[at - step], d.memory[at - 2 * step]

    def pack(high: int, low: int) -> int:
        x = (high << 8 | low) + d.words[1]
        return x >> 4 & 0xF0 | x & 0xF

    want = pack(second, first), pack(first, second)
    return d.only(most=1) and [(a, b) for _, a, b in d.bytes] == [want]


def unpacked(d: Difference) -> bool:
    """The two bytes in the other order; the one with the higher address is the low one."""
    at, step = _predecremented(d)
    x = d.memory[at - step]
    x = (x << 4 & 0xF00 | x & 0xF) + d.words[1]
    high, low = x >> 8 & 0xFF, x & 0xFF
    return d.only(most=2) and [(a, b) for _, a, b in d.bytes] == [(high, low), (low, high)]


def compare_registers(d: Difference) -> bool:
    """CAS2.W leaves the upper halves alone; of equal registers the first one counts."""
    first, second = d.words[1] & 7, d.words[2] & 7
    halves = d.words[0] & 0x200 == 0 and all((a ^ b) & 0xFFFF == 0 for a, b in d.left.values())
    return d.only(f"d{first}", f"d{second}") and (halves or first == second)


def fifth_byte(d: Difference) -> bool:
    """One byte more than the field has, if it has five, and BFINS' Z, which looks there."""
    ext = d.words[1]
    offset = d.before[f"d{ext >> 6 & 7}"] if ext & 0x800 else ext >> 6 & 31
    width = d.before[f"d{ext & 7}"] if ext & 0x20 else ext
    inserts = d.words[0] >> 8 & 15 == 15
    five = (offset & 7) + ((width - 1) & 31) + 1 > 32
    return five and d.only("sr", most=1) and d.flags in ((0, Z) if inserts else (0,))


def own_register(d: Difference) -> bool:
    """MOVEM to -(An) with An in its list."""
    return d.only(most=4) and bool(d.words[1] >> 7 - (d.words[0] & 7) & 1)


def return_(d: Difference) -> bool:
    """The stacked PC of a format error."""
    if went(d, 0) != FORMAT or went(d, 1) != FORMAT:
        return False
    at = d.ours["a7"] + 2
    return d.only(most=4) and all(at <= a < at + 4 for a, *_ in d.bytes)


def known_frame(d: Difference) -> bool:
    """Musashi finds a format error where there is none."""
    kind = d.memory[d.before["a7"] + 6] >> 4
    return went(d, 0) == -1 and went(d, 1) == FORMAT and kind in (0x1, 0x9, 0xA, 0xB)


def linked_a7(d: Difference) -> bool:
    at = d.before["a7"] - 4
    return d.words[0] & 7 == 7 and d.only(most=4) and all(at <= a < at + 4 for a, *_ in d.bytes)


def nothing(d: Difference) -> bool:
    """Musashi goes on as if there were nothing."""
    return all(d.left[k][1] == d.before[k] for k in d.registers - {"pc"}) and went(d, 1) == -1


def flaw(how: How, why: str) -> tuple[Flaw, ...]:
    return (Flaw(everywhere, how, why),)


FIFTH = "bit fields that end in a fifth byte change too much; QEMU agrees with us"
SWAPPED = "the digits' bytes are swapped: the low digit has the higher address (PRM PACK)"
FLAWS: dict[str, tuple[Flaw, ...]] = {
    **{
        name: flaw(
            lambda d: digits(d) or no_digits(d),
            f"N, V and digits above nine are undefined (PRM {title}); ours are the 68000's",
        )
        for name, title in DECIMAL.items()
    },
    **{
        name: flaw(division, f"undefined after overflow and division by zero; C is cleared (PRM {title})")
        for name, title in QUOTIENTS.items()
    },
    "chk_w": flaw(chk, "N is undefined without a trap, V and C with one (PRM CHK)"),
    "chk_l": flaw(chk, "N is undefined without a trap, V and C with one (PRM CHK)"),
    "chk2_cmp2": (
        *flaw(round_about, "a lower bound above the upper one: the range goes round (PRM CHK2)"),
        Flaw(address_register, either_way, "of an address register all bits are compared (CHK2 in the PRM)"),
    ),
    "mul_l": (Flaw(one_for_both, its_register, ONE_FOR_BOTH),),
    "pack_memory": flaw(packed, SWAPPED),
    "unpk_memory": flaw(unpacked, SWAPPED),
    "cas2": flaw(compare_registers, "words leave the upper half, the first of equals counts (PRM CAS2)"),
    **{name: flaw(fifth_byte, FIFTH) for name in ("bfchg", "bfclr", "bfset", "bfins")},
    "movem_predecrement": flaw(own_register, "the 68020 stores its base register decremented (PRM MOVEM)"),
    "rte": (
        *flaw(return_, "a format error stacks the address of RTE (68020 UM 6.1.11)"),
        *flaw(known_frame, "a frame that Musashi does not know (68020 UM table 6-5)"),
    ),
    "movec_from_control": (
        Flaw(
            lambda w: w[1] & 0xFFF in (0x002, 0x802),
            lambda d: went(d, 0) == ILLEGAL,
            "CACR and CAAR of a 68010 are illegal (PRM MOVEC)",
        ),
    ),
    "link_w": flaw(linked_a7, "LINK A7 stores A7 as it was: 68000 vectors, QEMU"),
    "link_l": flaw(linked_a7, "LINK A7 stores A7 as it was: 68000 vectors, QEMU"),
    "callm": flaw(nothing, "not in Musashi"),
    "rtm": flaw(nothing, "not in Musashi"),
}
FLAWS["divs_w"] += flaw(most_negative, "$80000000 by -1 is an overflow (PRM DIVS), not 0")
