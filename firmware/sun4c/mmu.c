/* Memory size and maps of the sun4c MMU. */
#include "mmu.h"
#include "trap.h"

enum { UNIT = 1 << 20, UNITS = 256, RAM_SEGMENTS_MAX = MONITOR_PMEG, FIRST_MAPPED = 4 << 20 };

#define MARK 0x53344300u
#define OWN (PTE_VALID | PTE_WRITE | PTE_SYSTEM)

struct memory_bank memory_banks[MAX_BANKS];
u32 memory_bank_count, memory_size, memory_own;

static int all_mapped;

/* start.S; they need what C cannot promise: no memory access in another context, no stack while it moves. */
void fill_context(u32 ram_segments);
void give_context(u32 context);
void move_data_pages(u32 pte);

/* Every megabyte's last words get a mark, from the top down: what is an image of something below it loses its
 * own, and where nothing is, none stays. */
static u32 map_unit(u32 unit)
{
    page_put(VA_SCRATCH, OWN | ((unit + 1) * (UNIT >> PAGE_SHIFT) - 1));
    return VA_SCRATCH + PAGE_SIZE - 8;
}

static void mark_units(void)
{
    for (u32 unit = UNITS; unit-- > 0;) {
        u32 at = map_unit(unit);

        guarded_write(at, 4, MARK + unit);
        guarded_write(at + 4, 4, ~(MARK + unit));
    }
}

static int is_marked(u32 unit)
{
    u32 at = map_unit(unit), value, complement;

    return guarded_read(at, 4, &value) && guarded_read(at + 4, 4, &complement) && value == MARK + unit &&
           complement == ~value;
}

static void collect_banks(void)
{
    struct memory_bank *bank = 0;

    for (u32 unit = 0; unit < UNITS; unit++) {
        if (!is_marked(unit))
            bank = 0;
        else if (bank)
            bank->size += UNIT;
        else if (memory_bank_count < MAX_BANKS) {
            bank = &memory_banks[memory_bank_count++];
            bank->start = unit * UNIT;
            bank->size = UNIT;
        }
    }
    for (u32 i = 0; i < memory_bank_count; i++)
        memory_size += memory_banks[i].size;
}

void mmu_find_memory(void)
{
    mark_units();
    collect_banks();
    page_put(VA_SCRATCH, 0);
    control_get32(CONTROL_ASYNC_ERROR); /* writes to where nothing is */
    control_get32(CONTROL_ASYNC_ADDRESS);

    const struct memory_bank *last = &memory_banks[memory_bank_count - 1];
    u32 data = last->start + last->size - DATA_PAGES * PAGE_SIZE;
    memory_own = data - ETHER_MEMORY - ESP_MEMORY;
    move_data_pages(OWN | data >> PAGE_SHIFT);
}

static u32 ram_segments(void)
{
    u32 n = memory_banks[0].size >> SEGMENT_SHIFT;

    return n < RAM_SEGMENTS_MAX ? n : RAM_SEGMENTS_MAX;
}

u32 mmu_linear_end(void)
{
    u32 end = ram_segments() << SEGMENT_SHIFT;

    return end < memory_own ? end : memory_own;
}

static const struct {
    u32 address, physical, pages;
} devices[] = {
    {VA_KEYBOARD, OBIO_KEYBOARD, 1},         {VA_SERIAL, OBIO_SERIAL, 1},
    {VA_NVRAM, OBIO_NVRAM, 1},               {VA_COUNTER, OBIO_COUNTER, 1},
    {VA_MEMORY_ERROR, OBIO_MEMORY_ERROR, 1}, {VA_INTERRUPT, OBIO_INTERRUPT, 1},
    {VA_AUXILIARY, OBIO_AUXILIARY, 1},       {VA_HOST, OBIO_HOST, 2},
    {VA_DMA, OBIO_DMA, 1},                   {VA_ESP, OBIO_ESP, 1},
    {VA_LE, OBIO_LE, 1},
};

void mmu_map(u32 address, u32 type, u32 physical, u32 size)
{
    u32 flags = OWN | type | (type == PTE_TYPE_MEMORY ? 0 : PTE_NO_CACHE);

    for (u32 at = 0; at < size; at += PAGE_SIZE)
        page_put(address + at, flags | ((physical + at) >> PAGE_SHIFT & PTE_PAGE_MASK));
}

void mmu_unmap(u32 address, u32 size)
{
    for (u32 at = 0; at < size; at += PAGE_SIZE)
        page_put(address + at, 0);
}

/* RAM at its physical address. Page 0 is for systems alone: a program that follows a null pointer is told so. */
static void map_ram(u32 from, u32 to)
{
    for (u32 at = from; at < to; at += PAGE_SIZE) {
        if (at % SEGMENT_SIZE == 0)
            segment_put(at, at >> SEGMENT_SHIFT);
        page_put(at, PTE_VALID | PTE_WRITE | (at ? 0 : PTE_SYSTEM) | at >> PAGE_SHIFT);
    }
    if (to % SEGMENT_SIZE)
        mmu_unmap(to, SEGMENT_SIZE - to % SEGMENT_SIZE);
}

void mmu_map_all(void)
{
    if (!all_mapped)
        map_ram(FIRST_MAPPED, mmu_linear_end());
    all_mapped = 1;
}

void mmu_set_maps(void)
{
    fill_context(FIRST_MAPPED >> SEGMENT_SHIFT);
    segment_put(VA_SCRATCH, PMEG_INVALID);
    mmu_unmap(VA_SCRATCH, SEGMENT_SIZE);
    segment_put(VA_SCRATCH, MONITOR_PMEG + ((VA_SCRATCH - MONITOR_START) >> SEGMENT_SHIFT));
    all_mapped = mmu_linear_end() <= FIRST_MAPPED;
    map_ram(0, all_mapped ? mmu_linear_end() : FIRST_MAPPED);
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
        mmu_map(devices[i].address, PTE_TYPE_OBIO, devices[i].physical, devices[i].pages * PAGE_SIZE);
    arena_low = PAGE_SIZE;
    arena_size = mmu_linear_end() - PAGE_SIZE - WINDOW_BYTES;
}

/* A context that is not filled yet has no ROM to go on in: the boot state fetches from it all the same. */
void mmu_set_contexts(void)
{
    u32 enable = control_get8(CONTROL_ENABLE), psr = get_psr();

    set_psr(psr | PSR_PIL);
    control_put8(CONTROL_ENABLE, enable & ~(u32)ENABLE_NOT_BOOT);
    for (u32 context = 1; context < CONTEXTS; context++)
        give_context(context);
    control_put8(CONTROL_ENABLE, enable);
    set_psr(psr);
}

void mmu_limit_memory(u32 end)
{
    for (u32 a = end; a < ram_segments() << SEGMENT_SHIFT; a += SEGMENT_SIZE)
        segment_put(a, PMEG_INVALID);
}
