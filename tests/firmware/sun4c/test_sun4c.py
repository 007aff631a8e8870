"""The firmware on the Sun-4/75: boot files, exit statuses, the prompt, traps, and the ROM vector."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import firmware
import tme
from tests.firmware.sun4c.cross import ENGINE, a_out, program, prompt, run, standalone

DEMO = "demo-sparc"
KERNEL_BASE = 0xF000_4000


@pytest.mark.slow
def test_demo_boots_and_prints_nothing_else() -> None:
    status, out, error = run(firmware.demo(DEMO))
    lines = out.splitlines()
    assert lines[0].startswith("This program was compiled from C for SPARC V7")
    assert lines[-2].endswith(" sorted, checksum 641dbfa3")
    assert (status, error) == (0, "")


def test_verbose_adds_the_banner() -> None:
    status, out, _ = run(firmware.demo(DEMO), "x", verbose=True)
    assert status == 2
    assert re.search(r"\nSPARCstation 2 .*\nROM Rev\. .*, 64 MB memory installed", out)
    assert out.endswith("[ROUNDS], 1 to 1000\n")


TRAPS = [
    (
        "*(volatile int *)0 = 5;",
        139,
        "fault address 0x00000000, data write, error register 0x40 (protection)",
    ),
    ("return *(volatile int *)0x1f000000;", 139, "data read, error register 0x80 (page invalid)"),
    ("return *(volatile int *)0x40000000;", 139, "fault address 0x40000000, data read"),
    ("return *(volatile int *)0xffe80000;", 139, "(protection)"),
    ("((void (*)(void))0x1f000000)();", 139, "Instruction Access Exception: trap 0x1, PC 0x1f000000"),
    ("return *(volatile int *)(0x20001 + argc - 2);", 135, "Memory Address not Aligned: trap 0x7"),
    ('__asm__(".word 0");', 132, "Illegal Instruction: trap 0x2"),
    ('__asm__("rd %psr, %g1");', 132, "Privileged Instruction: trap 0x3"),
    ("volatile int zero = 0; return argc / zero;", 136, "Division by Zero: trap 0x82"),
    ('__asm__("ta 1");', 133, "Breakpoint: trap 0x81"),
    ('__asm__("ta 0x7f");', 133, "Trap Instruction: trap 0xff"),
    ('__asm__("mov 0x11, %sp; save; save; save; save; save; save; save");', 139, "stack pointer 0x00000011"),
    ('__asm__("set 0x1f000000, %sp; save; save; save; save; save; save; save");', 139, "stack pointer 0x1f0"),
    ('__asm__("mov 16, %fp; restore; restore");', 139, "Register window without a stack: trap 0x101"),
    ("return system_call(9999, 0, 0, 0) == -90 ? 77 : 1;", 77, ""),
    ("return system_call(4, 1, 16, 4) == -14 ? 78 : 1;", 78, ""),
    ('__asm__("ta 3; ta 4"); return 79;', 79, ""),
]
"""Statement of a program, its exit status, what standard error says."""


@pytest.fixture(scope="module")
def traps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that executes the statement of a number."""
    cases = "".join(f"case {n}: {{ {statement} break; }}\n" for n, (statement, _, _) in enumerate(TRAPS))
    source = "int main(int argc, char **argv) { (void)argc; switch (argv[1][0] - 'a') {\n%s} return 0; }"
    return program(tmp_path_factory.mktemp("traps"), "traps", source % cases, "-fno-omit-frame-pointer")


@pytest.mark.parametrize("case", range(len(TRAPS)))
def test_traps_are_reported_and_become_an_exit_status(traps: Path, case: int) -> None:
    _, expected, message = TRAPS[case]
    status, out, error = run(traps, chr(ord("a") + case))
    assert (status, out) == (expected, ""), error
    assert message in error


