"""The element name space: folders with elements, addressed by paths such as `zs0`, `../io/zs0`, `/cpu0`.

An element may have several names (aliases). The first is its own; when that is removed the next takes over.
"""

from __future__ import annotations

from collections.abc import Iterator

from tme.element import Element
from tme.errors import TmeError, did_you_mean


class Folder:
    """One folder. `entries` keeps the order in which names were made."""

    def __init__(self, name: str = "", parent: Folder | None = None) -> None:
        self.name = name
        self.parent = parent or self
        self.entries: dict[str, Folder | Element] = {}

    @property
    def path(self) -> str:
        """The absolute path, "/" for the root."""
        return "/" if self.parent is self else f"{self.parent.path.rstrip('/')}/{self.name}"

    def child(self, name: str) -> str:
        """The absolute path of an entry of this folder."""
        return f"{self.path.rstrip('/')}/{name}"

    def walk(self) -> Iterator[Folder]:
        """This folder and all below it."""
        yield self
        for entry in self.entries.values():
            if isinstance(entry, Folder):
                yield from entry.walk()


class Namespace:
    """The tree of names and the current folder."""

    def __init__(self) -> None:
        self.root = Folder()
        self.current = self.root

    # Finding

    def folder(self, path: str) -> Folder:
        """The folder at `path`."""
        at = self.root if path.startswith("/") else self.current
        for part in path.split("/"):
            if part in ("", "."):
                continue
            if part == "..":
                at = at.parent
                continue
            found = at.entries.get(part)
            if isinstance(found, Element):
                raise TmeError(f"'{part}' in '{path}' is an element, not a folder")
            if found is None:
                folders = [name for name, entry in at.entries.items() if isinstance(entry, Folder)]
                raise TmeError(f"there is no folder '{part}' in {at.path}{did_you_mean(part, folders)}")
            at = found
        return at

    def place(self, path: str) -> tuple[Folder, str]:
        """The folder and the last name of a path whose end need not exist."""
        head, slash, name = path.rstrip("/").rpartition("/")
        if name in ("", ".", ".."):
            raise TmeError(f"'{path}' does not end in a name")
        return self.folder(head + slash), name

    def find(self, path: str) -> Folder | Element:
        """What stands at `path`."""
        if path.rstrip("/").rpartition("/")[2] in ("", ".", ".."):
            return self.folder(path)
        folder, name = self.place(path)
        if name not in folder.entries:
            raise TmeError(self._missing(folder, name))
        return folder.entries[name]

    def element(self, path: str) -> Element:
        """The element at `path`."""
        found = self.find(path)
        if isinstance(found, Folder):
            raise TmeError(f"'{path}' is a folder, not an element")
        return found

    def _missing(self, folder: Folder, name: str) -> str:
        place = "" if folder is self.root else f" in {folder.path}"
        elsewhere = [f.child(name) for f in self.root.walk() if name in f.entries]
        hint = f"; did you mean '{elsewhere[0]}'?" if elsewhere else did_you_mean(name, folder.entries)
        return f"there is no element '{name}'{place}{hint}"

    def names(self) -> Iterator[tuple[Folder, str, Element]]:
        """Every name of every element, folder by folder."""
        for folder in self.root.walk():
            for name, entry in folder.entries.items():
                if isinstance(entry, Element):
                    yield folder, name, entry

    def paths_of(self, element: Element) -> list[str]:
        """The absolute paths of an element, its own name first."""
        paths = [(folder, name) for folder, name, found in self.names() if found is element]
        paths.sort(key=lambda place: place[1] != element.name)
        return [folder.child(name) for folder, name in paths]

    def relative(self, path: str) -> str:
        """An absolute path, shortened as seen from the current folder."""
        if self.current is self.root:
            return path[1:] or path
        prefix = self.current.path + "/"
        return path[len(prefix) :] if path.startswith(prefix) else path

    # Changing

    def _free(self, path: str) -> tuple[Folder, str]:
        folder, name = self.place(path)
        if name in folder.entries:
            raise TmeError(f"'{name}' exists already in {folder.path}" + _origin(folder.entries[name]))
        return folder, name

    def check_free(self, path: str) -> str:
        """The last name of `path`, after making sure that something can be put there."""
        return self._free(path)[1]

    def add(self, path: str, element: Element) -> None:
        """Give `element` the name `path`; a second one is an alias."""
        folder, name = self._free(path)
        folder.entries[name] = element

    def mkdir(self, path: str) -> None:
        """Make a folder."""
        folder, name = self._free(path)
        folder.entries[name] = Folder(name, folder)

    def rmdir(self, path: str) -> None:
        """Remove an empty folder that is not the current one or above it."""
        folder = self.folder(path)
        if folder.entries:
            raise TmeError(f"the folder {folder.path} is not empty")
        self._not_in_use(folder, "removed")
        del folder.parent.entries[folder.name]

    def _not_in_use(self, folder: Folder, action: str) -> None:
        at = self.current
        while at is not folder:
            if at is at.parent:
                return
            at = at.parent
        raise TmeError(f"the folder {folder.path} cannot be {action}: you are in it; `cd` out first")

    def cd(self, path: str) -> None:
        """Change the current folder."""
        self.current = self.folder(path)

    def remove(self, path: str) -> Element | None:
        """Remove a name; returns the element when that was its last one."""
        element = self.element(path)
        folder, name = self.place(path)
        del folder.entries[name]
        left = self.paths_of(element)
        if not left:
            return element
        element.name = left[0].rpartition("/")[2]
        return None

    def move(self, source: str, target: str) -> None:
        """Rename an element or folder, or move it into an existing folder."""
        moved = self.find(source)
        if isinstance(moved, Folder):
            self._not_in_use(moved, "moved")
            old, old_name = moved.parent, moved.name
        else:
            old, old_name = self.place(source)
        if self._is_folder(target):
            folder, name = self.folder(target), old_name
            if name in folder.entries:
                raise TmeError(f"'{name}' exists already in {folder.path}")
        else:
            folder, name = self._free(target)
        if isinstance(moved, Folder) and any(inner is folder for inner in moved.walk()):
            raise TmeError(f"the folder {moved.path} cannot be moved into itself")
        self._rename(moved, (old, old_name), (folder, name))

    def _rename(self, moved: Folder | Element, old: tuple[Folder, str], new: tuple[Folder, str]) -> None:
        if old[0] is new[0]:  # keeps its place in the order
            entries = {new[1] if name == old[1] else name: entry for name, entry in old[0].entries.items()}
            old[0].entries = entries
        else:
            del old[0].entries[old[1]]
            new[0].entries[new[1]] = moved
        if isinstance(moved, Folder):
            moved.parent, moved.name = new
        elif moved.name == old[1]:
            moved.name = new[1]

    def _is_folder(self, path: str) -> bool:
        try:
            self.folder(path)
        except TmeError:
            return False
        return True


def _origin(entry: Folder | Element) -> str:
    return f" (made at {entry.where})" if isinstance(entry, Element) and entry.where else ""
