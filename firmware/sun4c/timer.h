/* Counter 14: the tick that counts milliseconds and looks for a BREAK. */
#ifndef FW_TIMER_H
#define FW_TIMER_H

#include "lib.h"

extern u32 timer_milliseconds; /* since the tick was started */

const char *timer_test(void); /* 0 if the counters behave, else what is wrong */
void timer_start(void);
void timer_service(void); /* called at level 14 */

#endif
