/* Memory and string functions.  Long words wherever both ends allow: loading a program is mostly this. */
#include "lib.h"

#define WORDS_OK(a, b) ((((size_t)(a) | (size_t)(b)) & 3) == 0)

void *memcpy(void *to, const void *from, size_t n)
{
    u8 *d = to;
    const u8 *s = from;

    if (WORDS_OK(d, s)) {
        u32 *dw = to;
        const u32 *sw = from;

        for (; n >= 16; n -= 16, dw += 4, sw += 4) {
            dw[0] = sw[0];
            dw[1] = sw[1];
            dw[2] = sw[2];
            dw[3] = sw[3];
        }
        for (; n >= 4; n -= 4)
            *dw++ = *sw++;
        d = (u8 *)dw;
        s = (const u8 *)sw;
    }
    while (n--)
        *d++ = *s++;
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    u8 *d = to;
    const u8 *s = from;

    if (d <= s || d >= s + n)
        return memcpy(to, from, n);
    while (n--)
        d[n] = s[n];
    return to;
}

enum { BLOCK = 128 };

/* Whole blocks; big bss sections make this most of a program's start. */
static void fill_blocks(u32 *to, u32 word, size_t blocks)
{
#if defined(__mc68000__)
    u32 *end = to + blocks * (BLOCK / 4);

    /* eight registers at a time, from the end: movem stores to memory with predecrement only */
    __asm__ volatile("move.l %2,%%d1; move.l %2,%%d2; move.l %2,%%d3; move.l %2,%%d4\n\t"
                     "move.l %2,%%d5; move.l %2,%%d6; move.l %2,%%a1\n"
                     "1:\tmovem.l %%d1-%%d6/%%a1,-(%0); move.l %2,-(%0)\n\t"
                     "movem.l %%d1-%%d6/%%a1,-(%0); move.l %2,-(%0)\n\t"
                     "movem.l %%d1-%%d6/%%a1,-(%0); move.l %2,-(%0)\n\t"
                     "movem.l %%d1-%%d6/%%a1,-(%0); move.l %2,-(%0)\n\t"
                     "subq.l #1,%1; jne 1b"
                     : "+&a"(end), "+&d"(blocks)
                     : "a"(word)
                     : "d1", "d2", "d3", "d4", "d5", "d6", "a1", "cc", "memory");
#else
    for (; blocks; blocks--)
        for (int i = 0; i < BLOCK / 4; i++)
            *to++ = word;
#endif
}

void *memset(void *to, int byte, size_t n)
{
    u8 *d = to;
    u32 word = (u8)byte * 0x01010101u;

    for (; n && ((size_t)d & 3); n--)
        *d++ = (u8)byte;
    if (n >= BLOCK) {
        fill_blocks((u32 *)d, word, n / BLOCK);
        d += n & ~(size_t)(BLOCK - 1);
        n &= BLOCK - 1;
    }
    while (n--)
        *d++ = (u8)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const u8 *p = a, *q = b;

    for (; n; n--, p++, q++)
        if (*p != *q)
            return *p - *q;
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n; n--, a++, b++)
        if (*a != *b || !*a)
            return (u8)*a - (u8)*b;
    return 0;
}

size_t strcopy(char *to, const char *from, size_t size)
{
    size_t n = 0;

    if (!size)
        return 0;
    for (; n < size - 1 && from[n]; n++)
        to[n] = from[n];
    to[n] = 0;
    return n;
}
