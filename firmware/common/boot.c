/* Booting: from the host boot device here, from the machine's own devices through its table. */
#include "boot.h"
#include "abi.h"
#include "console.h"
#include "host.h"
#include "kernel.h"
#include "load.h"
#include "process.h"

enum { ENOENT = 2 };

static const char *parse_field(const char *s, u32 *value)
{
    for (*value = 0; hex_digit((u8)*s) >= 0; s++)
        *value = *value << 4 | (u32)hex_digit((u8)*s);
    return s;
}

int boot_parse(const char *word, struct boot_request *request)
{
    memset(request, 0, sizeof *request);
    if (strlen(word) < 3 || word[2] != '(') {
        request->file = word;
        for (; *word; word++)
            if (*word == '(')
                return 0;
        return 1;
    }
    strcopy(request->device, word, 3);
    const char *s = parse_field(word + 3, &request->controller);
    if (*s == ',')
        s = parse_field(s + 1, &request->unit);
    if (*s == ',')
        s = parse_field(s + 1, &request->partition);
    if (*s != ')')
        return 0;
    request->file = s + 1;
    return 1;
}

static int read_host(struct source *source, u32 offset, void *to, u32 n)
{
    (void)source;
    return host_read(offset, to, n);
}

void boot_program(struct source *source, struct memory_range allowed, const struct boot_request *request,
                  u32 argc, const char *const *argv)
{
    struct program program;
    char error[160];

    if (load_program(source, allowed, &program, error, sizeof error))
        printf("%s: %s\n", argv[0], error);
    else {
        if (program.kind == PROGRAM_STANDALONE)
            machine_prepare_standalone(request, argc, argv);
        if (program.kind == PROGRAM_KERNEL) {
            console_to_host(0); /* a system's console is the serial line */
            machine_prepare_standalone(request, argc, argv);
            machine_prepare_kernel();
            kernel_prepare(&program, argc, argv);
        }
        process_start(&program, argc, argv);
    }
}

static void start_host_program(const struct boot_request *request, u32 argc, const char *const *argv)
{
    struct source source = {.read = read_host};

    if (host_size(&source.size))
        printf("%s: its size cannot be read\n", argv[0]);
    else
        boot_program(&source, machine_program_memory(), request, argc, argv);
}

void boot_host(const struct boot_request *request, u32 argc, const char *const *argv)
{
    if (!host_present()) {
        printf("This machine has no host boot device; add one: %s\n", machine_host_element);
        return;
    }
    char with_suffix[128];
    int error = host_open(argv[0]);
    if (error == ENOENT) { /* `b demo` is demo.elf */
        format_string(with_suffix, sizeof with_suffix, "%s" ABI_DEMO_SUFFIX, argv[0]);
        if (!host_open(with_suffix))
            error = 0;
    }
    if (error == ENOENT)
        printf("%s: the host has no such file (in the folder given by --boot-dir, or among the demos)\n",
               argv[0]);
    else if (error)
        printf("%s: the host refuses to open it (error %d)\n", argv[0], error);
    else
        start_host_program(request, argc, argv);
}

static void list_devices(void)
{
    printf("b FILE [ARGUMENTS]   a file of the host (ELF or a.out; `b demo` for a demonstration)\n");
    for (const struct boot_device *d = machine_boot_devices; d->name[0]; d++)
        printf("b %s(c,u,p)FILE       %s\n", d->name, d->description);
}

void boot_command(int argc, char **argv)
{
    const char *const *arguments = (const char *const *)(argv + 1);
    struct boot_request request;

    if (argc < 2 || !strcmp(argv[1], "?")) {
        list_devices();
        return;
    }
    if (!boot_parse(argv[1], &request)) {
        printf("Boot: FILE of the host, or dd(controller,unit,partition)FILE; `b ?` lists the devices\n");
        return;
    }
    if (!request.device[0]) {
        boot_host(&request, (u32)argc - 1, arguments);
        return;
    }
    for (const struct boot_device *d = machine_boot_devices; d->name[0]; d++)
        if (!strcmp(d->name, request.device)) {
            d->boot(&request, (u32)argc - 1, arguments);
            return;
        }
    printf("No boot device %s; `b ?` lists the devices\n", request.device);
}

void boot_host_file(void)
{
    static char text[2048];
    static const char *argv[MAX_ARGUMENTS];
    struct boot_request request = {.file = text};
    u32 length, argc;

    if (host_arguments(text, sizeof text - 1, &length, &argc)) {
        printf("The arguments of the boot file cannot be read, or are longer than %u bytes\n",
               (u32)sizeof text - 1);
        return;
    }
    text[length] = 0;
    if (argc > MAX_ARGUMENTS) {
        printf("%u arguments; at most %u can be passed\n", argc, MAX_ARGUMENTS);
        return;
    }
    char *s = text;
    for (u32 i = 0; i < argc; i++, s += strlen(s) + 1)
        argv[i] = s;
    start_host_program(&request, argc, argv);
}
