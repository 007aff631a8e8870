"""Build a Linux 6.1 kernel for the Sun-3, with a busybox shell in its initramfs, from Debian's sources.

    python -m tests.guests.linux.build --linux /usr/src/linux-source-6.1.tar.xz \\
        --busybox busybox_1.35.0.orig.tar.bz2 --to FOLDER

Needs Debian's linux-source-6.1, `apt-get source --download-only busybox`, gcc-m68k-linux-gnu,
libc6-dev-m68k-cross, bc, flex, bison and cpio. The result is FOLDER/vmlinux; it takes some three processor
minutes. Mainline's Sun-3 lacks some things, which are added to the sources: nobody tells memblock of the
memory, max_low_pfn is never set, memory that the layout has no room for is not left out, the VME SCSI driver
gives its board an interrupt number for a vector, and no driver knows the serial chips (hvc_sun3.c uses the
PROM's routines instead).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).parent
PREFIX = "m68k-linux-gnu-"
TEXT = 0x10000
"""User programs begin here: where they usually do, at 0x80000000, the Sun-3 has no addresses."""

KERNEL_END = 0x0F800000
"""What the kernel's half has room for, 24 MB of memory; mainline does not look."""

REPAIRS = {
    "arch/m68k/sun3/config.c": [
        ("- 2*PAGE_SIZE;", f"if (memory_end > {KERNEL_END:#x})\n\t\tmemory_end = {KERNEL_END:#x};"),
        (
            "availmem = memory_start;",
            "max_low_pfn = max_pfn;\n\tmemblock_add(0, __pa(memory_end));\n"
            "\tmemblock_reserve(0, __pa(memory_start));",
        ),
    ],
    "drivers/scsi/sun3_scsi.c": [
        (
            "dregs->ivect = VME_DATA24 | (instance->irq & 0xff);",
            "dregs->ivect = VME_DATA24 | (instance->irq - IRQ_USER + 64);",
        ),
    ],
    "drivers/tty/hvc/Kconfig": [
        (
            "config HVC_IRQ",
            'config HVC_SUN3\n\tbool "Sun-3 PROM console"\n\tdepends on SUN3\n\tselect HVC_DRIVER\n',
        ),
    ],
    "drivers/tty/hvc/Makefile": [("obj-$(CONFIG_HVC_IRQ)", "obj-$(CONFIG_HVC_SUN3) += hvc_sun3.o")],
}
"""file: (the text behind or before which something is missing, what is missing)"""
BEFORE = ("drivers/tty/hvc/Kconfig", "drivers/tty/hvc/Makefile")

INIT = """#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
echo "This is `uname -srm`."
exec setsid cttyhack sh
"""
INITRAMFS = """dir /dev 755 0 0
dir /proc 755 0 0
dir /sys 755 0 0
dir /bin 755 0 0
dir /sbin 755 0 0
dir /etc 755 0 0
dir /tmp 1777 0 0
dir /mnt 755 0 0
nod /dev/console 600 0 0 c 5 1
file /bin/busybox {busybox} 755 0 0
file /init {init} 755 0 0
"""
APPLETS_WITHOUT = ("TC", "SHA1_HWACCEL", "SHA256_HWACCEL", "FEATURE_INETD_RPC", "FEATURE_MOUNT_NFS")


def run(*command: str | Path, folder: Path, **more: str) -> None:
    """A step of the build; its output is shown only when it fails."""
    print("$", *(str(word) for word in command), flush=True)
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **more},
    )
    if done.returncode:
        sys.exit(f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}\n{command[0]} failed in {folder}")


def unpack(archive: Path, to: Path, name: str) -> Path:
    """The folder with what `archive` holds, unpacked once."""
    folder = to / name
    if not folder.exists():
        print(f"unpacking {archive.name}", flush=True)
        draft = to / f".{name}"
        shutil.rmtree(draft, ignore_errors=True)
        with tarfile.open(archive) as tar:
            tar.extractall(draft, filter="tar")
        next(draft.iterdir()).rename(folder)
        draft.rmdir()
    return folder


