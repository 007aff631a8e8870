/* The Ethernet of the 4/75, for booting and for programs that open it. */
#include "ether.h"
#include "console.h"
#include "mmu.h"
#include "nvram.h"
#include "trap.h"

const u8 *ether_address(void)
{
    return nvram_idprom()->ether;
}

int ether_start(const struct ether_chip *chip)
{
    if (!chip->probe()) {
        printf("There is no Ethernet chip %s0\n", chip->name);
        return -1;
    }
    control_put8(CONTROL_ENABLE, control_get8(CONTROL_ENABLE) | ENABLE_DVMA);
    mmu_map(VA_ETHER_MEMORY, PTE_TYPE_MEMORY, memory_own, ETHER_MEMORY);
    return chip->start(ether_address());
}
