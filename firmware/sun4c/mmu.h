/* Memory size and maps of the sun4c MMU. */
#ifndef FW_MMU_H
#define FW_MMU_H

#include "lib.h"

/* RAM as it was found: `size` bytes from `start` on. */
struct memory_bank {
    u32 start, size;
};
enum { MAX_BANKS = 8 };
extern struct memory_bank memory_banks[MAX_BANKS];
extern u32 memory_bank_count, memory_size;
extern u32 memory_own; /* where our own pages begin, physical */

/* Finds RAM and moves our pages to its end. */
void mmu_find_memory(void);

/* Context 0: the first 4 MB of RAM, our segments, devices. */
void mmu_set_maps(void);

/* All RAM that there are PMEGs for, for a program. */
void mmu_map_all(void);

/* Our segments in all other contexts; systems initialize the rest of them. */
void mmu_set_contexts(void);

/* Nothing below our segments is mapped from `end` on. */
void mmu_limit_memory(u32 end);

u32 mmu_linear_end(void); /* RAM can be mapped from 0 to here */

/* Maps pages at an address of ours; type and physical address as PTEs have them. */
void mmu_map(u32 address, u32 type, u32 physical, u32 size);
void mmu_unmap(u32 address, u32 size);

#endif
