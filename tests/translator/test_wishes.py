"""The hottest first, what was hot once later, what is never hot again not at all."""

from __future__ import annotations

from translator.wishes import AGE, LINE, Wishes

HERE, ELSEWHERE = 2 << 32, 4 << 32


def test_the_hottest_first() -> None:
    wishes = Wishes()
    for key, heat in ((HERE | 0x100, 1), (HERE | 0x200, 3), (HERE | 0x300, 2), (ELSEWHERE, 9)):
        wishes.add(key, heat)
    wishes.add(HERE | 0x100, 4)
    assert wishes.hottest(2, 9) == [HERE | 0x100, HERE | 0x200, HERE | 0x300]
    assert wishes.hottest(2, 1) == [HERE | 0x100]
    assert wishes.hottest(3, 9) == []
    assert wishes.take(HERE | 0x200)[0] == 3
    assert HERE | 0x200 not in wishes


def test_one_after_the_other() -> None:
    wishes = Wishes()
    for n in range(3 * LINE):
        wishes.add(HERE | n, n + 1)
    wishes.add(ELSEWHERE, 9999)
    order = []
    while (key := wishes.next(2)) is not None:
        order.append(key)
        wishes.take(key)
    assert order == [HERE | n for n in reversed(range(3 * LINE))]
    assert wishes.next(4) == ELSEWHERE


def test_since_when() -> None:
    """The first time counts, until the wish is taken."""
    wishes = Wishes()
    for now in (5, 7):
        wishes.add(HERE, 1, now)
    assert wishes.take(HERE) == (2, 5)
    wishes.add(HERE, 1, 9)
    assert wishes.take(HERE) == (1, 9)


def test_what_is_not_heard_of_again_is_forgotten() -> None:
    wishes = Wishes()
    wishes.add(HERE, 3)
    for _ in range(2 * AGE):
        wishes.add(HERE | 2)
    assert HERE not in wishes
    assert HERE | 2 in wishes


def test_the_list_is_bounded() -> None:
    wishes = Wishes()
    for key in range(20 * AGE):
        wishes.add(key, 2)
    assert len(wishes) <= 2 * AGE
