/* Words for memory and maps. */
#include "console.h"
#include "machine.h"
#include "mmu.h"
#include "trap.h"
#include "words.h"

enum { ROW = 16 };

static u32 fetch(u32 size)
{
    u32 address = words_pop(), value = 0;

    if (address % size)
        words_fail("Memory Address not Aligned: %x", address);
    else if (!machine_read(address, (int)size, &value))
        words_fail("Data Access Error: %x", address);
    return value;
}

static void store(u32 size)
{
    u32 address = words_pop(), value = words_pop();

    if (address % size)
        words_fail("Memory Address not Aligned: %x", address);
    else if (!machine_write(address, (int)size, value))
        words_fail("Data Access Error: %x", address);
}

static void run_fetch8(void)
{
    words_push(fetch(1));
}

static void run_fetch16(void)
{
    words_push(fetch(2));
}

static void run_fetch32(void)
{
    words_push(fetch(4));
}

static void run_store8(void)
{
    store(1);
}

static void run_store16(void)
{
    store(2);
}

static void run_store32(void)
{
    store(4);
}

static void run_show32(void)
{
    printf("%x\n", fetch(4));
}

static void run_dump(void)
{
    u32 n = words_pop(), at = words_pop(), value;

    while (n) {
        u32 count = n < ROW ? n : ROW;
        u8 row[ROW];

        for (u32 i = 0; i < count; i++) {
            if (!machine_read(at + i, 1, &value)) {
                words_fail("Data Access Error: %x", at + i);
                return;
            }
            row[i] = (u8)value;
        }
        printf("%08x ", at);
        for (u32 i = 0; i < ROW; i++)
            printf(i < count ? "%s%02x" : "%s  ", i % 4 ? "" : " ", i < count ? row[i] : 0);
        printf("  ");
        for (u32 i = 0; i < count; i++)
            console_put(row[i] >= ' ' && row[i] < 127 ? row[i] : '.');
        console_put('\n');
        at += count;
        n -= count;
    }
}

static void run_fill(void)
{
    u32 byte = words_pop(), n = words_pop(), at = words_pop();

    for (; n; n--, at++)
        if (!machine_write(at, 1, byte & 0xFF)) {
            words_fail("Data Access Error: %x", at);
            return;
        }
}

static void run_map(void)
{
    static const char *const types[] = {"memory", "OBIO", "type 2", "type 3"};
    u32 address = words_pop(), pmeg = segment_get(address & ~3u), pte = page_get(address & ~3u);

    printf("context %x, segment %03x: PMEG %02x, PTE %08x", control_get8(CONTROL_CONTEXT) & 15,
           address >> SEGMENT_SHIFT, pmeg, pte);
    if (pte & PTE_VALID)
        printf(": %s %07x, %s%s%s", types[pte >> 26 & 3],
               (pte & PTE_PAGE_MASK) << PAGE_SHIFT | address % PAGE_SIZE,
               pte & PTE_WRITE ? "read/write" : "read only", pte & PTE_SYSTEM ? ", supervisor only" : "",
               pte & PTE_NO_CACHE ? ", not cached" : "");
    else
        printf(": invalid");
    console_put('\n');
}

static void run_get_segment(void)
{
    words_push(segment_get(words_pop()));
}

static void run_get_page(void)
{
    words_push(page_get(words_pop() & ~3u));
}

static void run_put_page(void)
{
    u32 address = words_pop();

    page_put(address & ~3u, words_pop());
}

const struct word memory_words[] = {
    {"dump", "( address n -- )", "shows n bytes of memory", 2, run_dump},
    {"l?", "( address -- )", "shows a word of memory", 1, run_show32},
    {"c@", "( address -- n )", "fetches a byte", 1, run_fetch8},
    {"w@", "( address -- n )", "fetches a halfword", 1, run_fetch16},
    {"l@", "( address -- n )", "fetches a word; also @", 1, run_fetch32},
    {"@", "( address -- n )", "fetches a word", 1, run_fetch32},
    {"c!", "( n address -- )", "stores a byte", 2, run_store8},
    {"w!", "( n address -- )", "stores a halfword", 2, run_store16},
    {"l!", "( n address -- )", "stores a word; also !", 2, run_store32},
    {"!", "( n address -- )", "stores a word", 2, run_store32},
    {"fill", "( address n byte -- )", "fills memory", 3, run_fill},
    {"map?", "( address -- )", "shows how an address is mapped", 1, run_map},
    {"smap@", "( address -- pmeg )", "segment map entry", 1, run_get_segment},
    {"pgmap@", "( address -- pte )", "page map entry", 1, run_get_page},
    {"pgmap!", "( pte address -- )", "sets a page map entry", 2, run_put_page},
    {0, 0, 0, 0, 0},
};
