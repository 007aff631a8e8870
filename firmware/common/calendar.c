/* Dates. */
#include "lib.h"

/* The year begins in March here, so that the leap day is its last; 719468 days lie between 1 March of year 0
 * and 1 January 1970. */
static u32 days_since_1970(u32 year, u32 month, u32 day)
{
    if (month <= 2) {
        month += 12;
        year--;
    }
    return year * 365 + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 + day - 1 - 719468;
}

u32 seconds_since_1970(u32 year, u32 month, u32 day, u32 hour, u32 minute, u32 second)
{
    return days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}
