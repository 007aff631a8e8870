"""The keys of Sun keyboards by their X11 names, and the characters that they type.

Sources: MAME src/devices/bus/sunkbd (key tables in comments); NetBSD sys/dev/sun/kbd_tables.c; Sun, "Type 4
keyboard" 800-1795.
"""

from __future__ import annotations


def _run(first: int, names: str) -> dict[str, int]:
    return {name: first + at for at, name in enumerate(names.split())}


MAIN = {
    "Escape": 0x1D,
    **_run(0x1E, "1 2 3 4 5 6 7 8 9 0 minus equal grave BackSpace"),
    "Tab": 0x35,
    **_run(0x36, "q w e r t y u i o p bracketleft bracketright Delete"),
    "Control_L": 0x4C,
    **_run(0x4D, "a s d f g h j k l semicolon apostrophe backslash Return"),
    "Shift_L": 0x63,
    **_run(0x64, "z x c v b n m comma period slash Shift_R Linefeed"),
    "Meta_L": 0x78,
    "space": 0x79,
    "Meta_R": 0x7A,
}
"""The typewriter keys, where all of them have the same codes."""
FUNCTION = {
    **dict(zip("L1 L2 L3 L4 L5 L6 L7 L8 L9 L10".split(),
               (0x01, 0x03, 0x19, 0x1A, 0x31, 0x33, 0x48, 0x49, 0x5F, 0x61), strict=True)),
    **dict(zip("F1 F2 F3 F4 F5 F6 F7 F8 F9".split(),
               (0x05, 0x06, 0x08, 0x0A, 0x0C, 0x0E, 0x10, 0x11, 0x12), strict=True)),
    **_run(0x15, "R1 R2 R3"),
    **_run(0x2D, "R4 R5 R6"),
    **_run(0x44, "R7 R8 R9"),
    **_run(0x5B, "R10 R11 R12"),
    **_run(0x70, "R13 R14 R15"),
}  # fmt: skip
"""The keys at the left, at the top and at the right."""
ARROWS = {"Up": 0x45, "Left": 0x5B, "Right": 0x5D, "Down": 0x71}
TYPE_2 = MAIN | FUNCTION | ARROWS | {"Break": 0x13}
TYPE_3 = MAIN | FUNCTION | ARROWS | {"Alt_L": 0x13, "Caps_Lock": 0x77}
TYPE_4 = TYPE_3 | {
    "Help": 0x76, "F10": 0x07, "F11": 0x09, "F12": 0x0B, "AltGraph": 0x0D, "Compose": 0x43,
    "Pause": 0x15, "Print": 0x16, "Scroll_Lock": 0x17, "Num_Lock": 0x62,
    "KP_Equal": 0x2D, "KP_Divide": 0x2E, "KP_Multiply": 0x2F, "KP_Subtract": 0x47, "KP_Add": 0x7D,
    "KP_Enter": 0x5A, "KP_Decimal": 0x32, "KP_0": 0x5E, "KP_1": 0x70, "KP_2": 0x71, "KP_3": 0x72,
    "KP_4": 0x5B, "KP_5": 0x5C, "KP_6": 0x5D, "KP_7": 0x44, "KP_8": 0x45, "KP_9": 0x46,
}  # fmt: skip

UNSHIFTED = dict(
    zip("-=`[];'\\,./ \t\n\r\x1b\b\x7f",
        ("minus equal grave bracketleft bracketright semicolon apostrophe backslash comma period slash space "
         "Tab Return Return Escape BackSpace Delete").split(), strict=True)
)  # fmt: skip
SHIFTED = dict(
    zip('!@#$%^&*()_+~{}:"|<>?',
        ("1 2 3 4 5 6 7 8 9 0 minus equal grave bracketleft bracketright semicolon apostrophe backslash "
         "comma period slash").split(), strict=True)
)  # fmt: skip
"""Characters and the keys that make them, alone and with Shift, on a US keyboard."""


def strokes(character: str) -> tuple[str, ...] | None:
    """The keys held together that make a character, Control among them; None when no key does."""
    if character in UNSHIFTED:
        return (UNSHIFTED[character],)
    if character in SHIFTED:
        return "Shift_L", SHIFTED[character]
    if character.isascii() and character.isalnum():
        return ("Shift_L", character.lower()) if character.isupper() else (character,)
    if "\x01" <= character <= "\x1a":
        return "Control_L", chr(ord(character) + 0x60)
    return None
