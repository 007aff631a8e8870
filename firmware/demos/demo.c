/* The demonstration behind `b demo`: a Mandelbrot set in characters, prime numbers, strings and sorting.
 * An argument (1-1000) repeats the work.  The same file runs under any Linux of its processor. */
#include "runtime.h"

#if defined(__sparc__)
#define PROCESSOR "SPARC V7"
#else
#define PROCESSOR "the 68020"
#endif

enum { COLUMNS = 78, ROWS = 24, DEPTH = 200, FRACTION = 12, SIEVE = 1000000, RECORDS = 4096, BAR = 40 };

#define FIXED(x) ((s32)((x) * (1 << FRACTION)))

/* Iterations of z = z*z + c until |z| > 2, fixed point. */
static int escape(s32 cx, s32 cy)
{
    s32 x = 0, y = 0;
    int n = 0;

    for (; n < DEPTH; n++) {
        s32 xx = x * x >> FRACTION, yy = y * y >> FRACTION;

        if (xx + yy > FIXED(4))
            break;
        y = (2 * x * y >> FRACTION) + cy;
        x = xx - yy + cx;
    }
    return n;
}

static void mandelbrot(void)
{
    static const char shades[] = " .,:;-=+*oxOX#%@";
    char line[COLUMNS + 1];

    for (int row = 0; row < ROWS; row++) {
        for (int column = 0; column < COLUMNS; column++) {
            int n = escape(FIXED(-2.2) + FIXED(3.2) * column / COLUMNS,
                           FIXED(-1.2) + FIXED(2.4) * row / (ROWS - 1));

            line[column] = n == DEPTH ? ' ' : shades[1 + n % (sizeof shades - 2)];
        }
        line[COLUMNS] = '\n';
        write_text(line, sizeof line);
    }
}

/* Shows at which part of `all` the work is; prints only what is new. */
static void progress(u32 at, u32 all)
{
    static u32 shown;
    u32 want = at * BAR / all;

    if (want < shown)
        shown = 0;
    for (; shown < want; shown++)
        write_text("#", 1);
}

static u32 primes(u32 rounds)
{
    static u8 composite[SIEVE + 1];
    u32 count = 0;

    for (u32 round = 0; round < rounds; round++) {
        memset(composite, 0, sizeof composite);
        count = 0;
        for (u32 i = 2; i <= SIEVE; i++) {
            if (i % (SIEVE / BAR) == 0)
                progress(round * BAR + i / (SIEVE / BAR), rounds * BAR);
            if (composite[i])
                continue;
            count++;
            for (u32 j = i + i; j <= SIEVE; j += i)
                composite[j] = 1;
        }
    }
    return count;
}

struct record {
    u32 key;
    char name[12];
};

static u32 seed = 1;

static u32 random_number(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}

/* Strings, structures, sorting, checksums. */
static u32 mix(u32 rounds)
{
    static struct record records[RECORDS];
    u32 sum = 0;

    for (u32 round = 0; round < rounds; round++) {
        for (u32 i = 0; i < RECORDS; i++) {
            records[i].key = random_number();
            format_string(records[i].name, sizeof records[i].name, "%08x", records[i].key);
        }
        for (u32 gap = RECORDS / 2; gap; gap /= 2)
            for (u32 i = gap; i < RECORDS; i++) {
                struct record r = records[i];
                u32 j = i;

                for (; j >= gap && strcmp(records[j - gap].name, r.name) > 0; j -= gap)
                    records[j] = records[j - gap];
                records[j] = r;
            }
        for (u32 i = 1; i < RECORDS; i++)
            if (records[i - 1].key > records[i].key)
                return 0;
        for (u32 i = 0; i < RECORDS; i++)
            sum = (sum << 1 | sum >> 31) ^ records[i].key;
        progress(round + 1, rounds);
    }
    return sum;
}

static u32 parse_rounds(const char *s)
{
    u32 n = 0;

    for (; *s >= '0' && *s <= '9' && n < 1000; s++)
        n = n * 10 + (u32)(*s - '0');
    return *s || !n || n > 1000 ? 0 : n;
}

int main(int argc, char **argv)
{
    u32 rounds = argc > 1 ? parse_rounds(argv[1]) : 1, start = milliseconds();

    if (!rounds) {
        printf("usage: %s [ROUNDS], 1 to 1000\n", argv[0]);
        return 2;
    }
    printf(
        "This program was compiled from C for " PROCESSOR "; every instruction of it runs in translation.\n\n");
    mandelbrot();
    printf("\nprimes ");
    u32 count = primes(rounds);
    printf(" %u below %u\nrecords ", count, SIEVE);
    u32 sum = mix(4 * rounds);
    printf(" sorted, checksum %08x\n", sum);
    printf("%u ms of the machine's time\n", milliseconds() - start);
    return count == 78498 && sum ? 0 : 1;
}
