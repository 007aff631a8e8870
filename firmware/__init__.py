"""Firmware images and demonstration programs, built from the sources beside them (see docs/firmware.md)."""

from __future__ import annotations

from pathlib import Path

__all__ = ["demo", "demos", "image"]

_HERE = Path(__file__).parent


def image(machine: str) -> Path:
    """The ROM image of a machine ("sun3"); FileNotFoundError names the machines that have one."""
    path = _HERE / machine / f"{machine}.bin"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in _HERE.glob("*/*.bin")))
        raise FileNotFoundError(f"there is no firmware for {machine!r}; there is one for: {known}")
    return path


def demos() -> list[str]:
    """Names of the demonstration programs."""
    return sorted(path.stem for path in (_HERE / "demos").glob("*.elf"))


def demo(name: str) -> Path:
    """The file of a demonstration, named with or without .elf; FileNotFoundError names those there are."""
    stem = name.removesuffix(".elf")
    if stem not in demos():
        raise FileNotFoundError(f"there is no demo {name!r}; there is: {', '.join(demos())}")
    return _HERE / "demos" / f"{stem}.elf"
