/* Power-on tests of maps and memory. Each answers 0, or what is wrong. */
#ifndef FW_SELFTEST_H
#define FW_SELFTEST_H

#include "lib.h"

/* Before the maps are set: they must keep what is written. thorough: every entry instead of a sample. */
const char *test_maps(int thorough);

/* RAM that is not ours: a sample of pages, or every word (which leaves the pattern in it). */
const char *test_memory(int thorough);

#endif
