"""Device registers declared bit by bit, as the data sheet prints them.

    class Status(Register, width=8):
        PENDING = RO(0x80)
        COUNT = RW(0x0C)
        ERROR = W1C(0x01)

    status = Status()
    status.write(0x0F)          # a guest write: only RW and W1C bits act
    status.COUNT                # 3, the field's own value
    status.ERROR = 1            # the device sets a bit, whatever its access kind
    Status.PENDING              # 0x80, an int: the mask

The masks are computed once, when the class is made, so a bus access is a few integer operations. Bits that
are not declared are reserved: they read as zero and ignore writes. `value` is the whole register.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self, overload


class Field(int):
    """A mask of one or more adjacent bits: an int on the register class, the field's value on a register."""

    readable = True
    writable = False  #: a guest write replaces the bits
    clears = False  #: a guest write of 1 clears the bit
    sets = False  #: a guest write of 1 sets the bit
    read_clears = False  #: a guest read clears the bits
    name: str
    shift: int

    def __new__(cls, mask: int) -> Self:
        field = super().__new__(cls, mask)
        field.shift = (mask & -mask).bit_length() - 1
        if mask <= 0 or (mask >> field.shift) & ((mask >> field.shift) + 1):
            raise ValueError(f"a field is a run of adjacent bits, not {mask:#x}")
        return field

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, register: None, owner: type) -> Self: ...
    @overload
    def __get__(self, register: Register, owner: type) -> int: ...
    def __get__(self, register: Register | None, owner: type) -> int:
        return self if register is None else (register.value & self) >> self.shift

    def __set__(self, register: Register, value: int) -> None:
        register.value = register.value & ~int(self) | value << self.shift & self


class RW(Field):
    """Reads back what was written."""

    writable = True


class RO(Field):
    """Set by the device alone; writes are ignored."""


class WO(Field):
    """Written by the guest, reads as zero."""

    readable = False
    writable = True


class RC(Field):
    """Set by the device, cleared by reading it."""

    read_clears = True


class W1C(Field):
    """Set by the device, cleared by writing a one."""

    clears = True


class W1S(Field):
    """Set by writing a one, cleared by the device."""

    sets = True


class TAG(RW):
    """Known, kept and read back, but without effect here; `Register.tagged` tells which ones a guest used."""


class RES(Field):
    """Reserved: reads as zero, ignores writes. Declared only to say so."""

    readable = False


class Register:
    """One register. Subclasses declare fields and give `width` in bits and the `reset` value."""

    width: ClassVar[int] = 8
    reset_value: ClassVar[int] = 0
    fields: ClassVar[tuple[Field, ...]] = ()
    _masks: ClassVar[tuple[int, ...]] = (0,) * 6

    __slots__ = ("value",)

    def __init_subclass__(cls, width: int = 8, reset: int = 0, **more: Any) -> None:
        super().__init_subclass__(**more)
        fields = [f for f in vars(cls).values() if isinstance(f, Field)]
        seen = 0
        for field in fields:
            if field & seen or field >> width:
                raise TypeError(
                    f"{cls.__name__}.{field.name} ({int(field):#x}) overlaps or leaves {width} bits"
                )
            seen |= field
        cls.width, cls.reset_value = width, reset
        cls.fields = tuple(sorted(fields, reverse=True))
        cls._masks = (
            *tuple(
                sum(f for f in fields if getattr(f, kind))
                for kind in ("readable", "writable", "clears", "sets", "read_clears")
            ),
            sum(f for f in fields if isinstance(f, TAG)),
        )

    def __init__(self) -> None:
        self.value = self.reset_value

    def reset(self) -> None:
        """Power-on value."""
        self.value = self.reset_value

    def peek(self) -> int:
        """What a guest read would give."""
        return self.value & self._masks[0]

    def read(self) -> int:
        """A guest read, with its side effects."""
        masks = self._masks
        value = self.value & masks[0]
        if masks[4]:
            self.value &= ~masks[4]
        return value

    def write(self, value: int) -> int:
        """A guest write; returns the bits that changed."""
        _, writable, clears, sets, _, _ = self._masks
        old = self.value
        self.value = old & ~(writable | value & clears) | value & (writable | sets)
        return old ^ self.value

    @property
    def tagged(self) -> str:
        """Names of the TAG fields that are not zero."""
        return " ".join(f.name for f in self.fields if isinstance(f, TAG) and self.value & f)

    def __repr__(self) -> str:
        shown = [
            f.name if f.bit_count() == 1 else f"{f.name}={(self.value & f) >> f.shift:#x}"
            for f in self.fields
            if self.value & f
        ]
        return (
            f"<{type(self).__name__} {self.value:#0{self.width // 4 + 2}x} {' '.join(shown)}".rstrip() + ">"
        )


class Pointer:
    """The address half of an indirect bank: it selects the register that the next access reaches.

    sticky: keep the selection (LANCE RAP); otherwise it falls back to 0 after one access (Z8530).
    """

    __slots__ = ("index", "mask", "sticky")

    def __init__(self, count: int, sticky: bool = False) -> None:
        self.mask = count - 1
        self.sticky = sticky
        self.index = 0

    def select(self, index: int) -> None:
        """Choose the register of the next access."""
        self.index = index & self.mask

    def take(self) -> int:
        """The register that this access reaches."""
        index = self.index
        if not self.sticky:
            self.index = 0
        return index
