"""NFS version 2 and MOUNT version 1 over folders of the host. Source: RFC 1094.

A file handle is the number of an export and the number of a file: whatever a guest puts together, it names
files of the exports or none. Handles do not outlive the process.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

from hostnet.services import xdr
from hostnet.services.folder import Attributes, Folder, Name, Refused
from hostnet.services.rpc import Caller, Procedure, Program
from hostnet.services.xdr import Reader

NFS, NFS_PORT, MOUNT, MOUNT_PORT = 100_003, 2049, 100_005, 671
MAGIC = b"TMEf"
HANDLE, MOST, PATH, NAME = 32, 8192, 1024, 255
BLOCK = 4096
UNSET = 0xFFFF_FFFF
LARGEST = 0x7FFF_FFFF
REG, DIR, BLK, CHR, LNK = 1, 2, 3, 4, 5
TYPES = {
    stat.S_IFREG: REG, stat.S_IFDIR: DIR, stat.S_IFBLK: BLK, stat.S_IFCHR: CHR, stat.S_IFLNK: LNK,
    stat.S_IFIFO: CHR, stat.S_IFSOCK: CHR,
}  # fmt: skip
ERRORS = {
    errno.EPERM: 1, errno.ENOENT: 2, errno.EIO: 5, errno.ENXIO: 6, errno.EACCES: 13, errno.EEXIST: 17,
    errno.ENODEV: 19, errno.ENOTDIR: 20, errno.EISDIR: 21, errno.EFBIG: 27, errno.ENOSPC: 28, errno.EROFS: 30,
    errno.ENAMETOOLONG: 63, errno.ENOTEMPTY: 66, errno.EDQUOT: 69, errno.ESTALE: 70, errno.ELOOP: 70,
}  # fmt: skip
"""Numbers that the protocol has for them; anything else is an I/O error."""
IO_ERROR = 5
PIPE_DEVICE = 0xFFFF_FFFF
"""The device number by which NFS version 2 tells a pipe from a character device."""

Where = tuple["Export", Name]


class Export:
    """A folder under the path that clients mount, or one file of it (`only`)."""

    def __init__(self, number: int, path: str, folder: Folder, only: str | None = None) -> None:
        self.number, self.path, self.folder, self.only = number, path, folder, only

    def handle(self, name: Name) -> bytes:
        """The file handle of a file."""
        return MAGIC + xdr.uints(self.number, self.folder.number(name)) + bytes(HANDLE - 12)


class Nfs:
    """Serves exports; `programs` go to an Rpc."""

    def __init__(self) -> None:
        self.exports: list[Export] = []
        calls: dict[int, Callable[[Reader], bytes]] = {
            1: self._getattr, 2: self._setattr, 4: self._lookup, 5: self._readlink, 6: self._read,
            8: self._write, 9: self._create, 10: self._remove, 11: self._rename, 12: self._link,
            13: self._symlink, 14: self._mkdir, 15: self._rmdir, 16: self._readdir, 17: self._statfs,
        }  # fmt: skip
        procedures: dict[int, Procedure] = {n: self._guarded(call) for n, call in calls.items()}
        nothing: dict[int, Procedure] = dict.fromkeys((0, 3, 7), lambda r, c: b"")
        self.nfs = Program(NFS, (2,), NFS_PORT, nothing | procedures, frozenset(range(9, 16)))
        self.mount = Program(MOUNT, (1, 2), MOUNT_PORT)
        self.mount.procedures = {
            0: lambda r, c: b"",
            1: self._mnt,
            2: lambda r, c: xdr.uints(0),
            3: lambda r, c: b"",
            4: lambda r, c: b"",
            5: lambda r, c: self._list(),
        }

    def export(self, path: str, folder: Folder, only: str | None = None) -> None:
        """Let `path` be mounted."""
        self.exports.append(Export(len(self.exports) + 1, path, folder, only))

    def close(self) -> None:
        for export in self.exports:
            export.folder.close()

    @staticmethod
    def _guarded(call: Callable[[Reader], bytes]) -> Procedure:
        """A call whose errors become the protocol's."""

        def run(reader: Reader, caller: Caller) -> bytes:
            try:
                return xdr.uints(0) + call(reader)
            except OSError as error:
                return xdr.uints(ERRORS.get(error.errno or 0, IO_ERROR))
            except (ValueError, OverflowError) as error:
                if isinstance(error, xdr.Garbage):
                    raise
                return xdr.uints(IO_ERROR)

        return run

    # ---- MOUNT -----------------------------------------------------------------------------------------

    def _mnt(self, reader: Reader, caller: Caller) -> bytes:
        path = os.fsdecode(reader.opaque(PATH)).rstrip("/") or "/"
        for export in self.exports:
            inside = path.removeprefix(export.path)
            if inside == path or (inside and (export.only or not inside.startswith("/"))):
                continue
            try:
                name = export.folder.find(export.only or inside)
            except OSError as error:
                return xdr.uints(ERRORS.get(error.errno or 0, IO_ERROR))
            return xdr.uints(0) + export.handle(name)
        return xdr.uints(ERRORS[errno.ENOENT])

    def _list(self) -> bytes:
        paths = [xdr.uints(1) + xdr.opaque(os.fsencode(e.path)) + xdr.uints(0) for e in self.exports]
        return b"".join(paths) + xdr.uints(0)

    # ---- arguments and results -------------------------------------------------------------------------

    def _file(self, reader: Reader) -> Where:
        handle = reader.fixed(HANDLE)
        number, file = Reader(handle[4:12]).uints(2)
        if handle[:4] != MAGIC or any(handle[12:]) or not 1 <= number <= len(self.exports):
            raise Refused(errno.ESTALE, "no handle of ours")
        export = self.exports[number - 1]
        name = export.folder.name(file)
        if export.only is not None and name != (export.only,):
            raise Refused(errno.EACCES, "outside")
        return export, name

    def _entry(self, reader: Reader) -> Where:
        """A directory and a name in it."""
        export, directory = self._file(reader)
        word = reader.opaque(NAME)
        if export.only is not None:
            raise Refused(errno.ENOTDIR, "is no directory")
        if word == b".":
            return export, directory
        if word == b"..":  # the root is above itself
            return export, directory[:-1]
        return export, export.folder.child(directory, word)

    @staticmethod
    def _stat(where: Where) -> bytes:
        export, name = where
        try:
            found = export.folder.stat(name)
        except FileNotFoundError:
            raise Refused(errno.ESTALE, "gone") from None
        return Nfs._attributes(found, export.number)

    @staticmethod
    def _attributes(found: Attributes, device: int) -> bytes:
        kind = stat.S_IFMT(found.mode)
        rdev = PIPE_DEVICE if kind == stat.S_IFIFO else found.rdev
        size = min(found.size, LARGEST)
        return xdr.uints(
            TYPES.get(kind, REG), found.mode, found.links, found.uid, found.gid, size, BLOCK, rdev,
            -(-size // 512), device, found.number, *found.atime, *found.mtime, *found.ctime,
        )  # fmt: skip

    def _settings(self, reader: Reader) -> tuple[int, ...]:
        return reader.uints(8)

    def _apply(self, where: Where, wanted: tuple[int, ...], resize: bool = True) -> None:
        """Set what is not UNSET: mode, owner, group, size, times."""
        (export, name), (mode, uid, gid, size, *times) = where, wanted
        folder = export.folder
        if size != UNSET and resize:
            folder.truncate(name, size)
        new_mode = None
        if mode & 0xFFFF != 0xFFFF:
            new_mode = stat.S_IFMT(folder.stat(name).mode) | mode & 0o7777
        owners = [None if value == UNSET else value for value in (uid, gid)]
        if new_mode is not None or owners != [None, None]:
            folder.set_mode(name, new_mode, *owners)
        atime, mtime = (
            None if seconds == UNSET else seconds * 10**9 + min(micro, 999_999) * 1000
            for seconds, micro in (times[:2], times[2:])
        )
        if atime is not None or mtime is not None:
            folder.set_times(name, atime, mtime)

    # ---- procedures ------------------------------------------------------------------------------------

    def _getattr(self, reader: Reader) -> bytes:
        return self._stat(self._file(reader))

    def _setattr(self, reader: Reader) -> bytes:
        where, wanted = self._file(reader), self._settings(reader)
        self._writable(where)
        self._apply(where, wanted)
        return self._stat(where)

    @staticmethod
    def _writable(where: Where) -> None:
        if not where[0].folder.writable:
            raise Refused(errno.EROFS, "read only")

    def _found(self, where: Where) -> bytes:
        """Handle and attributes."""
        export, name = where
        return export.handle(name) + self._attributes(export.folder.stat(name), export.number)

    def _lookup(self, reader: Reader) -> bytes:
        return self._found(self._entry(reader))

    def _readlink(self, reader: Reader) -> bytes:
        export, name = self._file(reader)
        return xdr.opaque(export.folder.readlink(name)[:PATH])

    def _read(self, reader: Reader) -> bytes:
        where = export, name = self._file(reader)
        offset, count, _ = reader.uints(3)
        data = export.folder.read(name, offset, min(count, MOST))
        return self._stat(where) + xdr.opaque(data)

    def _write(self, reader: Reader) -> bytes:
        where = export, name = self._file(reader)
        _, offset, _ = reader.uints(3)
        data = reader.opaque(MOST)
        if offset + len(data) > LARGEST:
            raise Refused(errno.EFBIG, "too large")
        export.folder.write(name, offset, data)
        return self._stat(where)

    def _create(self, reader: Reader) -> bytes:
        where = export, name = self._entry(reader)
        wanted = self._settings(reader)
        new = export.folder.create(name)
        mode, _, _, size, *_ = wanted
        kind = stat.S_IFMT(mode) if mode != UNSET else 0
        if new and kind in (stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK):
            if kind == stat.S_IFCHR and size == PIPE_DEVICE:
                kind = stat.S_IFIFO
            rdev = 0 if size == UNSET else size
            export.folder.set_mode(name, kind | mode & 0o7777, None, None, rdev)
            self._apply(where, wanted, resize=False)
        else:
            self._apply(where, wanted)
        return self._found(where)

    def _remove(self, reader: Reader) -> bytes:
        export, name = self._entry(reader)
        export.folder.remove(name, directory=False)
        return b""

    def _rmdir(self, reader: Reader) -> bytes:
        export, name = self._entry(reader)
        export.folder.remove(name, directory=True)
        return b""

    def _pair(self, old: Where, new: Where) -> tuple[Folder, Name, Name]:
        if old[0] is not new[0]:
            raise Refused(errno.ENXIO, "of different exports")
        return old[0].folder, old[1], new[1]

    def _rename(self, reader: Reader) -> bytes:
        folder, old, new = self._pair(self._entry(reader), self._entry(reader))
        folder.rename(old, new)
        return b""

    def _link(self, reader: Reader) -> bytes:
        folder, old, new = self._pair(self._file(reader), self._entry(reader))
        folder.link(old, new)
        return b""

    def _symlink(self, reader: Reader) -> bytes:
        export, name = self._entry(reader)
        target = reader.opaque(PATH)
        self._settings(reader)
        export.folder.symlink(name, target)
        return b""

    def _mkdir(self, reader: Reader) -> bytes:
        where = export, name = self._entry(reader)
        wanted = self._settings(reader)
        export.folder.mkdir(name)
        self._apply(where, wanted, resize=False)
        return self._found(where)

    def _readdir(self, reader: Reader) -> bytes:
        export, name = self._file(reader)
        cookie, count = reader.uints(2)
        if export.only is not None:
            raise Refused(errno.ENOTDIR, "is no directory")
        folder = export.folder
        names = [".", "..", *folder.list(name, anew=cookie == 0)]
        room = min(count, MOST) - 16
        out = b""
        for at in range(cookie, len(names)):
            word = names[at]
            there = name if word == "." else name[:-1] if word == ".." else (*name, word)
            entry = xdr.uints(1, folder.number(there)) + xdr.opaque(os.fsencode(word)) + xdr.uints(at + 1)
            if len(out) + len(entry) > room:
                return out + xdr.uints(0, 0)
            out += entry
        return out + xdr.uints(0, 1)

    def _statfs(self, reader: Reader) -> bytes:
        export, _ = self._file(reader)
        found = export.folder.space()
        scale = found.f_frsize / BLOCK
        blocks = [min(int(n * scale), 0x7FFFF) for n in (found.f_blocks, found.f_bfree, found.f_bavail)]
        return xdr.uints(MOST, BLOCK, *blocks)
