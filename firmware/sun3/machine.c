/* The Sun-3's answers to common/machine.h that need no assembler. */
#include "machine.h"
#include "boot.h"
#include "clock.h"
#include "drivers.h"
#include "host.h"
#include "mmu.h"
#include "sun3.h"
#include "trap.h"
#include "zs.h"

enum { KERNEL_START = 0x0E000000, KERNEL_END = 0x0F800000 }; /* SunOS calls the first KERNELBASE */
enum { PROGRAM_START = 0x2000, NANOSECONDS_PER_HUNDREDTH = 10000000 };

void machine_put(int c)
{
    zs_put(c);
}

int machine_get(void)
{
    return zs_get();
}

/* Under foreign vectors or without our tick nothing is known of interrupts: the caller polls. */
void machine_idle(void)
{
    if (!clock_ticking() || get_vbr() != VECTORS)
        return;
    zs_arm();
    wait_for_interrupt();
    zs_disarm();
}

int machine_read(u32 address, int size, u32 *value)
{
    return guarded_read(address, (u32)size, value);
}

int machine_write(u32 address, int size, u32 value)
{
    return guarded_write(address, (u32)size, value);
}

void machine_time(u32 *seconds, u32 *nanoseconds)
{
    u32 hundredths;

    if (!host_time(seconds, nanoseconds))
        return;
    *seconds = clock_seconds(&hundredths);
    *nanoseconds = hundredths * NANOSECONDS_PER_HUNDREDTH;
}

struct memory_range machine_program_memory(void)
{
    return (struct memory_range){PROGRAM_START, mmu_linear_end()};
}

struct memory_range machine_kernel_memory(void)
{
    return (struct memory_range){KERNEL_START, KERNEL_END};
}

void machine_prepare_kernel(void)
{
    mmu_limit_memory(KERNEL_END - KERNEL_START);
}

const u32 machine_serial = VA_SERIAL;
const char machine_host_element[] = "boot0 at obio0 addr 0x1f0000: tme/host/boot";

const struct boot_device machine_boot_devices[] = {
    {"sd", "a SCSI disk", boot_disk}, {"st", "a SCSI tape; p is the file on it", boot_tape},
    {"ie", "the network, by RARP and TFTP: 3/160, 3/260", boot_ie},
    {"le", "the network, by RARP and TFTP: 3/50, 3/60", boot_le},
    {"", 0, 0}};
