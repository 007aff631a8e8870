/* System calls for time. Clocks other than the time of day count from the program's start. */
#include "calls.h"

enum {
    BILLION = 1000000000,
    CLOCK_REALTIME = 0,
    CLOCK_REALTIME_COARSE = 5,
    CLOCK_TAI = 11,
    RESOLUTION = 1000
};

static u64 pair(u32 seconds, u32 nanoseconds)
{
    return (u64)seconds * BILLION + nanoseconds;
}

u64 time_now(void)
{
    u32 seconds, nanoseconds;

    machine_time(&seconds, &nanoseconds);
    return pair(seconds, nanoseconds);
}

/* 0 if there is no such clock. */
static int read_clock(u32 clock, u32 *seconds, u32 *nanoseconds)
{
    if (clock > CLOCK_TAI)
        return 0;
    machine_time(seconds, nanoseconds);
    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE && clock != CLOCK_TAI) {
        u64 passed = pair(*seconds, *nanoseconds) - process.started;

        *seconds = (u32)(passed / BILLION);
        *nanoseconds = (u32)(passed % BILLION);
    }
    return 1;
}

s32 call_time(const u32 *a)
{
    u32 *to = user_memory(a[0], 4), seconds, nanoseconds;

    machine_time(&seconds, &nanoseconds);
    if (a[0]) {
        if (!to)
            return -EFAULT;
        *to = seconds;
    }
    return (s32)seconds;
}

s32 call_gettimeofday(const u32 *a)
{
    u32 *to = user_memory(a[0], 8), nanoseconds;

    if (!to)
        return a[0] ? -EFAULT : 0;
    machine_time(&to[0], &nanoseconds);
    to[1] = nanoseconds / 1000;
    return 0;
}

s32 call_clock_gettime(const u32 *a)
{
    u32 *to = user_memory(a[1], 8);

    if (!to)
        return -EFAULT;
    return read_clock(a[0], &to[0], &to[1]) ? 0 : -EINVAL;
}

s32 call_clock_gettime64(const u32 *a)
{
    u32 *to = user_memory(a[1], 16);

    if (!to)
        return -EFAULT;
    to[0] = to[2] = 0;
    return read_clock(a[0], &to[1], &to[3]) ? 0 : -EINVAL;
}

static s32 resolution(u32 clock, u32 address, u32 words)
{
    u32 *to = user_memory(address, words * 4);

    if (clock > CLOCK_TAI)
        return -EINVAL;
    if (!to)
        return address ? -EFAULT : 0;
    memset(to, 0, words * 4);
    to[words - 1] = RESOLUTION;
    return 0;
}

s32 call_clock_getres(const u32 *a)
{
    return resolution(a[0], a[1], 2);
}

s32 call_clock_getres64(const u32 *a)
{
    return resolution(a[0], a[1], 4);
}

/* Processor time is all user time; the other 14 numbers are not counted. */
s32 call_getrusage(const u32 *a)
{
    u32 *to = user_memory(a[1], 18 * 4), nanoseconds;

    if (!to)
        return -EFAULT;
    memset(to, 0, 18 * 4);
    read_clock(CLOCK_REALTIME + 1, &to[0], &nanoseconds);
    to[1] = nanoseconds / 1000;
    return 0;
}
