/* Runs the portable parts of the firmware as an ordinary Linux/m68k program: `unit NAME` prints what a part
 * does, tests/firmware/test_common.py knows what it should be.  Linked with the very files that go into the
 * ROM. */
#include "boot.h"
#include "console.h"
#include "host.h"
#include "load.h"
#include "machine.h"
#include "monitor.h"
#include "process.h"

enum { NR_EXIT = 1, NR_READ = 3, NR_WRITE = 4 };

int system_call(int number, long a, long b, long c); /* firmware/demos/start.S */
int main(int argc, char **argv);

static u8 memory[0x40000] __attribute__((aligned(0x2000))); /* what load_program may fill */

/* --- the machine that the common parts see: standard input and output */
static void *probe_memory(u32 address, int size)
{
    u32 at = address - (u32)memory;

    return at < sizeof memory && at + (u32)size <= sizeof memory ? memory + at : 0;
}

void machine_put(int c)
{
    char byte = (char)c;

    if (c != '\r')
        system_call(NR_WRITE, 1, (long)&byte, 1);
}

int machine_get(void)
{
    u8 byte;

    if (system_call(NR_READ, 0, (long)&byte, 1) != 1)
        system_call(NR_EXIT, 0, 0, 0);
    return byte;
}

void machine_idle(void)
{
}

int machine_read(u32 address, int size, u32 *value)
{
    const u8 *p = probe_memory(address, size);

    *value = 0;
    for (int i = 0; p && i < size; i++)
        *value = *value << 8 | p[i];
    return p != 0;
}

int machine_write(u32 address, int size, u32 value)
{
    u8 *p = probe_memory(address, size);

    for (int i = size; p && i-- > 0; value >>= 8)
        p[i] = (u8)value;
    return p != 0;
}

void machine_time(u32 *seconds, u32 *nanoseconds)
{
    *seconds = 1000000000;
    *nanoseconds = 123456789;
}

struct memory_range machine_program_memory(void)
{
    return (struct memory_range){(u32)memory, (u32)memory + sizeof memory};
}

struct memory_range machine_kernel_memory(void)
{
    return (struct memory_range){0, 0};
}

void machine_prepare_kernel(void)
{
}

static void leave(const char *what, u32 a, u32 b)
{
    printf("%s %x %x\n", what, a, b);
    system_call(NR_EXIT, 0, 0, 0);
    for (;;)
        continue;
}

/* Instead of entering the program: what it would find on its stack. */
void machine_enter_user(u32 entry, u32 stack)
{
    const u32 *sp = (const u32 *)stack;
    u32 argc = sp[0];

    printf("entry %x argc %u aligned %u\n", entry - (u32)memory, argc, stack % 16 ? 0 : 1);
    for (u32 i = 0; i < argc; i++)
        printf("argv %s\n", (const char *)sp[1 + i]);
    printf("nulls %u %u\n", sp[1 + argc], sp[2 + argc]);
    for (const u32 *aux = sp + 3 + argc; aux[0]; aux += 2)
        if (aux[0] == 3 || aux[0] == 5 || aux[0] == 6)
            printf("aux %u %x\n", aux[0], aux[0] == 3 && aux[1] ? aux[1] - (u32)memory : aux[1]);
    leave("user", 0, 0);
    for (;;)
        continue;
}

void machine_enter_supervisor(u32 entry, u32 stack)
{
    leave("supervisor", entry - (u32)memory, stack - (u32)memory);
    for (;;)
        continue;
}

void machine_resume(void)
{
}

void machine_reset(void)
{
    leave("reset", 0, 0);
    for (;;)
        continue;
}

void machine_prompt(void)
{
    leave("prompt", 0, 0);
    for (;;)
        continue;
}

void machine_print_registers(void)
{
    printf("registers\n");
}

int machine_set_register(const char *name, u32 value)
{
    printf("set %s %x\n", name, value);
    return !strcmp(name, "pc");
}

