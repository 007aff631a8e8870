/* Memory size and maps of the Sun-3 MMU. */
#include "mmu.h"
#include "sun3.h"
#include "trap.h"

enum { MAX_MEMORY = 128 << 20, MARK_OFFSET = 0x1FF8 };

#define RAM_SEGMENTS_MAX MONITOR_PMEG
#define MARK 0x53335A00u

u32 memory_size, memory_available;

/* start.S; they need what C cannot promise: no memory access in another context, no stack while it moves. */
void fill_context(u32 context, u32 ram_segments);
void move_monitor_pages(u32 data_pte, u32 stack_pte);

u32 mmu_get_segment(u32 address)
{
    return control_get8(CONTROL_SEGMENT_MAP | (address & VA_MASK & ~(u32)(SEGMENT_SIZE - 1)));
}

void mmu_set_segment(u32 address, u32 pmeg)
{
    control_put8(CONTROL_SEGMENT_MAP | (address & VA_MASK & ~(u32)(SEGMENT_SIZE - 1)), pmeg);
}

u32 mmu_get_pte(u32 address)
{
    return control_get32(CONTROL_PAGE_MAP | (address & VA_MASK & ~(u32)(PAGE_SIZE - 1)));
}

void mmu_set_pte(u32 address, u32 pte)
{
    control_put32(CONTROL_PAGE_MAP | (address & VA_MASK & ~(u32)(PAGE_SIZE - 1)), pte);
}

/* RAM comes in whole segments here (128 KB): the last page of each must answer, keep two values, and be no
 * image of an earlier one. Boards decode RAM by powers of two: an image would change the mark of segment
 * 0. */
static u32 count_segments(void)
{
    const u32 zero = VA_SCRATCH + MARK_OFFSET, here = zero + PAGE_SIZE;
    u32 n, value, page;

    mmu_set_pte(zero, PTE_VALID | PTE_WRITE | PTE_SYSTEM | (PAGES_PER_SEGMENT - 1));
    for (n = 0; n < MAX_MEMORY >> SEGMENT_SHIFT; n++) {
        page = (n + 1) * PAGES_PER_SEGMENT - 1;
        mmu_set_pte(here, PTE_VALID | PTE_WRITE | PTE_SYSTEM | page);
        if (!guarded_write(here, 4, MARK + n) || !guarded_write(here + 4, 4, ~(MARK + n)))
            break;
        if (!guarded_read(here, 4, &value) || value != MARK + n)
            break;
        if (!guarded_read(here + 4, 4, &value) || value != ~(MARK + n))
            break;
        if (!guarded_read(zero, 4, &value) || value != MARK)
            break;
    }
    mmu_set_pte(zero, 0);
    mmu_set_pte(here, 0);
    return n;
}

void mmu_find_memory(void)
{
    memory_size = count_segments() << SEGMENT_SHIFT;
    u32 data_page = (memory_size >> PAGE_SHIFT) - 1, flags = PTE_VALID | PTE_WRITE | PTE_SYSTEM;

    memory_available = memory_size - 3 * PAGE_SIZE;
    mmu_set_pte(VA_SCRATCH, flags | data_page);
    mmu_set_pte(VA_SCRATCH + PAGE_SIZE, flags | (data_page - 1));
    move_monitor_pages(flags | data_page, flags | (data_page - 1));
    mmu_set_pte(VA_SCRATCH, 0);
    mmu_set_pte(VA_SCRATCH + PAGE_SIZE, 0);
}

u32 mmu_ether_page(void)
{
    return (memory_size >> PAGE_SHIFT) - 3;
}

static u32 ram_segments(void)
{
    u32 n = memory_size >> SEGMENT_SHIFT;

    return n < RAM_SEGMENTS_MAX ? n : RAM_SEGMENTS_MAX;
}

u32 mmu_linear_end(void)
{
    u32 end = ram_segments() << SEGMENT_SHIFT;

    return end < memory_available ? end : memory_available;
}

static const struct {
    u32 address, physical, type;
} devices[] = {
    {VA_KEYBOARD, OBIO_KEYBOARD, PTE_TYPE_OBIO},
    {VA_SERIAL, OBIO_SERIAL, PTE_TYPE_OBIO},
    {VA_EEPROM, OBIO_EEPROM, PTE_TYPE_OBIO},
    {VA_CLOCK, OBIO_CLOCK, PTE_TYPE_OBIO},
    {VA_MEMORY_ERROR, OBIO_MEMORY_ERROR, PTE_TYPE_OBIO},
    {VA_INTERRUPT, OBIO_INTERRUPT, PTE_TYPE_OBIO},
    {VA_ETHER, OBIO_ETHER, PTE_TYPE_OBIO},
    {VA_COLOR_MAP, OBIO_COLOR_MAP, PTE_TYPE_OBIO},
    {VA_LANCE, OBIO_LANCE, PTE_TYPE_OBIO},
    {VA_SCSI, OBIO_SCSI, PTE_TYPE_OBIO},
    {VA_DES, OBIO_DES, PTE_TYPE_OBIO},
    {VA_ECC, OBIO_ECC, PTE_TYPE_OBIO},
    {VA_HOST, OBIO_HOST, PTE_TYPE_OBIO},
};

static void map_device(u32 address, u32 physical, u32 type)
{
    mmu_set_pte(address, PTE_VALID | PTE_WRITE | PTE_SYSTEM | PTE_NO_CACHE | type |
                             (physical >> PAGE_SHIFT & PTE_PAGE_MASK));
}

void mmu_set_maps(void)
{
    u32 end = mmu_linear_end();

    fill_context(0, ram_segments());

    /* Page 0 is the monitor's and systems': a program that follows a null pointer is told so. */
    for (u32 a = 0; a < ram_segments() << SEGMENT_SHIFT; a += PAGE_SIZE)
        mmu_set_pte(a, a < end ? PTE_VALID | PTE_WRITE | (a ? 0 : PTE_SYSTEM) | a >> PAGE_SHIFT : 0);
    /* The invalid PMEG, seen through the first segment that has it. */
    for (u32 a = 0; a < SEGMENT_SIZE; a += PAGE_SIZE)
        mmu_set_pte((RAM_SEGMENTS_MAX << SEGMENT_SHIFT) + a, 0);

    for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
        map_device(devices[i].address, devices[i].physical, devices[i].type);
    for (u32 a = 0; a < SEGMENT_SIZE; a += PAGE_SIZE)
        map_device(VA_VIDEO + a, MEMORY_VIDEO + a, PTE_TYPE_MEMORY);
}

/* A context that is not filled yet has no ROM to go on in: the boot state fetches from it all the same. */
void mmu_set_contexts(void)
{
    u32 enable = control_get8(CONTROL_ENABLE);

    control_put8(CONTROL_ENABLE, enable & ~(u32)ENABLE_NOT_BOOT);
    for (u32 context = 1; context < CONTEXTS; context++)
        fill_context(context, ram_segments());
    control_put8(CONTROL_ENABLE, enable);
}

void mmu_limit_memory(u32 end)
{
    for (u32 a = end; a < ram_segments() << SEGMENT_SHIFT; a += SEGMENT_SIZE)
        mmu_set_segment(a, PMEG_INVALID);
}
