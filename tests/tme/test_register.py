import pytest

from tme.register import RC, RES, RO, RW, TAG, W1C, W1S, WO, Pointer, Register


class Status(Register, width=16, reset=0x8000):
    READY = RO(0x8000)
    GO = W1S(0x4000)
    KEY = WO(0x0F00)
    LATE = TAG(0x0080)
    _FREE = RES(0x0040)
    COUNT = RW(0x0030)
    EVENT = RC(0x0002)
    ERROR = W1C(0x0001)


def test_a_field_is_a_mask_on_the_class_and_a_value_on_the_register():
    status = Status()
    assert Status.COUNT == 0x30
    status.COUNT = 2
    assert status.COUNT == 2
    assert status.value == 0x8020
    status.COUNT = 5
    assert status.value == 0x8010


def test_guest_writes_reach_only_what_they_may():
    status = Status()
    assert status.write(0xFFFF) == 0x4FB0
    assert status.value == 0xCFB0
    assert status.write(0) == 0x0FB0
    assert status.value == 0xC000


def test_write_one_to_clear():
    status = Status()
    status.ERROR = 1
    status.write(0)
    assert status.ERROR == 1
    status.write(1)
    assert status.ERROR == 0


def test_write_only_and_reserved_bits_read_as_zero():
    status = Status()
    status.write(0xFFFF)
    assert status.read() == 0xC0B0


def test_read_clears_but_peek_does_not():
    status = Status()
    status.EVENT = 1
    assert status.peek() & 2
    assert status.peek() & 2
    assert status.read() & 2
    assert not status.read() & 2


def test_tags_and_repr_name_the_bits():
    status = Status()
    status.write(0x00B0)
    assert status.tagged == "LATE"
    assert repr(status) == "<Status 0x80b0 READY LATE COUNT=0x3>"
    status.reset()
    assert status.value == 0x8000


def test_a_wrong_declaration_is_found_at_once():
    with pytest.raises(TypeError, match=r"B \(0x3\) overlaps"):
        type("X", (Register,), {"A": RW(0x01), "B": RW(0x03)})
    with pytest.raises(TypeError, match="leaves 8 bits"):
        type("X", (Register,), {"A": RW(0x100)})
    with pytest.raises(ValueError, match="adjacent"):
        RW(0x05)


@pytest.mark.parametrize(("sticky", "seen"), [(False, [9, 0]), (True, [9, 9])])
def test_pointer(sticky, seen):
    pointer = Pointer(16, sticky)
    pointer.select(0x19)
    assert [pointer.take(), pointer.take()] == seen