WINDOWS = """
static int depth(int n, int *sum)
{
    int here[4] = {n, n + 1, n + 2, n + 3};
    int below = n ? depth(n - 1, sum) : 0;
    for (int i = 0; i < 4; i++)
        *sum += here[i];
    return below + 1;
}
static void *buffer[6];
static int jumped;
static void __attribute__((noinline)) far(int n)
{
    if (n)
        far(n - 1);
    else
        __builtin_longjmp(buffer, 1);
    jumped++;
}
int main(int argc, char **argv)
{
    int sum = 0, levels = depth(1000, &sum), n = 0;
    (void)argc;
    (void)argv;
    for (int i = 0; i < 300; i++) {
        int part = 0;
        n += depth(i % 20, &part);
    }
    printf("%d %d %d\\n", levels, sum, n);
    if (!__builtin_setjmp(buffer))
        far(20);
    printf("back %d\\n", jumped);
    return 0;
}
"""


def test_windows_overflow_to_any_depth(tmp_path: Path) -> None:
    status, out, error = run(program(tmp_path, "windows", WINDOWS))
    assert out == f"1001 {sum(4 * n + 6 for n in range(1001))} {300 * 21 // 2}\nback 0\n"
    assert (status, error) == (0, "")


FILES = """
enum { READ = 3, WRITE, OPEN, CLOSE, BRK = 17, LSEEK = 19, FSTAT64 = 63, IOCTL = 54 };
int main(int argc, char **argv)
{
    static char text[64];
    static unsigned stat[26];
    int created = system_call(OPEN, (long)"new", 0x200 | 0x400 | 1, 0644);
    int written = system_call(WRITE, created, (long)"something", 9);
    int closed = system_call(CLOSE, created, 0, 0);
    int again = system_call(OPEN, (long)"new", 0x200 | 0x800 | 1, 0644);
    int file = system_call(OPEN, (long)"new", 0, 0);
    (void)argc;
    (void)argv;
    printf("%d %d %d exists %d\\n", created, written, closed, again);
    printf("seek %d", system_call(LSEEK, file, 4, 0));
    printf(" read %d", system_call(READ, file, (long)text, 60));
    printf(" %s\\n", text);
    printf("size %d", system_call(FSTAT64, file, (long)stat, 0));
    printf(" %u mode %o\\n", stat[13], stat[4]);
    printf("terminal %d\\n", system_call(IOCTL, file, 0x40245408, (long)text));
    printf("input %d", system_call(READ, 0, (long)text, 60));
    printf(" %s", text);
    int heap = system_call(BRK, 0, 0, 0);
    printf("heap %d\\n", system_call(BRK, heap + 0x100000, 0, 0) - heap);
    return 0;
}
"""


