/* Power-on tests of maps and memory.  Each answers 0, or what is wrong. */
#include "selftest.h"
#include "mmu.h"
#include "sun3.h"
#include "trap.h"

enum { SAMPLE_WORDS = 16, WORDS_PER_PAGE = PAGE_SIZE / 4 };

u8 leds_shown;

static char message[80];

void setleds(u32 pattern)
{
    leds_shown = (u8)pattern;
    control_put8(CONTROL_LEDS, ~pattern & 0xFF);
}

static u32 map_pattern(u32 pmeg, u32 entry, u32 invert)
{
    return ((pmeg * 0x01010101 ^ entry * 0x11111111) ^ invert) & PTE_BITS;
}

/* PMEGs are looked at through the scratch segment; the monitor's own are proved by being in use. */
static const char *test_page_map(u32 step)
{
    u32 own = mmu_get_segment(VA_SCRATCH);
    const char *error = 0;

    for (u32 invert = 0; !error; invert = ~0u) {
        for (u32 pmeg = 0; pmeg < MONITOR_PMEG; pmeg += step) {
            mmu_set_segment(VA_SCRATCH, pmeg);
            for (u32 i = 0; i < PAGES_PER_SEGMENT; i++)
                mmu_set_pte(VA_SCRATCH + i * PAGE_SIZE, map_pattern(pmeg, i, invert));
        }
        for (u32 pmeg = 0; pmeg < MONITOR_PMEG; pmeg += step) {
            mmu_set_segment(VA_SCRATCH, pmeg);
            for (u32 i = 0; i < PAGES_PER_SEGMENT; i++) {
                u32 want = map_pattern(pmeg, i, invert);
                u32 got = mmu_get_pte(VA_SCRATCH + i * PAGE_SIZE) & PTE_BITS;

                if (want != got && !error) {
                    format_string(message, sizeof message, "PMEG %02x entry %x: wrote %08x, read %08x", pmeg,
                                  i, want, got);
                    error = message;
                }
            }
        }
        if (invert)
            break;
    }
    mmu_set_segment(VA_SCRATCH, own);
    return error;
}

static const char *test_segment_map(u32 step)
{
    for (u32 round = 0; round < 2; round++) {
        u32 invert = round ? 0xFF : 0;

        for (u32 s = 0; s < SEGMENTS - MONITOR_SEGMENTS; s += step)
            mmu_set_segment(s << SEGMENT_SHIFT, ((s ^ s >> 8) & 0xFF) ^ invert);
        for (u32 s = 0; s < SEGMENTS - MONITOR_SEGMENTS; s += step) {
            u32 got = mmu_get_segment(s << SEGMENT_SHIFT), want = ((s ^ s >> 8) & 0xFF) ^ invert;

            if (got != want) {
                format_string(message, sizeof message, "segment %03x: wrote %02x, read %02x", s, want, got);
                return message;
            }
        }
    }
    return 0;
}

const char *test_maps(int thorough)
{
    const char *error = test_segment_map(thorough ? 1 : 31);

    return error ? error : test_page_map(thorough ? 1 : 17);
}

static const char *memory_error(u32 physical, u32 wrote, u32 read)
{
    format_string(message, sizeof message, "address %08x: wrote %08x, read %08x", physical, wrote, read);
    return message;
}

/* Words of one page, `stride` apart: own address, then the complement, all written before any is read. */
static const char *test_page(u32 page, u32 stride)
{
    volatile u32 *word = (volatile u32 *)VA_SCRATCH;
    u32 base = page << PAGE_SHIFT;

    mmu_set_pte(VA_SCRATCH, PTE_VALID | PTE_WRITE | PTE_SYSTEM | page);
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

/* Addresses of pages are tested too: each sampled page is marked before the first mark is read back. */
static const char *test_page_addresses(u32 pages)
{
    volatile u32 *word = (volatile u32 *)VA_SCRATCH;

    for (u32 page = 0; page < pages; page += PAGES_PER_SEGMENT) {
        mmu_set_pte(VA_SCRATCH, PTE_VALID | PTE_WRITE | PTE_SYSTEM | page);
        word[1] = ~page;
    }
    for (u32 page = 0; page < pages; page += PAGES_PER_SEGMENT) {
        mmu_set_pte(VA_SCRATCH, PTE_VALID | PTE_WRITE | PTE_SYSTEM | page);
        if (word[1] != ~page)
            return memory_error((page << PAGE_SHIFT) + 4, ~page, word[1]);
    }
    return 0;
}

const char *test_memory(int thorough)
{
    u32 pages = memory_available >> PAGE_SHIFT;
    const char *error = test_page_addresses(pages);

    /* the sample walks through the segments' pages */
    for (u32 page = 0; !error && page < pages; page += thorough ? 1 : PAGES_PER_SEGMENT + 1)
        error = test_page(page, thorough ? 1 : WORDS_PER_PAGE / SAMPLE_WORDS);
    mmu_set_pte(VA_SCRATCH, 0);
    return error;
}
