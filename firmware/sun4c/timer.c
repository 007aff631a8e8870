/* The counter-timers (NetBSD sparc/sparc/timerreg.h): microseconds in bits 30 to 10, reading a limit clears its
 * interrupt. */
#include "timer.h"
#include "trap.h"

enum { TICK_MILLISECONDS = 10, MICROSECOND = 1 << 10, SPIN = 100000 };

struct counters {
    u32 counter10, limit10, counter14, limit14;
};

u32 timer_milliseconds;

static volatile struct counters *const counters = (struct counters *)VA_COUNTER;
static volatile u8 *const intreg = (u8 *)VA_INTERRUPT;

const char *timer_test(void)
{
    u32 value;

    if (!guarded_read(VA_COUNTER, 4, &value))
        return "does not answer";
    counters->limit10 = 0;
    value = counters->counter10;
    for (u32 spin = SPIN; counters->counter10 == value; spin--)
        if (!spin)
            return "does not count";
    return 0;
}

void timer_start(void)
{
    counters->limit14 = (TICK_MILLISECONDS * 1000 + 1) * MICROSECOND;
    (void)counters->limit14;
    *intreg = INTERRUPT_ENABLE | INTERRUPT_LEVEL14;
}

void timer_service(void)
{
    timer_milliseconds += TICK_MILLISECONDS;
    (void)counters->limit14;
}
