"""Free space of a file system that is being filled: fragments and inodes, in the order of the groups."""

from __future__ import annotations

from tme.errors import TmeError
from tme.tools.ffs.layout import ROOT, SuperBlock


class Space:
    """Maps of each group: 1 is free in `free`, in use in `used`; `last` is the block taken last."""

    def __init__(self, sb: SuperBlock, name: str) -> None:
        self.sb, self.name = sb, name
        self.free: list[bytearray] = []
        self.used = [bytearray(sb.ipg) for _ in range(sb.ncg)]
        self.used[0][:ROOT] = b"\1" * ROOT
        self.directories = [0] * sb.ncg
        self.last = [0] * sb.ncg
        for group in range(sb.ncg):
            count = sb.group_fragments(group)
            start = sb.group_start(group) - group * sb.fpg
            first = start + sb.sblkno if group else 0
            end = sb.data_start(group) - group * sb.fpg
            self.free.append(bytearray(b"\1" * first + bytes(end - first) + b"\1" * (count - end)))
        self.here, self.at = 0, 0
        self.open: dict[int, list[int]] = {}
        """Blocks of which the last so many fragments are free."""

    def block(self) -> int:
        """A block for a file; TmeError when there is none."""
        frag = self.sb.frag
        while self.here < self.sb.ncg:
            free = self.free[self.here]
            while self.at + frag <= len(free):
                at = self.at
                self.at += frag
                if sum(free[at : at + frag]) == frag:
                    free[at : at + frag] = bytes(frag)
                    self.last[self.here] = at
                    return self.here * self.sb.fpg + at
            self.here, self.at = self.here + 1, 0
        raise TmeError(f"{self.name} is full: {self.sb.dsize * self.sb.fsize} bytes of data are too few")

    def tail(self, count: int) -> int:
        """So many fragments of one block; TmeError when there are none."""
        frag = self.sb.frag
        for left in range(count, frag):
            if self.open.get(left):
                start = self.open[left].pop()
                break
        else:
            start, left = self.block(), frag
            group, at = divmod(start, self.sb.fpg)
            self.free[group][at : at + frag] = b"\1" * frag
        first = start + frag - left
        group, at = divmod(first, self.sb.fpg)
        self.free[group][at : at + count] = bytes(count)
        if left > count:
            self.open.setdefault(left - count, []).append(start)
        return first

    def inode(self, directory: bool) -> int:
        """An inode, in the group where blocks are taken if it has one left; TmeError when there is none."""
        groups: list[int] = [*range(min(self.here, self.sb.ncg - 1), self.sb.ncg), *range(self.here)]
        for group in groups:
            index = self.used[group].find(0)
            if index >= 0:
                self.used[group][index] = 1
                self.directories[group] += directory
                return group * self.sb.ipg + index
        raise TmeError(
            f"{self.name} is full: {self.sb.ncg * self.sb.ipg} inodes are too few; give each fewer bytes"
        )
