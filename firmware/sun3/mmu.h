/* Memory size and maps. */
#ifndef FW_MMU_H
#define FW_MMU_H

#include "lib.h"

extern u32 memory_size;      /* bytes of RAM */
extern u32 memory_available; /* without the three pages at its top that the monitor keeps */

u32 mmu_get_segment(u32 address);
void mmu_set_segment(u32 address, u32 pmeg); /* in the current context */
u32 mmu_get_pte(u32 address);
void mmu_set_pte(u32 address, u32 pte);

/* Finds the size of RAM and moves the monitor's data and stack to its top. */
void mmu_find_memory(void);

/* Context 0: RAM from 0, PMEG n at segment n; the monitor's segments at the end; the rest invalid. */
void mmu_set_maps(void);

/* The other contexts like 0. A program in user mode never sees them, and need not wait for them. */
void mmu_set_contexts(void);

/* Maps no memory from this virtual address on, in context 0. */
void mmu_limit_memory(u32 end);

/* End of the linear map of RAM at 0. */
u32 mmu_linear_end(void);

/* The page of RAM that is the Ethernet chips', below the monitor's data and stack. */
u32 mmu_ether_page(void);

#endif
