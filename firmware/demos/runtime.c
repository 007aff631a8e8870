/* Output and time. */
#include "runtime.h"

#if defined(__sparc__)
enum { NR_WRITE = 4, NR_GETTIMEOFDAY = 116, STDOUT = 1 };
#else
enum { NR_WRITE = 4, NR_GETTIMEOFDAY = 78, STDOUT = 1 };
#endif

void write_text(const char *text, u32 n)
{
    system_call(NR_WRITE, STDOUT, (long)text, (long)n);
}

int printf(const char *text, ...)
{
    char line[256];
    va_list args;

    va_start(args, text);
    int n = vformat_string(line, sizeof line, text, args);
    va_end(args);
    write_text(line, n < (int)sizeof line ? (u32)n : sizeof line - 1);
    return n;
}

u32 milliseconds(void)
{
    static u32 first;
    u32 now[2] = {0, 0};

    system_call(NR_GETTIMEOFDAY, (long)now, 0, 0);
    if (!first)
        first = now[0];
    return (now[0] - first) * 1000 + now[1] / 1000;
}
