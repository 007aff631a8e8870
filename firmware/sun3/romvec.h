/* The ROM vector and the variables that it points to. */
#ifndef FW_ROMVEC_H
#define FW_ROMVEC_H

#include "lib.h"

enum { SOURCE_KEYBOARD = 0, SOURCE_TTYA = 1, SOURCE_TTYB = 2, ROMVEC_VERSION = 2 };

extern u8 romvec_insource, romvec_outsink;
extern u32 romvec_has_frame_buffer;

/* Sets the variables from what the machine has found. */
void romvec_init(void);

/* Sun's boot parameters (struct bootparam of NetBSD sun3/include/mon.h). */
struct boot_parameters {
    const char *argv[8];
    char strings[100];
    char device[2];
    u32 controller, unit, partition;
    const char *file;
    const void *driver;
} __attribute__((packed));

#endif
