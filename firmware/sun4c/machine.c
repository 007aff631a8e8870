/* The Sun-4/75's answers to common/machine.h that need no assembler. */
#include "machine.h"
#include "boot.h"
#include "host.h"
#include "kernel.h"
#include "mmu.h"
#include "nvram.h"
#include "romvec.h"
#include "timer.h"
#include "trap.h"
#include "zs.h"

/* Systems are linked at KERNBASE; what is mapped for one at the beginning is 16 MB. */
enum { KERNEL_SIZE = 0x1000000 };
#define KERNEL_START 0xF0000000u

const u32 machine_serial = VA_SERIAL;
const char machine_host_element[] = "boot0 at mainbus0 addr 0xf7f00000: tme/host/boot";
const struct boot_device machine_boot_devices[] = {{"", 0, 0}};

void machine_put(int c)
{
    zs_put(c);
}

int machine_get(void)
{
    return zs_get();
}

/* A SPARC cannot wait for an interrupt: the caller polls. */
void machine_idle(void)
{
}

int machine_read(u32 address, int size, u32 *value)
{
    return guarded_read(address, (u32)size, value);
}

/* A store that nothing takes is an asynchronous error, which level 15 would tell. */
int machine_write(u32 address, int size, u32 value)
{
    volatile u8 *const intreg = (u8 *)VA_INTERRUPT;
    u8 enabled = *intreg;

    *intreg = 0;
    control_get32(CONTROL_ASYNC_ERROR);
    int good = guarded_write(address, (u32)size, value);
    u32 error = control_get32(CONTROL_ASYNC_ERROR);
    control_get32(CONTROL_ASYNC_ADDRESS);
    *intreg = enabled;
    return good && !error;
}

void machine_time(u32 *seconds, u32 *nanoseconds)
{
    if (!host_time(seconds, nanoseconds))
        return;
    *seconds = nvram_seconds();
    *nanoseconds = timer_milliseconds % 1000 * 1000000;
}

struct memory_range machine_program_memory(void)
{
    mmu_map_all();
    return (struct memory_range){PAGE_SIZE, mmu_linear_end()};
}

struct memory_range machine_kernel_memory(void)
{
    return (struct memory_range){KERNEL_START, KERNEL_START + KERNEL_SIZE};
}

void machine_prepare_kernel(void)
{
    mmu_limit_memory(KERNEL_SIZE);
}

/* The command line is behind the ROM vector. A boot program is told the kernel's name, a kernel need not be: Linux
 * would hand it on to its first process. NetBSD skips all before the first blank, so that stays. */
void kernel_prepare(const struct program *program, u32 argc, const char *const *argv)
{
    (void)program;
    (void)argc;
    (void)argv;
    while (*romvec_boot_arguments && *romvec_boot_arguments != ' ')
        romvec_boot_arguments++;
}
