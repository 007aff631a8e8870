/* Monitor commands of the Sun-3 alone: maps and tests. */
#include "console.h"
#include "machine.h"
#include "mmu.h"
#include "selftest.h"
#include "sun3.h"
#include "trap.h"

static int one_address(int argc, char **argv, u32 *address)
{
    if (argc == 2 && parse_hex(argv[1], address) && *address <= VA_MASK)
        return 1;
    printf("Usage: %s ADDRESS, hexadecimal, at most %x\n", argv[0], VA_MASK);
    return 0;
}

static void run_segment(int argc, char **argv)
{
    u32 address;

    if (!one_address(argc, argv, &address))
        return;
    u32 pmeg = mmu_get_segment(address);
    printf("context %u, segment %03x: PMEG %02x%s\n", control_get8(CONTROL_CONTEXT) & 7,
           address >> SEGMENT_SHIFT, pmeg, pmeg == PMEG_INVALID ? " (invalid)" : "");
}

static void run_page(int argc, char **argv)
{
    static const char *const types[] = {"memory", "OBIO", "VME D16", "VME D32"};
    u32 address;

    if (!one_address(argc, argv, &address))
        return;
    u32 pte = mmu_get_pte(address);
    printf("%08x: PTE %08x", address, pte);
    if (pte & PTE_VALID)
        printf(", %s %08x, %s%s", types[pte >> 26 & 3], (pte & PTE_PAGE_MASK) << PAGE_SHIFT,
               pte & PTE_WRITE ? "read/write" : "read only", pte & PTE_SYSTEM ? ", supervisor only" : "");
    else
        printf(", invalid");
    printf("\n");
}

static void run_test(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("Testing %u Megabytes of Memory ... ", memory_size >> 20);
    const char *error = test_memory(1);
    printf("%s\n", error ? error : "Completed.");
}

const struct command machine_commands[] = {
    {"m", "ADDRESS", "show the segment map entry", run_segment},
    {"p", "ADDRESS", "show the page map entry", run_page},
    {"x", "", "test all of memory (overwrites it)", run_test},
    {0, 0, 0, 0},
};
