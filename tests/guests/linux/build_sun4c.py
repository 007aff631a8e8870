"""Build a Linux 3.4 kernel for the Sun-4/75 with a small shell of its own in its initramfs.

    python -m tests.guests.linux.build_sun4c --linux TREE --to FOLDER

3.4 is the last Linux with sun4c. TREE is a source tree of it in which compilers of today are known
(include/linux/compiler-gcc12.h); it is changed and built in place. Needs gcc-sparc64-linux-gnu,
lib32gcc-12-dev-sparc64-cross and bc; the result is FOLDER/sun4c.image, after some four processor minutes.

Nobody had run a sun4c for a while when it was removed: its timer interrupt was left masked, its SCSI driver
no longer found a DMA controller beside it. And memset gave back a zero, not its first address, on which gcc
relies.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from tests.guests.linux.build import run

HERE = Path(__file__).parent
PREFIX = "sparc64-linux-gnu-"
COMPILE = "-mcpu=v7 -fcommon -std=gnu89 -w -fno-pie -fno-stack-protector -fno-strict-aliasing"
ASSEMBLE = "-Wa,--undeclared-regs -fno-pic -fno-pie"
HOST = "-O1 -fcommon -std=gnu89 -w"
PROGRAM = (
    "-m32 -mcpu=v7 -O2 -ffreestanding -fno-tree-loop-distribute-patterns -fno-pie -no-pie -nostdlib -static"
)

RETURN = "\tretl\n\t clr\t%o0\n"
RETURN_FIRST = "\ttst\t%g4\n\tbe,a\t99f\n\t clr\t%o0\n\tmov\t%g1, %o0\n99:\tretl\n\t nop\n"
REPAIRS = {
    "arch/sparc/lib/memset.S": [
        ("memset:\n\tand\t%o1", "memset:\n\tmov\t%o0, %g1\n\tmov\t1, %g4\n\tand\t%o1"),
        ("__bzero:\n\tmov\t%g0, %g3\n", "__bzero:\n\tclr\t%g4\n\tmov\t%g0, %g3\n"),
        ("8:\n" + RETURN, "8:\n" + RETURN_FIRST),
        ("0:\n" + RETURN, "0:\n" + RETURN_FIRST),
    ],
    "arch/sparc/kernel/sun4c_irq.c": [("\tsun4c_mask_irq(irq_get_irq_data(irq));\n}", "}")],
    "drivers/scsi/sun_esp.c": [
        (
            "\tif (dma_node)\n\t\tdma_of =",
            "\tif (!dma_node && dp->parent)\n"
            "\t\tfor (dma_node = dp->parent->child; dma_node; dma_node = dma_node->sibling)\n"
            '\t\t\tif (!strcmp(dma_node->name, "dma"))\n\t\t\t\tbreak;\n'
            "\tif (dma_node)\n\t\tdma_of =",
        )
    ],
}
"""file: (what stands there, what should)"""
LATER_HEADERS = {
    "include/linux/module.h": [
        (
            "static inline const struct exception_table_entry *\n"
            "search_module_extables(unsigned long addr)\n{\n\treturn NULL;\n}\n",
            "#include <linux/extable.h>\n",
        )
    ],
    "include/linux/extable.h": [
        ("\t       const size_t num,\n", "\t       const struct exception_table_entry *last,\n")
    ],
}
"""The same, where a tree has been given <linux/extable.h> of a later Linux."""

INITRAMFS = """dir /dev 755 0 0
dir /proc 755 0 0
nod /dev/console 600 0 0 c 5 1
nod /dev/sda 600 0 0 b 8 0
file /init {init} 755 0 0
"""


def repair(linux: Path) -> None:
    """Mend what was broken in 3.4."""
    later = LATER_HEADERS if (linux / "include/linux/extable.h").exists() else {}
    for name, repairs in (REPAIRS | later).items():
        file = linux / name
        text = file.read_text()
        for wrong, right in repairs:
            if right in text:
                continue
            if wrong not in text:
                sys.exit(f"{file}: there is no {wrong!r}; is this Linux 3.4?")
            text = text.replace(wrong, right, 1)
        file.write_text(text)


def build(linux: Path, jobs: str) -> Path:
    """The image, its symbols fixed up for sun4c, with the initramfs inside."""
    repair(linux)
    init = linux / "init.sun4c"
    run(f"{PREFIX}gcc", *PROGRAM.split(), HERE / "shell_sun4c.c", "-lgcc", "-o", init, folder=linux)
    listing = linux / "initramfs.list"
    listing.write_text(INITRAMFS.format(init=init))
    config = linux / "sun4c.config"
    config.write_text((HERE / "kernel_sun4c.config").read_text() + f'CONFIG_INITRAMFS_SOURCE="{listing}"\n')
    make = (
        "make", "ARCH=sparc", f"CROSS_COMPILE={PREFIX}", f"HOSTCFLAGS={HOST}", f"KCFLAGS={COMPILE}",
        f"KAFLAGS={ASSEMBLE}",
    )  # fmt: skip
    run(*make, f"KCONFIG_ALLCONFIG={config}", "allnoconfig", folder=linux)
    run(*make, f"-j{jobs}", "image", folder=linux)
    return linux / "arch/sparc/boot/image"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--linux", type=Path, required=True, help="a source tree of Linux 3.4")
    parser.add_argument("--to", type=Path, required=True, help="folder for the result")
    parser.add_argument("--jobs", default=str(os.cpu_count() or 1))
    args = parser.parse_args()
    args.to.mkdir(parents=True, exist_ok=True)
    image = build(args.linux.resolve(), args.jobs)
    shutil.copy(image, args.to / "sun4c.image")
    print(args.to / "sun4c.image")


if __name__ == "__main__":
    main()