def repair(linux: Path) -> None:
    """Add what mainline lacks."""
    for name, repairs in REPAIRS.items():
        file = linux / name
        text = file.read_text()
        for anchor, missing in repairs:
            if missing in text:
                continue
            if text.count(anchor) < 1:
                sys.exit(f"{file}: there is no '{anchor}'; is this Linux 6.1?")
            both = f"{missing}\n{anchor}" if name in BEFORE else f"{anchor}\n\t{missing}"
            text = text.replace(anchor, both, 1)
        file.write_text(text)
    shutil.copy(HERE / "hvc_sun3.c", linux / "drivers/tty/hvc/hvc_sun3.c")


def build_busybox(folder: Path, jobs: str) -> Path:
    """A static busybox that fits into the Sun-3's user space."""
    if not (folder / ".config").exists():
        run("make", "defconfig", folder=folder)
    config = (folder / ".config").read_text()
    for name in APPLETS_WITHOUT:
        config = config.replace(f"CONFIG_{name}=y", f"# CONFIG_{name} is not set")
    config = config.replace("# CONFIG_STATIC is not set", "CONFIG_STATIC=y")
    (folder / ".config").write_text(config)
    run(
        "make", f"-j{jobs}", f"CROSS_COMPILE={PREFIX}", "ARCH=m68k",
        f"EXTRA_LDFLAGS=-Wl,-Ttext-segment={TEXT:#x}", "EXTRA_CFLAGS=-m68020", "busybox", folder=folder,
    )  # fmt: skip
    run("make", f"CROSS_COMPILE={PREFIX}", "ARCH=m68k", "busybox.links", folder=folder)
    return folder / "busybox"


def build_linux(folder: Path, busybox: Path, jobs: str) -> Path:
    """vmlinux with the initramfs inside."""
    repair(folder)
    (folder / "init.sh").write_text(INIT)
    links = (busybox.parent / "busybox.links").read_text().split()
    listing = INITRAMFS.format(busybox=busybox, init=folder / "init.sh")
    listing += "".join(f"slink /bin/{Path(link).name} busybox 777 0 0\n" for link in links)
    (folder / "initramfs.list").write_text(listing)
    make = ("make", "ARCH=m68k", f"CROSS_COMPILE={PREFIX}")
    run(*make, f"KCONFIG_ALLCONFIG={HERE / 'kernel.config'}", "allnoconfig", folder=folder)
    wrong = [
        line
        for line in (HERE / "kernel.config").read_text().split()
        if line.endswith("=y") and line not in (folder / ".config").read_text().split()
    ]
    if wrong:
        print(f"not possible in this kernel: {' '.join(wrong)}", flush=True)
    run(*make, f"-j{jobs}", "vmlinux", folder=folder, KBUILD_BUILD_TIMESTAMP="1 January 2000")
    return folder / "vmlinux"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--linux", type=Path, required=True, help="Debian's linux-source-6.1.tar.xz")
    parser.add_argument("--busybox", type=Path, required=True, help="busybox's source archive")
    parser.add_argument("--to", type=Path, required=True, help="folder for the sources and the result")
    parser.add_argument("--jobs", default=str(os.cpu_count() or 1))
    args = parser.parse_args()
    to: Path = args.to.resolve()
    to.mkdir(parents=True, exist_ok=True)
    busybox = build_busybox(unpack(args.busybox, to, "busybox"), args.jobs)
    vmlinux = build_linux(unpack(args.linux, to, "linux"), busybox, args.jobs)
    subprocess.run([f"{PREFIX}strip", "-o", str(to / "vmlinux"), str(vmlinux)], check=True)
    print(to / "vmlinux")


if __name__ == "__main__":
    main()
