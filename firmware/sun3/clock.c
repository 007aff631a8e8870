/* Intersil ICM7170 (data sheet; Sun-3 wiring as in NetBSD sun3/sun3/clock.c). */
#include "clock.h"
#include "machine.h"
#include "sun3.h"
#include "trap.h"

enum { HUNDREDTHS, HOUR, MINUTE, SECOND, MONTH, DAY, YEAR, INTERRUPT = 0x10, COMMAND = 0x11 };
enum { RUN_24H = 0x0C, INTERRUPTS = 0x10, EVERY_HUNDREDTH = 0x02 };
enum { INTREG_ENABLE = 0x01, INTREG_LEVEL5 = 0x20, INTREG_LEVEL7 = 0x80 };
enum { TICK_MILLISECONDS = 10, YEAR_BASE = 1968, SPIN = 20000000 };

u32 clock_milliseconds;

static int ticking;

static volatile u8 *const chip = (u8 *)VA_CLOCK;
static volatile u8 *const intreg = (u8 *)VA_INTERRUPT;

const char *clock_test(int thorough)
{
    u32 value, spin;

    if (!guarded_read(VA_CLOCK, 1, &value))
        return "does not answer";
    chip[INTERRUPT] = 0;
    chip[COMMAND] = RUN_24H;
    u8 now = chip[HUNDREDTHS];
    if (now > 99 || chip[HOUR] > 23 || chip[MINUTE] > 59 || chip[SECOND] > 59 || chip[MONTH] - 1u > 11 ||
        chip[DAY] - 1u > 30 || chip[YEAR] > 99)
        return "shows an impossible time";
    for (spin = SPIN; thorough && chip[HUNDREDTHS] == now; spin--)
        if (!spin)
            return "does not run";
    return 0;
}

/* The board latches the clock's interrupt: the enable bit must go down and up again. */
static void rearm(void)
{
    (void)chip[INTERRUPT];
    *intreg &= (u8)~INTREG_LEVEL7;
    *intreg |= INTREG_LEVEL7;
    (void)chip[INTERRUPT];
}

void clock_start_tick(void)
{
    *intreg = 0;
    chip[COMMAND] = RUN_24H;
    chip[INTERRUPT] = EVERY_HUNDREDTH;
    (void)chip[INTERRUPT];
    *intreg = INTREG_LEVEL7;
    chip[COMMAND] = RUN_24H | INTERRUPTS;
    *intreg = INTREG_LEVEL7 | INTREG_ENABLE;
    ticking = 1;
}

void clock_stop_tick(void)
{
    *intreg = 0;
    chip[COMMAND] = RUN_24H;
    chip[INTERRUPT] = 0;
    (void)chip[INTERRUPT];
    ticking = 0;
}

int clock_ticking(void)
{
    return ticking;
}

void clock_service(void)
{
    clock_milliseconds += TICK_MILLISECONDS;
    rearm();
}

u32 clock_seconds(u32 *hundredths)
{
    *hundredths = chip[HUNDREDTHS]; /* latches the rest */
    return seconds_since_1970(YEAR_BASE + chip[YEAR], chip[MONTH], chip[DAY], chip[HOUR], chip[MINUTE],
                              chip[SECOND]);
}
