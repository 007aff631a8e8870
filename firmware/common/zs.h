/* The console's serial channel. */
#ifndef FW_ZS_H
#define FW_ZS_H

#include "lib.h"

enum serial_port { PORT_A, PORT_B };

/* Register tests; 0 if the chip behaves, else what is wrong.  Afterwards the port must be opened. */
const char *zs_test(enum serial_port port);
void zs_open(enum serial_port port, u32 baud);
void zs_listen(void); /* from now on characters are received; before, they wait at the other end */
void zs_put(int c);
int zs_get(void);   /* -1: nothing */
int zs_break(void); /* 1 once after a BREAK */
void zs_arm(void);  /* interrupt when a character comes */
void zs_disarm(void);

#endif
