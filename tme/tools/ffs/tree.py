"""What goes into a file system: files from folders, tar archives, other file systems, and lists of such.

A list is a text, one line a thing, `#` starts a comment, names are relative to the list's folder:

    tree    munixfs_sun3                       /           # a folder, archive or file system, with all in it
    file    sun3_kvm.tar.Z:stand/vmunix        /vmunix     [mode [uid gid]]    # or a file of the host
    text    /.profile  'PATH=/bin:/usr/etc' 'export PATH'                      # a file with these lines
    dir     /mnt                               [mode [uid gid]]
    symlink usr/lib                            /lib
    link    /bin/sh                            /sbin/sh
    char    /dev/null  3 2                     [mode [uid gid]]
    block   /dev/sd0a  7 0                     [mode [uid gid]]
    remove  /etc/rc
    boot    sun3_kvm.tar.Z:mdec/bootsd         /boot       # the boot block, and the program that it loads

Later lines replace what earlier ones made. A folder's files belong to root, others to whom their source says.
"""

from __future__ import annotations

import io
import os
import shlex
import stat
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tme.errors import TmeError, did_you_mean
from tme.tools.ffs.layout import NAME_MAX
from tme.tools.ffs.reader import FileSystem
from tme.tools.ffs.unpack import unpacked
from tme.tools.ffs.volume import Volume


@dataclass(eq=False)
class Node:
    """A file; one that stands in two places of a tree has two names. `data` of a link is its target."""

    mode: int
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    data: Callable[[], bytes] = bytes
    device: int = 0
    children: dict[bytes, Node] = field(default_factory=dict)
    least: int = 0
    """Bytes that a directory has room for at least."""

    @property
    def kind(self) -> int:
        return stat.S_IFMT(self.mode)

    def walk(self) -> Iterator[Node]:
        """This node and everything below, once for each name."""
        yield self
        for child in self.children.values():
            yield from child.walk()


def directory(mode: int = 0o755) -> Node:
    return Node(stat.S_IFDIR | mode)


class Tree:
    """A root directory that is being filled; `boot` is the boot block and the path that it is to load."""

    def __init__(self) -> None:
        self.root = directory()
        self.boot: tuple[bytes, str] | None = None

    def find(self, path: str, make: bool = False) -> Node:
        """The file of a path, symbolic links not followed; missing directories are made if `make` says so."""
        node = self.root
        for name in parts(path):
            if name not in node.children and make:
                node.children[name] = directory()
            if name not in node.children:
                raise TmeError(f"there is no {path}")
            node = node.children[name]
        return node

    def put(self, path: str, node: Node) -> None:
        """Add or replace a file; a directory takes its new mode and owner, and keeps what is in it."""
        names = parts(path)
        if not names:
            if node.kind != stat.S_IFDIR:
                raise TmeError("/ has to be a directory")
            node.children = self.root.children | node.children
            self.root = node
            return
        parent = self.find("/".join(map(_text, names[:-1])), make=True)
        if parent.kind != stat.S_IFDIR:
            raise TmeError(f"{path}: {_text(b'/'.join(names[:-1]))} is not a directory")
        old = parent.children.get(names[-1])
        if old and old.kind == node.kind == stat.S_IFDIR:
            node.children = old.children | node.children
        parent.children[names[-1]] = node

    def remove(self, path: str) -> None:
        names = parts(path)
        if not names:
            raise TmeError("/ cannot be removed")
        parent = self.find("/".join(map(_text, names[:-1])))
        if parent.children.pop(names[-1], None) is None:
            raise TmeError(f"there is no {path}")

    def graft(self, source: Path, at: str = "/") -> None:
        """Everything in a folder, an archive or a file system, below a directory."""
        for path, node in read_source(source):
            self.put(f"{at}/{path}", node)

    def read_list(self, file: Path) -> None:
        """Do what a list says."""
        try:
            lines = file.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise TmeError(f"cannot read the list {file}: {error}") from None
        for number, line in enumerate(lines, 1):
            try:
                words = shlex.split(line, comments=True)
                if words:
                    self._line(file.parent, *words)
            except ValueError as error:
                raise TmeError(str(error), f"{file}:{number}") from None
            except TmeError as error:
                raise error.at(f"{file}:{number}") from None

    def _line(self, folder: Path, verb: str, *words: str) -> None:
        if verb not in VERBS:
            raise TmeError(f"unknown word '{verb}'{did_you_mean(verb, VERBS)}; a list has {', '.join(VERBS)}")
        least, most = VERBS[verb]
        if not least <= len(words) <= most:
            raise TmeError(f"{verb} takes {least} to {most} words, not {len(words)}")
        match verb:
            case "tree":
                self.graft(folder / words[0], words[1] if len(words) > 1 else "/")
            case "file":
                node = read_file(folder, words[0])
                self.put(words[1], _owned(node, words[2:]))
            case "text":
                lines = "".join(f"{line}\n" for line in words[1:]).encode()
                self.put(words[0], Node(stat.S_IFREG | 0o644, data=lines.__bytes__))
            case "dir":
                self.put(words[0], _owned(directory(), words[1:]))
            case "symlink":
                self.put(words[1], Node(stat.S_IFLNK | 0o777, data=words[0].encode().__bytes__))
            case "link":
                node = self.find(words[0])
                if node.kind == stat.S_IFDIR:
                    raise TmeError(f"{words[0]} is a directory: it cannot have a second name")
                self.put(words[1], node)
            case "char" | "block":
                kind = stat.S_IFCHR if verb == "char" else stat.S_IFBLK
                node = Node(kind | 0o644, device=_device(words[1], words[2]))
                self.put(words[0], _owned(node, words[3:]))
            case "remove":
                self.remove(words[0])
            case "boot":
                self.boot = read_file(folder, words[0]).data(), words[1]


