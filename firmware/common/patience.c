/* Waiting for a device. */
#include "patience.h"
#include "machine.h"

enum { POLLS = 256 /* between two looks at the time */ };

int clock_wait(struct patience *patience, u32 milliseconds)
{
    u32 seconds, nanoseconds;

    if (patience->polls++ % POLLS)
        return 1;
    machine_time(&seconds, &nanoseconds);
    u32 now = seconds * 1000 + nanoseconds / 1000000;
    if (patience->polls == 1)
        patience->since = now;
    return now - patience->since <= milliseconds;
}
