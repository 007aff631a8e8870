/* A boot program: called like a C function with the ROM vector as its argument, on the firmware's traps. */
typedef unsigned int u32;
typedef unsigned char u8;

int start(const u8 *romvec) __attribute__((section(".text.start")));

static int __attribute__((noinline)) deep(int n)
{
    volatile int here = n;

    return n ? deep(n - 1) + (here == n) : 1;
}

int start(const u8 *romvec)
{
    int (*print)(const char *text, ...) = *(int (**)(const char *, ...))(romvec + 0x68);
    u32 psr;

    __asm__ volatile("rd %%psr, %0" : "=r"(psr));
    const char *words = **(char ***)(romvec + 0x8C);
    while (*words != ' ')
        words++;
    print("standalone%s\n", words);
    print("level %u flags %x\n", psr >> 8 & 15, psr & 0xA0);
    print("windows %d\n", deep(20));
    return 33;
}
