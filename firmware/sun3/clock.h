/* The Intersil 7170: time of day, and the level 7 tick that looks for a BREAK. */
#ifndef FW_CLOCK_H
#define FW_CLOCK_H

#include "patience.h"

extern u32 clock_milliseconds; /* since the tick was started */

const char *clock_test(int thorough); /* 0 if the chip behaves, else what is wrong */
void clock_start_tick(void);
void clock_stop_tick(void);
int clock_ticking(void);
void clock_service(void);           /* called at level 7 */
u32 clock_seconds(u32 *hundredths); /* since 1970 */

#endif