def test_system_calls_for_files_and_memory(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    _, out, _ = run(program(tmp_path, "files", FILES), folder=folder, feed=b"typed\n")
    assert out.splitlines() == [
        "3 9 0 exists -17",
        "seek 4 read 5 thing",
        "size 0 9 mode 100644",
        "terminal -25",
        "input 6 typed",
        f"heap {0x100000}",
    ]
    assert (folder / "new").read_text() == "something"


FLOATING = """
int main(int argc, char **argv)
{
    double sum = 0;
    (void)argv;
    for (int i = 1; i < 100; i++)
        sum += (double)argc / i;
    printf("%d\\n", (int)(sum * 1000));
    return 0;
}
"""


def test_programs_get_the_floating_point_unit(tmp_path: Path) -> None:
    file = program(tmp_path, "floating", FLOATING, "-mfpu")
    assert run(file) == (0, "5177\n", "")


@pytest.mark.slow
def test_a_program_without_a_floating_point_unit_is_told(tmp_path: Path) -> None:
    program(tmp_path, "floating", FLOATING, "-mfpu")
    without = prompt("boot floating\n", tmp_path, (" fpu-type tms390-c602A", ""))
    assert "FP Disabled (this machine has no floating-point unit): trap 0x4" in without


def test_files_that_are_no_programs_for_it(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello\n")
    status, _, error = run(tmp_path / "text")
    assert status == 127
    assert "neither an ELF nor an a.out program" in error
    status, _, error = run(firmware.demo("demo"))
    assert status == 127
    assert "ELF for machine 4, not sparc (2)" in error


def test_program_for_ultrasparc_is_refused(tmp_path: Path) -> None:
    file = program(tmp_path, "later", "int main(int argc, char **argv) { (void)argv; return argc; }")
    data = bytearray(file.read_bytes())
    data[36:40] = (0x300).to_bytes(4, "big")  # what Debian's static C library makes of a program
    file.write_bytes(data)
    status, _, error = run(file)
    assert status == 127
    assert "compiled for a later sparc (ELF flags 0x300)" in error


def test_session_at_the_prompt(tmp_path: Path) -> None:
    shutil.copy(firmware.demo(DEMO), tmp_path)
    text = prompt(
        "help map?\n12345678 5000 l! 5000 10 dump\n5000 map?\n5 6 + .\n+\n1f000000 l@\n5001 l@\nfoo\n"
        "cd /sbus/esp\npwd\n.properties\nboot nothing\nboot demo x\n0 fffe call\n",
        tmp_path,
    )
    for line in (
        "Type  help  for more information\nok help map?\n",
        "  map? ( address -- )                shows how an address is mapped\n",
        "00005000  12345678 ",
        "context 0, segment 000: PMEG 00, PTE c3000005: memory 0005000, read/write",
        "\nb \n",
        "Stack Underflow: + ( a b -- a+b )",
        "Data Access Error: 1f000000",
        "Memory Address not Aligned: 5001",
        "foo ?  help lists the words",
        "/sbus@1,f8000000/esp@0,800000\n",
        "\nreg                     00000000 00800000 00000040\n",
        "nothing: the host has no such file",
        "Boot device: /host@1,f7f00000   File and args: demo x\nusage: demo [ROUNDS], 1 to 1000\n",
        "\nExit status 2\nok ",
        "Memory Address not Aligned: fffe",
    ):
        assert line in text


@pytest.mark.slow
def test_help_lists_all_words(tmp_path: Path) -> None:
    text = prompt("help\n", tmp_path)
    for title in ("Booting", "Devices", "Machine", "Memory", "Stack", "Help"):
        assert f"\n{title}\n  " in text
    assert text.count("\n  ") > 50


def test_options_outlive_a_reset(tmp_path: Path) -> None:
    text = prompt("setenv boot-file demo with words\nsetenv oem-banner? true\nsetenv nothing x\nreset\n"
                  "printenv boot-file\nset-defaults\nprintenv boot-file\n", tmp_path)  # fmt: skip
    assert "nothing: no such option; printenv lists them" in text
    after = text.split("ok reset\n")[1]
    assert "No Keyboard" not in after
    assert re.search(r"\nboot-file +demo with words *\n", after)
    assert re.search(r"set-defaults\nok printenv boot-file\nboot-file *\nok ", after)


def test_fault_in_supervisor_mode_comes_back_to_the_prompt(tmp_path: Path) -> None:
    # 9000: ld [%g0 + 1], %g0 is misaligned; jmpl %o7 + 8 would have gone back
    text = prompt("c0006001 9000 l! 81c3e008 9004 l! 9000 call\nok?\n", tmp_path)
    assert "Memory Address not Aligned: trap 0x7, PC 0x00009000" in text
    assert "(supervisor mode)" in text
    assert "pc 00009000  npc 00009004" in text
    assert text.endswith("ok ok?\nok? ?  help lists the words\nok ")


def test_trap_with_traps_disabled_is_a_watchdog_reset() -> None:
    # 9000: wr %g0, 0xf80, %psr; nop; nop; nop; ta 0
    words = (0x8188_2F80, *[0x0100_0000] * 3, 0x91D0_2000)
    stores = "".join(f"{word:x} {0x9000 + 4 * n:x} l!\r" for n, word in enumerate(words))
    with tme.Machine("SUN4C", engine=ENGINE) as sun:
        sun.expect("\nok ")
        sun.send(f"{stores}9000 call\r")
        sun.expect("ok 9000 call\nWatchdog Reset\n\nSPARCstation 2")
        sun.expect("\nok ")


def test_break_interrupts_a_program_and_go_resumes_it(tmp_path: Path) -> None:
    program(tmp_path, "loop", LOOP)
    with tme.Machine("SUN4C", engine=ENGINE, boot_dir=tmp_path) as sun:
        sun.expect("\nok ")
        sun.send("boot loop\r")
        sun.expect("looping\n")
        sun.run(instructions=500_000)
        sun.tell("command console0 break")
        sun.expect("Type  go  to resume\nok ")
        sun.send(".registers\rgo\r")
        shown = sun.expect("Exit status 5\nok ")
    assert re.search(r"\npc 000100..  npc 000100..  psr 11....8[0-7]  wim", shown)
    assert "ok go\nout 400000\n" in shown


LOOP = """
int main(int argc, char **argv)
{
    volatile unsigned n = 0;
    (void)argc;
    (void)argv;
    printf("looping\\n");
    while (n < 400000)
        n++;
    printf("out %u\\n", n);
    return 5;
}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ram", "registers", "available"),
    [
        ("addr 0x0: tme/host/posix/memory ram 4MB", "0,0,400000", "0 3ea000"),
        (
            "addr 0x0: tme/host/posix/memory ram 4MB\n"
            "ram1 at mainbus0 addr 0x1000000: tme/host/posix/memory ram 4MB",
            "0,0,400000,0,1000000,400000",
            "0 400000 1000000 3ea000",
        ),
    ],
)
def test_memory_is_found_where_it_is(tmp_path: Path, ram: str, registers: str, available: str) -> None:
    shutil.copy(firmware.demo(DEMO), tmp_path)
    change = ("addr 0x0: tme/host/posix/memory ram 64MB", ram)
    text = prompt("cd /memory\n.properties\n3f0000 map?\nboot demo x\n", tmp_path, change)
    triples = " ".join(f"{int(n, 16):08x}" for n in registers.split(","))
    runs = available.split()
    spaces = " ".join(
        f"00000000 {int(a, 16):08x} {int(n, 16):08x}" for a, n in zip(runs[::2], runs[1::2], strict=True)
    )
    assert re.search(rf"\nreg +{triples}\navailable +{spaces}\n", text)
    assert ("3f0000 map?\ncontext 0, segment 00f: PMEG 0f, PTE 00000000: invalid" in text) == (len(runs) == 2)
    assert "usage: demo" in text  # programs run in the first bank


def test_machine_without_memory_says_so() -> None:
    description = (Path(tme.__file__).parent / "machines/SUN4C").read_text()
    without = re.sub(r"\nram0 .*\n", "\n", description)
    assert without != description
    with tme.Machine(without, engine=ENGINE) as sun:
        sun.expect("Selftest: the first memory bank is absent or bad. The machine stops.\n")


def test_machine_without_a_boot_device_says_what_to_add(tmp_path: Path) -> None:
    text = prompt("boot demo\n", tmp_path, ("boot0 at mainbus0 addr 0xf7f00000: tme/host/boot", ""))
    assert "add one: boot0 at mainbus0 addr 0xf7f00000: tme/host/boot" in text


@pytest.mark.slow
def test_empty_nvram_gets_an_id_prom(tmp_path: Path) -> None:
    (tmp_path / "nvram").write_bytes(bytes(2040))
    change = ("@data/sun4c-nvram.bin", str(tmp_path / "nvram"))
    first = prompt("setenv boot-file x\n", tmp_path, change)
    assert "Selftest: NVRAM ID PROM was never written; a standard one is now" in first
    again = prompt(".idprom\nprintenv boot-file\n", tmp_path, change)
    assert "Selftest" not in again
    assert "\n01 55 08 00 20 4c 75 01 00 00 00 00 4c 75 01 7c\n" in again
    assert re.search(r"\nboot-file +x +\n", again)


@pytest.fixture(scope="module")
def kernel_session(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("kernel")
    shutil.copy(standalone(folder, "kernel", KERNEL_BASE), folder / "vmunix")
    shutil.copy(firmware.demo(DEMO), folder)
    with tme.Machine("SUN4C", engine=ENGINE, boot_dir=folder) as sun:
        sun.expect("\nok ")
        sun.send("boot vmunix -s one\r!")
        sun.expect("to resume\nok ")
        sun.send("go\r")
        sun.expect("Exit status 2\nok ")
        return sun.text


def test_kernel_finds_the_rom_vector(kernel_session: str) -> None:
    for line in (
        "romvec ffe81000 magic 10010407 version 2 revision 20009",
        "path /host@1,f7f00000 arguments [ -s one]",
        "argv -s file vmunix",
        "idprom 32 type 55 sum 0",
        "absent -1 -1 -1",
        "set 7 7 vmunix",
    ):
        assert f"\n{line}\n" in kernel_session


@pytest.mark.parametrize(
    "node",
    [
        "Sun 4_75 (9)",
        "  memory (7) 0,0,4000000",
        "  zs (3) 1,f1000000,8 ffd02000 c,0",
        "  zs (3) 1,f0000000,8 ffd00000 c,0",
        "  eeprom (7) 1,f2000000,800 ffd04000",
        "  counter-timer (14) 1,f3000000,10 ffd06000 a,0,e,0",
        "  memory-error (13) 1,f4000000,10 ffd08000 f,0",
        "  interrupt-enable (17) 1,f5000000,1 ffd0a000",
        "  auxiliary-io (13) 1,f7400003,1 ffd0c003",
        "  sbus (5) 1,f8000000,8000000",
        "    dma (4) 0,400000,10 ffd10000",
        "    esp (4) 0,800000,40 ffd12000 3,0",
        "    le (3) 0,c00000,4 ffd14000 5,0",
    ],
)
def test_kernel_walks_the_device_tree(kernel_session: str, node: str) -> None:
    assert f"\n{node}\n" in kernel_session


def test_kernel_maps_and_memory(kernel_session: str) -> None:
    for line in (
        "memory 12 0 0 4000000 available 0 3fea000",
        "context 0, all of them alike: 1",
        "firmware's PMEGs f3 to fa, RAM 0 f",
        "format 1, allocated 3, less by 3000",
        "nowhere 0",
    ):
        assert f"\n{line}\n" in kernel_session


def test_kernel_uses_the_console_and_the_boot_device(kernel_session: str) -> None:
    assert "\n[]put\nseek 0 read 4 ELF close 0 then -1\nabsent 0 0\n" in kernel_session


def test_kernel_keeps_its_windows_and_trap_table(kernel_session: str) -> None:
    assert "\ndepth 41 overflows 1 traps 0\nsynchronized\n1e \n" in kernel_session


def test_kernel_stops_goes_on_and_reboots(kernel_session: str) -> None:
    assert re.search(
        r"\nProgram stopped at 0xf00.*\nType  go  to resume\nok go\ncontinued\nticks\n", kernel_session
    )
    assert "\nok boot demo again\nBoot device:" in kernel_session
    assert kernel_session.endswith("Exit status 2\nok ")


def test_standalone_program_from_an_a_out_file(tmp_path: Path) -> None:
    elf = standalone(tmp_path, "standalone", 0x4000)
    file = a_out(elf, tmp_path / "standalone", 0x4000)
    assert run(file, "one", "two") == (33, "", "standalone one two\nlevel 13 flags a0\nwindows 21\n")