VERBS = {
    "tree": (1, 2),
    "file": (2, 5),
    "text": (1, 1000),
    "dir": (1, 4),
    "symlink": (2, 2),
    "link": (2, 2),
    "char": (3, 6),
    "block": (3, 6),
    "remove": (1, 1),
    "boot": (2, 2),
}
"""Words of a list, and how many words follow them."""


def parts(path: str) -> list[bytes]:
    """The names of a path; TmeError when a name is too long or leads out of the tree."""
    names = [os.fsencode(part) for part in path.split("/") if part not in ("", ".")]
    for name in names:
        if name == b".." or len(name) > NAME_MAX:
            raise TmeError(f"bad name '{_text(name)}' in {path}: at most {NAME_MAX} bytes, and no ..")
    return names


def _text(name: bytes) -> str:
    return os.fsdecode(name)


def _device(major: str, minor: str) -> int:
    if not (major.isdecimal() and minor.isdecimal() and int(major) < 256 and int(minor) < 256):
        raise TmeError(f"bad device number {major} {minor}: two numbers from 0 to 255 are expected")
    return int(major) << 8 | int(minor)


def _owned(node: Node, words: tuple[str, ...]) -> Node:
    """The node with mode, uid and gid as a list gives them."""
    try:
        if words:
            node.mode = node.kind | (int(words[0], 8) & 0o7777)
        if len(words) == 3:
            node.uid, node.gid = int(words[1]), int(words[2])
    except ValueError:
        raise TmeError(
            f"bad mode or owner '{' '.join(words)}': an octal mode, uid and gid are expected"
        ) from None
    if len(words) == 2 or not (0 <= node.uid < 65536 and 0 <= node.gid < 65536):
        raise TmeError("an owner is a uid and a gid, 0 to 65535")
    return node


# sources


def read_source(source: Path) -> Iterator[tuple[str, Node]]:
    """Path and file of everything in a folder, an archive or a file system."""
    if source.is_dir():
        return _folder(source)
    try:
        data = unpacked(source)
    except OSError as error:
        raise TmeError(f"cannot read {source}: {error.strerror or error}") from None
    return _archive(data, str(source)) if _is_tar(data) else _image(source)


