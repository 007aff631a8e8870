/* Waiting for a device. */
#ifndef FW_PATIENCE_H
#define FW_PATIENCE_H

#include "lib.h"

struct patience {
    u32 since, polls;
};

/* 0 when so much time is over since the first call. */
int clock_wait(struct patience *patience, u32 milliseconds);

#endif
