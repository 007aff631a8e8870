/* System calls for memory: the heap grows up from the program, mappings are pages taken from below the stack.
 * There is one address space and no paging: a mapping is memory that is marked as taken. */
#include "calls.h"

enum { MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20, MAP_PAGES = 4096 /* 32 MB */ };

static u8 taken[MAP_PAGES / 8];

static u32 page_of(u32 address)
{
    return address / CALL_PAGE - process.memory.start / CALL_PAGE;
}

static u32 address_of(u32 page)
{
    return (page + process.memory.start / CALL_PAGE) * CALL_PAGE;
}

static int is_taken(u32 page)
{
    return taken[page / 8] >> page % 8 & 1;
}

static void set_pages(u32 page, u32 count, int on)
{
    for (; count--; page++)
        taken[page / 8] = (u8)(on ? taken[page / 8] | 1 << page % 8 : taken[page / 8] & ~(1 << page % 8));
}

void mappings_clear(void)
{
    memset(taken, 0, sizeof taken);
}

/* Pages that may be mapped: from the heap's end to the stack's room. */
static u32 first_page(void)
{
    return page_of(process.brk + CALL_PAGE - 1);
}

static u32 end_page(void)
{
    u32 end = page_of(process.map_end);

    return end < MAP_PAGES ? end : MAP_PAGES;
}

s32 call_brk(const u32 *a)
{
    if (a[0] < process.heap || a[0] > process.map_end)
        return (s32)process.brk;
    for (u32 page = first_page(); page < page_of(a[0] + CALL_PAGE - 1) && page < MAP_PAGES; page++)
        if (is_taken(page))
            return (s32)process.brk;
    if (a[0] > process.brk)
        memset((void *)(size_t)process.brk, 0, a[0] - process.brk);
    process.brk = a[0];
    return (s32)process.brk;
}

/* The highest run of free pages; MAP_PAGES if there is none. */
static u32 find_free(u32 count)
{
    u32 run = 0, first = first_page();

    for (u32 page = end_page(); page-- > first;) {
        run = is_taken(page) ? 0 : run + 1;
        if (run == count)
            return page;
    }
    return MAP_PAGES;
}

s32 call_mmap(const u32 *a)
{
    u32 count = a[1] / CALL_PAGE + (a[1] % CALL_PAGE != 0), page;

    if (!(a[3] & MAP_ANONYMOUS))
        return -ENODEV;
    if (!count)
        return -EINVAL;
    if (a[3] & MAP_FIXED) {
        if (a[0] % CALL_PAGE)
            return -EINVAL;
        page = page_of(a[0]);
        if (a[0] < address_of(first_page()) || page >= end_page() || count > end_page() - page)
            return -ENOMEM;
    } else if ((page = find_free(count)) == MAP_PAGES)
        return -ENOMEM;
    set_pages(page, count, 1);
    memset((void *)(size_t)address_of(page), 0, count * CALL_PAGE);
    return (s32)address_of(page);
}

s32 call_old_mmap(const u32 *a)
{
    const u32 *block = user_memory(a[0], 6 * 4);

    return block ? call_mmap(block) : -EFAULT;
}

s32 call_munmap(const u32 *a)
{
    u32 count = a[1] / CALL_PAGE + (a[1] % CALL_PAGE != 0);

    if (a[0] % CALL_PAGE || !count)
        return -EINVAL;
    u32 page = page_of(a[0]);
    if (a[0] < process.memory.start || page >= end_page() || count > end_page() - page)
        return -EINVAL;
    set_pages(page, count, 0);
    return 0;
}

/* All memory of the program can be read, written and executed, whatever it asks for. */
s32 call_mprotect(const u32 *a)
{
    if (a[0] % CALL_PAGE)
        return -EINVAL;
    return user_memory(a[0], a[1]) ? 0 : -ENOMEM;
}

/* Advice; the only one with an effect that can be seen is MADV_DONTNEED (4): the pages are zero again. */
s32 call_madvise(const u32 *a)
{
    void *at = user_memory(a[0], a[1]);

    if (a[0] % CALL_PAGE)
        return -EINVAL;
    if (!at)
        return -ENOMEM;
    if (a[2] == 4)
        memset(at, 0, a[1]);
    return 0;
}
