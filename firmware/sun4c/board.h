/* What the Ethernet drivers (firmware/net) must know of a Sun-4/75. */
#ifndef FW_BOARD_H
#define FW_BOARD_H

#include "sun4c.h"

#define VA_LANCE VA_LE
#define LANCE_CONTROL 7 /* BSWP, ACON, BCON */
#define NETBOOT_SUFFIX ".SUN4C"

#endif