char *machine_pending_command(void)
{
    return 0;
}

void machine_prepare_standalone(const struct boot_request *request, u32 argc, const char *const *argv)
{
    printf("parameters %s %s %u\n", request->file, argv[0], argc);
}

static void boot_xx(const struct boot_request *request, u32 argc, const char *const *argv)
{
    printf("xx %u %u %u [%s] %u %s\n", request->controller, request->unit, request->partition, request->file,
           argc, argv[argc - 1]);
}

const u32 machine_serial;
const char machine_host_element[] = "boot0 at obio0 addr 0x1f0000: tme/host/boot";

const struct boot_device machine_boot_devices[] = {{"xx", "a test", boot_xx}, {"", 0, 0}};

static void run_where(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("%x\n", (u32)memory);
}

const struct command machine_commands[] = {{"where", "", "address of the memory", run_where}, {0, 0, 0, 0}};

/* --- the tests */
static void test_format(void)
{
    char small[5];

    printf("[%d][%5d][%-5d][%05d][%i]\n", -12, -12, -12, -12, 0);
    printf("[%u][%x][%X][%08x][%o][%lx]\n", 4294967295u, 0xbeefu, 0xbeefu, 0x1234u, 8u, 0xcafeul);
    printf("[%s][%6s][%-6s][%c][%%][%*x]\n", "abc", "abc", "abc", 'z', 4, 0xau);
    printf("[%d][%d]\n", (int)0x80000000, 2147483647);
    int n = format_string(small, sizeof small, "%s", "truncated");
    printf("[%s] %d\n", small, n);
}

static void test_string(void)
{
    static u8 a[300], b[300];

    for (u32 to = 0; to < 8; to++)
        for (u32 n = 0; n < 280; n += n < 20 ? 1 : 13) {
            memset(a, 0x11, sizeof a);
            memset(a + to, 0xC3, n);
            for (u32 i = 0; i < sizeof a; i++)
                if (a[i] != (i >= to && i < to + n ? 0xC3 : 0x11))
                    leave("memset", to, n);
            for (u32 from = 0; from < 8; from++) {
                for (u32 i = 0; i < sizeof a; i++)
                    a[i] = (u8)(i * 7), b[i] = 0;
                memcpy(b + to, a + from, n);
                for (u32 i = 0; i < sizeof b; i++)
                    if (b[i] != (i >= to && i < to + n ? a[from + i - to] : 0))
                        leave("memcpy", to, n);
            }
        }
    memcpy(a, "0123456789", 11);
    memmove(a + 2, a, 8);
    printf("%s\n", (char *)a);
    memcpy(a, "0123456789", 11);
    memmove(a, a + 2, 8);
    printf("%s %d %d %d %u\n", (char *)a, strcmp("a", "b") < 0, strncmp("abc", "abd", 2), memcmp("x", "x", 1),
           (u32)strlen("four"));
}

static void test_parse(int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        u32 value = 0;
        int good = parse_hex(argv[i], &value);

        printf("%d %x\n", good, good ? value : 0);
    }
}

static u8 *image;

static int read_image(struct source *source, u32 offset, void *to, u32 n)
{
    (void)source;
    memcpy(to, image + offset, n);
    return 0;
}

/* Standard input is the program.  Its addresses are relative to `memory`: the words at the offsets that
 * argv[3] and the following name get its address added. */
