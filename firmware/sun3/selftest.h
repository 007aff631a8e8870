/* Power-on tests. */
#ifndef FW_SELFTEST_H
#define FW_SELFTEST_H

#include "lib.h"
#include "zs.h"

/* Before the maps are set: they must keep what is written.  thorough: every entry instead of a sample. */
const char *test_maps(int thorough);

/* RAM that is not the monitor's: a sample of pages, or every long word (which leaves the pattern in it). */
const char *test_memory(int thorough);

void setleds(u32 pattern);
extern u8 leds_shown;

#endif
