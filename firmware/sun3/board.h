/* What the Ethernet drivers (firmware/net) must know of a Sun-3. */
#ifndef FW_BOARD_H
#define FW_BOARD_H

#include "sun3.h"

#define ETHER_MEMORY PAGE_SIZE
#define LANCE_CONTROL 4 /* BSWP */
#define NETBOOT_SUFFIX ".SUN3"

#endif
