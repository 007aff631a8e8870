/* Power-on tests of maps and memory. */
#include "selftest.h"
#include "mmu.h"
#include "trap.h"

enum { SAMPLE_WORDS = 8, WORDS_PER_PAGE = PAGE_SIZE / 4, SEGMENTS = MONITOR_START >> SEGMENT_SHIFT };

static char message[96];

static u32 map_pattern(u32 pmeg, u32 entry, u32 invert)
{
    return ((pmeg * 0x01010101 ^ entry * 0x04444444) ^ invert) & PTE_BITS;
}

/* PMEGs are looked at through the scratch segment; our own are proved by being in use. No entry of the scratch
 * segment is used meanwhile, whatever the patterns say. */
static const char *test_page_map(u32 step, u32 entry_step)
{
    u32 own = segment_get(VA_SCRATCH);
    const char *error = 0;

    for (u32 round = 0; round < 2 && !error; round++) {
        u32 invert = round ? ~0u : 0;

        for (u32 pmeg = 0; pmeg < MONITOR_PMEG; pmeg += step) {
            segment_put(VA_SCRATCH, pmeg);
            for (u32 i = 0; i < PAGES_PER_SEGMENT; i += entry_step)
                page_put(VA_SCRATCH + i * PAGE_SIZE, map_pattern(pmeg, i, invert));
        }
        for (u32 pmeg = 0; pmeg < MONITOR_PMEG; pmeg += step) {
            segment_put(VA_SCRATCH, pmeg);
            for (u32 i = 0; i < PAGES_PER_SEGMENT; i += entry_step) {
                u32 want = map_pattern(pmeg, i, invert);
                u32 got = page_get(VA_SCRATCH + i * PAGE_SIZE) & PTE_BITS;

                if (want != got && !error) {
                    format_string(message, sizeof message, "PMEG %02x entry %x: wrote %08x, read %08x", pmeg,
                                  i, want, got);
                    error = message;
                }
            }
        }
    }
    segment_put(VA_SCRATCH, own);
    return error;
}

static int exists(u32 segment)
{
    u32 half = SPACE_HALF >> SEGMENT_SHIFT;

    return segment < half || segment >= (1u << (32 - SEGMENT_SHIFT)) - half;
}

static const char *test_segment_map(u32 step)
{
    for (u32 round = 0; round < 2; round++) {
        u32 invert = round ? 0xFF : 0;

        for (u32 s = 0; s < SEGMENTS; s += step)
            if (exists(s))
                segment_put(s << SEGMENT_SHIFT, ((s ^ s >> 8) & 0xFF) ^ invert);
        for (u32 s = 0; s < SEGMENTS; s += step) {
            u32 got = segment_get(s << SEGMENT_SHIFT), want = ((s ^ s >> 8) & 0xFF) ^ invert;

            if (exists(s) && got != want) {
                format_string(message, sizeof message, "segment %03x: wrote %02x, read %02x", s, want, got);
                return message;
            }
        }
    }
    return 0;
}

const char *test_maps(int thorough)
{
    const char *error = test_segment_map(thorough ? 1 : 61);

    return error ? error : test_page_map(thorough ? 1 : 31, thorough ? 1 : 7);
}

static const char *memory_error(u32 physical, u32 wrote, u32 read)
{
    format_string(message, sizeof message, "address %08x: wrote %08x, read %08x", physical, wrote, read);
    return message;
}

/* Words of one page, `stride` apart: own address, then the complement, all written before any is read. */
static const char *test_page(u32 base, u32 stride)
{
    volatile u32 *word = (volatile u32 *)VA_SCRATCH;

    mmu_map(VA_SCRATCH, PTE_TYPE_MEMORY, base, PAGE_SIZE);
    for (u32 round = 0; round < 2; round++) {
        u32 invert = round ? ~0u : 0;

        for (u32 i = 0; i < WORDS_PER_PAGE; i += stride)
            word[i] = (base + i * 4) ^ invert;
        for (u32 i = 0; i < WORDS_PER_PAGE; i += stride)
            if (word[i] != ((base + i * 4) ^ invert))
                return memory_error(base + i * 4, (base + i * 4) ^ invert, word[i]);
    }
    return 0;
}

const char *test_memory(int thorough)
{
    const char *error = 0;

    /* the sample walks through the segments' pages */
    for (u32 b = 0; !error && b < memory_bank_count; b++) {
        u32 start = memory_banks[b].start, end = start + memory_banks[b].size;

        if (end > memory_own && start <= memory_own)
            end = memory_own;
        for (u32 page = start; !error && page < end; page += PAGE_SIZE * (thorough ? 1 : PAGES_PER_SEGMENT + 1))
            error = test_page(page, thorough ? 1 : WORDS_PER_PAGE / SAMPLE_WORDS);
    }
    mmu_unmap(VA_SCRATCH, PAGE_SIZE);
    return error;
}
