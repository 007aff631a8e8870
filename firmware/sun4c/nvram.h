/* The MK48T02: ID PROM, options, time of day. */
#ifndef FW_NVRAM_H
#define FW_NVRAM_H

#include "lib.h"

/* The ID PROM's 32 bytes (NetBSD sparc/include/idprom.h). */
struct idprom {
    u8 format, machine, ether[6], date[4], serial[3], checksum, rest[16];
};

/* Reads the ID PROM and the options; an ID PROM that was never written is written now.
 * 0, or what was found wrong. */
const char *nvram_init(void);
const struct idprom *nvram_idprom(void);

u32 nvram_seconds(void); /* since 1970, by the clock */
const char *nvram_clock_test(void);

/* Options: text by name. Those that differ from their defaults are kept in the NVRAM. */
enum { OPTION_SIZE = 64 };
struct option {
    const char *name, *standard;
};
extern const struct option nvram_options[]; /* an option without a name ends the table */
extern const u32 nvram_option_count;
const char *option_get(const char *name);            /* null if there is none of that name */
int option_set(const char *name, const char *value); /* 0 no such option, -1 too long */
int option_is_true(const char *name);

#endif
