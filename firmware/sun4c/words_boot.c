/* Words that start programs, and those about the machine as a whole. */
#include "boot.h"
#include "console.h"
#include "devices.h"
#include "host.h"
#include "image.h"
#include "machine.h"
#include "main.h"
#include "mmu.h"
#include "nvram.h"
#include "process.h"
#include "romvec.h"
#include "selftest.h"
#include "timer.h"
#include "trap.h"
#include "words.h"

/* The path that a word names as a boot device, or null: then it is a file. */
static const char *device_of(const char *word)
{
    static char path[PATH_SIZE];
    const char *arguments;

    if (!tree_expand(word, path) || (*word == '/' && !tree_find(tree_root, path, &arguments)))
        return 0;
    return path;
}

/* boot [DEVICE] [FILE] [ARGUMENTS]; what is missing is in the options. */
static void run_boot(void)
{
    static char file[OPTION_SIZE];
    static const char *argv[MAX_ARGUMENTS];
    struct boot_request request = {.file = ""};
    char *word = words_next();
    const char *device = word ? device_of(word) : 0;
    u32 argc = 1;

    if (device)
        word = words_next();
    else
        device = device_of(option_get("boot-device"));
    argv[0] = word;
    if (!word || *word == '-') {
        strcopy(file, option_get("boot-file"), sizeof file);
        argv[0] = file;
        if (word)
            argv[argc++] = word;
    }
    while (argc < MAX_ARGUMENTS && (word = words_next()))
        argv[argc++] = word;
    if (!device)
        words_fail("boot-device is %s, which is no device; setenv boot-device host", option_get("boot-device"));
    else if (!*argv[0] && !strcmp(device, host_path))
        words_fail("boot FILE [ARGUMENTS]: a file of the host; boot demo runs a demonstration");
    else {
        printf("Boot device: %s   File and args:", device);
        for (u32 i = 0; i < argc; i++)
            printf(" %s", argv[i]);
        console_put('\n');
        request.file = argv[0];
        if (strcmp(device, host_path))
            boot_device(device, argc, argv);
        else
            boot_host(&request, argc, argv);
    }
}

static void run_go(void)
{
    machine_resume();
    words_fail("No program was interrupted");
}

static void run_call(void)
{
    u32 address = words_pop();

    if (address % 4)
        words_fail("Memory Address not Aligned: %x", address);
    else
        machine_enter_supervisor(address, machine_program_memory().end);
}

static void run_sync(void)
{
    if (romvec_sync)
        romvec_sync();
    else
        words_fail("No system has said how it is synchronized");
}

static void run_reset(void)
{
    machine_reset();
}

static void run_power_off(void)
{
    if (host_present())
        host_exit(0);
    words_fail("There is no host boot device that could end the machine");
}

const struct word boot_words[] = {
    {"boot", "[DEVICE] [FILE] [ARGUMENTS]", "runs a file of the host, or what a device has; boot demo, boot net", 0, run_boot},
    {"go", "", "continues what was interrupted", 0, run_go},
    {"call", "( address -- )", "calls a program in supervisor mode", 1, run_call},
    {"sync", "", "calls what a system left to be called", 0, run_sync},
    {"reset", "", "resets the machine; also reset-all", 0, run_reset},
    {"reset-all", "", "the same", 0, run_reset},
    {"power-off", "", "ends the machine", 0, run_power_off},
    {0, 0, 0, 0, 0},
};

static void run_banner(void)
{
    print_banner();
}

static void run_registers(void)
{
    machine_print_registers();
}

static void run_to(void)
{
    char *name = words_next();
    u32 value = words_pop();

    if (!name || *name != '%' || !machine_set_register(name + 1, value))
        words_fail("VALUE to %%REGISTER; .registers shows them");
}

static void run_version(void)
{
    printf("Release 2.9, tmesh sun4c firmware 1.0 (not a Sun PROM)\n");
}

static void run_idprom(void)
{
    const u8 *byte = (const u8 *)nvram_idprom();

    for (u32 i = 0; i < sizeof(struct idprom); i++)
        printf("%02x%s", byte[i], i % 16 == 15 ? "\n" : " ");
}

static void run_milliseconds(void)
{
    words_push(timer_milliseconds);
}

static void run_test(void)
{
    printf("Testing %u megs of memory ... ", memory_size >> 20);
    const char *error = test_memory(1);
    printf("%s\n", error ? error : "ok");
}

const struct word machine_words[] = {
    {"banner", "", "what machine this is", 0, run_banner},
    {".registers", "", "the registers of what was interrupted", 0, run_registers},
    {"to", "( n -- ) %REGISTER", "changes one: 4000 to %pc", 1, run_to},
    {".version", "", "what firmware this is", 0, run_version},
    {".idprom", "", "the bytes of the ID PROM", 0, run_idprom},
    {"get-msecs", "( -- n )", "milliseconds since reset", 0, run_milliseconds},
    {"test-memory", "", "tests all of memory, overwriting it", 0, run_test},
    {0, 0, 0, 0, 0},
};
