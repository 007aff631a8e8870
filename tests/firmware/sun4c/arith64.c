/* Numbers of 64 bits from standard input: all that firmware/sun4c/arith64.c computes of each pair. */
#include "runtime.h"

enum { NR_READ = 3 };

int main(int argc, char **argv)
{
    u32 words[4];

    (void)argc;
    (void)argv;
    while (system_call(NR_READ, 0, (long)words, sizeof words) == sizeof words) {
        u64 a = (u64)words[0] << 32 | words[1], b = (u64)words[2] << 32 | words[3];
        u64 results[5] = {a * b, b ? a / b : 0, b ? a % b : 0, a << (b & 63), a >> (b & 63)};

        for (u32 i = 0; i < 5; i++)
            printf("%08x%08x%s", (u32)(results[i] >> 32), (u32)results[i], i < 4 ? " " : "\n");
    }
    return 0;
}