static void test_load(int argc, char **argv)
{
    static u8 text[0x10000];
    struct source source = {.read = read_image};
    struct program program;
    char error[160];
    int n;

    while ((n = system_call(NR_READ, 0, (long)(text + source.size), (long)(sizeof text - source.size))) > 0)
        source.size += (u32)n;
    image = text;
    for (int i = 3; i < argc; i++) {
        u32 at = 0;

        if (parse_hex(argv[i], &at))
            *(u32 *)(text + at) += (u32)memory;
    }
    memset(memory, 0xEE, sizeof memory);
    if (load_program(&source, machine_program_memory(), &program, error, sizeof error)) {
        printf("error: %s\n", error);
        return;
    }
    printf("kind %d entry %x start %x end %x\n", program.kind, program.entry - (u32)memory,
           program.start - (u32)memory, program.end - (u32)memory);
    for (u32 a = program.start; a < program.end && a < program.start + 48; a++)
        printf("%02x", *(u8 *)a);
    printf("\n");
    if (!strcmp(argv[2], "start")) {
        const char *arguments[] = {"prog", "one", "two words"};

        process_start(&program, ARRAY_SIZE(arguments), arguments);
    }
}

static u32 call(u32 number, u32 a, u32 b, u32 c, u32 d)
{
    const u32 arguments[6] = {a, b, c, d, (u32)-1, 0};

    return (u32)process_call(number, arguments);
}

static void test_calls(void)
{
    struct program program = {.entry = (u32)memory, .start = (u32)memory, .end = (u32)memory + 0x2001};
    u32 *cell = (u32 *)(memory + 0x1000);

    process_layout(&program);
    u32 heap = call(45, 0, 0, 0, 0);
    printf("brk %x %x %x\n", heap - (u32)memory, call(45, heap + 0x100, 0, 0, 0) - heap,
           call(45, 1, 0, 0, 0) - heap);
    memcpy(memory + 0x1100, "hello\n", 6);
    printf("write %d\n", (int)call(4, 1, (u32)memory + 0x1100, 6, 0));
    printf("bad fd %d pointer %d length %d\n", (int)call(4, 7, (u32)memory, 1, 0), (int)call(4, 1, 16, 1, 0),
           (int)call(4, 1, (u32)memory, sizeof memory + 1, 0));
    printf("none %d\n", (int)call(9999, 0, 0, 0, 0));
    printf("time %u\n", call(13, 0, 0, 0, 0));
    call(78, (u32)cell, 0, 0, 0);
    printf("timeofday %u %u\n", cell[0], cell[1]);
    u32 map = call(192, 0, 0x3000, 3, 0x22);
    printf("mmap %x %d\n", ((u32)memory + sizeof memory) - map, (int)call(192, 0, 0x7fffffff, 3, 0x22));
    printf("ioctl %d terminal\n", (int)call(54, 1, 0x5401, (u32)cell, 0));
    u32 other = call(192, 0, 0x2000, 3, 0x22); /* mmap2, then munmap of the first: its place is used again */
    call(91, map, 0x3000, 0, 0);
    printf("freed %d over the heap %d fixed %d\n", call(192, 0, 0x3000, 3, 0x22) == map,
           call(45, other + 1, 0, 0, 0) == other + 1,
           call(192, other - 0x2000, 1, 3, 0x32) == other - 0x2000);
    memcpy(memory + 0x1300, "", 1);
    const u32 statx[6] = {1, (u32)memory + 0x1300, 0x1000, 0x7FF, (u32)cell, 0};
    process_call(379, statx);
    printf("statx %x\n", *(u16 *)((u8 *)cell + 28));
    call(352, (u32)cell, 8, 0, 0);
    printf("random differs %d\n", cell[0] != cell[1]);
    printf("read %d\n", (int)call(3, 0, (u32)memory + 0x1200, 32, 0));
    printf("got %s", (const char *)memory + 0x1200);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (!strcmp(what, "format"))
        test_format();
    else if (!strcmp(what, "string"))
        test_string();
    else if (!strcmp(what, "parse"))
        test_parse(argc, argv);
    else if (!strcmp(what, "load"))
        test_load(argc, argv);
    else if (!strcmp(what, "calls"))
        test_calls();
    else if (!strcmp(what, "monitor"))
        monitor_loop();
    else
        printf("no test %s\n", what);
    return 0;
}
