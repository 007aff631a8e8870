"""Large and awkward guests: what they cost with the interpreter, with an empty code cache, and again.

    python -m tests.bench.large [--only grow,generate] [--linear]

    grow N     N functions of some 40 instructions, all about equally hot: cost must be linear in N
    generate   a program that writes functions and calls each of them a few times, over and over
    lua, gzip  real programs (TME_PROGRAMS names the folder of `python -m tests.firmware.programs`)
    linux      a boot (TME_LINUX names the folder of tests/guests/linux/build.py)
    sunos      Sun's PROM, its tests, MUNIX from tape to its menu (TME_GUESTS, see tests/guests/sunos.py)
    contexts   Linux, then two processes that wake each other through pipes: same addresses, other pages

Processor seconds of the machine's own process, starting included; QEMU runs what it can.

--linear shows instead what a function of `grow` costs when all is translated (in the machine's own process,
some ten minutes for 1,600): regions, translation, host code, looking up and linking in a second run, memory,
and the run itself.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.around import LINUX
from tests.bench.process import Run, run
from tests.bench.targets import HERE, TARGETS
from tests.guests import sunos

SUN3 = TARGETS[0]
GROW = (25, 100, 400, 1600)
ROUNDS = 20000  # calls of each function
ENGINES = (("interp", "--interp"), ("first", "--jit"), ("second", "--jit"))
GENERATE = """
#include <stdio.h>
static unsigned short code[64][64];
typedef int function(int);
int main(void)
{
    unsigned sum = 0;
    for (int round = 0; round < 6000; round++)
        for (int k = 0; k < 64; k++) {
            unsigned short *p = code[k];
            int n = 0;
            p[n++] = 0x202F, p[n++] = 4;            /* move.l 4(sp),d0 */
            for (int i = 0; i < 8; i++)
                p[n++] = 0x0680, p[n++] = round, p[n++] = k * i;   /* add.l #...,d0 */
            p[n++] = 0x4E75;                        /* rts */
            for (int i = 0; i < 20; i++)
                sum += ((function *)code[k])(i);
        }
    printf("%x\\n", sum);
    return 0;
}
"""
TEXT = "".join(f"{i} squared is {i * i}\n" for i in range(40000))
LUA = """
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
print(fib(24))
local t = {}
for i = 1, 20000 do t[i] = (i * 7919) % 10007 end
table.sort(t)
print(t[1], t[20000])
local words = {}
for i = 1, 5000 do words[#words + 1] = ("%d:%s"):format(i, ("x"):rep(i % 17)) end
local text = table.concat(words, " ")
print(#text, select(2, text:gsub("x+", "")), text:find("4999:"))
"""


def grow(count: int) -> str:
    """A C program of so many functions."""
    bodies = [
        f"""static __attribute__((noinline)) unsigned f{i}(unsigned x, unsigned *p)
{{ unsigned y = x ^ {i * 2654435761 % 2**32}u;
   for (int i = 0; i < 4; i++) {{ y = y << 5 | y >> 27; p[i & 7] += y;
   if (y & 1) y += p[y >> 3 & 7]; else y ^= x * {2 * i + 3}u; }} return y; }}"""
        for i in range(count)
    ]
    calls = "\n".join(f"s += f{i}(s, p);" for i in range(count))
    main = f"for (int n = 0; n < {ROUNDS}; n++) {{ {calls} }}"
    return (
        "#include <stdio.h>\n" + "\n".join(bodies) + "\nint main(void) { unsigned s = 1, p[8] = {0}; "
        f'{main} printf("%x\\n", s); return 0; }}\n'
    )


PING = (
    "mkfifo a b; dd bs=1 count=4000 <a >b 2>/dev/null & "
    '(echo; dd bs=1 count=3999 <b) 2>/dev/null >a; echo do""ne'
)


@dataclass
class Guest:
    """A program with its arguments; `folder`: what it may see of the host."""

    name: str
    program: Path
    arguments: tuple[str, ...] = ()
    folder: Path | None = None


def guests(out: Path) -> Iterator[Guest]:
    """All that can be had."""
    files = out / "files"
    files.mkdir()
    for name, text in [("generate", GENERATE), *((f"grow {n}", grow(n)) for n in GROW)]:
        source = out / f"{name.replace(' ', '')}.c"
        source.write_text(text)
        SUN3.compile(source, HERE / "programs", out)
        yield Guest(name, SUN3.program(source.stem, out))
    folder = Path(os.environ.get("TME_PROGRAMS") or "/nowhere")
    (files / "bench.lua").write_text(LUA)
    if (folder / "lua").exists():
        yield Guest("lua", folder / "lua", ("bench.lua",), files)
    if (folder / "minigzip").exists():
        yield Guest("gzip", folder / "minigzip", ("text",), files)


def measure(guest: Guest, out: Path) -> dict[str, float]:
    """Seconds by engine, and what the first run with the JIT said of regions."""
    found: dict[str, float] = {}
    text = out / "files/text"  # gzip takes it away
    text.write_text(TEXT)
    arguments = list(guest.arguments)
    if guest.name != "generate":  # its code is data, which QEMU does not execute
        found["qemu"] = run([SUN3.qemu, str(guest.program), *arguments], folder=guest.folder).cpu
    cache = out / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    shutil.copytree(out / "interpreter", cache)
    outputs = set()
    for name, how in ENGINES:
        text.with_suffix(".gz").unlink(missing_ok=True)
        text.write_text(TEXT)
        words = SUN3.boot(guest.program, how, "--cache-dir", str(cache), "--stats=brief")
        if guest.folder is not None:
            words += ["--boot-dir", str(guest.folder)]
        done = run([*words, "--", *arguments] if arguments else words, out / "pyc")
        found[name] = done.cpu
        outputs.add(done.output)
        if name != "interp":
            stats = json.loads(done.errors[done.errors.index("{") :])
            found |= {f"{key}, {name}": stats["jit"][key] for key in ("regions", "waiting", "main_ms")}
            found["instructions"] = stats["instructions"]
    if len(outputs) != 1:
        raise SystemExit(f"{guest.name}: outputs differ: {outputs}")
    return found


LINEAR = "regions instructions translate_ms host_KB link_ms resident_KB run_ms".split()
"""What a function costs; the last three in a run in which nothing is new, with what a program takes that does
nothing subtracted."""
TRIES = 6  # runs until nothing is: where quanta end differs


def linear(count: int, out: Path) -> dict[str, float]:
    """What one of so many functions costs; and instructions by the interpreter, in percent."""
    cache = out / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    shutil.copytree(out / "interpreter", cache)
    how = ("--jit", "--cache-dir", str(cache), "--stats=brief", "--jit-workers", "0")

    def measured(name: str) -> tuple[Run, dict[str, Any]]:
        done = run(SUN3.boot(SUN3.program(name, out), *how), out / "pyc")
        return done, json.loads(done.errors[done.errors.index("{") :])

    def settled(name: str) -> tuple[Run, dict[str, Any]]:
        for _ in range(TRIES):
            done, said = measured(name)
            if not said["jit"]["translated"]:
                break
        return done, said

    start, empty = settled("empty")
    _, first = measured(f"grow{count}")
    last, warm = settled(f"grow{count}")
    jit, before, again = first["jit"], empty["jit"], warm["jit"]
    own = again["main_ms"] - before["main_ms"]
    values = (
        jit["regions"] - before["regions"],
        jit["guest_insns"] - before["guest_insns"],
        jit["inline_ms"],
        (jit["host_bytes"] - before["host_bytes"]) / 1024,
        own - again["inline_ms"] + before["inline_ms"],
        1024 * (last.resident - start.resident),
        1000 * (last.cpu - start.cpu) - own,
    )
    share = warm["instructions by engine"]["interp"] / warm["instructions"]
    return {name: v / count for name, v in zip(LINEAR, values, strict=True)} | {"interp_%": 100 * share}


def systems(out: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Kernels to boot: a name, what tests/bench/boot.py wants."""
    if not sunos.MISSING:
        (machine := out / "SUNOS").write_text(sunos.description(out, "si"))
        yield "sunos", ("--then", "b st()", "--until", "Enter a 1 or 2: ", str(machine), "CACHE", "\n>")
    kernel = Path(os.environ.get("TME_LINUX") or "/nowhere") / "vmlinux"
    if kernel.exists():
        prompt, *words = LINUX
        yield "linux", (SUN3.machine, "CACHE", prompt, str(kernel), *words)
        yield "contexts", ("--then", PING, SUN3.machine, "CACHE", prompt, str(kernel), *words)


def booted(what: tuple[str, ...], out: Path) -> dict[str, float]:
    """As `measure`, for a system."""
    found: dict[str, float] = {}
    cache = out / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    shutil.copytree(out / "interpreter", cache)
    for name, how in ENGINES:
        words = [str(cache) if w == "CACHE" else w for w in what]
        script = [sys.executable, str(HERE / "boot.py"), "--engine", how.lstrip("-"), *words]
        said = json.loads(run(script, out / "pyc").output.splitlines()[-1])
        found[name], found["instructions"] = said["cpu"], said["instructions"]
        if "jit" in said:
            found |= {f"{key}, {name}": said["jit"][key] for key in ("regions", "waiting", "main_ms")}
    return found


def main() -> int:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--only", default="", help="names, separated by commas")
    parser.add_argument("--linear", action="store_true", help="what a function costs, by their number")
    asked = parser.parse_args()
    only = [n for n in asked.only.split(",") if n]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        (out / "empty.c").write_text("int main(void) { return 0; }\n")
        SUN3.compile(out / "empty.c", HERE / "programs", out)
        warm = SUN3.boot(SUN3.program("empty", out), "--interp", "--jit-workers", "0")
        run([*warm, "--cache-dir", str(out / "interpreter")], out / "pyc")
        if asked.linear:
            list(guests(out))
            print(f"{'functions':12}" + "".join(f"{c:>14}" for c in (*LINEAR, "interp_%")))
            for count in GROW:
                found = linear(count, out)
                print(f"{count:<12}" + "".join(f"{v:14.2f}" for v in found.values()), flush=True)
            return 0
        columns = ("qemu", "interp", "first", "second", "regions, first", "regions, second", "main_ms, first")
        print(f"{'':12}{'M insns':>9}" + "".join(f"{c:>16}" for c in columns))
        rows = [(guest.name, partial(measure, guest, out)) for guest in guests(out)]
        rows += [(name, partial(booted, what, out)) for name, what in systems(out)]
        for name, row in rows:
            if only and name.partition(" ")[0] not in only:
                continue
            found = row()
            cells = "".join(f"{found[c]:16.2f}" if c in found else f"{'':16}" for c in columns)
            print(f"{name:12}{found['instructions'] / 1e6:9.0f}{cells}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