def read_file(folder: Path, name: str) -> Node:
    """A file of the host, or ARCHIVE:MEMBER."""
    source, colon, member = name.partition(":")
    path = folder / source
    if not colon:
        try:
            data = path.read_bytes()
            status = path.stat()
        except OSError as error:
            raise TmeError(f"cannot read {path}: {error.strerror}") from None
        return Node(
            stat.S_IFREG | stat.S_IMODE(status.st_mode), mtime=int(status.st_mtime), data=data.__bytes__
        )
    wanted = parts(member)
    for at, node in read_source(path):
        if parts(at) == wanted and node.kind == stat.S_IFREG:
            return node
    raise TmeError(f"there is no file {member} in {path}")


def _folder(source: Path) -> Iterator[tuple[str, Node]]:
    known: dict[tuple[int, int], Node] = {}

    def below(path: str, host: str) -> Iterator[tuple[str, Node]]:
        status = os.lstat(host)
        node = Node(status.st_mode, mtime=int(status.st_mtime))
        match node.kind:
            case stat.S_IFREG:
                node.data = Path(host).read_bytes
            case stat.S_IFLNK:
                node.data = os.fsencode(os.readlink(host)).__bytes__
            case stat.S_IFCHR | stat.S_IFBLK:
                node.device = os.major(status.st_rdev) << 8 | os.minor(status.st_rdev)
            case stat.S_IFSOCK:
                return
        if node.kind != stat.S_IFDIR:
            node = known.setdefault((status.st_dev, status.st_ino), node)
        yield path, node
        if node.kind == stat.S_IFDIR:
            for name in sorted(os.listdir(host)):
                yield from below(f"{path}/{name}", f"{host}/{name}")

    try:
        yield from below("", str(source))
    except OSError as error:
        raise TmeError(f"cannot read {error.filename}: {error.strerror}") from None


TAR_KINDS = {
    tarfile.REGTYPE: stat.S_IFREG,
    tarfile.AREGTYPE: stat.S_IFREG,
    tarfile.DIRTYPE: stat.S_IFDIR,
    tarfile.SYMTYPE: stat.S_IFLNK,
    tarfile.CHRTYPE: stat.S_IFCHR,
    tarfile.BLKTYPE: stat.S_IFBLK,
    tarfile.FIFOTYPE: stat.S_IFIFO,
}


def _is_tar(data: bytes) -> bool:
    """Old archives have no magic number, but a checksum."""
    try:
        tarfile.TarInfo.frombuf(data[:512], "ascii", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _archive(data: bytes, where: str) -> Iterator[tuple[str, Node]]:
    known: dict[tuple[bytes, ...], Node] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:", errors="surrogateescape") as archive:
            for member in archive:
                if member.islnk():
                    node = known.get(tuple(parts(member.linkname)))
                    if node is None:
                        raise TmeError(f"{where}: {member.name} is a link to what does not come before it")
                elif member.type in TAR_KINDS:
                    node = Node(TAR_KINDS[member.type] | member.mode & 0o7777, member.uid, member.gid)
                    node.mtime = int(member.mtime)
                    if member.isreg():
                        first = member.offset_data
                        node.data = data[first : first + member.size].__bytes__
                    elif member.issym():
                        node.mode |= 0o777
                        node.data = os.fsencode(member.linkname).__bytes__
                    node.device = member.devmajor << 8 | member.devminor if member.isdev() else 0
                else:
                    continue
                known[tuple(parts(member.name))] = node
                yield member.name, node
    except tarfile.TarError as error:
        raise TmeError(f"{where} is not a tar archive that can be read: {error}") from None


def _image(source: Path) -> Iterator[tuple[str, Node]]:
    known: dict[int, Node] = {}
    with Volume(source) as volume:
        fs = FileSystem(volume)
        for path, number, inode in fs.walk():
            if number not in known:
                node = Node(inode.mode, inode.uid, inode.gid, inode.mtime)
                if inode.kind in (stat.S_IFREG, stat.S_IFLNK):
                    node.data = fs.contents(inode).__bytes__
                if inode.kind in (stat.S_IFCHR, stat.S_IFBLK):
                    node.device = inode.direct[0]
                if inode.kind == stat.S_IFDIR and path == "/lost+found":
                    node.least = inode.size
                known[number] = node
            yield path, known[number]
