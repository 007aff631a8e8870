/* From reset to the prompt, or to the program that the host wants run. */
#include "main.h"
#include "boot.h"
#include "console.h"
#include "host.h"
#include "machine.h"
#include "mmu.h"
#include "nvram.h"
#include "process.h"
#include "romvec.h"
#include "selftest.h"
#include "timer.h"
#include "trap.h"
#include "tree.h"
#include "words.h"
#include "zs.h"

enum { DEFAULT_BAUD = 9600, CANNOT_RUN = 127 /* as shells say it */, WATCHDOG = 0x01 };

/* What the tests said; null is good. A program runs without the devices that are not vital. */
static struct {
    const char *what, *error;
    int vital;
} results[6];
static u32 result_count;

static void record(const char *what, int vital, const char *error)
{
    results[result_count].what = what;
    results[result_count].vital = vital;
    results[result_count++].error = error;
}

/* The first number of a mode like 9600,8,n,1,-. */
static u32 console_baud(void)
{
    const char *mode = option_get("ttya-mode");
    u32 baud = 0;

    while (*mode >= '0' && *mode <= '9' && baud < 100000)
        baud = baud * 10 + (u32)(*mode++ - '0');
    return baud >= 50 && baud <= 38400 ? baud : DEFAULT_BAUD;
}

/* 1 if all is well. */
static int print_results(int only_vital)
{
    int good = 1;

    for (u32 i = 0; i < result_count; i++)
        if (results[i].error && (results[i].vital || !only_vital)) {
            printf("Selftest: %s %s\n", results[i].what, results[i].error);
            good = 0;
        }
    return good;
}

void print_banner(void)
{
    const struct idprom *id = nvram_idprom();
    u32 serial = (u32)id->serial[0] << 16 | (u32)id->serial[1] << 8 | id->serial[2];

    if (option_is_true("oem-banner?"))
        printf("\n%s\n", option_get("oem-banner"));
    else
        printf("\n%s, No Keyboard\n", tree_text(tree_root, "banner-name"));
    printf("ROM Rev. 2.9, tmesh sun4c firmware 1.0 (not a Sun PROM), %u MB memory installed, Serial #%u.\n",
           memory_size >> 20, serial);
    printf("Ethernet address %x:%x:%x:%x:%x:%x, Host ID: %02x%06x.\n\n", id->ether[0], id->ether[1],
           id->ether[2], id->ether[3], id->ether[4], id->ether[5], id->machine, serial);
}

void open_console(void)
{
    zs_open(PORT_A, console_baud());
    if (!process_is_batch())
        zs_listen();
}

/* Devices, the console first: everything after it can be told. */
static void open_devices(void)
{
    const char *nvram = nvram_init();

    record("zs", 0, zs_test(PORT_A));
    host_probe(VA_HOST);
    record("NVRAM", 0, nvram);
    record("clock", 0, nvram_clock_test());
    record("counter", 0, timer_test());
}

void firmware_main(void) __attribute__((noreturn));
void firmware_main(void)
{
    u32 cause = control_get32(CONTROL_SYNC_ERROR);

    trap_init();
    mmu_find_memory();
    const char *maps = test_maps(0);
    mmu_set_maps();
    control_put8(CONTROL_ENABLE, ENABLE_NOT_BOOT | ENABLE_DVMA);
    record("MMU", 1, maps);
    open_devices();

    u32 options = host_options();
    int batch = (options & HOST_BOOT_FILE) != 0, quiet = batch && !(options & HOST_VERBOSE);
    process_set_batch(batch);
    open_console();
    if (batch)
        console_to_host(1);
    int thorough = option_is_true("diag-switch?") && !quiet;
    if (thorough)
        printf("Testing %u megs of memory ... ", memory_size >> 20);
    record("memory", 1, test_memory(thorough));
    if (thorough)
        printf("done\n");
    program_psr = try_fpu() ? PSR_EF : 0;
    tree_build();
    device_open(tree_text(tree_root, "stdin-path"));

    if (quiet) {
        console_to_host(2); /* nothing but errors from here on */
        print_results(1);
    } else {
        if (cause & WATCHDOG)
            printf("Watchdog Reset\n");
        print_results(0);
        print_banner();
    }
    if (batch) {
        boot_host_file();
        process_exit(CANNOT_RUN);
    }
    mmu_set_contexts();
    timer_start();
    printf("Type  help  for more information\n");
    if (option_is_true("auto-boot?"))
        words_later("boot");
    machine_prompt();
}
