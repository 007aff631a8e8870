/* Commands of every machine; its own are in machine_commands. */
#include "monitor.h"
#include "boot.h"
#include "console.h"
#include "machine.h"

enum { LINE_SIZE = 256, ROW = 16, DEFAULT_DUMP = 0x80 };

static void usage(const char *text)
{
    printf("Usage: %s\n", text);
}

static void not_mapped(u32 address)
{
    printf("0x%08x: bus error\n", address);
}

static void run_dump(int argc, char **argv)
{
    static u32 next;
    u32 n = DEFAULT_DUMP, value;
    u8 row[ROW];

    if ((argc > 1 && !parse_hex(argv[1], &next)) || (argc > 2 && !parse_hex(argv[2], &n)) || argc > 3) {
        usage("d [ADDRESS [LENGTH]], hexadecimal");
        return;
    }
    while (n) {
        u32 count = n < ROW ? n : ROW;

        for (u32 i = 0; i < count; i++) {
            if (!machine_read(next + i, 1, &value)) {
                not_mapped(next + i);
                return;
            }
            row[i] = (u8)value;
        }
        printf("%08x: ", next);
        for (u32 i = 0; i < ROW; i++)
            if (i < count)
                printf("%s%02x", i % 4 ? "" : " ", row[i]);
            else
                printf(i % 4 ? "  " : "   ");
        printf("  ");
        for (u32 i = 0; i < count; i++)
            console_put(row[i] >= ' ' && row[i] < 127 ? row[i] : '.');
        console_put('\n');
        next += count;
        n -= count;
    }
}

/* With values: stores them one after another.  Without: shows each cell and asks, as Sun's monitor did. */
static void edit_memory(int argc, char **argv, int size)
{
    u32 address, value;
    char answer[16];

    if (argc < 2 || !parse_hex(argv[1], &address)) {
        usage("o|e|l ADDRESS [VALUE...], hexadecimal");
        return;
    }
    if (size > 1)
        address &= ~1u; /* the 68020 takes any address; a monitor that does not surprises nobody */
    for (int i = 2; i < argc; i++, address += (u32)size) {
        if (!parse_hex(argv[i], &value)) {
            printf("%s is not a hexadecimal number\n", argv[i]);
            return;
        }
        if (!machine_write(address, size, value)) {
            not_mapped(address);
            return;
        }
    }
    while (argc == 2) {
        if (!machine_read(address, size, &value)) {
            not_mapped(address);
            return;
        }
        printf("%08x: %0*x ? ", address, size * 2, value);
        int n = console_line(answer, sizeof answer, 1);
        if (n < 0)
            return;
        if (n > 0) {
            if (!parse_hex(answer, &value))
                return;
            if (!machine_write(address, size, value)) {
                not_mapped(address);
                return;
            }
        }
        address += (u32)size;
    }
}

static void run_byte(int argc, char **argv)
{
    edit_memory(argc, argv, 1);
}

static void run_word(int argc, char **argv)
{
    edit_memory(argc, argv, 2);
}

static void run_long(int argc, char **argv)
{
    edit_memory(argc, argv, 4);
}

static void run_registers(int argc, char **argv)
{
    u32 value;

    if (argc == 1)
        machine_print_registers();
    else if (argc != 3 || !parse_hex(argv[2], &value))
        usage("r [REGISTER VALUE], hexadecimal");
    else if (!machine_set_register(argv[1], value))
        printf("No register %s; r shows them\n", argv[1]);
}

static void run_go(int argc, char **argv)
{
    u32 address;

    if (argc != 2 || !parse_hex(argv[1], &address) || (address & 1))
        usage("g ADDRESS, even and hexadecimal");
    else
        machine_enter_supervisor(address, machine_program_memory().end);
}

static void run_continue(int argc, char **argv)
{
    u32 address;

    if (argc > 2 || (argc == 2 && (!parse_hex(argv[1], &address) || (address & 1)))) {
        usage("c [ADDRESS], even and hexadecimal");
        return;
    }
    if (argc == 2)
        machine_set_register("pc", address);
    machine_resume();
    printf("Nothing was interrupted\n");
}

static void run_reset(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    machine_reset();
}

static void run_help(int argc, char **argv);

static const struct command commands[] = {
    {"b", "FILE|DEVICE [ARGUMENTS]", "boot; `b demo` runs a demonstration, `b ?` lists the devices",
     boot_command},
    {"c", "[ADDRESS]", "continue what was interrupted", run_continue},
    {"d", "[ADDRESS [LENGTH]]", "dump memory", run_dump},
    {"e", "ADDRESS [VALUE...]", "show and change words of memory (Return: next, . or ^C: end)", run_word},
    {"g", "ADDRESS", "go: call a program in supervisor mode", run_go},
    {"h", "", "this help; also ? and help", run_help},
    {"k", "", "reset the machine", run_reset},
    {"l", "ADDRESS [VALUE...]", "like e, long words", run_long},
    {"o", "ADDRESS [VALUE...]", "like e, bytes", run_byte},
    {"r", "[REGISTER VALUE]", "show or change the registers of what was interrupted", run_registers},
};

static void print_help(const struct command *c)
{
    printf("  %-2s%-26s%s\n", c->name, c->arguments, c->help);
}

static void run_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("Commands (numbers are hexadecimal):\n");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        print_help(&commands[i]);
    for (const struct command *c = machine_commands; c->name; c++)
        print_help(c);
    printf("Editing: ^H or DEL erases a character, ^W a word, ^U the line. BREAK interrupts a running "
           "program.\n");
}

static const struct command *find(const char *name)
{
    if (!strcmp(name, "?") || !strcmp(name, "help"))
        name = "h";
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    for (const struct command *c = machine_commands; c->name; c++)
        if (!strcmp(c->name, name))
            return c;
    return 0;
}

/* Sun's monitor needs no space between command and argument: `e1000`, `bsd()`. */
static int split_glued(int argc, char **argv, char *name)
{
    u32 value;
    char *rest = argv[0] + 1;
    int device = argv[0][0] == 'b' && strlen(rest) > 2 && rest[2] == '(';

    name[0] = argv[0][0];
    name[1] = 0;
    if (!find(name) || (!device && !parse_hex(rest, &value)))
        return argc;
    for (int i = argc; i > 1; i--)
        argv[i] = argv[i - 1];
    argv[0] = name;
    argv[1] = rest;
    return argc + 1;
}

void monitor_run(char *line)
{
    char *argv[MAX_ARGUMENTS + 1], name[2];
    int argc = split_words(line, argv, MAX_ARGUMENTS + 1);

    if (!argc)
        return;
    if (argc > MAX_ARGUMENTS) {
        printf("More than %d words\n", MAX_ARGUMENTS);
        return;
    }
    const struct command *c = find(argv[0]);
    if (!c) {
        argc = split_glued(argc, argv, name);
        c = find(argv[0]);
    }
    if (c)
        c->run(argc, argv);
    else
        printf("%s: no such command; help lists them\n", argv[0]);
}

void monitor_loop(void)
{
    static char line[LINE_SIZE];
    char *pending = machine_pending_command();

    if (pending) {
        printf(">%s\n", pending);
        monitor_run(pending);
    }
    for (;;) {
        printf(">");
        if (console_line(line, sizeof line, 1) > 0)
            monitor_run(line);
    }
}
