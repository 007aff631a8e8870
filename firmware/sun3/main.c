/* From reset to the prompt, or to the program that the host wants run. */
#include "boot.h"
#include "clock.h"
#include "console.h"
#include "eeprom.h"
#include "host.h"
#include "machine.h"
#include "mmu.h"
#include "monitor.h"
#include "process.h"
#include "romvec.h"
#include "selftest.h"
#include "sun3.h"
#include "trap.h"

enum { DEFAULT_BAUD = 9600, CANNOT_RUN = 127 /* as shells say it */ };

static const struct {
    u8 type;
    const char *name;
} models[] = {{0x11, "Sun-3/160"}, {0x12, "Sun-3/50"}, {0x13, "Sun-3/260"},
              {0x14, "Sun-3/110"}, {0x17, "Sun-3/60"}, {0x18, "Sun-3/E"}};

/* What the tests said; null is good.  A program runs without the devices that are not vital. */
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

static enum serial_port console_port(void)
{
    return eeprom_get(EEPROM_CONSOLE) == CONSOLE_TTYB ? PORT_B : PORT_A;
}

static u32 console_baud(enum serial_port port)
{
    u32 at = port == PORT_A ? EEPROM_TTYA : EEPROM_TTYB;
    u32 baud = eeprom_get(at + 1) << 8 | eeprom_get(at + 2);

    return eeprom_get(at) == EEPROM_TRUE && baud >= 50 && baud <= 38400 ? baud : DEFAULT_BAUD;
}

static void open_console(void)
{
    enum serial_port port = console_port();

    record("SCC", 0, zs_test(port));
    zs_open(port, console_baud(port));
    romvec_insource = romvec_outsink = port == PORT_A ? SOURCE_TTYA : SOURCE_TTYB;
}

static void print_console_choice(void)
{
    u32 wanted = eeprom_get(EEPROM_CONSOLE);

    if (wanted == CONSOLE_TTYA || wanted == CONSOLE_TTYB)
        printf("EEPROM: Using RS232 %c port.\n", wanted == CONSOLE_TTYA ? 'A' : 'B');
    else
        printf("EEPROM: console is a frame buffer, which this firmware cannot use. Using RS232 A port.\n");
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

static void print_banner(void)
{
    const struct idprom *id = idprom_read();
    u32 serial = (u32)id->serial[0] << 16 | (u32)id->serial[1] << 8 | id->serial[2];
    const char *model = "unknown Sun-3";

    for (size_t i = 0; i < ARRAY_SIZE(models); i++)
        if (models[i].type == id->machine)
            model = models[i].name;
    printf("\ntmesh Sun-3 firmware 1.0 (not a Sun PROM)\n");
    printf("Model %s, %uMB memory installed, Serial #%u.\n", model, memory_size >> 20, serial);
    printf("Ethernet address %x:%x:%x:%x:%x:%x, Host ID %02x%06x.\n\n", id->ether[0], id->ether[1],
           id->ether[2], id->ether[3], id->ether[4], id->ether[5], id->machine, serial);
}

static void enable_fpu(void)
{
    control_put8(CONTROL_ENABLE, ENABLE_NOT_BOOT | ENABLE_FPU);
    if (!try_fpu())
        control_put8(CONTROL_ENABLE, ENABLE_NOT_BOOT);
}

void firmware_main(void) __attribute__((noreturn));
void firmware_main(void)
{
    trap_init();
    int thorough = (control_get8(CONTROL_ENABLE) & ENABLE_DIAGNOSTIC) != 0;

    setleds(LED_MMU);
    record("MMU", 1, test_maps(thorough));
    setleds(LED_SIZE);
    mmu_find_memory();
    setleds(LED_MAPS);
    mmu_set_maps();
    control_put8(CONTROL_ENABLE, ENABLE_NOT_BOOT);

    setleds(LED_DEVICES);
    open_console();
    host_probe(VA_HOST);
    u32 options = host_options();
    int batch = (options & HOST_BOOT_FILE) != 0, quiet = batch && !(options & HOST_VERBOSE);
    process_set_batch(batch);
    if (batch)
        console_to_host(1);
    else
        zs_listen();
    record("clock", 0, clock_test(thorough));
    record("EEPROM", 0, eeprom_test());
    record("IDPROM", 0, idprom_test());
    if (!quiet) {
        print_console_choice();
        if (thorough)
            printf("Testing %u Megabytes of Memory ... ", memory_size >> 20);
    }

    setleds(LED_MEMORY);
    record("memory", 1, test_memory(thorough));
    if (!quiet && thorough)
        printf("Completed.\n");
    enable_fpu();
    romvec_init();
    setleds(LED_READY);
    if (quiet) {
        console_to_host(2); /* nothing but errors from here on */
        print_results(1);
    } else {
        if (print_results(0))
            printf("Selftest Completed.\n");
        print_banner();
    }
    if (batch) {
        boot_host_file();
        process_exit(CANNOT_RUN);
    }
    mmu_set_contexts();
    clock_start_tick();
    printf("Type help for the commands, b demo for a demonstration.\n");
    machine_prompt();
}
