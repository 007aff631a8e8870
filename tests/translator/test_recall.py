"""What regions know of memory."""

from __future__ import annotations

from translator.recall import Memory

ONE, TWO = object(), object()


def test_a_store_is_found_whole_and_in_parts() -> None:
    m = Memory()
    m.stored(ONE, 8, 4, "v")
    assert m.find(ONE, 8, 4) == ("v", 0, 4)
    assert m.find(ONE, 10, 2) == ("v", 2, 4)
    assert m.find(ONE, 10, 4) is None
    assert m.find(TWO, 8, 4) is None
    assert m.find(None, 8, 4) is None


def test_a_store_hides_what_it_overlaps_and_what_it_may_overlap() -> None:
    m = Memory()
    m.loaded(ONE, 0, 4, "a")
    m.loaded(ONE, 4, 4, "b")
    m.loaded(TWO, 0, 4, "c")
    m.stored(ONE, 3, 1, "d")
    assert m.find(ONE, 0, 4) is None
    assert m.find(ONE, 4, 4) == ("b", 0, 4)
    assert m.find(TWO, 0, 4) is None


def test_a_store_that_may_go_to_a_device_is_not_kept() -> None:
    m = Memory()
    m.loaded(ONE, 0, 4, "a")
    m.stored(ONE, 0, 4, None)
    assert m.find(ONE, 0, 4) is None


def test_behind_a_branch_only_what_both_sides_keep() -> None:
    before = Memory()
    before.loaded(ONE, 0, 4, "a")
    before.loaded(ONE, 8, 4, "b")
    one, two = before.copy(), before.copy()
    one.stored(ONE, 0, 4, "x")
    one.loaded(ONE, 16, 4, "c")
    two.loaded(ONE, 16, 4, "d")
    two.meet(one, before)
    assert two.find(ONE, 0, 4) is None
    assert two.find(ONE, 8, 4) == ("b", 0, 4)
    assert two.find(ONE, 16, 4) is None
    assert before.find(ONE, 0, 4) == ("a", 0, 4)


def test_what_is_straight_for_eight_bytes_is_for_four() -> None:
    m = Memory()
    assert not m.straighten(ONE, 8, 7)
    assert m.straighten(ONE, 0, 7)
    assert m.straighten(ONE, 16, 3)
    assert not m.straighten(ONE, 4, 7)
    assert m.straighten(ONE, 6, 1)
    assert not m.straighten(TWO, 0, 1)
