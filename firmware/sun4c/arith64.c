/* 64-bit arithmetic that the compiler calls for: that of Debian's libgcc has instructions of SPARC V9. */
#include "lib.h"

u64 __muldi3(u64 a, u64 b);
u64 __udivdi3(u64 a, u64 b);
u64 __umoddi3(u64 a, u64 b);
u64 __ashldi3(u64 a, int n);
u64 __lshrdi3(u64 a, int n);

union pair {
    u64 all;
    struct {
        u32 high, low;
    } half;
};

u64 __ashldi3(u64 a, int n)
{
    union pair p = {a};

    if (n >= 32) {
        p.half.high = p.half.low << (n - 32);
        p.half.low = 0;
    } else if (n) {
        p.half.high = p.half.high << n | p.half.low >> (32 - n);
        p.half.low <<= n;
    }
    return p.all;
}

u64 __lshrdi3(u64 a, int n)
{
    union pair p = {a};

    if (n >= 32) {
        p.half.low = p.half.high >> (n - 32);
        p.half.high = 0;
    } else if (n) {
        p.half.low = p.half.low >> n | p.half.high << (32 - n);
        p.half.high >>= n;
    }
    return p.all;
}

/* 32 by 32 bits in four products of 16; the crossed ones cannot be added to the low word as they are. */
static u64 product(u32 a, u32 b)
{
    u32 al = a & 0xFFFF, ah = a >> 16, bl = b & 0xFFFF, bh = b >> 16;
    u32 low = al * bl, crossed = ah * bl + (low >> 16), more = al * bh + (crossed & 0xFFFF);
    union pair p;

    p.half.low = more << 16 | (low & 0xFFFF);
    p.half.high = ah * bh + (crossed >> 16) + (more >> 16);
    return p.all;
}

u64 __muldi3(u64 a, u64 b)
{
    union pair x = {a}, y = {b}, p = {product(x.half.low, y.half.low)};

    p.half.high += x.half.high * y.half.low + x.half.low * y.half.high;
    return p.all;
}

/* One bit of the quotient after another. */
static u64 divide(u64 a, u64 b, u64 *rest)
{
    union pair n = {a}, d = {b}, q = {0}, r = {0};

    for (int i = 0; i < 64; i++) {
        r.half.high = r.half.high << 1 | r.half.low >> 31;
        r.half.low = r.half.low << 1 | n.half.high >> 31;
        n.half.high = n.half.high << 1 | n.half.low >> 31;
        n.half.low <<= 1;
        q.half.high = q.half.high << 1 | q.half.low >> 31;
        q.half.low <<= 1;
        if (r.half.high > d.half.high || (r.half.high == d.half.high && r.half.low >= d.half.low)) {
            r.all -= d.all;
            q.half.low |= 1;
        }
    }
    *rest = r.all;
    return q.all;
}

u64 __udivdi3(u64 a, u64 b)
{
    u64 rest;

    return divide(a, b, &rest);
}

u64 __umoddi3(u64 a, u64 b)
{
    u64 rest;

    divide(a, b, &rest);
    return rest;
}
