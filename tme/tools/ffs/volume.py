"""A part of an image file: the whole of it, or a partition that its Sun label names."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from tme.errors import TmeError
from tme.tools import disklabel
from tme.tools.ffs.layout import SECTOR
from tme.tools.files import lock


class Volume:
    """Bytes of an image from `start`, `size` of them. Closed by `with`."""

    def __init__(self, image: str | Path, partition: str | None = None, write: bool = False) -> None:
        """partition: a letter of the disk's label, or None for the whole image. TmeError if it cannot be."""
        self.path = Path(image)
        self.name = str(image) + (f", partition {partition}" if partition else "")
        try:
            self.file = open(image, "r+b" if write else "rb")  # noqa: SIM115
        except OSError as error:
            raise TmeError(f"cannot open {image}: {error.strerror}") from None
        try:
            lock(self.file, str(image), write)
            length = os.fstat(self.file.fileno()).st_size
            self.start, self.size = 0, length
            self.label: disklabel.Label | None = None
            first = self.file.read(SECTOR)
            if disklabel.is_label(first):
                self.label = disklabel.Label.unpack(first)
            if partition:
                if not self.label:
                    raise TmeError(f"{image} has no Sun label, so there is no partition {partition}")
                self.start, self.size = self.label.extent(partition)
                if self.start + self.size > length:
                    raise TmeError(f"{self.name} reaches beyond the image, which has {length} bytes")
        except TmeError:
            self.file.close()
            raise

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the volume; TmeError when they are not all there."""
        if not 0 <= offset <= self.size - length:
            raise TmeError(
                f"{self.name} ends at byte {self.size}: bytes {offset} to {offset + length} are not there"
            )
        data = os.pread(self.file.fileno(), length, self.start + offset)
        if len(data) < length:
            raise TmeError(f"{self.name} is too short: byte {offset + len(data)} is not there")
        return data

    def write(self, offset: int, data: bytes) -> None:
        """Put bytes at an offset of the volume."""
        if not 0 <= offset <= self.size - len(data):
            raise TmeError(f"{self.name} ends at byte {self.size}: cannot write at {offset}")
        view = memoryview(data)
        try:
            while view:
                done = os.pwrite(self.file.fileno(), view, self.start + offset)
                offset, view = offset + done, view[done:]
        except OSError as error:
            raise TmeError(f"cannot write {self.name}: {error.strerror}") from None

    def __enter__(self) -> Volume:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()
